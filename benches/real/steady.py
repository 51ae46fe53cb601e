"""How steady poses are that need no truth to be judged: poselift's beside MediaPipe's own, from the same detections.

    real/bin/python benches/real/steady.py [--model FILE] [--smooth WAY] [--detector heavy]

MediaPipe Pose follows the man in sports2d's demonstration video. `poselift run` lifts its 2D landmarks, a frame
at a time; its world landmarks are its own 3D. Both are reduced to the joints that both have, with the middles of the
hips and of the shoulders, and `poselift eval --stream` judges both: bones that change their length, sides that differ,
jitter, feet that slide. MediaPipe smooths its 2D and its 3D; poselift smooths nothing without --smooth. benches/real/README.md says how
to make the Python.
"""

import argparse
import sys

import numpy as np

import landmark_models
import recordings
import streams
from complaint import Complaint

JOINTS = ["hip", *streams.LIMBS[3:6], *streams.LIMBS[9:], "thorax", *streams.LIMBS[:3], *streams.LIMBS[6:9]]
PARENTS = [-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 7, 11, 12]

# Half a width is as long on either side by construction, and a back that bends is no bone.
HALVES = ("left_hip", "left_shoulder")
NO_BONES = ("thorax", "right_hip", "right_shoulder")


def common(limbs):
    """`[T, 12, 3]` in the order of LIMBS to `[T, 14, 3]` in the order of JOINTS, from the middle of the hips."""
    hip, thorax = limbs[:, [3, 9]].mean(1, keepdims=True), limbs[:, [0, 6]].mean(1, keepdims=True)
    return np.concatenate([hip, limbs[:, 3:6], limbs[:, 9:], thorax, limbs[:, :3], limbs[:, 6:9]], axis=1) - hip


def row(name, figures):
    """A line of the table out of what `poselift eval --stream` says."""
    varies = np.mean([bone["deviation"] for bone in figures["bones"] if bone["joint"] not in NO_BONES])
    differs = np.mean([pair["asymmetry"] for pair in figures["pairs"] if pair["left"] not in HALVES])
    slide = "–" if figures["feet_slide"] is None else f"{figures['feet_slide']:.2f}"
    return (
        f"| {name} | {figures['people']} | {100 * varies:.1f} % | {100 * differs:.1f} % | "
        f"{figures['jitter']:.1f} | {slide} in {figures['feet_planted']:.1f} s |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    streams.add_options(parser)
    landmark_models.add_option(parser)
    options = parser.parse_args()
    streams.check(options)
    import detect  # mediapipe takes seconds to start, and --help shall not

    video = recordings.SPORTS2D.fetch(options.work) / "demo.mp4"
    seen = detect.follow(video, options.detector)
    lifted = streams.lift(options, "steady", seen.landmarks, seen.fps, seen.size, "mediapipe33")
    print("| | poses | bone lengths vary by | left and right differ by | jitter, m/s² | feet slide, m/s |")
    print("|---|---|---|---|---|---|")
    for name, limbs in (
        ("poselift", lifted[:, streams.LIMBS_OF_H36M17]),
        (f"MediaPipe {options.detector}, world landmarks", seen.world[:, streams.COCO17][:, streams.LIMBS_OF_COCO17]),
    ):
        stream = options.work / f"steady.{name.split()[0].lower()}.jsonl"
        streams.write_poses(stream, common(limbs), seen.fps, JOINTS, PARENTS)
        print(row(name, streams.steadiness(options, stream)))


if __name__ == "__main__":
    try:
        main()
    except Complaint as complaint:
        sys.exit(complaint.text())
