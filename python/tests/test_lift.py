"""Arrays of any shape, type and library, and what is said of those that cannot be lifted."""

import warnings

import numpy
import pytest
from conftest import CLIP, COCO17, ROOT, SIZE, exchange_legs

import poselift


def close(a, b, atol=1e-4):
    numpy.testing.assert_allclose(a, b, atol=atol)


def test_the_result_has_the_shape_of_the_key_points(lifter, coco):
    frames = coco[:12].reshape(4, 3, 17, 3)
    for keypoints in (coco[0], coco[:12], frames):
        poses = lifter.lift(keypoints, size=SIZE)
        leading = keypoints.shape[:-2]
        assert poses.joints.shape == (*leading, 17, 3) and poses.joints.dtype == numpy.float32
        assert poses.sigma.shape == poses.missing.shape == (*leading, 17)
        assert poses.score.shape == leading
    close(lifter.lift(frames, size=SIZE).joints.reshape(-1, 17, 3), lifter.lift(coco[:12], size=SIZE).joints, atol=0)
    assert (poses.units, poses.axes, poses.info.skeleton) == ("m", "camera", "h36m17")
    assert poses.names[:3] == ("hip", "right_hip", "right_knee") and poses.parents[:3] == (-1, 0, 1)
    close(poses.joint("hip"), 0, atol=1e-3)
    assert repr(poses) == "<Poses [4, 3, 17, 3] of h36m17, m, camera axes>"


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4", "longdouble"])
def test_any_float_type_is_taken(lifter, coco, dtype):
    keypoints = coco[:5].astype(dtype)
    # float16 rounds a pixel of a thousand by half a pixel.
    tolerance = 0.05 if dtype == "float16" else 1e-5
    close(lifter.lift(keypoints, size=SIZE).joints, lifter.lift(coco[:5], size=SIZE).joints, atol=tolerance)


def test_integers_lists_and_read_only_arrays_are_taken(lifter, coco):
    pixels = coco[:3].round()
    expected = lifter.lift(pixels, size=SIZE)
    frozen = pixels.copy()
    frozen.flags.writeable = False
    for keypoints in (pixels.astype("int64"), pixels.tolist(), frozen):
        close(lifter.lift(keypoints, size=SIZE).joints, lifter.lift(numpy.asarray(keypoints, "float32"), size=SIZE).joints)
    close(lifter.lift(frozen, size=SIZE).joints, expected.joints, atol=0)


class Dlpack:
    """An array of another library, by DLPack alone."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class Array:
    """An array of another library, by `__array__` alone."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return self.array


@pytest.mark.parametrize("library", [Dlpack, Array])
def test_arrays_of_other_libraries_are_read_where_they_are(lifter, coco, library):
    from poselift._arrays import as_floats

    keypoints = numpy.ascontiguousarray(coco[:4])
    assert numpy.shares_memory(as_floats(library(keypoints), "float32"), keypoints)
    close(lifter.lift(library(keypoints), size=SIZE).joints, lifter.lift(keypoints, size=SIZE).joints, atol=0)


def test_any_memory_layout_is_read(lifter, coco):
    expected = lifter.lift(coco[:20], size=SIZE).joints
    wide = numpy.zeros((20, 17, 5), "float32")
    wide[..., :3] = coco[:20]
    records = numpy.zeros(20, dtype=[("tag", "u1"), ("points", "f4", (17, 3))])
    records["points"] = coco[:20]
    for view in (wide[..., :3], numpy.asfortranarray(coco[:20]), records["points"], wide[::-1, :, :3][::-1]):
        assert not (view.flags.c_contiguous and view.flags.aligned)
        close(lifter.lift(view, size=SIZE).joints, expected, atol=1e-6)
    four = numpy.asfortranarray(coco[:20].reshape(4, 5, 17, 3))
    close(lifter.lift(four, size=SIZE).joints.reshape(20, 17, 3), expected, atol=1e-6)


def test_missing_points_are_placed_by_the_others(lifter, coco):
    keypoints = coco[50].copy()
    marks = {9: (0.0, 0.0, 0.4), 10: (numpy.nan, 5.0, 0.9), 15: (-1.0, -1.0, 0.3), 16: (700.0, 500.0, 0.0)}
    for point, mark in marks.items():
        keypoints[point] = mark
    poses = lifter.lift(keypoints, size=SIZE)
    missing = {name for name, is_missing in zip(poses.names, poses.missing) if is_missing}
    assert missing == {"left_wrist", "right_wrist", "left_ankle", "right_ankle"}
    assert numpy.isfinite(poses.joints).all()
    seen = [point for point in range(17) if point not in marks]
    assert poses.score == pytest.approx(keypoints[seen, 2].mean(), abs=1e-6)
    plain = keypoints.copy()
    plain[list(marks)] = 0
    close(poses.joints, lifter.lift(plain, size=SIZE).joints, atol=0)
    two = keypoints[:, :2].copy()
    two[16] = 0
    assert (lifter.lift(two, size=SIZE).missing == poses.missing).all()


def test_people_of_whom_too_little_is_seen_come_out_as_nan(lifter, coco):
    keypoints = coco[:2].copy()
    keypoints[1, 3:, 2] = 0
    poses = lifter.lift(keypoints, size=SIZE)
    assert numpy.isfinite(poses.joints[0]).all() and numpy.isnan(poses.joints[1]).all()


def test_no_person_is_no_pose(lifter):
    assert lifter.lift(numpy.zeros((0, 17, 3), "float32"), size=SIZE).joints.shape == (0, 17, 3)


def test_other_layouts_are_taken_by_name_and_by_number(lifter, clip, coco):
    people = clip.points[clip.present].astype("float32")[:7]
    expected = lifter.lift(coco[:7], size=SIZE).joints
    close(lifter.lift(people, size=SIZE).joints, expected, atol=1e-6)
    close(lifter.lift(people, size=SIZE, layout="mediapipe33").joints, expected, atol=1e-6)
    names = poselift.layouts()["mediapipe33"]
    mixed = [32, *range(32)]
    close(lifter.lift(people[:, mixed], size=SIZE, layout=[names[joint] for joint in mixed]).joints, expected, atol=1e-6)
    # A layout of one's own may lack joints, if it has shoulders and hips.
    few = [joint for joint in mixed if "eye" not in names[joint]]
    assert numpy.isfinite(lifter.lift(people[:, few], size=SIZE, layout=[names[joint] for joint in few]).joints).all()
    assert len(poselift.layouts()["coco17"]) == len(COCO17) == 17


def test_scores_and_coordinates_on_other_scales_are_judged_as_those_of_streams(lifter, coco):
    expected = lifter.lift(coco[:30], size=SIZE).joints
    percent = coco[:30] * numpy.array([1, 1, 100], "float32")
    with pytest.warns(poselift.AssumptionWarning, match="scores reach up to 100"):
        close(lifter.lift(percent, size=SIZE).joints, expected)
    shares = coco[:30] / numpy.array([*SIZE, 1], "float32")
    with pytest.warns(poselift.AssumptionWarning, match="normalised"):
        close(lifter.lift(shares, size=SIZE).joints, expected)
    with pytest.raises(poselift.UsageError, match=r"normalised \(0 to 1\), and the image size is not known"):
        lifter.lift(shares)
    slightly = coco[:30].copy()
    slightly[..., 2] = numpy.where(coco[:30, :, 2] > 0.5, 1.1, coco[:30, :, 2])
    clamped = slightly.copy()
    clamped[..., 2] = numpy.minimum(clamped[..., 2], 1)
    close(lifter.lift(slightly, size=SIZE).joints, lifter.lift(clamped, size=SIZE).joints, atol=0)


def test_rows_on_another_scale_are_no_frames_of_one_person(lifter, coco):
    """As poses of a data set: none is judged by the row before it."""
    rows = exchange_legs(coco[100:130], slice(20, 26)) * numpy.array([1, 1, 100], "float32")
    with pytest.warns(poselift.AssumptionWarning, match="scores reach up to 100") as heard:
        together = lifter.lift(rows, size=SIZE).joints
    assert len(heard) == 1, [str(warning.message) for warning in heard]
    with pytest.warns(poselift.AssumptionWarning):
        close(together[22], lifter.lift(rows[22:23], size=SIZE).joints[0])


def test_an_unknown_size_is_said_once(coco):
    fresh = poselift.Lifter(device="cpu")
    with pytest.warns(poselift.AssumptionWarning, match="image size unknown") as heard:
        fresh.lift(coco[0])
        fresh.lift(coco[0])
    assert len(heard) == 1


def test_a_model_that_sees_from_the_camera_needs_no_size(coco, tmp_path):
    card = (ROOT / "models/coco17.onnx").read_bytes()
    path = tmp_path / "camera.onnx"
    path.write_bytes(card.replace(b'"view":"subject"', b'"view":"camera" '))
    lifter = poselift.Lifter(path, device="cpu")
    assert lifter.card["input"]["view"] == "camera"
    clip = poselift.Keypoints(coco[:2])
    for keypoints in (coco[0], clip):  # a warning would be an error
        assert numpy.isfinite(lifter.lift(keypoints).joints).all()


def calibration(path, distortion):
    """A file with a camera of the clip's images, in Pose2Sim's format."""
    width, height = SIZE
    path.write_text(
        f'[cam_0]\nname = "A"\nsize = [{width}.0, {height}.0]\n'
        f"matrix = [[1500.0, 0.0, {width / 2}], [0.0, 1500.0, {height / 2}], [0.0, 0.0, 1.0]]\n"
        f"distortions = [{distortion}, 0.0, 0.0, 0.0]\nrotation = [0.0, 0.0, 0.0]\ntranslation = [0.0, 0.0, 4.0]\n"
        "fisheye = false\n"
    )
    return path


def test_a_focal_length_and_a_camera_file_change_the_pose(lifter, coco, tmp_path):
    plain = lifter.lift(coco[:5], size=SIZE).joints
    assert abs(lifter.lift(coco[:5], size=SIZE, focal=800).joints - plain).max() > 0.005
    pinhole, barrel = calibration(tmp_path / "pinhole.toml", 0.0), calibration(tmp_path / "barrel.toml", -0.2)
    camera = poselift.Camera(pinhole, name="A", up="-y")
    assert (camera.name, camera.size, camera.focal) == ("A", SIZE, (1500.0, 1500.0))
    assert camera.pitch_and_roll == pytest.approx((0, 0), abs=1e-5)
    close(lifter.lift(coco[:5], camera=camera).joints, lifter.lift(coco[:5], size=SIZE, focal=1500).joints)
    assert abs(lifter.lift(coco[:5], camera=barrel).joints - lifter.lift(coco[:5], camera=pinhole).joints).max() > 0.001
    with pytest.raises(poselift.UsageError, match="no camera is named 'B', expected one of A"):
        poselift.Camera(pinhole, name="B")


def test_a_lens_does_the_same_to_arrays_and_clips(coco, tmp_path):
    lifter = poselift.Lifter(ROOT / "models/coco17.onnx", device="cpu")  # int8 would round pixels of 32 and of 64 bits differently
    lens = calibration(tmp_path / "barrel.toml", -0.2)
    seen = coco[:5].copy()
    seen[1, 9] = numpy.nan
    seen[2, 10, 2] = 0
    seen[3, 15, :2] = 1e6  # no lens shows anything there
    array, clip = lifter.lift(seen, camera=lens), lifter.lift(poselift.Keypoints(seen), camera=lens)
    close(array.joints, clip.joints[:, 0])
    assert (array.missing == clip.missing[:, 0]).all() and array.missing[3].any()
    half = tuple(side // 2 for side in SIZE)
    scaled = f"images of {half[0]}x{half[1]}, calibrated with {SIZE[0]}x{SIZE[1]}: the camera is scaled"
    for keypoints in (coco[:5] * numpy.array([0.5, 0.5, 1], "float32"), poselift.Keypoints(coco[:5] / 2)):
        with pytest.warns(poselift.AssumptionWarning, match=scaled) as heard:
            assert lifter.lift(keypoints, size=half, camera=lens).notes == (scaled,)
        assert len(heard) == 1


@pytest.mark.parametrize(
    ("keypoints", "message"),
    [
        (numpy.zeros(17), r"key points of shape \[17\], expected \[J, 2 or 3\], \[N, J, 2 or 3\] or \[T, N, J, 2 or 3\]"),
        (numpy.ones((2, 17, 4)), r"key points of shape \[2, 17, 4\], expected"),
        (numpy.ones((1, 1, 2, 17, 3)), "key points in 5 dimensions, expected 2 to 4"),
        (numpy.arange(2 * 19 * 2).reshape(2, 19, 2), r"19 key points a person, expected 17 \(coco17\) or a known layout"),
        (numpy.array([["a"]]), "ndarray of <U1, expected an array of numbers"),
        ("keypoints.npy", "str of <U13, expected an array of numbers"),
        ({"a": 1}, "a dict of a, expected"),
    ],
)
def test_what_cannot_be_read_is_named(lifter, keypoints, message):
    with pytest.raises(poselift.InputError, match=message):
        lifter.lift(keypoints, size=SIZE)


def test_invalid_arguments_are_named(lifter, coco):
    with pytest.raises(poselift.UsageError, match="unknown joint layout 'coco19', expected one of coco17"):
        lifter.lift(coco, layout="coco19")
    with pytest.raises(poselift.InputError, match="17 key points a person, expected 25 of body25"):
        lifter.lift(coco, layout="body25")
    with pytest.raises(poselift.InputError, match="layout h36m17 does not hold what the model reads: nose, left_eye"):
        lifter.lift(coco, layout="h36m17")
    with pytest.raises(poselift.UsageError, match="unknown device 'gpu', expected auto, cpu, cuda or cuda:N"):
        poselift.Lifter(device="gpu")
    with pytest.raises(poselift.UsageError, match="unknown engine 'tract', expected one of auto, own"):
        poselift.Lifter(engine="tract")
    with pytest.raises(poselift.UsageError, match="no joint 'tail', expected one of hip"):
        lifter.lift(coco, size=SIZE).joint("tail")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": (0, 0)}, "size is 0 x 0 pixels, expected sides of 1 pixel or more"),
        ({"focal": 0}, "focal is 0, expected a number of pixels above 0"),
        ({"focal": -1500}, "focal is -1500, expected"),
        ({"focal": numpy.nan}, "focal is NaN, expected"),
        ({"fps": 0}, "fps is 0, expected a number of frames a second, 0.001 to 1000000"),
        ({"fps": numpy.nan}, "fps is NaN, expected"),
        ({"min_score": 50}, "min_score is 50, expected a score, 0 to 1"),
        ({"pitch": 91}, "pitch is 91 degrees, expected -90 to 90"),
        ({"roll": numpy.nan}, "roll is NaN degrees, expected -180 to 180"),
        ({"focal": 1500, "camera": "lens.toml"}, "focal is 1500 beside a calibrated camera, expected one of them"),
    ],
    ids=str,
)
def test_numbers_that_cannot_be_are_refused(lifter, coco, clip, poses, tmp_path, monkeypatch, options, message):
    from inspect import signature

    monkeypatch.chdir(tmp_path)
    calibration(tmp_path / "lens.toml", 0.0)
    stream, people = poselift.Stream(lifter, size=SIZE), poselift.Keypoints(coco[:3], size=SIZE)
    calls = [
        (poselift.Lifter.lift, lambda: lifter.lift(coco[:3], **{"size": SIZE, **options})),
        (poselift.Lifter.lift, lambda: lifter.lift(people, **options)),
        (poselift.Stream, lambda: poselift.Stream(lifter, **{"size": SIZE, **options})),
        (poselift.Stream.push, lambda: stream.push(coco[0], **options)),
        (poselift.keypoints, lambda: poselift.keypoints(coco[:3], **{"size": SIZE, **options})),
        (poselift.Keypoints, lambda: poselift.Keypoints(coco[:3], **options)),
        (poselift.read, lambda: poselift.read(CLIP, **options)),
        (poselift.read_poses, lambda: poselift.read_poses("poses.jsonl", **options)),
        (poselift.write, lambda: poselift.write(poses, "poses.jsonl", **options)),
        (poselift.convert, lambda: poselift.convert("there.jsonl", "poses.csv", **options)),
        (poselift.Poses.smooth, lambda: poses.smooth(**options)),
    ]
    poselift.write(poses, "there.jsonl")
    taking = [call for function, call in calls if options.keys() <= signature(function).parameters.keys()]
    assert taking
    for call in taking:
        with pytest.raises(poselift.UsageError, match=message):
            call()


def test_the_packages_models_have_names(clip):
    def jitter(name):
        lifter = poselift.Lifter(name)
        assert lifter.model == name
        return numpy.nanmean(numpy.abs(numpy.diff(lifter.lift(clip).joints, n=2, axis=0)))

    assert jitter("coco17-memory") < 0.8 * jitter("coco17-int8")


def test_a_model_with_a_memory_looks_ahead_in_clips(lifter, clip, coco):
    remembers = poselift.Lifter("coco17-memory")
    forward, ahead = (remembers.lift(clip, look_ahead=seconds).joints for seconds in (None, 1.0))
    apart = numpy.nanmax(numpy.abs(forward - ahead))
    assert 0.001 < apart < 0.5
    with pytest.raises(poselift.UsageError, match="coco17-int8 remembers nothing"):
        lifter.lift(clip, look_ahead=1.0)
    with pytest.raises(poselift.UsageError, match="look_ahead needs a clip"):
        remembers.lift(coco, look_ahead=1.0)
    with pytest.raises(poselift.UsageError, match="expected a number above 0"):
        remembers.lift(clip, look_ahead=-1.0)


def test_a_model_with_a_memory_remembers_arrays_whose_times_are_known(coco):
    remembers = poselift.Lifter("coco17-memory")
    times = numpy.arange(len(coco)) / 30
    clip = poselift.Keypoints(coco, times=times, size=SIZE, layout="coco17")
    expected = remembers.lift(clip).joints[:, 0]
    for options in ({"fps": 30}, {"times": times}, {"times": times.tolist(), "fps": 30}):  # a warning would be an error
        poses = remembers.lift(coco, size=SIZE, **options)
        assert poses.joints.shape == (len(coco), 17, 3) and poses.sigma.shape == (len(coco), 17)
        close(poses.joints, expected, atol=0)
        close(poses.times, times)
        assert (poses.frames == numpy.arange(len(coco))).all() and (poses.ids == 0).all()
    two = numpy.stack([coco, coco[::-1]], axis=1)
    both = remembers.lift(two, size=SIZE, fps=30)
    assert both.joints.shape == (len(coco), 2, 17, 3) and (both.ids == [0, 1]).all()
    close(both.joints[:, 0], expected, atol=1e-5)
    assert numpy.isfinite(remembers.lift(coco, size=SIZE, fps=30, look_ahead=1.0).joints).all()


def test_a_memory_that_is_of_no_use_is_said_once(coco):
    remembers = poselift.Lifter("coco17-memory")
    remembers.lift(numpy.zeros((0, 17, 3), "float32"), size=SIZE)
    with pytest.warns(poselift.AssumptionWarning, match="it is not known when these were seen") as heard:
        remembers.lift(coco[:5], size=SIZE)
        remembers.lift(coco[0], size=SIZE)
    assert len(heard) == 1 and heard[0].filename == __file__
    with pytest.warns(poselift.AssumptionWarning, match=r"a thirtieth of a second apart \(fps\)"):
        remembers.lift(poselift.Keypoints(coco[:5], size=SIZE, layout="coco17"))


def test_times_are_for_frames(lifter, clip, coco):
    with pytest.raises(poselift.UsageError, match=r"beside key points of shape \[17, 3\], expected \[T, J, 2 or 3\]"):
        lifter.lift(coco[0], fps=30)
    with pytest.raises(poselift.UsageError, match="fps or times beside Keypoints, which have their own"):
        lifter.lift(clip, fps=30)
    with pytest.raises(poselift.InputError, match=r"times of shape \[3\], expected \[4\]"):
        lifter.lift(coco[:4], times=[0, 1, 2])
    with pytest.raises(poselift.UsageError, match="fps is 0, expected a number of frames a second"):
        lifter.lift(coco[:4], fps=0)


@pytest.mark.parametrize("options", [{}, {"look_ahead": 1.0}, {"contacts": True}])
def test_people_keep_their_tracks_wherever_they_are_in_the_arrays(clip, options):
    remembers = poselift.Lifter("coco17-memory")
    points = numpy.concatenate([clip.points, clip.points[::-1] + [90, 20, 0]], axis=1)
    ids = numpy.tile([5, -7], (len(points), 1))

    def lift(order):
        # Each frame's own order; the ids go along.
        rows = numpy.arange(len(points))[:, None]
        people = poselift.Keypoints(points[rows, order], ids=ids[rows, order], times=clip.times, size=SIZE, layout="mediapipe33")
        poses = remembers.lift(people, **options)
        assert (poses.ids == numpy.where(people.present, ids[rows, order], -1)).all()
        answers = [poses.joints] + ([poses.contacts] if options.get("contacts") else [])
        return [answer[rows, numpy.argsort(order, axis=1)] for answer in answers]

    usual = numpy.tile([0, 1], (len(points), 1))
    alternating = numpy.where(numpy.arange(len(points))[:, None] % 2 == 0, usual, usual[:, ::-1])
    for one, other in zip(lift(usual), lift(alternating)):
        assert numpy.array_equal(one, other, equal_nan=True)


def test_errors_say_place_and_hint(tmp_path):
    path = tmp_path / "model.onnx"
    with pytest.raises(poselift.FileError, match="model.onnx: cannot read the model: No such file"):
        poselift.Lifter(path)
    path.write_bytes(b"hello")
    with pytest.raises(poselift.ModelError, match="model.onnx"):
        poselift.Lifter(path)
    assert issubclass(poselift.InputError, ValueError) and issubclass(poselift.DeviceError, RuntimeError)
    assert issubclass(poselift.FileError, OSError)
    try:
        poselift.Lifter(device="cuda:99")
    except poselift.DeviceError as error:
        assert error.hint is not None and str(error).endswith(f"hint: {error.hint}")
    else:
        pytest.fail("there is no 100th GPU")


def test_the_lifter_says_what_runs(lifter):
    assert (lifter.model, lifter.layout, lifter.device) == ("coco17-int8", "coco17", "cpu")
    assert lifter.keypoint_names[0] == "nose" and lifter.threads >= 1
    assert "kernels" in lifter.engine and lifter.card["input"]["layout"] == "coco17"
    assert repr(lifter).startswith("<Lifter coco17-int8: coco17 to h36m17")


def test_a_model_file_is_opened(coco):
    lifter = poselift.Lifter(ROOT / "models/h36m17.onnx", device="cpu")
    assert lifter.layout == "h36m17"
    with pytest.raises(poselift.InputError, match="layout coco17 does not hold what the model reads: hip"):
        lifter.lift(coco, layout="coco17", size=SIZE)


def test_a_clip_that_is_made_of_an_array_is_judged_as_the_array_is(lifter, clip):
    points = clip.points[:40, 0].copy()
    marked, shares, percent = points.copy(), points.copy(), points.copy()
    marked[:, 15] = (0, 0, 1)
    shares[..., :2] /= SIZE
    percent[..., 2] *= 100
    expected = lifter.lift(poselift.Keypoints(points, size=SIZE, layout=clip.layout, fps=30))
    for odd, missing in ((marked, True), (shares, False), (percent, False)):
        made = poselift.Keypoints(odd, size=SIZE, layout=clip.layout, fps=30)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", poselift.AssumptionWarning)
            found = lifter.lift(made)
        is_missing = found.missing[:, 0, lifter.info.names.index("left_wrist")].all()
        assert is_missing == missing
        if not missing:
            numpy.testing.assert_allclose(found.joints, expected.joints, atol=2e-3)


def test_a_lens_is_undone_once(lifter, tmp_path):
    camera = poselift.Camera(calibration(tmp_path / "barrel.toml", -0.2))
    clip = poselift.read(CLIP, camera=camera)
    once = lifter.lift(clip)
    with pytest.warns(poselift.AssumptionWarning, match="changes nothing"):
        twice = lifter.lift(clip, camera=camera)
    close(once.joints, twice.joints, atol=0)
