"""One table of errors beside marker-based truth: all recordings of a folder, by detector, model and way of lifting.

    python3 benches/real/markers.py FOLDER [--model coco17-int8 --model coco17-memory] [--each] [--more]

FOLDER holds, for each recording, NAME.truth.json (or .trc, .c3d: whatever `poselift eval --truth` reads) and the key
points of any number of detectors, NAME.DETECTOR.jsonl or NAME.DETECTOR.LAYOUT.jsonl. Each is lifted as it comes, with
`--smooth clip`, and by models with a memory with `--look-ahead 1` as well. A cell is the mean over the recordings: MPJPE
and P-MPJPE in mm after one rotation of each clip; how far off the angles of knees, hips and elbows are, degrees. Needs
`make build` and NumPy.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from statistics import mean

from complaint import Complaint
from streams import ROOT, poselift

ANGLES = ("knee", "hip", "elbow")
WAYS = {"": [], "`--smooth clip`": ["--smooth", "clip"]}
AHEAD = {"`--look-ahead 1 --smooth clip`": ["--look-ahead", "1", "--smooth", "clip"]}

# MPJPE and P-MPJPE of others beside the same truth, mm, in the first column: they read the video. Measured once with their
# published outputs; their programs are not run here.
RIVALS = {
    "MediaPipe's own 3D, by `full`": {"walk_ts": (80.1, 63.5), "squat": (75.9, 59.7)},
    "WHAM": {"walk_ts": (41.2, 29.8), "squat": (40.2, 29.4)},
    "OpenCap Monocular": {"walk_ts": (36.7, 28.2), "squat": (36.0, 29.2)},
}


def recordings(folder):
    """`{name: (truth, {detector: key points})}` of a folder."""
    found = {}
    for truth in sorted(folder.glob("*.truth.*")):
        name = truth.name.split(".truth.")[0]
        points = sorted(folder.glob(f"{name}.*.jsonl"))
        detectors = {}
        for path in points:
            detector = path.name.removeprefix(name).split(".")[1]
            if detector in detectors:
                raise Complaint(f"{path}: {detectors[detector].name} has the key points of {detector} already")
            detectors[detector] = path
        found[name] = (truth, detectors)
    if not any(points for _, points in found.values()):
        raise Complaint(f"{folder}: no recordings in it", "NAME.truth.json beside NAME.DETECTOR.jsonl")
    return found


def compare(options, model, way, points, truth):
    """What `poselift eval --truth` says of a recording that is lifted in this way."""
    with tempfile.TemporaryDirectory(prefix="poselift-markers-") as folder:
        lifted = Path(folder) / "poses.jsonl"
        command = ["run", points, "-o", lifted, "--model", model, "--device", "cpu", "--sigma", "--quiet", *way]
        poselift(options, command)
        if not lifted.is_file():
            raise Complaint(f"{points}: {options.poselift} wrote no poses")
        report = json.loads(poselift(options, ["eval", "--stream", lifted, "--truth", truth, "--json"]))
    return figures(report)


def figures(report):
    """MPJPE, P-MPJPE, the angles, velocity error and the share within sigma, of a report."""
    angles = {joint: [a["error_deg"] for a in report["angles"] if joint in a["angle"]] for joint in ANGLES}
    within = report["within_sigma"]
    found = [report["mpjpe_mm"], report["p_mpjpe_mm"], *(mean(errors) for errors in angles.values())]
    return [*found, report["velocity_error_mm_per_s"], float("nan") if within is None else 100 * within]


def cell(rows, more):
    """The means of rows of figures, as a cell of the table."""
    error, aligned, *angles, velocity, within = map(mean, zip(*rows))
    text = f"{error:.1f}, {aligned:.1f}; " + ", ".join(f"{angle:.1f}" for angle in angles)
    return text + (f"; {velocity:.0f} mm/s, {within:.0f} %" if more else "")


def remembers(options, model):
    """Whether a model has a memory."""
    return json.loads(poselift(options, ["info", model, "--json"]))["card"].get("memory") is not None


def table(options, names, found):
    """Prints the table of the recordings `names`."""
    detectors = sorted({detector for name in names for detector in found[name][1]})
    print(f"\n{', '.join(names)}:\n\n| | " + " | ".join(f"`{d}`" for d in detectors) + " |")
    print("|---|" + "---|" * len(detectors))
    for model in options.model:
        ways = WAYS | (AHEAD if remembers(options, model) else {})
        for label, way in ways.items():
            cells = []
            for detector in detectors:
                having = [found[name] for name in names if detector in found[name][1]]
                rows = [compare(options, model, way, points[detector], truth) for truth, points in having]
                cells.append(cell(rows, options.more))
            print(f"| `{Path(model).stem}` {label} | " + " | ".join(cells) + " |", flush=True)
    for rival, known in RIVALS.items():
        if all(name in known for name in names):
            both = ", ".join(f"{mean(column):.1f}" for column in zip(*(known[name] for name in names)))
            print(f"| {rival} | {both} |" + " |" * (len(detectors) - 1))


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--poselift", type=Path, default=ROOT / "target/release/poselift", help="the program")
    parser.add_argument("--model", action="append", help="a model; several may be given [coco17-int8, coco17-memory]")
    parser.add_argument("--each", action="store_true", help="a table for each recording, too")
    parser.add_argument("--more", action="store_true", help="velocity error and share within sigma, too")
    options = parser.parse_args(arguments)
    options.model = options.model or ["coco17-int8", "coco17-memory"]
    if not options.poselift.is_file():
        raise Complaint(f"{options.poselift}: no such program", "`make build` makes it; --poselift names another")
    found = recordings(options.folder)
    for names in ([[name] for name in found] if options.each else []) + [list(found)]:
        table(options, names, found)


if __name__ == "__main__":
    try:
        main()
    except Complaint as complaint:
        sys.exit(complaint.text())
