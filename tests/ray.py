#!/usr/bin/env python3
"""Runs examples/ray_lift.py with the real Ray on two workers, kills one in the middle, and compares what comes out.

    make ray-test RAY_PYTHON=a Python with ray[data] and poselift
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import poselift

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "demos/sports2d/sports2d_demo.mediapipe33.jsonl"
CLIPS = 300


def main():
    with tempfile.TemporaryDirectory() as folder:
        clips(Path(folder))
    print("ok")


def run(*arguments):
    command = [sys.executable, str(ROOT / "examples/ray_lift.py"), *map(str, arguments), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def clips(folder):
    """Each clip has one whole file of poses, although a worker was killed, and a second run has nothing to do."""
    source, output = folder / "clips", folder / "poses"
    source.mkdir()
    lines = CLIP.read_text(encoding="utf-8").splitlines()
    for number in range(CLIPS):
        # Each another part of the clip, so that no two are the same.
        part = lines[number % 100 : number % 100 + 60 + number // 100]
        (source / f"clip{number:03}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    process = run(source, output)
    killed = kill_a_worker(process, output)
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert f"{CLIPS} of {CLIPS} clips" in said, said
    names = sorted(path.name for path in output.iterdir() if not path.name.startswith("."))
    assert names == [f"clip{number:03}.npz" for number in range(CLIPS)], names
    lifter = poselift.Lifter(threads=1)
    for number in range(CLIPS):
        expected = lifter.lift(poselift.read(source / f"clip{number:03}.jsonl"))
        found = poselift.read_poses(output / f"clip{number:03}.npz")
        np.testing.assert_array_equal(found.joints, expected.joints)
    summary = next(line for line in said.splitlines() if f"of {CLIPS} clips" in line)
    print(f"worker {killed} was killed; {summary}", flush=True)
    again = run(source, output)
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0 and "0 of 0 clips" in said, said


def kill_a_worker(process, output):
    """Kills one of the two workers once some clips are lifted and most are not; gives its number."""
    until = time.monotonic() + 240
    while time.monotonic() < until:
        done = len(list(output.glob("clip*.npz"))) if output.exists() else 0
        if done >= 20:
            assert done < CLIPS * 3 // 4, f"{done} clips were lifted before a worker could be killed"
            working = workers_of(process.pid)
            assert len(working) == 2, working
            os.kill(working[0], signal.SIGKILL)
            return working[0]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    raise AssertionError("nothing is lifted")


def workers_of(driver):
    """Processes that lift, of the cluster that `driver` started."""
    parents, named = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
                command = folder.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(b"ray::") and b"LiftClips" in command:
                named.append(int(folder.name))

    def is_below(process):
        while process > 1:
            if process == driver:
                return True
            process = parents.get(process, 0)
        return False

    return [process for process in named if is_below(process)]


if __name__ == "__main__":
    main()
