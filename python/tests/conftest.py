"""What tests share: a lifter, the demonstration clip, and the program that the wheel installed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

import poselift

# Folders of packages that are too large to be installed for each run.
sys.path.extend(folder for folder in os.environ.get("POSELIFT_DETECTORS", "").split(os.pathsep) if folder)

ROOT = Path(__file__).resolve().parents[2]
CLIP = ROOT / "demos/sports2d/sports2d_demo.mediapipe33.jsonl"
SIZE = (1768, 994)
# MediaPipe's points of the joints of COCO-17, in its order.
COCO17 = [0, 2, 5, 7, 8, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26, 27, 28]


@pytest.fixture(scope="session")
def lifter():
    """The bundled model on the CPU."""
    return poselift.Lifter(device="cpu")


@pytest.fixture(scope="session")
def clip():
    """The demonstration clip, [230, 1, 33, 3]."""
    return poselift.read(CLIP)


@pytest.fixture(scope="session")
def coco(clip):
    """COCO-17 of the clip's frames in which there is a person, float32 [N, 17, 3]."""
    people = clip.points[clip.present][:, COCO17]
    return numpy.nan_to_num(people).astype("float32")


@pytest.fixture(scope="session")
def poses(lifter, clip):
    """The clip's poses, [230, 1, 17, 3]."""
    return lifter.lift(clip)


def exchange_legs(points, rows):
    """COCO-17 `points` [N, 17, 3] as of a detector that takes left legs for right ones in these rows."""
    exchanged = points.copy()
    exchanged[rows, 11:] = points[rows][:, [12, 11, 14, 13, 16, 15]]
    return exchanged


def program(*words, **options):
    """Runs the program that the package is, in another process."""
    options.setdefault("capture_output", True)
    return subprocess.run([sys.executable, "-m", "poselift", *map(str, words)], text=True, timeout=120, **options)


def skip_or_fail(what):
    """Fails for want of a tool, or skips where that is allowed (CONTRIBUTING.md)."""
    allowed = os.environ.get("POSELIFT_ALLOW_SKIPS", "")
    if allowed == "1":
        pytest.skip(what)
    pytest.fail(f"{what}; POSELIFT_ALLOW_SKIPS=1 allows to skip this test")
