"""ONNX Runtime as pip installs it is found by itself."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from conftest import skip_or_fail

import poselift
from poselift import _runtime

SCRIPT = """
import poselift, sys
lifter = poselift.Lifter(device={device!r}, engine={engine!r})
keypoints = [[100.0 + 7 * joint, 80.0 + 11 * (joint % 5), 0.9] for joint in range(17)]
assert lifter.lift(keypoints, size=(640, 480)).joints.shape == (17, 3)
assert "onnxruntime" not in sys.modules
print(lifter.engine, lifter.unverified, lifter.fallback, sep=";")
"""


def run(tmp_path, engine="auto", device="cpu", folders=()):
    """What a lifter says in a process that has no other runtime than those in `folders`."""
    mine = str(Path(poselift.__file__).parents[1])
    numpy = str(Path(__import__("numpy").__file__).parents[1])
    kept = {name: value for name, value in os.environ.items() if name not in ("ORT_DYLIB_PATH", "PYTHONPATH")}
    bare = tmp_path / "numpy"
    if not bare.exists():
        bare.mkdir()
        for part in Path(numpy).glob("numpy*"):
            (bare / part.name).symlink_to(part)
        (bare / "poselift").symlink_to(Path(mine) / "poselift")
    path = os.pathsep.join([str(bare), *map(str, folders)])
    environment = {**kept, "PYTHONPATH": path, "POSELIFT_CACHE": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    script = SCRIPT.format(engine=engine, device=device)
    command = [sys.executable, "-S", "-c", script]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=tmp_path)


def installed():
    """The folder of packages that has onnxruntime."""
    for entry in sys.path:
        if entry and (Path(entry) / "onnxruntime" / "capi").is_dir():
            return Path(entry)
    return skip_or_fail("onnxruntime is not installed")


def test_no_thread_goes_on_before_the_host_is_known(monkeypatch):
    searching, may_find, told, went_on = threading.Event(), threading.Event(), [], []

    def search():
        searching.set()
        assert may_find.wait(60)
        return []

    monkeypatch.setattr(_runtime, "_is_told", False)
    monkeypatch.setattr(_runtime, "runtimes", search)
    monkeypatch.setattr(_runtime._native, "set_host", lambda *_: told.append(True))

    def tell():
        _runtime.tell_host()
        went_on.append(len(told))

    threads = [threading.Thread(target=tell) for _ in range(2)]
    threads[0].start()
    assert searching.wait(60)
    threads[1].start()
    threads[1].join(0.2)  # long enough to go on, where nothing holds it back
    may_find.set()
    for thread in threads:
        thread.join()
    assert went_on == [1, 1]


def test_without_a_runtime_own_kernels_lift_and_say_so(tmp_path):
    done = run(tmp_path)
    assert done.returncode == 0, done.stderr
    engine, unverified, _ = done.stdout.strip().split(";")
    assert engine.startswith("own kernels") and unverified == "ONNX Runtime is not installed"
    done = run(tmp_path, engine="onnxruntime")
    assert done.returncode == 1 and "DeviceError: ONNX Runtime is not installed; looked for" in done.stderr


def test_the_extras_runtime_is_found_and_kernels_are_compared_with_it_once(tmp_path):
    folder = installed()
    done = run(tmp_path, folders=[folder])
    assert done.returncode == 0, done.stderr
    engine, unverified, _ = done.stdout.strip().split(";")
    assert engine.startswith("own kernels") and unverified == "None"
    remembered = (tmp_path / "cache/verified").read_text()
    assert run(tmp_path, folders=[folder]).returncode == 0
    assert (tmp_path / "cache/verified").read_text() == remembered
    done = run(tmp_path, engine="onnxruntime", folders=[folder])
    assert done.stdout.startswith("ONNX Runtime"), done.stdout + done.stderr


def test_a_gpu_that_cannot_be_used_is_named(tmp_path):
    done = run(tmp_path, device="cuda", folders=[installed()])
    if done.returncode == 0:
        pytest.skip("there is a GPU")
    assert "DeviceError: cannot run on cuda:0" in done.stderr
    assert "hint: device=cpu" in done.stderr


def test_openvinos_runtime_is_found(tmp_path):
    folder = os.environ.get("POSELIFT_OPENVINO")
    if not folder:
        pytest.skip("onnxruntime-openvino takes the place of onnxruntime: POSELIFT_OPENVINO names a folder of packages with it")
    done = run(tmp_path, engine="openvino", folders=[folder])
    assert done.stdout.startswith("OpenVINO"), done.stdout + done.stderr


def test_nvidias_libraries_are_loaded_in_an_order_that_works(tmp_path, monkeypatch):
    capi, cublas, cudnn = tmp_path / "onnxruntime/capi", tmp_path / "nvidia/cu13/lib", tmp_path / "nvidia/cudnn/lib"
    for folder in (capi, cublas, cudnn):
        folder.mkdir(parents=True)
    names = ["libcublas.so.13", "libcublasLt.so.13", "libcudart.so.13", "libnvrtc.so.13"]
    for path in [*(cublas / name for name in names), cudnn / "libcudnn.so.9"]:
        path.write_bytes(b"")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert _runtime.cuda_libraries() == []
    (capi / "libonnxruntime_providers_cuda.so").write_bytes(b"")
    order = [path.name for path in _runtime.cuda_libraries()]
    assert order == ["libcudart.so.13", "libnvrtc.so.13", "libcublasLt.so.13", "libcublas.so.13", "libcudnn.so.9"]
    _runtime.load_cuda()  # files that are no libraries do no harm
