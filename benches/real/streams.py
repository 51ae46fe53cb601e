"""JSON Lines in and out of the real `poselift`, and the joints by which its poses and MediaPipe's are compared."""

import json
import subprocess
from pathlib import Path

import numpy as np

from complaint import Complaint

ROOT = Path(__file__).resolve().parents[2]

# MediaPipe's landmarks that are COCO-17's joints, as `poselift` picks them.
COCO17 = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]

# The twelve joints that COCO-17 and Human3.6M-17 share, and where each has them.
LIMBS = [
    f"{side}_{part}" for side in ("left", "right") for part in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
]
LIMBS_OF_COCO17 = [5, 7, 9, 11, 13, 15, 6, 8, 10, 12, 14, 16]
LIMBS_OF_H36M17 = [11, 12, 13, 4, 5, 6, 14, 15, 16, 1, 2, 3]


def add_options(parser):
    """What every check is told on the command line."""
    parser.add_argument("--poselift", type=Path, default=ROOT / "target/release/poselift", help="the program")
    parser.add_argument("--model", type=Path, help="the model to lift with [default: the one built into the program]")
    parser.add_argument("--smooth", metavar="WAY", help="how poses are smoothed, as `poselift run --smooth` says it")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "benches/real/work", help="where videos and streams are kept [%(default)s]"
    )


def check(options):
    """Complains about options that cannot work, before anything slow begins."""
    if not options.poselift.is_file():
        raise Complaint(f"{options.poselift}: no such program", "`make build` makes it; --poselift names another")
    if options.model and not options.model.is_file():
        raise Complaint(f"{options.model}: no such model")
    options.work.mkdir(parents=True, exist_ok=True)


def write_keypoints(path, keypoints, fps):
    """Key points `[T, J, 3]` of one person; NaN where one is missing, and where there is no person in a frame."""
    with open(path, "w", encoding="utf-8") as file:
        for frame, points in enumerate(keypoints):
            missing = np.isnan(points).any(1)
            points = np.where(missing[:, None], 0.0, points).round(4).tolist()
            people = [] if missing.all() else [{"id": 0, "keypoints": points}]
            print(json.dumps({"frame": frame, "time": round(frame / fps, 4), "people": people}), file=file)


def write_poses(path, poses, fps, joints, parents):
    """Poses `[T, J, 3]` of one person, metres, camera axes, in the stream that `poselift run` writes."""
    header = {"poselift": 1, "kind": "poses", "skeleton": f"{len(joints)} joints", "joints": joints, "parents": parents}
    header.update(unit="m", axes="camera")
    with open(path, "w", encoding="utf-8") as file:
        print(json.dumps(header), file=file)
        for frame, pose in enumerate(poses):
            people = [{"id": 0, "joints": pose.round(6).tolist()}] if np.isfinite(pose).all() else []
            print(json.dumps({"frame": frame, "time": round(frame / fps, 4), "people": people}), file=file)


def read_poses(path):
    """Poses `[T, J, 3]` of one person out of such a stream; frames without a person are NaN."""
    with open(path, encoding="utf-8") as file:
        header, *frames = map(json.loads, file)
    no_person = np.full((len(header["joints"]), 3), np.nan)
    return np.array([frame["people"][0]["joints"] if frame["people"] else no_person for frame in frames])


def lift(options, name, keypoints, fps, size, layout, focal=None):
    """Lifts key points by the real program, by way of NAME.2d.jsonl and NAME.3d.jsonl in the work folder."""
    flat, lifted = (options.work / f"{name}.{kind}.jsonl" for kind in ("2d", "3d"))
    write_keypoints(flat, keypoints, fps)
    command = [
        "run",
        flat,
        "-o",
        lifted,
        "--quiet",
        "--device",
        "cpu",
        "--layout",
        layout,
        "--size",
        "{}x{}".format(*size),
    ]
    command += ["--focal", f"{focal:.3f}"] if focal else []
    command += ["--model", options.model] if options.model else []
    command += ["--smooth", options.smooth] if options.smooth else []
    lifted.unlink(missing_ok=True)
    poselift(options, command)
    if not lifted.is_file():
        raise Complaint(f"{options.poselift}: wrote no poses; is it poselift?")
    return read_poses(lifted)


def steadiness(options, stream):
    """What `poselift eval --stream` says of a stream."""
    return json.loads(poselift(options, ["eval", "--stream", stream, "--json"]))


def poselift(options, arguments):
    """The program's stdout; that some frames could not be lifted is no failure."""
    result = subprocess.run([options.poselift, *arguments], capture_output=True, text=True, check=False)
    if result.returncode not in (0, 1):
        said = result.stderr.strip() or "it said nothing"
        raise Complaint(f"{options.poselift} {arguments[0]} ended with exit code {result.returncode}: {said}")
    return result.stdout
