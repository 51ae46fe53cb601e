"""Lifts 2D human key points to 3D poses, live or from files.

>>> import numpy, poselift
>>> lifter = poselift.Lifter()
>>> keypoints = numpy.load("keypoints.npy")             # [N, 17, 3]: x, y in pixels, score
>>> poses = lifter.lift(keypoints, size=(1920, 1080))
>>> poses.joints.shape                                  # metres, x right, y down, z forward, from the hip
(230, 17, 3)

`Lifter` lifts arrays and what detectors give, `Stream` live frames one by one. `read`, `read_poses`, `write` and `convert` are
for files, `evaluate` for metrics, and `view` shows poses in a notebook.

Shapes are written with T frames, N people, J joints and C channels (x, y, score) everywhere. 2D is in pixels, x to the right, y
down; 3D in metres, camera axes (x right, y down, z forward), relative to the hip, unless a result's `units` and `axes` say
otherwise. Scores are 0 to 1, and 0, or a coordinate that is no number, means missing.
"""

from ._adapters import keypoints
from ._camera import Camera
from ._errors import AssumptionWarning, DeviceError, FileError, InputError, ModelError, PoseliftError, UsageError
from ._evaluate import Accuracy, Agreement, Steadiness, evaluate
from ._files import convert, layouts, read, read_poses, write
from ._keypoints import Keypoints
from ._lifter import Lifter
from ._native import __version__
from ._poses import PoseInfo, Poses
from ._stream import Stream
from ._view import Page, view

__all__ = [
    "Accuracy",
    "Agreement",
    "AssumptionWarning",
    "Camera",
    "DeviceError",
    "FileError",
    "InputError",
    "Keypoints",
    "Lifter",
    "ModelError",
    "Page",
    "PoseInfo",
    "PoseliftError",
    "Poses",
    "Steadiness",
    "Stream",
    "UsageError",
    "__version__",
    "convert",
    "evaluate",
    "keypoints",
    "layouts",
    "read",
    "read_poses",
    "view",
    "write",
]
