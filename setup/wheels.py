"""Wheels: downloads them with pip, at pinned hashes, and takes files out of them.

pip does the checking and the talking to the registry, so a user's own index, proxy or certificate (pip.conf, PIP_*)
work as always.
"""

import os
import re
import sys
from pathlib import Path

from complaint import Complaint

# pip compares platform names literally, so every name that a pinned wheel carries is listed.
MANYLINUX = (
    "manylinux_2_28",
    "manylinux_2_27",
    "manylinux_2_25",
    "manylinux_2_18",
    "manylinux2014",
    "manylinux2010",
    "manylinux1",
)


def for_any_python():
    """The native libraries do not care which Python loads them: one wheel, Python 3.11's, serves every user of a machine."""
    platforms = [f"--platform={name}_{machine()}" for name in MANYLINUX]
    return ["--python-version=3.11", "--implementation=cp", *platforms]


def machine():
    """This machine's processor as wheels name it."""
    import platform

    return "x86_64" if platform.machine() == "AMD64" else platform.machine()


def download(pins, staging):
    """Downloads the wheels that a requirements file pins into `staging`/wheels; returns their paths."""
    folder = staging / "wheels"
    folder.mkdir()
    pinned = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(pins)]
    run_pip(["download", "--no-cache-dir", "--dest", str(folder), *pinned, *for_any_python()], staging)
    return sorted(folder.glob("*.whl"))


def install_packages(pins, staging, target):
    """Installs pinned Python packages for this very Python into the folder `target`."""
    pinned = ["--require-hashes", "--no-deps", "--only-binary=:all:", "-r", str(pins)]
    run_pip(["install", "--no-cache-dir", "--no-warn-script-location", "--target", str(target), *pinned], staging)


def run_pip(arguments, staging):
    """Runs pip; its temporary files go under `staging`, onto the disk that the library will live on."""
    import subprocess

    scratch = staging / "tmp"
    scratch.mkdir(exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(scratch), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    command = [find_pip(staging), "-m", "pip", *arguments, *quiet]
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr, stderr=subprocess.PIPE, text=True)
    try:
        said = process.communicate()[1]
    except BaseException:  # stopped by the user: pip must not go on filling a folder that is being removed
        process.kill()
        process.wait()
        raise
    if process.returncode != 0:
        raise explain(said)


def find_pip(staging):
    """A Python that has pip: this one, else a private environment made with ensurepip."""
    import subprocess

    if has_pip(sys.executable):
        return sys.executable
    private = staging / "pip"
    subprocess.run([sys.executable, "-m", "venv", str(private)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    python = str(private / "bin" / "python")
    if not has_pip(python):
        raise Complaint(f"{sys.executable} has no pip, which downloads the libraries", "apt install python3-pip")
    return python


def has_pip(python):
    """True when `python -m pip` works."""
    import subprocess

    try:
        quiet = subprocess.DEVNULL
        return subprocess.run([python, "-m", "pip", "--version"], stdout=quiet, stderr=quiet).returncode == 0
    except OSError:
        return False


def explain(said):
    """Turns pip's last words into an error with something to do."""
    detail = said.strip()[-1500:] or "pip failed without a word"
    if "DO NOT MATCH THE HASHES" in said:
        found = re.search(r"Got\s+([0-9a-f]{64})", said)
        return Complaint(
            f"a downloaded wheel is not the pinned one (sha256 {found.group(1) if found else 'unknown'}):\n{detail}",
            "try again; if it stays so, the package index serves another file: do not use it",
        )
    if "No space left on device" in said:
        return Complaint(f"the disk is full:\n{detail}", "make room, or set POSELIFT_CACHE to a folder on another disk")
    if re.search(r"NewConnectionError|NameResolutionError|ProxyError|ReadTimeout|ConnectTimeout|SSLError|Max retries", said):
        return Complaint(f"the package index cannot be reached:\n{detail}", "check the network, the proxy and pip's settings")
    if "No matching distribution" in said:
        return Complaint(
            f"the package index does not have a pinned wheel:\n{detail}",
            "without a network this looks the same: check `python3 -m pip download onnxruntime`",
        )
    return Complaint(f"pip failed:\n{detail}")


def unpack(wheels, folder, destination):
    """Copies files out of `wheels` to under `folder`.

    `destination` takes a path inside a wheel and returns the path under `folder`, or None for files to leave out.
    """
    import zipfile

    for wheel in wheels:
        try:
            archive = zipfile.ZipFile(wheel)
        except zipfile.BadZipFile:
            raise Complaint(f"{wheel.name} is no wheel: the download broke", "run the command again") from None
        with archive:
            for member in archive.infolist():
                target = None if member.is_dir() else destination(member.filename)
                if target is not None:
                    write_member(archive, member, inside(folder, target))


def inside(folder, target):
    """`target` under `folder`; refuses a path that leads out of it."""
    path = Path(os.path.normpath(folder / target))
    if folder not in path.parents:
        raise Complaint(f"a wheel holds a file that wants to be written outside its folder: {target}")
    return path


def write_member(archive, member, path):
    """Writes one file of a wheel."""
    import shutil

    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(member) as source, open(path, "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
