"""Metrics: known figures of made-up poses, and the program's own of the clip."""

import json

import numpy
import pytest
from conftest import program

import poselift


def test_errors_of_poses_are_in_millimetres():
    truth = numpy.zeros((2, 2, 3))
    truth[:, 1, 1] = 0.5
    poses = truth.copy()
    poses[0, 1, 2] = 0.1
    accuracy = poselift.evaluate(poses, truth)
    assert accuracy["mpjpe"] == pytest.approx(25, abs=1e-3) and accuracy["unit"] == "mm"
    assert accuracy["per_joint"] == pytest.approx([0, 50], abs=1e-3)
    assert accuracy["pck_150"] == 1.0 and accuracy["samples"] == 2 and accuracy["within_sigma"] is None
    # Of two joints beside the roots one is off by 100 mm.
    assert poselift.evaluate(poses, truth, sigma=numpy.full((2, 2), 0.05))["within_sigma"] == pytest.approx(0.5)
    moved = poselift.evaluate(poses + 3, truth)
    assert moved["mpjpe"] == pytest.approx(25, abs=1e-3)
    assert poselift.evaluate(poses + 3, truth, root=None)["mpjpe"] > 5000
    poses[1] = numpy.nan
    assert poselift.evaluate(poses, truth)["not_lifted"] == 1
    assert poselift.evaluate(poses, truth, unit="unknown")["pck_150"] is None


def test_lifted_poses_are_held_against_themselves(poses):
    present = numpy.isfinite(poses.joints).all(axis=(1, 2, 3))
    accuracy = poselift.evaluate(poselift.Poses(
        poses.joints[present], poses.sigma[present], poses.missing[present], poses.score[present], poses.info
    ), poses.joints[present])
    assert accuracy["mpjpe"] == 0 and accuracy["within_sigma"] == 1.0


def test_a_clip_by_itself_and_beside_markers_is_measured_as_by_the_program(poses, tmp_path):
    stream, markers = tmp_path / "poses.jsonl", tmp_path / "markers.trc"
    poselift.write(poses, stream)
    with pytest.warns(poselift.AssumptionWarning):
        poselift.write(poses, markers, height=1.8)
    done = program("eval", "--stream", stream, "--json")
    expected = json.loads(done.stdout)
    steadiness = poselift.evaluate(poses)
    for name in ("bone_deviation", "asymmetry", "jitter", "feet_slide", "feet_planted", "frames", "tracks"):
        assert steadiness[name] == pytest.approx(expected[name], rel=1e-3), name
    lengths = {bone["joint"]: bone["length"] for bone in expected["bones"]}
    assert {joint: length for joint, (length, _) in steadiness["bones"].items()} == pytest.approx(lengths, rel=1e-3)
    markers = next(tmp_path.glob("markers*.trc"))
    expected = json.loads(program("eval", "--stream", stream, "--truth", markers, "--json").stdout)
    agreement = poselift.evaluate(poses, markers)
    for ours, theirs in (("mpjpe", "mpjpe_mm"), ("p_mpjpe", "p_mpjpe_mm"), ("shift", "shift_s"), ("compared", "compared")):
        assert agreement[ours] == pytest.approx(expected[theirs], abs=0.05), ours
    assert agreement["n_mpjpe"] < 3 and agreement["mpjpe"] > 10
    assert {angle["angle"] for angle in expected["angles"]} == set(agreement["angles"])


def test_what_cannot_be_compared_is_named(poses):
    with pytest.raises(poselift.InputError, match=r"shape \[2, 17, 3\] and true ones of \[3, 17, 3\], expected"):
        poselift.evaluate(numpy.zeros((2, 17, 3)), numpy.zeros((3, 17, 3)))
    with pytest.raises(poselift.InputError, match="true pose 0: joint 0 holds a value that is no number"):
        poselift.evaluate(numpy.zeros((1, 2, 3)), numpy.full((1, 2, 3), numpy.nan), root=None)
    for shape in ((17, 2), (34,), (2, 17, 1)):
        with pytest.raises(poselift.InputError, match=r"sigma of shape \[.*\], expected \[2, 17\]"):
            poselift.evaluate(numpy.zeros((2, 17, 3)), numpy.zeros((2, 17, 3)), sigma=numpy.ones(shape))
    with pytest.raises(poselift.UsageError, match="ndarray without true poses, expected Poses"):
        poselift.evaluate(numpy.zeros((1, 2, 3)))
    with pytest.raises(poselift.UsageError, match="joint 5 as the root, expected one of 2 joints"):
        poselift.evaluate(numpy.zeros((1, 2, 3)), numpy.zeros((1, 2, 3)), root=5)
