"""What is installed: for each library its pinned wheels, its folder in the cache, and how the folder is put together.

    onnxruntime-1.31.1-cpu/   libonnxruntime.so
    onnxruntime-1.31.1-cuda/  the same with its CUDA provider            -> cuda-13.0/
    libtorch-2.11.0-cpu/      lib/, include/
    libtorch-2.11.0-cuda/     lib/, include/                             -> cuda-13.0/, cuda-13.0-torch/
    cuda-13.0/, cuda-13.0-torch/   lib/: NVIDIA's libraries, shared by the two above through relative paths
    python-test-cp3NN/        bin/python: this Python with onnx, onnxruntime, NumPy and what reads our exports for trainers
    python-judges-cp3NN/      bin/python: this Python with what reads our exports and streams; gltf-validator/ where npm is there
    python-serve-cp3NN/       bin/python: this Python with clients of `poselift serve`
    python-wheel-cp3NN/       bin/python: this Python with what builds the Python wheel and tests it, detectors among it
"""

import os
import sys
from typing import Callable, NamedTuple, Tuple

import link
import npm
import wheels
from complaint import Complaint

# Bump a library's `layout` when the way it is put together changes: old installations are then replaced.


class Library(NamedTuple):
    """One folder of the cache and how it comes about."""

    name: str
    folder: str
    pins: str
    # Size of the download, for the progress line.
    megabytes: int
    # Files that must be there at the end, relative to the folder.
    holds: Tuple[str, ...]
    # (wheels, folder): fills the folder.
    assemble: Callable
    # (folder, cache): raises Complaint when the library cannot be used.
    check: Callable = lambda folder, cache: None
    # (pins, staging): the wheels' paths.
    download: Callable = wheels.download
    # What users of the library are handed, relative to the folder.
    entry: str = ""
    # The variable that names a user's own copy.
    override: str = "LIBTORCH"
    # Processors that its wheels are pinned for.
    machines: Tuple[str, ...] = ("x86_64",)
    layout: int = 1


def chosen(what, device):
    """Names of the libraries that make up `what` on `device`: dependencies first, the one users ask for last."""
    if what.startswith("python-"):
        return [what]
    if device == "cpu":
        return [f"{what}-cpu"]
    return {"onnxruntime": ["cuda", "onnxruntime-cuda"], "libtorch": ["cuda", "cuda-torch", "libtorch-cuda"]}[what]


def onnxruntime_member(path):
    """libonnxruntime.so.X.Y.Z under its plain name, and the CUDA provider's libraries."""
    name = os.path.basename(path)
    if not path.startswith("onnxruntime/capi/"):
        return None
    if name.startswith("libonnxruntime.so"):
        return "libonnxruntime.so"
    if name == "libonnxruntime_providers_cuda.so":
        return link.REAL_PROVIDER
    return name if name == "libonnxruntime_providers_shared.so" else None


def assemble_onnxruntime_cpu(files, folder):
    """One shared library, no dependencies."""
    wheels.unpack(files, folder, onnxruntime_member)


def assemble_onnxruntime_cuda(files, folder):
    """The runtime, its CUDA provider, and what leads the provider to NVIDIA's libraries."""
    wheels.unpack(files, folder, onnxruntime_member)
    link.provider_with_path(folder, "$ORIGIN/../cuda-13.0/lib")


def libtorch_cpu_member(path):
    """Headers and the three libraries that work without CUDA; of NVIDIA's wheels the two libraries they name."""
    name = os.path.basename(path)
    if path.startswith("torch/include/"):
        return path[len("torch/") :]
    if path.startswith("torch/lib/"):
        return f"lib/{name}" if name in ("libc10.so", "libtorch_cpu.so", "libgomp.so.1") else None
    return f"lib/{name}" if name in ("libcudart.so.13", "libcupti.so.13") else None


def assemble_libtorch_cpu(files, folder):
    """The CPU half of the CUDA wheel; its libtorch.so asks for CUDA's half, so an empty one takes its place."""
    wheels.unpack(files, folder, libtorch_cpu_member)
    link.empty_libtorch(folder / "lib")


def libtorch_cuda_member(path):
    """Headers and all libraries but the one for Python."""
    if path.startswith("torch/include/"):
        return path[len("torch/") :]
    if path.startswith("torch/lib/") and "python" not in path:
        return path[len("torch/") :]
    return None


def assemble_libtorch_cuda(files, folder):
    """torch's libraries look for NVIDIA's beside themselves: links in lib/ lead to the shared copies."""
    wheels.unpack(files, folder, libtorch_cuda_member)
    for shared in ("cuda-13.0", "cuda-13.0-torch"):
        # `folder` is CACHE/.NAME.partial-X/install and will be CACHE/NAME: a neighbour that relative links find at once.
        neighbour = folder.parent / shared
        neighbour.symlink_to(folder.parent.parent / shared)
        for library in sorted((neighbour / "lib").iterdir()):
            (folder / "lib" / library.name).symlink_to(f"../../{shared}/lib/{library.name}")


def assemble_cuda(files, folder):
    """All of NVIDIA's libraries in one flat folder, where they find each other."""
    wheels.unpack(files, folder, lambda path: f"lib/{os.path.basename(path)}" if ".so" in path else None)


def assemble_python(_wheels, folder):
    """A `python` that sees the packages; a script, as a virtual environment cannot be moved into place."""
    launcher = folder / "bin" / "python"
    launcher.parent.mkdir()
    launcher.write_text(
        "#!/bin/sh\n# Python with the packages that setup/fetch.py installed beside it.\n"
        f'PYTHONPATH="$(dirname "$0")/../site" exec "{sys.executable}" "$@"\n',
        encoding="utf-8",
    )
    launcher.chmod(0o755)


def install_python_packages(pins, staging):
    """Packages go straight into the folder to be: nothing is left to unpack."""
    if sys.version_info < (3, 11):
        raise Complaint(
            f"found Python {sys.version.split()[0]}, expected 3.11 or newer: onnxruntime 1.31 needs it",
            "make test PYTHON=python3.12",
        )
    wheels.install_packages(pins, staging, staging / "install" / "site")
    return []


def install_judges(pins, staging):
    """The packages, and Khronos's validator of glTF from npm, which has no wheel."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise Complaint(
            f"found Python {sys.version.split()[0]}, expected 3.11 to 3.13: opensim 4.6 has wheels for these",
            "make test PYTHON=python3.12",
        )
    wheels.install_packages(pins, staging, staging / "install" / "site")
    npm.unpack_package(GLTF_VALIDATOR, staging, staging / "install" / "gltf-validator")
    return []


def check_judges(folder, _cache):
    """The packages import."""
    # opensim writes a log into the folder that it is imported in.
    script = "import os, tempfile\nwith tempfile.TemporaryDirectory() as folder:\n    os.chdir(folder)\n"
    script += "    import bvhio, c3d, ezc3d, opensim, pandas, pygltflib, pythonosc, websockets\n    os.chdir('/')"
    run_check([str(folder / "bin" / "python"), "-c", script], "the Python packages that read exports")


def check_serve(folder, _cache):
    """The packages import."""
    script = "import grpc_health.v1, grpc_reflection.v1alpha, opentelemetry.proto, tritonclient.grpc.aio, tritonclient.http.aio, websockets"
    run_check([str(folder / "bin" / "python"), "-c", script], "the Python packages that talk to the server")


def check_wheel_tools(folder, _cache):
    """Maturin and zig run, and a detector's package can be read; the others need NumPy, which python-test has."""
    run_check([str(folder / "site" / "bin" / "maturin"), "--version"], "maturin")
    script = "import mypy.main, pyright, pytest, subprocess, sys\n"
    script += "sys.exit(subprocess.run([sys.executable, '-m', 'ziglang', 'version']).returncode)"
    run_check([str(folder / "bin" / "python"), "-c", script], "zig, or a Python package that tests the wheel,")


def check_python(folder, _cache):
    """The packages import."""
    script = "import huggingface_hub, numpy, onnx, onnxruntime, onnxsim, onnxslim, safetensors, tritonclient.grpc"
    run_check([str(folder / "bin" / "python"), "-c", script], "the Python packages")


def opens(name):
    """A check: the dynamic linker can open `name` with all that it needs."""

    def check(folder, _cache):
        script = "import ctypes, sys; ctypes.CDLL(sys.argv[1])"
        run_check([sys.executable, "-c", script, str(folder / name)], name)

    return check


def run_check(command, what):
    """Runs a program that must succeed."""
    import subprocess

    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Complaint(f"{what} was put together, but does not load:\n{done.stdout.strip()[-1500:]}")


GLTF_VALIDATOR = npm.Package(
    name="gltf-validator",
    version="2.0.0-dev.3.10",
    integrity="sha512-odJ4k0tRkGXiDGn78yDBg+fBbAIvBnXxh3RwAta0emSxGtyagFE8B4xELB1oYe3S5RD8Ci3uZAsZaascH2LAEQ==",
)
LIBTORCH_FILES = ("lib/libc10.so", "lib/libtorch_cpu.so", "lib/libtorch.so", "lib/libgomp.so.1", "include/torch")


def python_environment(name, megabytes, install, check, override):
    """Packages for the Python that runs this script, pinned in NAME.txt."""
    return Library(
        name=name,
        folder=f"{name}-cp3{sys.version_info.minor}",
        pins=f"{name}.txt",
        megabytes=megabytes,
        holds=("bin/python",),
        download=install,
        assemble=assemble_python,
        check=check,
        entry="bin/python",
        override=override,
    )


LIBRARIES = {
    library.name: library
    for library in (
        Library(
            name="onnxruntime-cpu",
            folder="onnxruntime-1.31.1-cpu",
            pins="wheels-onnxruntime-cpu.txt",
            megabytes=24,
            holds=("libonnxruntime.so",),
            assemble=assemble_onnxruntime_cpu,
            check=opens("libonnxruntime.so"),
            entry="libonnxruntime.so",
            override="ORT_DYLIB_PATH",
            machines=("x86_64", "aarch64"),
        ),
        Library(
            name="onnxruntime-cuda",
            folder="onnxruntime-1.31.1-cuda",
            pins="wheels-onnxruntime-cuda.txt",
            megabytes=256,
            holds=("libonnxruntime.so", "libonnxruntime_providers_shared.so", link.REAL_PROVIDER, link.PROVIDER),
            assemble=assemble_onnxruntime_cuda,
            check=opens("libonnxruntime.so"),
            entry="libonnxruntime.so",
            override="ORT_DYLIB_PATH",
        ),
        Library(
            name="libtorch-cpu",
            folder="libtorch-2.11.0-cpu",
            pins="wheels-libtorch-cpu.txt",
            megabytes=544,
            holds=(*LIBTORCH_FILES, "lib/libcudart.so.13", "lib/libcupti.so.13"),
            assemble=assemble_libtorch_cpu,
            check=opens("lib/libtorch.so"),
        ),
        Library(
            name="libtorch-cuda",
            folder="libtorch-2.11.0-cuda",
            pins="wheels-libtorch-cuda.txt",
            megabytes=531,
            holds=(*LIBTORCH_FILES, "lib/libtorch_cuda.so", "lib/libcudnn.so.9"),
            assemble=assemble_libtorch_cuda,
            check=opens("lib/libtorch.so"),
        ),
        Library(
            name="cuda",
            folder="cuda-13.0",
            pins="wheels-cuda.txt",
            megabytes=1300,
            holds=("lib/libcublas.so.13", "lib/libcudart.so.13", "lib/libcudnn.so.9", "lib/libcurand.so.10"),
            assemble=assemble_cuda,
            override="ORT_DYLIB_PATH",
        ),
        Library(
            name="cuda-torch",
            folder="cuda-13.0-torch",
            pins="wheels-cuda-torch.txt",
            megabytes=1000,
            holds=("lib/libnccl.so.2", "lib/libcusparse.so.12", "lib/libcupti.so.13"),
            assemble=assemble_cuda,
        ),
        python_environment("python-test", 85, install_python_packages, check_python, "POSELIFT_TEST_PYTHON"),
        python_environment("python-wheel", 330, install_python_packages, check_wheel_tools, "POSELIFT_WHEEL_PYTHON"),
        python_environment("python-serve", 30, install_python_packages, check_serve, "POSELIFT_SERVE_PYTHON"),
        python_environment("python-judges", 165, install_judges, check_judges, "POSELIFT_JUDGES_PYTHON"),
    )
}
