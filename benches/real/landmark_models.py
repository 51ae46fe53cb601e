"""MediaPipe's pose models beside `full`, the one in its wheel: `lite` and `heavy` out of MediaPipe's own npm package.

MediaPipe would fetch them by itself, from a place that not every machine reaches. The package's `full` is the wheel's to the
bit, so that the others are of the same making.
"""

import hashlib
import importlib.util
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from complaint import Complaint

COMPLEXITY = {"lite": 0, "full": 1, "heavy": 2}  # MediaPipe's model_complexity
PACKAGE = "@mediapipe/pose@0.5.1675469404"
SHA256 = "8bb349a7b3a3ba699df23be804ddd3b3eab810b50b15406894be257859388a84"


def add_option(parser):
    parser.add_argument("--detector", choices=COMPLEXITY, default="full", help="MediaPipe's model [%(default)s]")


def install(detector):
    """Puts a model where MediaPipe looks for it, if it is not there. npm talks to stderr."""
    folder = Path(importlib.util.find_spec("mediapipe").origin).parent / "modules/pose_landmark"
    name = f"pose_landmark_{detector}.tflite"
    if (folder / name).is_file():
        return
    with tempfile.TemporaryDirectory(prefix="poselift-models-") as download:
        try:
            command = ["npm", "pack", "--silent", "--pack-destination", download, PACKAGE]
            failed = subprocess.run(command, stdout=sys.stderr, check=False).returncode != 0
        except FileNotFoundError:
            failed = True
        if failed:
            raise Complaint(f"npm cannot download {PACKAGE}", f"put its {name} into {folder} by hand")
        unpack(next(Path(download).glob("*.tgz")), name, folder / name)


def unpack(archive, name, target):
    """A member of npm's archive, whose hash is right, to where it belongs."""
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != SHA256:
        raise Complaint(f"{archive.name}: SHA-256 is {found}, expected {SHA256}")
    with tarfile.open(archive) as package:
        target.write_bytes(package.extractfile(f"package/{name}").read())
