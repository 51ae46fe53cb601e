"""What detectors give, made by their own packages' classes.

PyTorch's packages (Ultralytics, MMPose) and MediaPipe's solutions fill gigabytes, or need older companions, so `make wheel` does
not install them: POSELIFT_DETECTORS names folders of packages that have them (CONTRIBUTING.md). All others are installed.
"""

import importlib
import json
import os
import subprocess
import sys
import warnings

import numpy
import pytest
from conftest import SIZE, skip_or_fail

import poselift


# Packages that need PyTorch.
LARGE = ("torch", "ultralytics", "mmpose", "mmengine")


def real(module):
    """A module of a detector's own package."""
    if module.split(".")[0] in LARGE and not os.environ.get("POSELIFT_DETECTORS"):
        pytest.skip(f"{module} needs PyTorch, 5 GB: POSELIFT_DETECTORS names a folder of packages with it")
    try:
        return importlib.import_module(module)
    except ImportError as cause:
        return skip_or_fail(f"{module} is not installed ({cause})")


@pytest.fixture(scope="module")
def walk(coco):
    """Ten frames of COCO-17, float32 [10, 17, 3]."""
    return coco[100:110]


@pytest.fixture(scope="module")
def expected(lifter, walk):
    """Their poses."""
    return lifter.lift(walk, size=SIZE)


def assert_lifted(found, expected, atol=2e-3):
    """The same poses; int8 may round a shifted number to another code."""
    numpy.testing.assert_allclose(found, expected, atol=atol)


def ultralytics_results(walk):
    """Ultralytics' results of two people, the second at the same place."""
    torch = real("torch")
    results = real("ultralytics.engine.results")
    made = []
    for points in walk:
        boxes = torch.tensor([[0.0, 0.0, 500.0, 500.0, 7.0, 0.9, 0.0], [0.0, 0.0, 400.0, 400.0, 3.0, 0.8, 0.0]])
        both = torch.tensor(numpy.stack([points, points]))
        image = numpy.zeros((SIZE[1], SIZE[0], 3), "uint8")
        made.append(results.Results(image, path="walk.mp4", names={0: "person"}, boxes=boxes, keypoints=both))
    return made


def test_ultralytics_results(lifter, walk, expected):
    results = ultralytics_results(walk)
    single = lifter.lift(results[4])
    assert single.joints.shape == (2, 17, 3) and single.ids.tolist() == [7, 3]
    assert_lifted(single.joints[1], expected.joints[4])
    clip = poselift.keypoints(iter(results), fps=30)
    assert (clip.size, clip.ids[0].tolist(), clip.layout) == (SIZE, [7, 3], None)
    poses = lifter.lift(clip)
    assert_lifted(poses.joints[:, 0], expected.joints)
    assert poses.times[3] == pytest.approx(0.1)
    stream = poselift.Stream(lifter, smooth=None)
    assert_lifted(stream.push(results[0]).joints[0], expected.joints[0])
    no_person = results[0].new()
    no_person.keypoints = results[0].keypoints[:0]
    assert lifter.lift(no_person).joints.shape == (0, 17, 3)
    with pytest.raises(poselift.InputError, match="a result without key points, expected those of a pose model"):
        lifter.lift(results[0].new())


def test_a_clip_of_an_ultralytics_result_in_ten_lines(walk, tmp_path, monkeypatch):
    """The guide's lines, with a detector that gives real results and needs no weights."""
    from conftest import ROOT

    results = ultralytics_results(walk)
    guide = (ROOT / "docs/guide.md").read_text()
    start = guide.index("from ultralytics import YOLO")
    lines = guide[start : guide.index("```", start)].strip().splitlines()
    assert len([line for line in lines if line.strip()]) <= 9, "and one for `pip install`"
    ultralytics = real("ultralytics")

    class Detector:
        def __init__(self, weights):
            assert weights.endswith("-pose.pt")

        def track(self, source, stream):
            assert stream
            return iter(results)

    monkeypatch.setattr(ultralytics, "YOLO", Detector)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(poselift.AssumptionWarning):
        exec("\n".join(lines), {})
    assert (tmp_path / "walk.glb").read_bytes().startswith(b"glTF")
    assert (tmp_path / "walk.html").stat().st_size > 50_000


def test_tensors_of_pytorch(lifter, walk, expected):
    torch = real("torch")
    tensor = torch.tensor(walk, requires_grad=True)
    assert_lifted(lifter.lift(tensor, size=SIZE).joints, expected.joints, atol=0)
    assert_lifted(lifter.lift(tensor.double(), size=SIZE).joints, expected.joints)
    assert lifter.lift(tensor.to(torch.bfloat16), size=SIZE).joints.shape == (10, 17, 3)


def mediapipe_landmarks(walk_of_33):
    """The tasks' normalised landmarks of a person."""
    container = real("mediapipe.tasks.python.components.containers.landmark")
    width, height = SIZE
    return [
        container.NormalizedLandmark(x=float(x) / width, y=float(y) / height, z=0.0, visibility=float(score))
        for x, y, score in walk_of_33
    ]


def test_mediapipe_tasks(lifter, clip):
    vision = real("mediapipe.tasks.python.vision")
    frames = [numpy.nan_to_num(points) for points in clip.points[100:105, 0]]
    expected = lifter.lift(numpy.stack(frames), size=SIZE, layout="mediapipe33")
    results = [
        vision.PoseLandmarkerResult(pose_landmarks=[mediapipe_landmarks(points)], pose_world_landmarks=[[]])
        for points in frames
    ]
    single = lifter.lift(results[2], size=SIZE)
    assert single.joints.shape == (1, 17, 3)
    assert_lifted(single.joints[0], expected.joints[2])
    assert_lifted(lifter.lift(results, size=SIZE).joints[:, 0], expected.joints)
    no_person = vision.PoseLandmarkerResult(pose_landmarks=[], pose_world_landmarks=[])
    assert lifter.lift(no_person, size=SIZE).joints.shape == (0, 17, 3)
    assert len(lifter.lift([*results, no_person], size=SIZE)) == 6
    with pytest.raises(poselift.UsageError, match="the image size is not known: expected size="):
        lifter.lift(results[0])
    holistic = vision.HolisticLandmarkerResult(*[mediapipe_landmarks(frames[1])] * 9)
    assert_lifted(lifter.lift(holistic, size=SIZE).joints[0], expected.joints[1])


def test_mediapipe_solutions(lifter, clip, tmp_path):
    """In a Python of its own: MediaPipe 0.10 is the last with solutions, and needs NumPy 1."""
    legacy = os.environ.get("POSELIFT_MEDIAPIPE_SOLUTIONS")
    if not legacy:
        pytest.skip("MediaPipe 0.10 needs NumPy 1: POSELIFT_MEDIAPIPE_SOLUTIONS names a folder of packages with both")
    points = numpy.nan_to_num(clip.points[100, 0]) / [*SIZE, 1]
    script = f"""
import json, mediapipe, numpy, poselift
from mediapipe.framework.formats import landmark_pb2
landmarks = [landmark_pb2.NormalizedLandmark(x=x, y=y, z=0, visibility=v) for x, y, v in {points.tolist()}]
with mediapipe.solutions.pose.Pose(static_image_mode=True) as pose:
    result = pose.process(numpy.zeros((480, 640, 3), "uint8"))
assert result.pose_landmarks is None
lifter = poselift.Lifter(device="cpu")
assert lifter.lift(result, size={SIZE}).joints.shape == (0, 17, 3)
result.pose_landmarks = landmark_pb2.NormalizedLandmarkList(landmark=landmarks)
print(json.dumps(lifter.lift(result, size={SIZE}).joints.tolist()))
"""
    path = os.pathsep.join([legacy, os.path.dirname(os.path.dirname(poselift.__file__))])
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=300, env={**os.environ, "PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
    expected = lifter.lift(numpy.nan_to_num(clip.points[100, 0]), size=SIZE, layout="mediapipe33")
    assert_lifted(numpy.array(json.loads(done.stdout.splitlines()[-1]))[0], expected.joints)


def simcc(points, size):
    """The outputs of RTMPose's network that its decoder takes these points of [N, 17, 3] from."""
    width, height = size
    x = numpy.zeros((len(points), 17, 2 * width), "float32")
    y = numpy.zeros((len(points), 17, 2 * height), "float32")
    for person, joints in enumerate(points):
        for joint, (column, row, score) in enumerate(joints):
            x[person, joint, round(2 * column)] = y[person, joint, round(2 * row)] = score
    return x, y


def test_rtmlib(lifter, walk):
    rtmlib = real("rtmlib")
    model = rtmlib.RTMPose.__new__(rtmlib.RTMPose)  # its decoder alone: the weights are not needed
    model.model_input_size, model.to_openpose = SIZE, False
    frames = []
    for points in walk:
        outputs = simcc(points[None], SIZE)
        centre, scale = numpy.array(SIZE) / 2, numpy.array(SIZE)
        places, scores = model.postprocess(outputs, centre, scale)
        frames.append((places, scores))
    places, scores = frames[3]
    assert places.shape == (1, 17, 2) and scores.shape == (1, 17)
    halves = walk[3].copy()
    halves[:, :2] = (2 * halves[:, :2]).round() / 2
    single = lifter.lift(frames[3], size=SIZE)
    assert_lifted(single.joints[0], lifter.lift(halves, size=SIZE).joints, atol=0.01)
    assert lifter.lift(frames, size=SIZE).joints.shape == (10, 1, 17, 3)
    assert poselift.Stream(lifter, size=SIZE).push(frames[0]).joints.shape == (1, 17, 3)
    for no_person in (([], []), (numpy.zeros((0, 17, 2)), numpy.zeros((0, 17)))):
        assert lifter.lift(no_person, size=SIZE).joints.shape == (0, 17, 3)


def test_mmpose(lifter, walk, expected):
    structures = real("mmpose.structures")
    InstanceData = real("mmengine.structures").InstanceData
    samples = []
    for points in walk:
        sample = structures.PoseDataSample(metainfo={"ori_shape": (SIZE[1], SIZE[0])})
        sample.pred_instances = InstanceData(keypoints=points[None, :, :2], keypoint_scores=points[None, :, 2])
        samples.append(sample)
    single = lifter.lift(samples[5])
    assert_lifted(single.joints[0], expected.joints[5])
    assert_lifted(lifter.lift(samples).joints[:, 0], expected.joints)
    split = structures.split_instances(samples[5].pred_instances)
    inferred = {"predictions": [split], "visualization": []}  # as MMPoseInferencer yields
    assert_lifted(lifter.lift(inferred, size=SIZE).joints[0], expected.joints[5])
    assert_lifted(lifter.lift([inferred, inferred], size=SIZE).joints[1, 0], expected.joints[5])


def test_mmposes_batches_are_a_frame_each(lifter, walk, expected):
    """An inferencer with `batch_size=2` yields the people of two frames at once."""

    def people(*frames):
        return [{"keypoints": walk[frame, :, :2].tolist(), "keypoint_scores": walk[frame, :, 2].tolist()} for frame in frames]

    two, last = {"predictions": [people(3), people(4, 5)]}, {"predictions": [people(6)]}
    with pytest.warns(poselift.AssumptionWarning, match="has no id"):
        poses = lifter.lift([two, last], size=SIZE)
    assert poses.joints.shape == (3, 2, 17, 3)
    assert_lifted(poses.joints[:, 0], expected.joints[[3, 4, 6]])
    assert lifter.lift({"predictions": [people(3), people(4)]}, size=SIZE).joints.shape == (2, 1, 17, 3)
    assert lifter.lift({"predictions": [[], people(4)]}, size=SIZE).joints.shape == (2, 1, 17, 3)
    with pytest.raises(poselift.InputError, match="several frames, expected one"):
        poselift.Stream(lifter, size=SIZE).push(two)
    for other in ([{"bbox": [1, 2]}], [3], [people(3), 3]):
        with pytest.raises(poselift.InputError, match="predictions without keypoints and keypoint_scores"):
            lifter.lift({"predictions": other}, size=SIZE)


def test_two_arrays_of_key_points_are_two_frames(lifter, walk, expected):
    poses = lifter.lift((walk[:4], walk[4:8]), size=SIZE)
    assert poses.joints.shape == (2, 4, 17, 3)
    assert_lifted(poses.joints.reshape(8, 17, 3), expected.joints[:8])
    pair = (walk[:4, :, :2], walk[:4, :, 2:])  # rtmlib's with an axis more
    assert_lifted(lifter.lift(pair, size=SIZE).joints, expected.joints[:4])


def test_a_layout_of_a_file_is_taken_for_results_as_for_one(lifter, walk, expected, tmp_path):
    mixed = numpy.roll(numpy.arange(17), 1)
    path = tmp_path / "own.json"
    names = poselift.layouts()["coco17"]
    path.write_text(json.dumps({names[joint]: place for place, joint in enumerate(mixed)}))
    results = [Datum(points[None, mixed]) for points in walk]
    assert_lifted(lifter.lift(results[0], layout=str(path)).joints[0], expected.joints[0])
    assert_lifted(lifter.lift(results, layout=str(path)).joints[:, 0], expected.joints)
    clip = poselift.keypoints(results, layout=str(path))
    assert (clip.layout, clip.names) == ("custom", tuple(names[joint] for joint in mixed))
    with pytest.raises(poselift.UsageError, match="unknown joint layout 'coco19', expected one of coco17"):
        lifter.lift(results, layout="coco19")


class Datum:
    """OpenPose's datum, which no registry has: the fields that pyopenpose documents."""

    def __init__(self, points, ids=None):
        self.poseKeypoints, self.poseIds = points, ids
        self.cvInputData = numpy.zeros((SIZE[1], SIZE[0], 3), "uint8")


def body25(clip, frame):
    """BODY_25 of a frame of the clip, as OpenPose has it."""
    names = poselift.layouts()
    at = {name: numpy.nan_to_num(clip.points[frame, 0, joint]) for joint, name in enumerate(names["mediapipe33"])}
    at["neck"] = (at["left_shoulder"] + at["right_shoulder"]) / 2
    at["hip"] = (at["left_hip"] + at["right_hip"]) / 2
    return numpy.array([at.get(name, numpy.zeros(3)) for name in names["body25"]], "float32")


def test_openpose_arrays(lifter, clip):
    points = body25(clip, 100)
    expected = lifter.lift(numpy.nan_to_num(clip.points[100, 0]), size=SIZE, layout="mediapipe33")
    assert_lifted(lifter.lift(points[None], size=SIZE).joints[0], expected.joints)
    datum = lifter.lift(Datum(points[None], ids=numpy.array([4])))
    assert datum.ids.tolist() == [4]
    assert_lifted(datum.joints[0], expected.joints)
    assert lifter.lift(Datum(None)).joints.shape == (0, 17, 3)
    assert lifter.lift(Datum(numpy.float32(0))).joints.shape == (0, 17, 3)


def test_tables_of_pandas(lifter, walk, expected):
    pandas = real("pandas")
    names = poselift.layouts()["coco17"]
    columns = [f"{name}_{axis}" for name in names for axis in ("x", "y", "score")]
    flat = pandas.DataFrame(walk.reshape(10, -1), columns=columns)
    several = pandas.MultiIndex.from_product([["DLC"], names, ["x", "y", "likelihood"]], names=["scorer", "bodyparts", "coords"])
    table = pandas.DataFrame(walk.reshape(10, -1), columns=several)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", poselift.AssumptionWarning)
        poses = lifter.lift(flat, size=SIZE)
        clip = poselift.keypoints(table, size=SIZE, fps=25)
    assert_lifted(poses.joints[:, 0], expected.joints)
    assert (clip.layout, len(clip), clip.fps) == ("coco17", 10, 25)
    assert_lifted(lifter.lift(clip).joints[:, 0], expected.joints)


def test_what_is_no_detectors_is_named(lifter):
    with pytest.raises(poselift.InputError, match="expected"):
        lifter.lift(object(), size=SIZE)
    with pytest.raises(poselift.InputError, match="frame 1 is str, expected what frame 0 is: a detector's result"):
        lifter.lift([Datum(None), "frame"], size=SIZE)
