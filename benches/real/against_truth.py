"""Errors against joints seen by four cameras: poselift's from single views beside MediaPipe's own 3D.

    real/bin/python benches/real/against_truth.py [--model FILE] [--detector heavy] [--truth others] [--joints]

The woman who was rendered into pose2sim's Demo_MultiPerson is detected in each of its four videos by MediaPipe Pose,
frame by frame. Where three views agree, their rays give her joints; the cameras are turned by a degree or so
first, since she was rendered with slightly other ones. `poselift run` lifts what each single camera saw, with the true
focal length and with the one it guesses, and the exact projections of the joints as well. Errors are over twelve
joints, relative to the middle of the hips, in mm at her stature: poselift's poses are of 1.70 m and are scaled down to
hers, MediaPipe's are in metres of its own. Other people in those videos are left aside (recordings.py says why).

The truth carries what MediaPipe takes for a joint: an error that all four views share cannot be seen.
"""

import argparse
import sys

import numpy as np

import cameras
import landmark_models
import recordings
import streams
from complaint import Complaint
from errors import mean_errors

STATURE = 1.40  # metres, by her ears at 1.27 m over the floor
LIFTED = 1.70  # what poselift's models take each person to be
TOLERANCE = 20.0  # pixels; she is 500 to 1000 tall
ALIGNED_BY = [5, 6, 11, 12, 13, 14, 15, 16]  # COCO-17: shoulders, hips, knees, ankles


def windows():
    """Where she is in each camera."""
    from detect import Window

    places = (((730, 1260), 1000), ((200, 1050), 900), ((260, 780), 600), ((750, 680), 600))
    return [Window(middle, int(1.05 * height), height) for middle, height in places]


class View:
    """What one camera saw of her, and where her joints are in its axes."""

    def __init__(self, index, camera, seen, joints):
        self.index, self.camera, self.seen = index, camera, seen
        self.keypoints = seen.landmarks[:, streams.COCO17]
        self.joints = joints
        inside = camera.into_camera(joints)
        self.truth = (inside - inside[:, [11, 12]].mean(1, keepdims=True))[:, streams.LIMBS_OF_COCO17]

    def exact(self):
        """`[T, 17, 3]` her joints as the camera sees them, all with a score of 1."""
        pixels = self.camera.project(self.joints)
        return np.concatenate([pixels, np.ones(pixels.shape[:2] + (1,))], axis=2)

    def world(self):
        """MediaPipe's own 3D, `[T, 12, 3]`."""
        return self.seen.world[:, streams.COCO17][:, streams.LIMBS_OF_COCO17]

    def world_turned(self):
        """The same, taken to be seen along the optical axis and turned to where she is, as poselift does it."""
        rays = self.camera.rays(self.keypoints[..., :2].mean(1))
        turns = cameras.towards(np.concatenate([rays, np.ones((len(rays), 1))], axis=1))
        return np.einsum("tab,tjb->tja", turns, self.world())

    def lifted(self, options, what, keypoints, focal):
        """poselift's poses `[T, 12, 3]` at her stature."""
        name = f"woman.camera{self.index + 1}.{what}"
        layout = "mediapipe33" if keypoints.shape[1] == 33 else "coco17"
        poses = streams.lift(options, name, keypoints, self.seen.fps, self.seen.size, layout, focal)
        return (poses - poses[:, :1])[:, streams.LIMBS_OF_H36M17] * STATURE / LIFTED


def cases(view, options):
    """What is compared: names and poses."""
    focal = view.camera.focal.mean()
    yield f"MediaPipe {options.detector}, world landmarks", view.world()
    yield "the same, turned to where she is", view.world_turned()
    yield "poselift", view.lifted(options, "true", view.seen.landmarks, focal)
    yield "poselift, focal length guessed", view.lifted(options, "guessed", view.seen.landmarks, None)
    yield "poselift, exact projections instead of detections", view.lifted(options, "exact", view.exact(), focal)


def views(options):
    """The four views of her with her joints; says on stderr how well they agree."""
    import detect  # mediapipe takes seconds to start, and --help shall not

    folder = recordings.MULTI_PERSON.fetch(options.work)
    calibrated = cameras.read_qualisys(folder / "calibration/Calib.qca.txt")
    videos = [folder / f"videos/cam0{number}.mp4" for number in (1, 2, 3, 4)]
    seen = [detect.look_into(video, window, options.detector) for video, window in zip(videos, windows())]
    pixels = np.stack([each.landmarks[:, streams.COCO17, :2] for each in seen])
    settled, angles = cameras.settle(calibrated, pixels[:, :, ALIGNED_BY])
    print("cameras turned by " + ", ".join(f"{angle:.1f}" for angle in angles) + " degrees", file=sys.stderr)
    for index, (camera, each) in enumerate(zip(settled, seen)):
        used = [other for other in range(4) if options.truth == "all" or other != index]
        joints = cameras.triangulate([settled[other] for other in used], pixels[used], TOLERANCE)
        known = np.isfinite(joints[..., 0]).mean()
        away = np.nanmedian(np.linalg.norm(camera.project(joints) - pixels[index], axis=2))
        print(f"camera {index + 1}: {known:.0%} of the joints known, seen {away:.1f} pixels away", file=sys.stderr)
        yield View(index, camera, each, cameras.smooth(joints, each.fps))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    streams.add_options(parser)
    landmark_models.add_option(parser)
    parser.add_argument(
        "--truth",
        choices=("all", "others"),
        default="all",
        help="joints from all views, or but for the view that is judged",
    )
    parser.add_argument("--joints", action="store_true", help="P-MPJPE joint by joint too")
    options = parser.parse_args()
    streams.check(options)

    found = {}
    for view in views(options):
        for name, poses in cases(view, options):
            found.setdefault(name, []).append((poses, view.truth))
    means = {name: mean_errors(*map(np.concatenate, zip(*pairs))) for name, pairs in found.items()}
    print("| | MPJPE | N-MPJPE | P-MPJPE |\n|---|---|---|---|")
    for name, (mean, _) in means.items():
        print(f"| {name} | " + " | ".join(f"{value:.1f}" for value in mean) + " |")
    if options.joints:
        print("\n| P-MPJPE | " + " | ".join(name.replace("_", " ") for name in streams.LIMBS) + " |")
        print("|---" * (1 + len(streams.LIMBS)) + "|")
        for name, (_, joints) in means.items():
            print(f"| {name} | " + " | ".join(f"{value:.0f}" for value in joints) + " |")


if __name__ == "__main__":
    try:
        main()
    except Complaint as complaint:
        sys.exit(complaint.text())
