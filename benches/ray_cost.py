#!/usr/bin/env python3
"""What examples/ray_lift.py costs for a million frames of one person: seconds of a core, and bytes.

    python3 benches/ray_cost.py [--frames 100000] [--json FILE] [--ray]

Needs ray[data] and poselift. A worker's own work is done in this process: rows are read, lifted and written, clips too. With --ray the cluster
does it, a little of it and all, by two workers, and all its processes count; the difference is the cost of what is more, without that of
the start. CPU time depends less than time on what else the machine does.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import processes
import pyarrow as pa
import pyarrow.parquet as parquet

EXAMPLE = Path(__file__).resolve().parent.parent / "examples/ray_lift.py"
sys.path.insert(0, str(EXAMPLE.parent))
import ray_lift  # noqa: E402  (an example is no package)

PIECE = 2000  # Frames of a clip, or of a file of rows.
LITTLE = 10


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--ray", action="store_true", help="let a cluster of this machine do it")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    kinds = (("Parquet, rows", write_rows, "parquet", lift_rows), ("JSON Lines, clips to npz", write_clips, "npz", lift_clips))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, write, to, lift in kinds:
            place, pieces = Path(folder, to), max(options.frames // PIECE, 1 + LITTLE)
            results[name] = cluster_cost(place, write, to, pieces) if options.ray else worker_cost(place, write, to, lift, pieces)
    print("| input | core seconds for a million frames | at the start | MB read for a million | MB written |")
    print("|---|---|---|---|---|")
    for name, one in results.items():
        print(f"| {name} | {one['core_seconds']:.0f} | {one['start']:.1f} | {one['read']:.0f} | {one['written']:.0f} |")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=1), encoding="utf-8")


def worker_cost(folder, write, to, lift, pieces):
    """The cost of a worker's own work."""
    source, output = folder / "people", folder / "poses"
    source.mkdir(parents=True)
    output.mkdir()
    write(source, pieces)
    options = SimpleNamespace(model=None, size=None, fps=None, to=to, output=output)
    before = time.process_time()
    worker = (ray_lift.LiftRows if to == "parquet" else ray_lift.LiftClips)(options)
    started = time.process_time()
    lift(worker, sorted(source.iterdir()), output)
    spent = time.process_time() - started
    millions = pieces * PIECE / 1e6
    slope = {"core_seconds": spent, "read": size(source), "written": size(output)}
    return {"start": started - before, **{key: value / millions for key, value in slope.items()}}


def lift_rows(worker, paths, output):
    for path in paths:
        parquet.write_table(worker(parquet.read_table(path)), output / path.name)


def lift_clips(worker, paths, _):
    errors = worker({"clip": list(map(str, paths))})["error"]
    if any(errors):
        raise SystemExit(next(filter(None, errors)))


def cluster_cost(folder, write, to, pieces):
    """The cost of the whole cluster."""
    spent = []
    for name, count in (("little", LITTLE), ("all", pieces)):
        source, output = folder / name, folder / f"{name}-poses"
        source.mkdir(parents=True)
        write(source, count)
        seconds = core_seconds([sys.executable, EXAMPLE, source, output, "--workers", "2", "--to", to])
        spent.append({"core_seconds": seconds, "read": size(source), "written": size(output)})
    millions = (pieces - LITTLE) * PIECE / 1e6
    little, all_of_it = spent
    slope = {key: (all_of_it[key] - little[key]) / millions for key in little}
    return {"start": little["core_seconds"] - slope["core_seconds"] * LITTLE * PIECE / 1e6, **slope}


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
        spent |= processes.cpu_seconds(process.pid)
        said += process.stdout.read() or b""
        time.sleep(0.1)
    if process.returncode:
        raise SystemExit((said + (process.stdout.read() or b"")).decode(errors="replace"))
    return sum(spent.values())


if __name__ == "__main__":
    main()
