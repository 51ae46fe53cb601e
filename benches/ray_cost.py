#!/usr/bin/env python3
"""What examples/ray_lift.py costs for a million frames of one person: seconds of a core, of all processes of the cluster, and bytes.

    python3 benches/ray_cost.py [--frames 400000] [--json FILE]

Needs ray[data] and poselift. Each kind of input is lifted twice, a little of it and all, by two workers; the difference is the cost of what
is more, without that of the start. CPU time depends less than time on what else the machine does.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

EXAMPLE = Path(__file__).resolve().parent.parent / "examples/ray_lift.py"
PIECE = 2000  # Frames of a clip, or of a file of rows.
LITTLE = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=400_000)
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, write, more in (("Parquet, rows", write_rows, ["--to", "parquet"]), ("JSON Lines, clips to npz", write_clips, [])):
            results[name] = cost(Path(folder, name.split()[0]), write, more, options.frames // PIECE)
    print("| input | core seconds for a million frames | start, core seconds | MB read for a million | MB written |")
    print("|---|---|---|---|---|")
    for name, one in results.items():
        print(f"| {name} | {one['core_seconds']:.0f} | {one['start']:.0f} | {one['read']:.0f} | {one['written']:.0f} |")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


def cost(folder, write, more, pieces):
    spent = []
    for name, count in (("little", LITTLE), ("all", pieces)):
        source, output = folder / name, folder / f"{name}-poses"
        source.mkdir(parents=True)
        write(source, count)
        seconds = core_seconds([sys.executable, EXAMPLE, source, output, "--workers", "2", *more])
        spent.append({"seconds": seconds, "read": size(source), "written": size(output)})
    millions = (pieces - LITTLE) * PIECE / 1e6
    little, all_of_it = spent
    slope = {key: (all_of_it[key] - little[key]) / millions for key in little}
    start = little["seconds"] - slope["seconds"] * LITTLE * PIECE / 1e6
    return {"core_seconds": slope["seconds"], "start": start, "read": slope["read"], "written": slope["written"]}


def write_rows(folder, count):
    for number in range(count):
        points = people(number)
        table = {
            "frame": np.arange(number * PIECE, (number + 1) * PIECE),
            "width": np.full(PIECE, 1920),
            "height": np.full(PIECE, 1080),
            "keypoints": pa.FixedSizeListArray.from_arrays(pa.FixedSizeListArray.from_arrays(pa.array(points.ravel()), 3), 17),
        }
        parquet.write_table(pa.table(table), folder / f"{number:05}.parquet")


def write_clips(folder, count):
    header = {"poselift": 1, "kind": "keypoints", "layout": "coco17", "size": [1920, 1080], "fps": 30}
    for number in range(count):
        lines = [json.dumps(header)]
        for frame, points in enumerate(people(number).round(2).tolist()):
            lines.append(json.dumps({"frame": frame, "people": [{"id": 0, "keypoints": [[round(x, 2) for x in point] for point in points]}]}))
        (folder / f"{number:05}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


def people(seed):
    share = np.random.default_rng(seed).random((PIECE, 17, 3))
    return (share * [400, 800, 0.5] + [600, 100, 0.5]).astype(np.float32)


def size(folder):
    """MB."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def core_seconds(command):
    """CPU time of a program and of all that it started, looked at until it ends."""
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    spent = {}
    os.set_blocking(process.stdout.fileno(), False)
    said = b""
    while process.poll() is None:
        for one in below(process.pid):
            try:
                fields = Path(f"/proc/{one}/stat").read_text().rsplit(")", 1)[1].split()
            except OSError:
                continue
            spent[one] = int(fields[11]) + int(fields[12])
        said += process.stdout.read() or b""
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit((said + (process.stdout.read() or b"")).decode(errors="replace"))
    return sum(spent.values()) / os.sysconf("SC_CLK_TCK")


def below(process):
    """The process, and all that it started."""
    children = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(folder.name))
    found = [process]
    for one in found:
        found.extend(children.get(one, []))
    return found


if __name__ == "__main__":
    main()
