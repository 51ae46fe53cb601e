"""Python beside the Rust library: poses/s, latency of one pose, import, first pose.

    python benches/python.py [TURNS]

The library is timed by `poselift bench`, in turns with Python; medians over turns are printed. Import and first pose are of fresh
processes, the file cache warm; NumPy, which a program with key points has, is imported before or with it. The marks: at least 0.9 of
the library's poses/s at batch 256, one pose at most 15 µs more, import under 60 ms, first pose under 80 ms.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy
import poselift
from poselift import _native

SECONDS = 0.3


def keypoints(batch):
    """[N, 17, 3] people all over an image, as `poselift bench` has them."""
    n, joint, channel = numpy.meshgrid(range(batch), range(17), range(3), indexing="ij")
    points = 100 + (n * 31 + joint * 17 + channel * 7) % 400
    return numpy.where(channel == 2, 1, points).astype("float32")


def in_python(lifter, points):
    """Seconds of each call of `Lifter.lift`."""
    calls = []
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or len(calls) < 10:
        start = time.perf_counter()
        lifter.lift(points)
        calls.append(time.perf_counter() - start)
    return calls


def in_rust():
    """`poselift bench`'s rows by batch size."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "bench.json"
        words = ["poselift", "bench", "--device", "cpu", "--milliseconds", str(int(SECONDS * 1000)), f"--json={report}"]
        script = f"import sys; from poselift import _native; sys.exit(_native.run_program({words!r}))"
        subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
        return {row["batch"]: row for row in json.loads(report.read_text())["results"]}


def fresh(script):
    """Milliseconds that a script says it took, in a fresh process."""
    return float(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)


IMPORT = "import time; start = time.perf_counter(); import poselift; print(1000 * (time.perf_counter() - start))"
FIRST = """
import time
{before}
start = time.perf_counter()
import poselift
points = [[[100.0 + 7 * joint, 80.0 + 11 * (joint % 5), 0.9] for joint in range(17)]]
poselift.Lifter(device="cpu").lift(points, size=(640, 480))
print(1000 * (time.perf_counter() - start))
"""


def main(turns):
    """Measures and prints."""
    lifter = poselift.Lifter(device="cpu")
    lifter.lift(keypoints(1), size=(640, 480))
    lifter._is_size_told = True
    ratios, extra, rates, ones, imports, firsts, bare = [], [], [], [], [], [], []
    for _ in range(turns):
        rust = in_rust()
        many, one = in_python(lifter, keypoints(256)), in_python(lifter, keypoints(1))
        rates.append(256 * len(many) / sum(many))
        ratios.append(rates[-1] / rust[256]["poses_per_second"])
        ones.append(1e6 * statistics.median(one))
        extra.append(ones[-1] - rust[1]["latency_us"]["p50"])
        imports.append(fresh(IMPORT))
        firsts.append(fresh(FIRST.format(before="import numpy")))
        bare.append(fresh(FIRST.format(before="")))
    for name, values, unit in (
        ("batch 256, of the library's poses/s", ratios, ""),
        ("batch 256", rates, "poses/s"),
        ("one pose", ones, "us"),
        ("one pose, more than the library", extra, "us"),
        ("import", imports, "ms"),
        ("import, open, first pose", firsts, "ms"),
        ("the same and NumPy's import", bare, "ms"),
    ):
        values.sort()
        print(f"{name:<38}{statistics.median(values):>12.2f} {unit:<8} {values[0]:.2f} to {values[-1]:.2f}")
    print(f"poselift {_native.__version__}, {lifter.engine}, {lifter.threads} threads, {turns} turns")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 7)
