"""The Python of the README, the guide and the package's own page, and the guide's notebook, run as they stand there."""

import ast
import json
import re
import shutil
import sys
import types
import warnings

import numpy
import pytest
from conftest import CLIP, COCO17, ROOT, SIZE

import poselift

NOTEBOOK = ROOT / "docs/python.ipynb"
# Blocks that other tests run, by a part of them, and who does.
ELSEWHERE = {
    "websockets.sync": "tests/infer/serve, the same stream of a running server",
    "tritonclient.http": "tests/infer/serve, the same call to a running server",
    "import json, socket": "tests/infer/live.rs, a robot's datagrams",
    "from ultralytics import YOLO": "test_adapters.py",
    "vision.PoseLandmarker": "test_the_recipe_for_mediapipe_gives_pixels, with stand-ins for its packages",
}


def blocks(document):
    """The Python blocks of a document."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(clip, tmp_path, monkeypatch):
    """A folder with the files that documents name."""
    for name in ("clip.jsonl", "keypoints.jsonl"):
        shutil.copy(CLIP, tmp_path / name)
    points = numpy.nan_to_num(clip.points[:, 0, COCO17])
    numpy.save(tmp_path / "keypoints.npy", points[60:90].astype("float32"))
    (tmp_path / "models").symlink_to(ROOT / "models")
    (tmp_path / "openpose_json").mkdir()
    for number, people in enumerate(points[60:120]):
        person = {"pose_keypoints_2d": people.ravel().tolist()}
        path = tmp_path / "openpose_json" / f"walk_{number:012}_keypoints.json"
        path.write_text(json.dumps({"version": 1.3, "people": [person]}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def scope(folder, coco):
    """What blocks take for granted."""

    class Yolo:
        """A camera that gives arrays."""

        def track(self, source, stream):
            return iter(coco[:20])

    return {"poselift": poselift, "numpy": numpy, "np": numpy, "keypoints": coco[:20], "yolo": Yolo(), "draw": lambda *_: None}


def run(code, scope):
    """Runs a cell and gives the value of its last expression, as a notebook shows it."""
    body = ast.parse(code)
    last = body.body.pop() if body.body and isinstance(body.body[-1], ast.Expr) else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", poselift.AssumptionWarning)
        exec(compile(body, "cell", "exec"), scope)
        return None if last is None else eval(compile(ast.Expression(last.value), "cell", "eval"), scope)


@pytest.mark.parametrize("document", ["README.md", "docs/guide.md", "python/README.md"])
def test_the_documents_python_runs(document, scope):
    count = 0
    for block in blocks(document):
        if not any(part in block for part in ELSEWHERE):
            run(block, scope)
            count += 1
    assert count >= 1


class Camera:
    """A video as OpenCV opens it, of frames that are numbers."""

    def __init__(self, path):
        self.sides = {"fps": 25.0, "width": float(SIZE[0]), "height": float(SIZE[1])}
        self.frames = iter(range(30))

    def get(self, name):
        return self.sides[name]

    def read(self):
        number = next(self.frames, None)
        return number is not None, number


class Landmarker:
    """MediaPipe's detector, which sees the demonstration clip and no person in its third frame."""

    def __init__(self, points):
        self.points = points

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def detect_for_video(self, image, milliseconds):
        assert milliseconds == 40 * image
        seen = [types.SimpleNamespace(x=x, y=y, visibility=score) for x, y, score in self.points[image]]
        return types.SimpleNamespace(pose_landmarks=[] if image == 2 else [seen])


def test_the_recipe_for_mediapipe_gives_pixels(scope, folder, clip, monkeypatch):
    points = clip.points[:30, 0] / [*SIZE, 1]
    landmarker = types.SimpleNamespace(create_from_options=lambda options: Landmarker(points))
    options = types.SimpleNamespace
    mode = types.SimpleNamespace(VIDEO="video")
    vision = options(PoseLandmarker=landmarker, PoseLandmarkerOptions=options, RunningMode=mode)
    sides = {"CAP_PROP_FPS": "fps", "CAP_PROP_FRAME_WIDTH": "width", "CAP_PROP_FRAME_HEIGHT": "height", "COLOR_BGR2RGB": 4}
    modules = {
        "cv2": options(VideoCapture=Camera, cvtColor=lambda image, _: image, **sides),
        "mediapipe": options(Image=lambda image_format, data: data, ImageFormat=options(SRGB=1)),
        "mediapipe.tasks": options(),
        "mediapipe.tasks.python": options(BaseOptions=options, vision=vision),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    (recipe,) = (block for block in blocks("docs/guide.md") if "vision.PoseLandmarker" in block)
    run(recipe, scope)
    read = poselift.read("walk.jsonl")
    assert len(read.points) == 30 and numpy.allclose(read.points[5, 0], clip.points[5, 0], atol=0.01, equal_nan=True)
    with pytest.warns(poselift.AssumptionWarning, match="no left_small_toe"):
        poses = poselift.Lifter("coco23-memory").lift(read)
    assert poses.joints.shape[-2:] == (23, 3) and numpy.isnan(poses.joints[2]).all()
    assert numpy.isfinite(poses.joints[3:]).all()


def test_the_notebook_runs_and_shows_poses(scope, folder):
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["metadata"]["kernelspec"]["name"]) == (4, "python3")
    shown = []
    for cell in notebook["cells"]:
        assert cell["cell_type"] in ("markdown", "code") and cell["id"]
        if cell["cell_type"] == "code":
            assert cell["outputs"] == [] and cell["execution_count"] is None, "outputs are not kept in git"
            shown.append(run("".join(cell["source"]).replace("../demos/", f"{ROOT}/demos/"), scope))
    pages = [value for value in shown if isinstance(value, poselift.Page)]
    assert pages and all(page._repr_html_().startswith("<iframe") for page in pages)
    assert (folder / "walk.trc").exists() or list(folder.glob("walk*.trc"))
    assert SIZE == scope["clip"].size
