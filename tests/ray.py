#!/usr/bin/env python3
"""Runs examples/ray_lift.py with the real Ray on two workers, kills one in the middle, and compares what comes out; then
examples/ray_serve.py, and asks it.

    make ray-test RAY_PYTHON=a Python with ray[data,serve] and poselift
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import poselift
import pyarrow as pa
import pyarrow.parquet as parquet

ROOT = Path(__file__).resolve().parent.parent
CLIP = ROOT / "demos/sports2d/sports2d_demo.mediapipe33.jsonl"
CLIPS = 300
FILES, ROWS = 20, 5000


def main():
    with tempfile.TemporaryDirectory() as folder:
        for part in sys.argv[1:] or ["clips", "rows", "endpoint"]:
            globals()[part](Path(folder))
    print("ok")


@contextmanager
def run(*arguments):
    """The example, which ends with the block, and its cluster with it."""
    command = [sys.executable, str(ROOT / "examples/ray_lift.py"), *map(str, arguments), "--workers", "2"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def clips(folder):
    """Each clip has one whole file of poses, although a worker was killed, and a second run has nothing to do."""
    source, output = folder / "clips", folder / "poses"
    source.mkdir()
    lines = CLIP.read_text(encoding="utf-8").splitlines()
    for number in range(CLIPS):
        # Each another part of the clip, so that no two are the same.
        part = lines[number % 100 : number % 100 + 60 + number // 100]
        (source / f"clip{number:03}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
    with run(source, output) as process:
        killed = kill_a_worker(process, "LiftClips", lambda: len(list(output.glob("clip*.npz"))), CLIPS)
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
    with run(source, output) as again:
        said, _ = again.communicate(timeout=300)
    assert again.returncode == 0 and "0 of 0 clips" in said, said


def kill_a_worker(process, name, count, of):
    """Kills one of the two workers called `name` once some of `of` pieces are done and most are not; gives its number."""
    until = time.monotonic() + 400
    while time.monotonic() < until:
        done = count()
        if done >= of // 15:
            assert done < of * 3 // 4, f"{done} of {of} were done before a worker could be killed"
            working = workers_of(process.pid, name)
            assert len(working) == 2, working
            os.kill(working[0], signal.SIGKILL)
            return working[0]
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.005)
    raise AssertionError("nothing is lifted")


def rows(folder):
    """Each row of a data set has one row of poses although a worker was killed, whatever the size of its image."""
    source, output = folder / "people.parquet", folder / "poses.parquet"
    source.mkdir()
    share = np.random.default_rng(3).random
    sizes = [(1920, 1080), (640, 480)]
    for file in range(FILES):
        people = share((ROWS, 17, 3)) * [400, 400, 0.5] + [100, 50, 0.5]
        which = np.arange(ROWS) % 2
        table = {
            "id": np.arange(file * ROWS, (file + 1) * ROWS),
            "width": np.array(sizes)[which, 0],
            "height": np.array(sizes)[which, 1],
            "keypoints": pa.array(people.astype(np.float32).tolist(), pa.list_(pa.list_(pa.float32()))),
        }
        parquet.write_table(pa.table(table), source / f"{file:02}.parquet")
    with run(source, output, "--to", "parquet", "--block", 1) as process:
        killed = kill_a_worker(process, "LiftRows", lambda: len(list(output.glob("*.parquet"))), FILES)
        said, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and f"{FILES * ROWS} people" in said, said
    summary = next(line for line in said.splitlines() if f"{FILES * ROWS} people" in line)
    print(f"worker {killed} was killed; {summary}", flush=True)
    found = parquet.read_table(output).sort_by("id")
    asked = parquet.read_table(source).sort_by("id")
    assert found.select(asked.column_names).equals(asked), "rows are missing, or there twice, or changed"
    lifter = poselift.Lifter(threads=1)
    take = np.linspace(0, FILES * ROWS - 1, 200).astype(int)
    for row in found.take(take).to_pylist():
        expected = lifter.lift(np.array([row["keypoints"]], np.float32), size=(row["width"], row["height"]))
        np.testing.assert_array_equal(np.array(row["joints"], np.float32), expected.joints[0])
        np.testing.assert_array_equal(np.array(row["sigma"], np.float32), expected.sigma[0])


def endpoint(_):
    """examples/ray_serve.py gives what the library gives, also when many ask at once, and says what it cannot read."""
    # Below the ports that Ray takes for itself.
    port = random.randrange(20_000, 32_000)
    command = [sys.executable, str(ROOT / "examples/ray_serve.py"), "--workers", "2", "--port", str(port)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)
        try:
            ask_endpoint(port, process)
        except BaseException:
            said.seek(0)
            print(said.read(), file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait(timeout=60)


def ask_endpoint(port, process):
    def ask(body):
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    share = np.random.default_rng(5).random
    lifter = poselift.Lifter(threads=1)

    def check(number):
        size = [(1920, 1080), (640, 480)][number % 2]
        people = (share((1 + number % 3, 17, 3)) * [400, 400, 0.5] + [100, 50, 0.5]).astype(np.float32)
        answer = ask({"size": size, "keypoints": people.tolist()})
        return people, size, answer

    until = time.monotonic() + 400
    while True:
        try:
            ask({"size": [640, 480], "keypoints": [[[1.0, 2.0, 0.5]] * 17]})
            break
        except OSError:
            assert time.monotonic() < until and process.poll() is None, "it does not answer"
            time.sleep(0.5)
    with ThreadPoolExecutor(16) as clients:
        answers = list(clients.map(check, range(200)))
    for people, size, answer in answers:
        expected = lifter.lift(people, size=size)
        np.testing.assert_array_equal(np.array(answer["joints"], np.float32), expected.joints)
        np.testing.assert_array_equal(np.array(answer["sigma"], np.float32), expected.sigma)
    for body in ({"keypoints": []}, {"size": [640, 480], "keypoints": [[[1, 2, 3]] * 16]}, {"size": [640, 480], "keypoints": "x"}):
        try:
            raise AssertionError(ask(body))
        except urllib.error.HTTPError as error:
            assert error.code == 400 and "expected size and keypoints" in error.read().decode(), body
    print("examples/ray_serve.py: 200 requests of 16 clients were answered as by the library", flush=True)


def workers_of(driver, name):
    """Processes called `name`, of the cluster that `driver` started."""
    parents, named = {}, []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parents[int(folder.name)] = int(folder.joinpath("stat").read_text().rsplit(")", 1)[1].split()[1])
                command = folder.joinpath("cmdline").read_bytes()
            except OSError:
                continue
            if command.startswith(b"ray::") and name.encode() in command:
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
