"""Finds the ONNX Runtime that an extra of this package installed, without importing it."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from . import _native

_is_told = False
_telling = threading.Lock()


def tell_host() -> None:
    """Tells the native half, once, which file it is in and where ONNX Runtime is; it knows so when any caller goes on."""
    global _is_told
    with _telling:
        if _is_told:
            return
        # Its builds for Linux gather telemetry as soon as they are loaded.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        _native.set_host(str(_native.__file__), [str(path) for path in runtimes()])
        _is_told = True


def runtimes() -> list[Path]:
    """Libraries of ONNX Runtime in installed packages (`onnxruntime`, `onnxruntime-gpu`, `onnxruntime-openvino`)."""
    patterns = ("libonnxruntime.so.*", "libonnxruntime.*.dylib", "onnxruntime.dll")
    return [path for folder in _folders() for pattern in patterns for path in sorted(folder.glob(pattern))]


def load_cuda() -> None:
    """Loads NVIDIA's libraries that pip installed, which the CUDA provider of ONNX Runtime needs and does not look for.

    Where there are none, or where they do not load, nothing happens: the provider's own error is the one to show.
    """
    libraries = cuda_libraries()
    if not libraries:
        return
    import ctypes

    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:  # without a driver a gigabyte would be loaded in vain
        return
    for library in libraries:
        try:
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        except OSError:
            continue


# In the order in which they need each other.
_CUDA = ("cudart", "nvJitLink", "nvrtc", "cublasLt", "cublas", "cufft", "curand", "cusparse", "cudnn")


def cuda_libraries() -> list[Path]:
    """NVIDIA's libraries in installed packages, in an order in which they can be loaded; none without ONNX Runtime for CUDA."""
    if not any((folder / "libonnxruntime_providers_cuda.so").is_file() for folder in _folders()):
        return []
    folders = [path for entry in sys.path for path in Path(entry or ".", "nvidia").glob("*/lib")]
    return [path for name in _CUDA for folder in folders for path in sorted(folder.glob(f"lib{name}.so.*"))]


def _folders() -> list[Path]:
    """Where packages of ONNX Runtime have their libraries."""
    folders = (Path(entry or ".", "onnxruntime", "capi") for entry in sys.path)
    return [folder.absolute() for folder in folders if folder.is_dir()]
