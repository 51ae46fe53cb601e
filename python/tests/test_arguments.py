"""Arguments of the wrong type are told by their name, what was found and what is expected."""

import inspect
import re

import numpy
import pytest
from conftest import CLIP, SIZE

import poselift

# What no argument of that kind can be.
WRONG = {
    "number": ["30", b"30", [30, 25], {"a": 1}, numpy.zeros(3), True, object()],
    "count": ["3", 2.5, [3], {"a": 1}, numpy.zeros(3), True, object()],
    "flag": ["yes", 1, None, numpy.zeros(2), {}],
    "text": [5, ["a"], {"a": 1}, b"a", numpy.zeros(3)],
    "path": [5, None, ["a"], {"a": 1}, b"a", numpy.zeros(3)],
    "layout": [5, [5], {"nose": 0}, b"coco17", numpy.zeros(3), [None]],
    "size": [5, "ab", [1], [1, 2, 3], {"a": 1}, (1.5, 2), numpy.zeros(3), (None, None)],
    "camera": [5, ["a"], {"a": 1}, numpy.zeros(3)],
    "poses": [None, 5, "poses.jsonl", numpy.zeros((2, 17, 3)), {"a": 1}],
    "keypoints": [5, "clip.jsonl", numpy.zeros((2, 17, 3)), {"a": 1}],
    "numbers": ["abc", {"a": 1}, ["a", "b", "c"], [1, 2], numpy.zeros((2, 2)), object()],
}
KINDS = {
    "number": ["focal", "fps", "look_ahead", "time", "pitch", "roll", "min_score"],
    "count": ["threads", "batch", "max_gap", "rotate", "root"],
    "flag": ["contacts", "keep_sides", "y_up", "track", "angles"],
    "text": ["device", "engine", "format", "axes", "units", "title", "way", "name", "up", "smooth", "unit"],
    "path": ["path", "source", "target"],
    "layout": ["layout"],
    "size": ["size"],
    "camera": ["camera"],
    "poses": ["poses"],
    "keypoints": ["keypoints"],
    "numbers": ["ids", "frames", "times"],
}
KIND_OF = {name: kind for kind, names in KINDS.items() for name in names}
# Arguments that are anything, or of another kind in one function than in others.
OTHERS = {
    ("Stream", "root"): "flag",
    ("write", "height"): "number",
    ("convert", "height"): "number",
    ("view", "height"): "count",
    ("read", "person"): None,
    ("evaluate", "poses"): None,
    ("evaluate", "truth"): None,
    ("evaluate", "sigma"): None,
    ("lift", "keypoints"): None,
    ("keypoints", "results"): None,
    ("Keypoints", "points"): None,
    ("push", "frame"): None,
    ("write", "contacts"): None,
    ("write", "sigma"): None,
    ("convert", "contacts"): None,
    ("convert", "sigma"): None,
    ("Lifter", "model"): None,
    ("Stream", "lifter"): None,
    ("view", "poses"): None,
    ("view", "names"): None,
}


@pytest.fixture
def calls(lifter, clip, coco, poses, tmp_path):
    """Public functions with good arguments, each a name and what takes other ones."""
    there = tmp_path / "there.jsonl"
    poselift.write(poses, there)
    camera = tmp_path / "camera.toml"
    stream = poselift.Stream(lifter, size=SIZE)
    return {
        "Lifter": (poselift.Lifter, {"device": "cpu"}),
        "lift": (lifter.lift, {"keypoints": coco[:3], "size": SIZE}),
        "Stream": (poselift.Stream, {"lifter": lifter, "size": SIZE}),
        "push": (stream.push, {"frame": coco[0]}),
        "keypoints": (poselift.keypoints, {"results": coco[:3], "size": SIZE}),
        "Keypoints": (poselift.Keypoints, {"points": coco[:3], "size": SIZE}),
        "Camera": (poselift.Camera, {"path": camera}),
        "read": (poselift.read, {"path": CLIP}),
        "read_poses": (poselift.read_poses, {"path": there}),
        "write": (poselift.write, {"poses": poses, "path": tmp_path / "out.jsonl"}),
        "convert": (poselift.convert, {"source": there, "target": tmp_path / "out.csv"}),
        "evaluate": (poselift.evaluate, {"poses": poses}),
        "smooth": (poses.smooth, {}),
        "view": (lambda **options: poselift.view(poses, **options), {}),
    }


NAMES = ["Lifter", "lift", "Stream", "push", "keypoints", "Keypoints", "Camera", "read", "read_poses", "write", "convert"]


@pytest.mark.parametrize("function", [*NAMES, "evaluate", "smooth", "view"])
def test_each_argument_of_the_wrong_type_is_named(calls, function):
    call, good = calls[function]
    taken = inspect.signature(poselift.view if function == "view" else call).parameters
    assert taken
    for name in taken:
        kind = OTHERS.get((function, name), KIND_OF.get(name, "?"))
        assert kind != "?", f"{function}({name}) is of no kind that is tested"
        for wrong in WRONG[kind] if kind else []:
            with pytest.raises(poselift.PoseliftError, match=rf"{re.escape(name)}\b.*expected") as error:
                call(**{**good, name: wrong})
            assert isinstance(error.value, (poselift.UsageError, poselift.InputError)), (name, wrong)


@pytest.mark.parametrize("wrong", [None, 5, "clip", {"a": 1}, object()])
def test_what_is_no_lifter_no_model_and_no_person_is_named(lifter, wrong):
    with pytest.raises(poselift.UsageError, match="lifter is .*expected Lifter"):
        poselift.Stream(wrong)
    with pytest.raises(poselift.UsageError, match="poses 0 is .*expected Poses"):
        poselift.view(wrong)
    if wrong is not None and wrong != "clip":
        with pytest.raises(poselift.UsageError, match="model is .*expected a path"):
            poselift.Lifter(wrong)
        if wrong != 5:
            with pytest.raises(poselift.UsageError, match="person is .*expected an id"):
                poselift.read(CLIP, person=wrong)


@pytest.mark.parametrize("wrong", [None, 5, "clip.jsonl", ["a", "b"], {"a": 1}, object(), numpy.zeros((2, 17, 9))])
def test_what_holds_no_key_points_is_refused(lifter, wrong):
    for call in (poselift.Keypoints, poselift.keypoints, lambda given: lifter.lift(given, size=SIZE)):
        with pytest.raises(poselift.PoseliftError, match="expected"):
            call(wrong)


@pytest.mark.filterwarnings("ignore:y-up as if the camera were level")
def test_a_rate_beside_other_times_is_told(poses, tmp_path):
    path = tmp_path / "poses.jsonl"
    with pytest.warns(poselift.AssumptionWarning, match=r"times say 30.* frames a second, and 15 is named: times count \(fps\)"):
        poselift.write(poses, path, fps=15)
    again = poselift.read_poses(path)
    numpy.testing.assert_allclose(again.times, poses.times)
    assert again.fps == poses.fps
    with pytest.warns(poselift.AssumptionWarning, match="frames are left out: they come between two rows"):
        poselift.write(poses, tmp_path / "poses.trc", fps=15, height=1.7)
    assert (tmp_path / "poses.trc").read_text().splitlines()[2].startswith("15\t15\t")
