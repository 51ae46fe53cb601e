"""Live streams: the same poses as the program's, tracks, times, and what is noticed."""

import json
from types import SimpleNamespace

import numpy
import pytest
from conftest import CLIP, SIZE, exchange_legs, program

import poselift


def lines(text):
    """The frames of a stream in JSON Lines."""
    return [json.loads(line) for line in text.splitlines()[1:]]


@pytest.mark.parametrize("options", [{}, {"pitch": 12.0, "roll": 3.0}, {"root": True, "focal": 1500.0}, {"contacts": True}])
def test_frames_are_lifted_as_the_program_lifts_a_pipe(lifter, clip, options):
    words = ["run", "--quiet", "--device", "cpu", "--smooth", "live"]
    for name, value in options.items():
        words += [f"--{name}"] if value is True else [f"--{name}", value]
    with open(CLIP, encoding="utf-8") as pipe:
        done = program(*words, stdin=pipe)
    assert done.returncode == 0, done.stderr
    stream = poselift.Stream(lifter, smooth="live", size=SIZE, **options)
    for expected, points, time in zip(lines(done.stdout), clip.points, clip.times):
        found = stream.push(points if numpy.isfinite(points).any() else None, time=time)
        assert (found.frames, len(found)) == (expected["frame"], len(expected["people"]))
        assert found.times == pytest.approx(expected["time"])
        for person, joints in zip(expected["people"], found.joints):
            numpy.testing.assert_allclose(joints, person["joints"], atol=2e-4)
        if "root" in options and len(found):
            numpy.testing.assert_allclose(found.roots[0], expected["people"][0]["root"], atol=2e-3)
        if "contacts" in options and len(found):
            feet = [expected["people"][0]["contacts"][side] for side in ("left", "right")]
            expected_feet = [-1 if stands is None else int(stands) for stands in feet]
            assert ([-1, -1] if found.contacts is None else found.contacts[0].tolist()) == expected_feet
    assert found.axes == ("level" if "pitch" in options else "camera")


def two(clip, frame, shift=700.0):
    """Two people side by side, [2, 33, 3]."""
    person = clip.points[frame, 0]
    return numpy.stack([person, person + [shift, 0, 0]])


def test_people_keep_their_ids_though_rows_change_places(lifter, clip):
    stream = poselift.Stream(lifter, size=SIZE, fps=30)
    with pytest.warns(poselift.AssumptionWarning, match="tracked by where they are"):
        first = stream.push(two(clip, 60))
    second = stream.push(two(clip, 61)[::-1])
    assert sorted(first.ids) == [0, 1]
    assert second.ids.tolist() == first.ids.tolist()[::-1]
    rows = poselift.Stream(lifter, track=False, size=SIZE, fps=30)
    assert rows.push(two(clip, 60)).ids.tolist() == [0, 1]
    assert rows.push(two(clip, 61)[::-1]).ids.tolist() == [0, 1]


def test_a_person_alone_has_the_id_0(lifter, clip):
    stream = poselift.Stream(lifter, size=SIZE)
    assert stream.push(clip.points[60]).ids.tolist() == [0]
    assert stream.push(clip.points[61, 0]).ids.tolist() == [0]


def test_no_person_is_no_pose_and_time_goes_on(lifter, clip):
    stream = poselift.Stream(lifter, size=SIZE, fps=25)
    for frame in (None, numpy.zeros((0, 17, 3)), numpy.zeros((0, 0, 3))):
        assert stream.push(frame).joints.shape == (0, 17, 3)
    poses = stream.push(clip.points[60])
    assert (poses.frames, poses.times) == (3, pytest.approx(3 / 25))
    clocked = poselift.Stream(lifter, size=SIZE)
    assert clocked.push(clip.points[60]).times == 0.0
    assert 0 < clocked.push(clip.points[61]).times < 60


def test_the_time_of_a_push_is_none_beside_times_that_are_told(lifter, clip):
    for smooth in ("live", None):
        stream = poselift.Stream(lifter, smooth=smooth, size=SIZE, contacts=True)
        times = [stream.push(points, time=time).times for points, time in [
            (clip.points[60], 12.50), (None, None), (clip.points[61], 12.57), (numpy.zeros((0, 33, 3)), None), (clip.points[62], 12.60)
        ]]
        assert times == pytest.approx([12.50, numpy.nan, 12.57, numpy.nan, 12.60], nan_ok=True)
    smoothing = poselift.Stream(lifter, size=SIZE)
    smoothing.push(clip.points[60], time=12.50)
    with pytest.warns(poselift.AssumptionWarning, match="frames without a time among others that have one: such poses are not smoothed"):
        assert numpy.isnan(smoothing.push(clip.points[61]).times)
    by_rate = poselift.Stream(lifter, size=SIZE, fps=25)
    assert [by_rate.push(clip.points[60]).times, by_rate.push(None).times] == [0.0, 0.04]


def test_ids_below_0_are_ids_but_for_the_one_of_no_person(lifter, coco):
    def result(*ids):
        people = numpy.stack([coco[60] + [300 * place, 0, 0] for place in range(len(ids))])
        boxes = SimpleNamespace(id=numpy.array(ids))
        return SimpleNamespace(orig_shape=SIZE[::-1], keypoints=SimpleNamespace(data=people), boxes=boxes)

    stream = poselift.Stream(lifter, smooth=None)
    assert stream.push(result(-7, -2)).ids.tolist() == [-7, -2]
    with pytest.warns(poselift.AssumptionWarning, match="has no id"):
        assert sorted(poselift.Stream(lifter, smooth=None).push(result(-1, -1)).ids) == [0, 1]


def test_legs_that_change_places_for_a_moment_are_left_where_that_is_asked_for(lifter, coco):
    exchanged = exchange_legs(coco[100:130], slice(20, 26))

    def poses(**options):
        stream = poselift.Stream(lifter, smooth=None, size=SIZE, fps=30, **options)
        return numpy.concatenate([stream.push(points).joints for points in exchanged])

    with pytest.warns(poselift.AssumptionWarning, match=r"left and right leg changed places .* \(keep_sides\)"):
        numpy.testing.assert_allclose(poses(), lifter.lift(coco[100:130], size=SIZE).joints, atol=1e-4)
    numpy.testing.assert_allclose(poses(keep_sides=True), lifter.lift(exchanged, size=SIZE).joints, atol=1e-4)


def test_smoothing_needs_no_later_frames(lifter, clip):
    with pytest.raises(poselift.UsageError, match="'clip' looks at later frames, expected live or live:HZ"):
        poselift.Stream(lifter, smooth="clip")
    with pytest.raises(poselift.UsageError, match="unknown smoothing 'soft'"):
        poselift.Stream(lifter, smooth="soft")
    raw = poselift.Stream(lifter, smooth=None, size=SIZE, fps=30)
    poses = raw.push(clip.points[60])
    numpy.testing.assert_allclose(poses.joints, lifter.lift(clip.points[60], size=SIZE).joints, atol=1e-5)


def test_what_cannot_be_lifted_is_said_and_left_out(lifter, clip):
    stream = poselift.Stream(lifter, size=SIZE, fps=30)
    points = clip.points[60, 0].copy()
    points[3:, 2] = 0
    with pytest.warns(poselift.AssumptionWarning, match="joints visible, at least 4 needed"):
        assert len(stream.push(points)) == 0
    with pytest.raises(poselift.InputError, match=r"a frame of shape \[2, 2, 33, 3\], expected"):
        stream.push(numpy.ones((2, 2, 33, 3)))
    with pytest.raises(poselift.InputError, match="19 key points a person, expected 17"):
        poselift.Stream(lifter, size=SIZE).push(numpy.random.default_rng(0).uniform(100, 400, (19, 2)))


def test_frames_without_a_time_among_others_are_at_an_unknown_time(lifter, clip):
    stream = poselift.Stream(lifter, smooth=None, size=SIZE, fps=30)
    times = [0.5, 0.55, None, 0.6, numpy.nan]
    found = [stream.push(points, time=time).times for points, time in zip(clip.points[60:], times)]
    assert found[:2] == [0.5, 0.55] and found[3] == 0.6 and numpy.isnan([found[2], found[4]]).all(), found
    plain = poselift.Stream(lifter, smooth=None, size=SIZE, fps=30)
    assert [plain.push(points).times for points in clip.points[60:63]] == pytest.approx([0, 1 / 30, 2 / 30])


def test_normalised_landmarks_go_by_the_size_of_the_stream(lifter, clip):
    width, height = SIZE
    marks = [SimpleNamespace(x=x / width, y=y / height, z=0.0, visibility=score) for x, y, score in clip.points[60, 0]]
    result = SimpleNamespace(pose_landmarks=[marks], pose_world_landmarks=[])
    expected = lifter.lift(result, size=(1768.0, 994.0))
    found = poselift.Stream(lifter, smooth=None, size=SIZE, fps=30).push(result)
    numpy.testing.assert_allclose(found.joints, expected.joints, atol=2e-4)
    for odd in ("1768x994", (1768, 994.5), (1768,), 3):
        with pytest.raises(poselift.UsageError, match="expected \\(width, height\\)"):
            lifter.lift(clip.points[60], size=odd)
