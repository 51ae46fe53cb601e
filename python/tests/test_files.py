"""Files: every format that is read, every format that is written, and what is said of others."""

import json
import warnings

import numpy
import pytest
from conftest import CLIP, COCO17, ROOT, SIZE, exchange_legs, program

import poselift

WRITTEN = ["jsonl", "npy", "npz", "csv", "trc", "mot", "c3d", "bvh", "glb", "html"]


def test_the_demonstration_clip_is_read(clip):
    assert clip.points.shape == (230, 1, 33, 3) and clip.points.dtype == numpy.float64
    assert (clip.layout, clip.size, len(clip)) == ("mediapipe33", SIZE, 230)
    assert clip.names[0] == "nose" and clip.ids.max() == 0
    assert clip.times[1] == pytest.approx(0.0333) and clip.frames[-1] == 229
    assert repr(clip) == "<Keypoints: 230 frames, up to 1 people, mediapipe33, image (1768, 994)>"


def test_a_file_is_lifted_as_the_program_lifts_it(poses):
    done = program("run", "--quiet", "--device", "cpu", "--sigma", CLIP)
    assert done.returncode == 0, done.stderr
    frames = [json.loads(line) for line in done.stdout.splitlines()[1:]]
    assert len(frames) == len(poses)
    for at, frame in enumerate(frames):
        present = numpy.isfinite(poses.joints[at]).all(axis=(1, 2))
        assert len(frame["people"]) == present.sum()
        for place, person in zip(numpy.flatnonzero(present), frame["people"]):
            numpy.testing.assert_allclose(poses.joints[at, place], person["joints"], atol=1e-4)
            numpy.testing.assert_allclose(poses.sigma[at, place], person["sigma"], atol=2e-4)
            assert numpy.flatnonzero(poses.missing[at, place]).tolist() == person.get("unseen", [])
            assert poses.score[at, place] == pytest.approx(person["score"], abs=1e-3)


def test_which_feet_stand_is_lifted_written_and_read_as_by_the_program(lifter, clip, poses, tmp_path):
    done = program("run", "--quiet", "--device", "cpu", "--contacts", CLIP)
    assert done.returncode == 0, done.stderr
    judged = lifter.lift(clip, contacts=True)
    assert judged.contacts.dtype == numpy.int8 and judged.contacts.shape == (230, 1, 2)
    assert set(judged.contacts.flat) == {-1, 0, 1}, "each is somewhere in the clip"
    for feet, frame in zip(judged.contacts[:, 0], map(json.loads, done.stdout.splitlines()[1:])):
        expected = frame["people"][0]["contacts"] if frame["people"] else {"left": None, "right": None}
        assert feet.tolist() == [-1 if expected[side] is None else int(expected[side]) for side in ("left", "right")]
    numpy.testing.assert_array_equal(judged.smooth("clip").contacts, judged.contacts)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", poselift.AssumptionWarning)
        poselift.write(judged, tmp_path / "feet.jsonl")
        poselift.convert(tmp_path / "feet.jsonl", tmp_path / "feet.csv", contacts=True)
    numpy.testing.assert_array_equal(poselift.read_poses(tmp_path / "feet.jsonl").contacts, judged.contacts)
    assert "contact" in (tmp_path / "feet.csv").read_text().splitlines()[0]
    assert poses.contacts is None
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", poselift.AssumptionWarning)
        poselift.write(poses, tmp_path / "no_feet.jsonl")
        poselift.convert(tmp_path / "no_feet.jsonl", tmp_path / "no_feet.csv", contacts=True)
    assert any("has no foot contacts" in str(warning.message) for warning in told)
    with pytest.raises(poselift.UsageError, match="contacts need a clip"):
        lifter.lift(clip.points[0], contacts=True)


def test_each_file_that_the_readers_know_is_read_or_refused():
    """The corpus of the fuzz targets: files of every format, whole and broken."""
    read, refused = 0, 0
    for path in sorted((ROOT / "fuzz/corpus/keypoints").iterdir()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", poselift.AssumptionWarning)
            try:
                clip = poselift.read(path, size=(1920, 1080), fps=30)
            except poselift.PoseliftError as error:
                assert str(path) in str(error) or "expected" in str(error), error
                refused += 1
            else:
                assert clip.points.ndim == 4 and clip.ids.shape == clip.points.shape[:2]
                read += 1
    assert read >= 20 and refused >= 1, (read, refused)


def test_a_folder_of_files_is_one_clip(clip, tmp_path):
    folder = tmp_path / "openpose"
    folder.mkdir()
    for number, points in enumerate(numpy.nan_to_num(clip.points[60:70, 0])):
        person = {"pose_keypoints_2d": points[COCO17].ravel().tolist()}
        (folder / f"walk_{number:012}_keypoints.json").write_text(json.dumps({"version": 1.3, "people": [person]}))
    with pytest.warns(poselift.AssumptionWarning):
        read = poselift.read(folder, size=SIZE, fps=30, layout="coco17")
    assert read.points.shape == (10, 1, 17, 3)
    numpy.testing.assert_allclose(read.points[3, 0, :, 0], clip.points[63, 0, COCO17, 0])
    assert read.times[3] == pytest.approx(0.1)
    (tmp_path / "empty").mkdir()
    with pytest.raises(poselift.InputError, match="0 clips in the folder, expected the files of one"):
        poselift.read(tmp_path / "empty")


@pytest.mark.parametrize("extension", WRITTEN)
def test_every_format_is_written(poses, clip, tmp_path, extension):
    path = tmp_path / f"poses.{extension}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", poselift.AssumptionWarning)
        poselift.write(poses, path, keypoints=clip, height=1.8)
    written = sorted(tmp_path.iterdir())
    assert written and all(file.stat().st_size > 1000 for file in written)
    signs = {"npy": b"\x93NUMPY", "npz": b"PK", "glb": b"glTF", "bvh": b"HIERARCHY", "trc": b"PathFileType", "html": b"<!"}
    start = written[0].read_bytes()[:20]
    assert start.startswith(signs.get(extension, b""))


@pytest.mark.parametrize("extension", ["jsonl", "npz", "npy"])
def test_what_is_written_is_read_back(poses, tmp_path, extension):
    path = tmp_path / f"poses.{extension}"
    poselift.write(poses, path)
    back = poselift.read_poses(path, fps=30)
    present = numpy.isfinite(poses.joints).all(axis=(2, 3))
    numpy.testing.assert_array_equal(back.joints[present], poses.joints[present])
    assert numpy.isfinite(back.joints).all(axis=(2, 3)).sum() == present.sum()
    assert back.names == poses.names and back.parents == poses.parents
    if extension == "jsonl":
        numpy.testing.assert_allclose(back.sigma[present], poses.sigma[present], atol=1e-4)
        numpy.testing.assert_array_equal(back.missing, poses.missing)
        numpy.testing.assert_array_equal(back.times, poses.times)


def test_arrays_of_poses_are_frames_of_one_person(lifter, coco, tmp_path):
    poselift.write(lifter.lift(coco[:6], size=SIZE), tmp_path / "six.jsonl", fps=25)
    back = poselift.read_poses(tmp_path / "six.jsonl")
    assert back.joints.shape == (6, 1, 17, 3) and back.times[5] == pytest.approx(0.2)
    poselift.write(lifter.lift(coco[0], size=SIZE), tmp_path / "one.npy")
    assert numpy.load(tmp_path / "one.npy").shape == (1, 17, 3)


def test_an_array_becomes_a_clip_with_tracks(lifter, clip):
    left = clip.points[60:80, 0]
    right = left + [600, 0, 0]
    rows = numpy.stack([left, right], axis=1)
    rows[5] = rows[5, ::-1]
    with pytest.warns(poselift.AssumptionWarning, match="a person among several has no id: people are tracked by where they are"):
        tracked = poselift.keypoints(rows, size=SIZE, fps=30, layout="mediapipe33")
    assert tracked.ids.tolist() == [[1, 0] if frame == 5 else [0, 1] for frame in range(20)]
    assert (tracked.names[0], tracked.size, tracked.times[3]) == ("nose", SIZE, pytest.approx(0.1))
    poses = lifter.lift(tracked)
    assert poses.joints.shape == (20, 2, 17, 3) and poses.ids.tolist() == tracked.ids.tolist()
    assert poselift.keypoints(left, size=SIZE).ids.tolist() == [[0]] * 20


def test_files_of_poses_are_converted(poses, tmp_path):
    poselift.write(poses, tmp_path / "poses.jsonl")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        poselift.convert(tmp_path / "poses.jsonl", tmp_path / "poses.bvh")
    assert any("people are 1.70 m tall" in str(warning.message) for warning in heard)
    done = program("convert", "--quiet", tmp_path / "poses.jsonl", "-o", tmp_path / "other.bvh")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "poses.bvh").read_bytes() == (tmp_path / "other.bvh").read_bytes()
    with pytest.warns(poselift.AssumptionWarning, match="z-up as if the camera were level"):
        poselift.convert(tmp_path / "poses.jsonl", tmp_path / "poses.npz", axes="z-up", units="mm")
    millimetres = numpy.load(tmp_path / "poses.npz")["poses"]
    present = numpy.isfinite(poses.joints[:, 0]).all(axis=(1, 2))
    numpy.testing.assert_allclose(millimetres[present][:, :, 2], -1000 * poses.joints[present, 0, :, 1], atol=1e-2)
    with pytest.raises(poselift.UsageError, match="poses.jsonl: is the input and would be overwritten"):
        poselift.convert(tmp_path / "poses.jsonl", tmp_path / "poses.jsonl")


def test_smoothing_is_the_programs(poses, tmp_path):
    done = program("run", "--quiet", "--device", "cpu", "--smooth", "clip", CLIP, "-o", tmp_path / "smooth.jsonl")
    assert done.returncode == 0, done.stderr
    expected, found = poselift.read_poses(tmp_path / "smooth.jsonl"), poses.smooth("clip")
    numpy.testing.assert_allclose(found.joints, expected.joints, atol=1e-4)
    with pytest.raises(poselift.UsageError, match="has no time, which smoothing needs"):
        poselift.Poses(poses.joints, None, poses.missing, poses.score, poses.info).smooth()


def test_refusals_name_file_found_and_expected(lifter, poses, coco, tmp_path):
    for call, error, message in [
        (lambda: poselift.read(tmp_path / "nothing.jsonl"), poselift.FileError, "nothing.jsonl: cannot open: No such file"),
        (lambda: poselift.read(CLIP, format="trc"), poselift.UsageError, "unknown format 'trc', expected one of jsonl"),
        (lambda: poselift.read(CLIP, person="tall"), poselift.UsageError, "unknown person 'tall', expected all, largest"),
        (lambda: poselift.read_poses(CLIP), poselift.InputError, "sports2d_demo.mediapipe33.jsonl"),
        (lambda: poselift.write(poses, tmp_path / "a.xyz"), poselift.UsageError, "a.xyz: its extension names no format"),
        (lambda: poselift.write(poses, tmp_path / "a.trc", axes="up"), poselift.UsageError, "unknown axes 'up', expected"),
        (lambda: poselift.write(poses, tmp_path / "a.csv", units="ft"), poselift.UsageError, "unknown unit 'ft', expected m"),
        (lambda: poselift.write(poses, tmp_path / "a.csv", height=180), poselift.UsageError, "a height of 180, expected metres"),
        (lambda: poselift.write(poses, tmp_path / "a.npy", sigma=True), poselift.UsageError, "no room for sigma"),
        (lambda: poselift.write(poses, tmp_path / "no/a.npz"), poselift.FileError, "no/a.npz: cannot create"),
        (lambda: poselift.convert(CLIP, tmp_path / "a.csv"), poselift.InputError, "sports2d_demo.mediapipe33.jsonl"),
        (lambda: poselift.Keypoints(numpy.ones((2, 2))), poselift.InputError, r"shape \[2, 2\], expected \[T, N, J, 2 or 3\]"),
        (lambda: poselift.Keypoints(coco, layout="body25"), poselift.InputError, "17 key points a person, expected 25"),
        (lambda: poselift.Keypoints(coco, ids=[1]), poselift.InputError, r"ids of shape \[1\], expected \[\d+, 1\]"),
    ]:
        with pytest.raises(error, match=message):
            call()
    hidden = coco[:2] * numpy.array([1, 1, 0], "float32")
    hidden[..., :2] = numpy.nan
    no_person = lifter.lift(hidden, size=SIZE)
    path = tmp_path / "there.jsonl"
    path.write_text("mine")
    with pytest.raises(poselift.InputError, match="there.jsonl: there is no pose to write"):
        poselift.write(no_person, path)
    assert path.read_text() == "mine"


def test_legs_that_change_places_for_a_moment_are_left_where_that_is_asked_for(coco, tmp_path):
    path, exchanged = tmp_path / "coco.npy", exchange_legs(coco[100:130], slice(20, 26))
    numpy.save(path, exchanged)
    for read, source in ((poselift.read, path), (poselift.keypoints, exchanged)):
        with pytest.warns(poselift.AssumptionWarning, match=r"left and right leg changed places .* \(keep_sides\)"):
            mended = read(source, fps=30, layout="coco17")
        numpy.testing.assert_array_equal(mended.points[22, 0, :, :2], coco[122, :, :2])
        kept = read(source, fps=30, layout="coco17", keep_sides=True)
        numpy.testing.assert_array_equal(kept.points[22, 0, :, :2], exchanged[22, :, :2])


def test_ids_below_0_are_ids(poses, tmp_path):
    present = numpy.isfinite(poses.joints).all(axis=(2, 3))
    numbered = poselift.Poses(
        poses.joints, poses.sigma, poses.missing, poses.score, poses.info, ids=numpy.where(present, -7, -1), frames=poses.frames,
        times=poses.times,
    )
    poselift.write(numbered, tmp_path / "poses.jsonl")
    assert set(poselift.read_poses(tmp_path / "poses.jsonl").ids[present]) == {-7}
    assert set(numbered.smooth().ids[present]) == {-7}


def test_messages_name_arguments_and_leave_paths_alone(tmp_path):
    from poselift._errors import in_python

    for text, expected in [
        ("give it: --size 1920x1080", "give it: size=(1920, 1080)"),
        ("say which: --from movenet, or --from npy --rotate 90 (or 270) --size WxH", "say which: format movenet, or format npy rotate 90 (or 270) size"),
        ("points lie above the image (--y-up)", "points lie above the image (y_up)"),
        ("left and right leg changed places (--keep-sides)", "left and right leg changed places (keep_sides)"),
        ("exchange them, or --layout FILE.json with the right places", "exchange them, or layout with the right places"),
        ("`--device cpu` runs on the CPU", "device=cpu runs on the CPU"),
        ("/data/run--from/kp.jsonl:3: left out", "/data/run--from/kp.jsonl:3: left out"),
        ("a/--size 1x1/b.--to: left out", "a/--size 1x1/b.--to: left out"),
    ]:
        assert in_python(text) == expected
    folder = tmp_path / "run --from --size 2x2"
    folder.mkdir()
    with pytest.raises(poselift.FileError) as error:
        poselift.read(folder / "nothing.jsonl")
    assert str(folder / "nothing.jsonl") in str(error.value)


def test_numbers_that_no_frame_has_are_refused(lifter, clip):
    numbers = clip.frames.copy()
    numbers[3] = -5
    with pytest.raises(poselift.InputError, match="frame -5, expected 0 or more"):
        lifter.lift(poselift.Keypoints(clip.points, ids=clip.ids, frames=numbers, size=(1768, 994), layout="mediapipe33"))


def test_frames_that_cannot_be_read_are_left_out_and_said(tmp_path):
    path = tmp_path / "clip.jsonl"
    lines = CLIP.read_text().splitlines()[:20]
    lines[10] = '{"frame": 9, "people": [{"keypoints": [[1, '
    path.write_text("\n".join(lines) + "\n")
    with pytest.warns(poselift.AssumptionWarning, match=r"clip.jsonl:11: .*left out"):
        assert len(poselift.read(path)) == 19


def test_what_cannot_be_written_leaves_the_file_as_it_was(lifter, clip, tmp_path):
    poses, path = lifter.lift(clip), tmp_path / "poses.npz"
    poselift.write(poses, path, fps=30)
    before = path.read_bytes()
    two = poselift.Keypoints(numpy.concatenate([clip.points, clip.points], axis=1), size=clip.size, layout=clip.layout, fps=30)
    with pytest.raises(poselift.UsageError, match="has 2 people"):
        poselift.write(lifter.lift(two), path, fps=30)
    assert path.read_bytes() == before


def test_a_person_of_whom_some_joints_are_not_known_is_refused(lifter, clip, tmp_path):
    poses = lifter.lift(clip)
    poses.joints[3, 0, 5] = numpy.nan
    with pytest.raises(poselift.InputError, match="row 3, person 0: 3 of 51 numbers are not finite"):
        poselift.write(poses, tmp_path / "poses.jsonl", fps=30)


def test_people_keep_their_places_when_they_are_smoothed(lifter, clip):
    points = numpy.concatenate([clip.points, clip.points + (200, 0, 0)], axis=1)[:40]
    points[10:20, 0] = numpy.nan
    ids = numpy.tile([3, 7], (40, 1))
    both = poselift.Keypoints(points, ids=ids, size=clip.size, layout=clip.layout, fps=30)
    smooth = lifter.lift(both).smooth()
    assert smooth.joints.shape[:2] == (40, 2)
    assert numpy.isnan(smooth.joints[10:20, 0]).all() and (smooth.ids[10:20, 1] == 7).all()


def test_arrays_of_a_clip_that_do_not_fit_are_refused(lifter, clip):
    cut = poselift.Keypoints(clip.points, size=clip.size, layout=clip.layout, fps=30)
    cut.ids = cut.ids[:100]
    with pytest.raises(poselift.InputError, match="do not fit each other"):
        lifter.lift(cut)


def test_what_is_masked_is_missing(lifter, clip):
    points = numpy.ma.array(clip.points[60:63, 0], mask=False)
    points[:, 15] = numpy.ma.masked
    assert lifter.lift(points, size=SIZE).missing.any(axis=1).all()


@pytest.mark.parametrize(("name", "number"), [("threads", 0), ("threads", 5000), ("batch", 0), ("threads", -1)])
def test_threads_and_batches_have_bounds(name, number):
    with pytest.raises(poselift.UsageError, match=f"{name} is {number}, expected .*1 to"):
        poselift.Lifter(device="cpu", **{name: number})
