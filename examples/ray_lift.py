#!/usr/bin/env python3
"""Lifts a folder of clips, or a Parquet data set, on all machines of a Ray cluster.

    pip install "ray[data]" poselift
    python examples/ray_lift.py clips/ poses/ --to npz                 # each clip becomes a file of the same name
    python examples/ray_lift.py clips/ poses/ --address ray://head:10001 --workers 64
    python examples/ray_lift.py people.parquet/ poses.parquet/ --to parquet    # each row becomes a row

Clips are files, or folders of a detector with a file a frame, in any format that `poselift run` reads. A row of a data set is a person:
`keypoints`, a list of joints of x, y and score each, and `width` and `height` of the image unless --size says them. It becomes the same
row with `joints` and `sigma`.

A worker is a process with a lifter of its own, on one core. Where one dies, Ray starts another, which does again what it was
doing. A clip's poses are written beside their place and renamed when they are whole, so there is one file for each clip whatever
happens, and a second run lifts only those that are missing. A data set is written by Ray, file by file, into a folder that must not be
there.
"""

import argparse
import glob
import os
import shutil
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray
from pyarrow import compute
from pyarrow.dataset import dataset


def main():
    options = arguments()
    # Without an address: the cluster that this machine belongs to, else a new one of this machine alone.
    ray.init(address=options.address, log_to_driver=options.verbose)
    start = time.perf_counter()
    if options.to == "parquet":
        people = lift_rows(options)
        print(f"{people} people in {time.perf_counter() - start:.1f} s")
        return 0
    results = lift_folder(options)
    failed = [result for result in results if result["error"]]
    for result in failed:
        print(f"{result['clip']}: {result['error']}", file=sys.stderr)
    frames, people = (sum(int(result[name]) for result in results) for name in ("frames", "people"))
    seconds = time.perf_counter() - start
    print(f"{len(results) - len(failed)} of {len(results)} clips, {frames} frames, {people} people in {seconds:.1f} s")
    return 1 if failed else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("input", type=Path, help="a folder of clips, or a Parquet file, or a folder of such")
    parser.add_argument("output", type=Path, help="a folder, which all machines see")
    parser.add_argument("--to", default="npz", help="the clips' format: jsonl, npz, trc, bvh …, or parquet for rows of a data set [npz]")
    parser.add_argument("--model", help="a model file, which all machines see, or a name as coco17-memory [coco17]")
    parser.add_argument("--size", type=size, help="image size of what does not say: 1920x1080")
    parser.add_argument("--fps", type=float, help="frames a second of what does not say")
    parser.add_argument("--workers", type=int, help="how many workers [one for each core of the cluster]")
    parser.add_argument("--block", type=int, default=64, help="MB of rows that are lifted again where a worker dies [64]")
    parser.add_argument("--address", help="the cluster's address")
    parser.add_argument("--verbose", action="store_true", help="show what workers say")
    options = parser.parse_args()
    # Workers have working folders of their own.
    options.input, options.output = options.input.absolute(), options.output.absolute()
    if options.model and Path(options.model).exists():
        options.model = str(Path(options.model).absolute())
    return options


def size(text):
    width, height = text.lower().split("x")
    return int(width), int(height)


def workers(options):
    """How many workers, of a core each."""
    return options.workers or max(1, int(ray.cluster_resources().get("CPU", 1)))


def open_lifter(options):
    """A worker's lifter; of one thread, since there is a worker for each core."""
    import poselift

    return poselift.Lifter(options.model, threads=1) if options.model else poselift.Lifter(threads=1)


class LiftClips:
    """Reads, lifts and writes clips."""

    def __init__(self, options):
        self.options = options
        self.lifter = open_lifter(options)

    def __call__(self, batch):
        done = [self.lift(Path(path)) for path in batch["clip"]]
        return {name: np.array([one[name] for one in done]) for name in ("clip", "frames", "people", "error")}

    def lift(self, path):
        """What came of the clip at `path`."""
        import poselift

        result = {"clip": str(path), "frames": 0, "people": 0, "error": ""}
        target = target_of(path, self.options)
        # Of this process alone: one that died leaves its own behind. A folder, since some formats have a file for each person.
        partial = target.with_name(f".{target.stem}.{os.getpid()}.partial")
        try:
            partial.mkdir()
            with warnings.catch_warnings():
                # What was assumed is in the clip's notes.
                warnings.simplefilter("ignore")
                clip = poselift.read(path, size=self.options.size, fps=self.options.fps)
                poses = self.lifter.lift(clip)
                poselift.write(poses, partial / target.name, format=self.options.to)
            for file in partial.iterdir():
                os.replace(file, target.with_name(file.name))
        except (poselift.PoseliftError, OSError) as error:
            return {**result, "error": str(error)}
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        people = np.isfinite(poses.joints[..., 0, 0]).sum()
        return {**result, "frames": len(poses.joints), "people": int(people)}


class LiftRows:
    """Lifts the rows of a table."""

    def __init__(self, options):
        self.size = options.size
        self.lifter = open_lifter(options)

    def __call__(self, table):
        if len(table) == 0:
            return table
        keypoints = keypoints_of(table)
        sizes = self.sizes(table)
        poses = [self.lifter.lift(keypoints[rows], size=size) for size, rows in sizes]
        # Each size's people were lifted together; here they are in the table's order again.
        order = np.argsort(np.concatenate([rows for _, rows in sizes]))
        table = table.append_column("joints", lists(np.concatenate([one.joints for one in poses])[order]))
        if poses[0].sigma is None:
            return table
        return table.append_column("sigma", lists(np.concatenate([one.sigma for one in poses])[order]))

    def sizes(self, table):
        """The sizes of images in a table, and the rows of each."""
        if self.size:
            return [(self.size, np.arange(len(table)))]
        if not {"width", "height"} <= set(table.column_names):
            raise ValueError("expected the columns width and height, or --size")
        each = np.stack([table.column(name).to_numpy() for name in ("width", "height")], axis=1).astype(int)
        found, which = np.unique(each, axis=0, return_inverse=True)
        return [(tuple(map(int, size)), np.flatnonzero(which.ravel() == at)) for at, size in enumerate(found)]


def keypoints_of(table):
    """The key points [N, J, 3] in a table."""
    points = table.column("keypoints").combine_chunks()
    shape = [len(points)]
    for name in ("joints", "numbers of each joint"):
        lengths = compute.unique(compute.list_value_length(points)).to_pylist()
        if len(lengths) != 1 or not lengths[0]:
            raise ValueError(f"column keypoints: found {lengths} {name}, expected as many in every row")
        shape.append(lengths[0])
        points = points.flatten()
    return points.to_numpy(zero_copy_only=False).astype(np.float32).reshape(shape)


def lists(values):
    """A column of lists, of an array of rows."""
    column = pa.array(values.ravel())
    for length in reversed(values.shape[1:]):
        column = pa.FixedSizeListArray.from_arrays(column, length)
    return column


def lift_rows(options):
    """Lifts a data set; gives the number of its rows."""
    if options.output.exists():
        raise SystemExit(f"{options.output} is there already")
    ray.data.DataContext.get_current().target_max_block_size = options.block << 20
    data = ray.data.read_parquet(str(options.input))
    pool = ray.data.ActorPoolStrategy(size=workers(options))
    lifted = data.map_batches(
        LiftRows,
        fn_constructor_args=(options,),
        batch_size=4096,
        batch_format="pyarrow",
        compute=pool,
        # Tasks that read and write need whole cores: were all taken, none would ever start.
        num_cpus=0.5 if ray.cluster_resources().get("CPU", 1) > 1 else 0,
    )
    lifted.write_parquet(str(options.output))
    return dataset(options.input).count_rows()


def target_of(clip, options):
    """Where the poses of `clip` go."""
    return options.output / f"{clip.stem if clip.is_file() else clip.name}.{options.to}"


def is_done(target):
    """Whether there are poses at `target`, or of a person of it."""
    of_a_person = f"{glob.escape(target.stem)}_person*{target.suffix}"
    return target.exists() or any(target.parent.glob(of_a_person))


def lift_folder(options):
    """What came of each clip that has no poses yet."""
    options.output.mkdir(parents=True, exist_ok=True)
    for leftover in options.output.glob(".*.partial"):
        shutil.rmtree(leftover)
    clips = sorted(path for path in options.input.iterdir() if not path.name.startswith("."))
    targets = [target_of(clip, options) for clip in clips]
    if len(set(targets)) < len(targets):
        raise SystemExit(f"{options.input}: several clips of one name, whose poses would be one file")
    missing = [{"clip": str(clip)} for clip, target in zip(clips, targets) if not is_done(target)]
    if not missing:
        return []
    # A block is what is done again when its worker dies: small ones, so that little is.
    data = ray.data.from_items(missing, override_num_blocks=min(len(missing), 1000))
    pool = ray.data.ActorPoolStrategy(size=min(workers(options), len(missing)))
    return data.map_batches(LiftClips, fn_constructor_args=(options,), batch_size=8, compute=pool).take_all()


if __name__ == "__main__":
    sys.exit(main())
