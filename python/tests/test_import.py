"""What an import loads, and what it does not."""

import re
import subprocess
import sys
import time
from pathlib import Path

import poselift


def run(script, **options):
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_import_loads_no_numpy_and_no_detector():
    script = "import sys, poselift; print(*(name for name in sys.modules if '.' not in name))"
    loaded = set(run(script).split())
    assert "poselift" in loaded
    assert not loaded & {"numpy", "torch", "ultralytics", "mediapipe", "pandas", "onnxruntime"}


def test_numpy_is_the_only_dependency():
    from importlib import metadata

    needed = [name for name in metadata.requires("poselift") if "extra ==" not in name]
    assert [name.split(">")[0] for name in needed] == ["numpy"]
    extras = metadata.metadata("poselift").get_all("Provides-Extra")
    assert set(extras) == {"onnxruntime", "gpu", "openvino"}


def test_the_first_pose_is_there_soon():
    """Loose: benches/python.py measures it."""
    start = time.perf_counter()
    joints = [[100.0 + 7 * joint, 80.0 + 11 * (joint % 5), 0.9] for joint in range(17)]
    shape = run(f"import poselift; print(poselift.Lifter(device='cpu').lift({joints}, size=(640, 480)).joints.shape)")
    assert shape == "(17, 3)\n"
    assert time.perf_counter() - start < 5


# What the package uses of NumPy, all of which 1.23 has; `from_dlpack` is the newest of it.
IN_NUMPY_1_23 = {
    "arange", "array", "asarray", "ascontiguousarray", "bool_", "concatenate", "dtype", "float32", "float64", "from_dlpack", "full",
    "int64", "int8", "isfinite", "isnan", "load", "ma", "nan", "ndarray", "ndim", "ones", "require", "shape", "typing", "where", "zeros",
}


def test_the_oldest_numpy_that_is_named_has_what_is_used():
    from importlib import metadata

    (named,) = (name for name in metadata.requires("poselift") if "extra ==" not in name)
    assert named == "numpy>=1.23"
    package = Path(poselift.__file__).parent
    used = {name for file in package.glob("*.py") for name in re.findall(r"\bnumpy\.(\w+)", file.read_text())}
    assert used <= IN_NUMPY_1_23, f"{used - IN_NUMPY_1_23}: note them, if NumPy 1.23 has them"
