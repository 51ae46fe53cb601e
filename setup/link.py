"""The two small libraries that no wheel holds; made on the spot with the C++ compiler."""

import os

from complaint import Complaint

PROVIDER = "libonnxruntime_providers_cuda.so"
REAL_PROVIDER = "libonnxruntime_providers_cuda_real.so"


def empty_libtorch(lib):
    """Makes lib/libtorch.so, which holds nothing and names the two libraries that hold everything."""
    shared_library(lib / "libtorch.so", [f"-L{lib}", "-ltorch_cpu", "-lc10", "-Wl,-rpath,$ORIGIN"])


def provider_with_path(folder, path):
    """Makes the CUDA provider that ONNX Runtime opens: it names the real one and says where NVIDIA's libraries are.

    The real provider carries no search path of its own. The old kind of path (DT_RPATH) is asked for because that one
    holds for everything a library brings in, what it opens later included.
    """
    real = str(folder / REAL_PROVIDER)
    options = ["-Wl,--disable-new-dtags", f"-Wl,-rpath,$ORIGIN:{path}", "-Wl,--allow-shlib-undefined"]
    shared_library(folder / PROVIDER, [f"-L{folder}", f"-l:{os.path.basename(real)}", *options])


def shared_library(path, options):
    """Links an empty shared library that needs the named ones."""
    import shutil
    import subprocess

    compiler = next(filter(None, map(shutil.which, (os.environ.get("CXX") or "g++", "c++", "clang++"))), None)
    if compiler is None:
        raise Complaint(f"no C++ compiler, which {path.name} is linked with", "apt install g++")
    command = [compiler, "-shared", "-fPIC", "-x", "c++", "/dev/null", "-x", "none", "-o", str(path), "-Wl,--no-as-needed"]
    done = subprocess.run(
        [*command, f"-Wl,-soname,{path.name}", *options], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode != 0:
        raise Complaint(f"{compiler} cannot link {path.name}:\n{done.stdout.strip()[-1500:]}")
