"""Tests of what the checks compute, on synthetic cameras and poses.

    python3 -m unittest discover -s benches/real

They need NumPy, but no MediaPipe, no video and no poselift.
"""

import hashlib
import json
import sys
import tarfile
import tempfile
import unittest
import zipfile
from pathlib import Path
from unittest import mock

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cameras  # noqa: E402
import errors  # noqa: E402
import landmark_models  # noqa: E402
import markers  # noqa: E402
import steady  # noqa: E402
import streams  # noqa: E402
from complaint import Complaint  # noqa: E402
from recordings import Recording  # noqa: E402

LENS = np.array([-0.05, 0.14, 0.0006, 0.0007, 0.0])


def rig(count=4):
    """Cameras around the origin that look at it from 4 m, with a lens like a real one's."""
    found = []
    for angle in np.linspace(0.3, 4.5, count):
        position = 4.0 * np.array([np.cos(angle), np.sin(angle), 0.3])
        forward = -position / np.linalg.norm(position)
        right = np.cross(forward, [0.0, 0.0, 1.0]) / np.linalg.norm(np.cross(forward, [0.0, 0.0, 1.0]))
        turn = np.array([right, np.cross(forward, right), forward])
        found.append(cameras.Camera(np.array([1700.0, 1690.0]), np.array([533.0, 948.0]), LENS, turn, position))
    return found


def body(frames=20, joints=8):
    return np.random.default_rng(1).normal(size=(frames, joints, 3)) * 0.4


class Cameras(unittest.TestCase):
    def test_the_lens_is_undone(self):
        camera, points = rig()[0], body()
        inside = camera.into_camera(points)
        rays = camera.rays(camera.project(points))
        np.testing.assert_allclose(rays, inside[..., :2] / inside[..., 2:], atol=1e-9)

    def test_a_point_by_hand(self):
        # 2 m in front, 1 m to the right and 0.5 m down: half and a quarter of a focal length, and k1 alone bends.
        camera = cameras.Camera(
            *(np.array(v) for v in ([100.0] * 2, [50.0] * 2, [0.1, 0, 0, 0, 0], np.eye(3), [0.0] * 3))
        )
        bent = 1 + 0.1 * (0.25 + 0.0625)
        np.testing.assert_allclose(camera.project(np.array([1.0, 0.5, 2.0])), [50 + 50 * bent, 50 + 25 * bent])

    def test_joints_come_back_from_their_views(self):
        points = body()
        views = np.stack([camera.project(points) for camera in rig()])
        np.testing.assert_allclose(cameras.triangulate(rig(), views, tolerance=1.0), points, atol=1e-6)

    def test_the_camera_that_disagrees_is_left_out(self):
        points = body()
        views = np.stack([camera.project(points) for camera in rig()])
        views[2, :, 3] += 200.0
        views[1, 0, 5] = np.nan
        np.testing.assert_allclose(cameras.triangulate(rig(), views, tolerance=5.0), points, atol=1e-6)
        views[0, :, 3] -= 300.0  # two are too few
        found = cameras.triangulate(rig(), views, tolerance=5.0)
        self.assertTrue(np.isnan(found[:, 3]).all())
        self.assertTrue(np.isfinite(found[:, :3]).all())

    def test_cameras_settle(self):
        points, wrong = body(frames=60), rig()
        views = np.stack([camera.project(points) for camera in rig()])
        wrong[1] = wrong[1]._replace(camera_from_world=cameras.rotation([0.0, 0.02, 0.0]) @ wrong[1].camera_from_world)
        settled, angles = cameras.settle(wrong, views)
        found = cameras.triangulate(settled, views, tolerance=10.0)
        before = np.median(np.linalg.norm(wrong[1].project(points) - views[1], axis=2))
        after = max(np.median(np.linalg.norm(c.project(found) - v, axis=2)) for c, v in zip(settled, views))
        self.assertGreater(before, 30.0)
        self.assertLess(after, 1.5)
        self.assertLess(abs(angles[1] - np.degrees(0.02)), 0.3)

    def test_rotations(self):
        np.testing.assert_allclose(cameras.rotation([0, 0, np.pi / 2]) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
        (turn, none) = cameras.towards(np.array([[0.3, -0.2, 1.0], [0.0, 0.0, 2.0]]))
        np.testing.assert_allclose(turn @ [0, 0, 1], np.array([0.3, -0.2, 1.0]) / np.linalg.norm([0.3, -0.2, 1.0]))
        np.testing.assert_allclose(none, np.eye(3))

    def test_smoothing_halves_the_cutoff_and_leaves_gaps(self):
        seconds = np.arange(600) / 60.0
        joints = np.cos(2 * np.pi * 6.0 * seconds)[:, None, None] * np.ones((1, 2, 3))
        joints[100, 0] = np.nan
        smoothed = cameras.smooth(joints, fps=60.0)
        self.assertTrue(np.isnan(smoothed[100, 0]).all())
        np.testing.assert_allclose(smoothed[200:400], 0.5 * joints[200:400], atol=0.01)
        still = np.ones((50, 1, 3))
        np.testing.assert_allclose(cameras.smooth(still, fps=60.0), still)

    def test_a_calibration_of_qualisys(self):
        numbers = {f"r{r}{c}": float(r == c) for r in (1, 2, 3) for c in (1, 2, 3)}
        inner = {"focalLengthU": 64000, "focalLengthV": 65000, "centerPointU": 32000, "centerPointV": 64000}
        inner.update(radialDistortion1=0.1, radialDistortion2=0.2, radialDistortion3=0.3)
        inner.update(tangentalDistortion1=0.4, tangentalDistortion2=0.5)
        attributes = [
            " ".join(f'{k}="{v}"' for k, v in each.items()) for each in ({**numbers, "x": 1000, "y": 0, "z": 0}, inner)
        ]
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "calibration.txt"
            path.write_text("<c><camera><transform {}/><intrinsic {}/></camera></c>".format(*attributes))
            (camera,) = cameras.read_qualisys(path)
            path.write_text("<c/>")
            with self.assertRaisesRegex(Complaint, "no cameras"):
                cameras.read_qualisys(path)
        np.testing.assert_array_equal(camera.lens, [0.1, 0.2, 0.4, 0.5, 0.3])
        np.testing.assert_array_equal(camera.focal, [1000, 1015.625])
        # y up and z backward become y down and z forward.
        np.testing.assert_array_equal(camera.into_camera(np.array([1.0, 2.0, 3.0])), [0, -2, -3])


class Errors(unittest.TestCase):
    def test_what_each_alignment_forgives(self):
        truth = body(1)[0]
        turned = truth @ cameras.rotation([0.1, 0.2, 0.3])
        plain, scaled, similar = (each.max() for each in errors.errors(1.2 * truth, truth))
        self.assertGreater(plain, 0.05)
        self.assertLess(max(scaled, similar), 1e-12)
        plain, scaled, similar = (each.max() for each in errors.errors(0.8 * turned + 0.1, truth))
        self.assertGreater(min(plain, scaled), 0.05)
        self.assertLess(similar, 1e-12)

    def test_mirror_images_are_not_forgiven(self):
        truth = body(1)[0]
        self.assertGreater(errors.errors(truth * [-1, 1, 1], truth).similar.max(), 0.05)

    def test_joints_and_frames_that_are_not_known_do_not_count(self):
        truth = body(3)
        poses = truth + [0.003, 0.0, 0.004]
        truth[0, 2] = np.nan
        poses[0, 2] = 9.0
        poses[1] = np.nan
        mean, joints = errors.mean_errors(poses, truth)
        self.assertAlmostEqual(mean[0], 5.0)
        self.assertLess(joints.max(), 1e-9)


class Streams(unittest.TestCase):
    def test_key_points(self):
        points = np.array([[[1.0, 2.0, 0.5], [np.nan] * 3], [[np.nan] * 3] * 2])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "keypoints.jsonl"
            streams.write_keypoints(path, points, fps=30.0)
            first, second = map(json.loads, path.read_text().splitlines())
        self.assertEqual(first["people"], [{"id": 0, "keypoints": [[1.0, 2.0, 0.5], [0.0, 0.0, 0.0]]}])
        self.assertEqual(second, {"frame": 1, "time": 0.0333, "people": []})

    def test_poses_come_back(self):
        poses = body(4, 14)
        poses[2] = np.nan
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "poses.jsonl"
            streams.write_poses(path, poses, 30.0, steady.JOINTS, steady.PARENTS)
            np.testing.assert_allclose(streams.read_poses(path), poses, atol=1e-6)

    def test_the_joints_that_both_have(self):
        self.assertEqual(len(steady.JOINTS), len(steady.PARENTS))
        names = np.array(streams.LIMBS)
        middles = {"hip": ("left_hip", "right_hip"), "thorax": ("left_shoulder", "right_shoulder")}
        limbs = body(1, 12)
        found = steady.common(limbs)[0]
        at = {name: limbs[0, index] for index, name in enumerate(names)}
        at.update({name: (at[a] + at[b]) / 2 for name, (a, b) in middles.items()})
        for name, joint in zip(steady.JOINTS, found):
            np.testing.assert_allclose(joint, at[name] - at["hip"], err_msg=name)


class Recordings(unittest.TestCase):
    def test_only_what_is_named_is_unpacked_and_only_from_the_right_archive(self):
        with tempfile.TemporaryDirectory() as folder:
            wheel = Path(folder) / "demo.whl"
            with zipfile.ZipFile(wheel, "w") as archive:
                archive.writestr("Package/Demo/a.mp4", b"a")
                archive.writestr("Package/Demo/b.mp4", b"b")
            right = hashlib.sha256(wheel.read_bytes()).hexdigest()
            target = Path(folder) / "Demo"
            with self.assertRaisesRegex(Complaint, "demo.whl: SHA-256 is .*, expected 00"):
                Recording("package==1", "00", "Package/Demo", ("a.mp4",)).unpack(wheel, target)
            recording = Recording("package==1", right, "Package/Demo", ("a.mp4",))
            recording.unpack(wheel, target)
            self.assertEqual([path.name for path in target.iterdir()], ["a.mp4"])
            self.assertEqual(recording.fetch(folder), target)  # nothing is downloaded


class Markers(unittest.TestCase):
    def report(self, error):
        angles = [{"angle": f"{side}_{joint}", "error_deg": degrees} for side, degrees in (("left", 4.0), ("right", 6.0)) for joint in markers.ANGLES]
        return dict(mpjpe_mm=error, p_mpjpe_mm=error / 2, angles=angles, velocity_error_mm_per_s=200.0, within_sigma=0.7)

    def test_a_cell_is_the_mean_of_the_recordings(self):
        rows = [markers.figures(self.report(error)) for error in (40.0, 50.0)]
        self.assertEqual(markers.cell(rows, more=False), "45.0, 22.5; 5.0, 5.0, 5.0")
        self.assertEqual(markers.cell(rows, more=True), "45.0, 22.5; 5.0, 5.0, 5.0; 200 mm/s, 70 %")

    def test_recordings_are_found_by_their_names(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            for name in ("walk.truth.json", "walk.full.mediapipe33.jsonl", "walk.heavy.jsonl", "walk_2.truth.trc"):
                (folder / name).touch()
            found = markers.recordings(folder)
            self.assertEqual(found["walk"][0], folder / "walk.truth.json")
            self.assertEqual(sorted(found["walk"][1]), ["full", "heavy"])
            self.assertEqual(found["walk_2"], (folder / "walk_2.truth.trc", {}))
            (folder / "walk.full.mediapipe33.jsonl").unlink()
            (folder / "walk.heavy.jsonl").unlink()
            with self.assertRaisesRegex(Complaint, "no recordings in it"):
                markers.recordings(folder)


class LandmarkModels(unittest.TestCase):
    def test_a_model_comes_out_of_the_right_archive_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            model, archive, target = (Path(folder) / name for name in ("made.tflite", "pose.tgz", "found.tflite"))
            model.write_bytes(b"a model")
            with tarfile.open(archive, "w:gz") as package:
                package.add(model, "package/heavy.tflite")
            with self.assertRaisesRegex(Complaint, "pose.tgz: SHA-256 is .*, expected 8bb3"):
                landmark_models.unpack(archive, "heavy.tflite", target)
            self.assertFalse(target.exists())
            right = hashlib.sha256(archive.read_bytes()).hexdigest()
            with mock.patch.object(landmark_models, "SHA256", right):
                landmark_models.unpack(archive, "heavy.tflite", target)
            self.assertEqual(target.read_bytes(), b"a model")


if __name__ == "__main__":
    unittest.main()
