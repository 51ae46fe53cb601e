"""Metrics of poses."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypedDict, overload

from . import _arguments, _native
from ._arrays import HasArray, as_floats
from ._errors import InputError, UsageError, warn_of
from ._poses import Poses

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class Accuracy(TypedDict):
    """How far poses lie from true ones: means over poses, in `unit`.

    `mpjpe` is after aligning the roots, which count with error 0; `p_mpjpe` after each pose's best rotation, scale and
    translation; `n_mpjpe` after its best scale. `pck_150` is the share of joints within 150 mm, `auc` its mean over 0, 5 … 150 mm
    (None where the unit's size is not known), `per_joint` [J] the MPJPE of each, and `within_sigma` the share of errors within
    sigma, which should be 0.68. `samples` were compared, `not_lifted` were NaN and left out.
    """

    samples: int
    not_lifted: int
    unit: str
    mpjpe: float
    p_mpjpe: float
    n_mpjpe: float
    pck_150: float | None
    auc: float | None
    per_joint: list[float]
    within_sigma: float | None


class Steadiness(TypedDict):
    """How steady a clip is, which needs no truth; None where it cannot be told.

    `frames`, `poses` and `tracks` are counts, frames without people included. `bone_deviation` is the coefficient of variation of
    bone lengths within a track (standard deviation over mean, 0 where bones are rigid), the mean over bones; `asymmetry` the
    difference of left and right bone lengths over their mean, 0 to 2. `jitter` is the median acceleration of the joints relative
    to the root, m/s². `feet_slide` is the mean relative speed of both ankles over the ground while both feet stand, m/s, and
    `feet_planted` for how many seconds they do, all tracks together. `pitch` (−90 to 90 degrees, positive where the camera looks
    down) and `roll` (−180 to 180 degrees, positive clockwise) are estimated from people who stand upright. `bones` has the mean
    length of each bone, by the joint at its outer end and in the unit of the poses, and its coefficient of variation.
    """

    frames: int
    poses: int
    tracks: int
    bone_deviation: float | None
    asymmetry: float | None
    jitter: float | None
    feet_slide: float | None
    feet_planted: float
    pitch: float | None
    roll: float | None
    bones: dict[str, tuple[float, float | None]]


class Agreement(TypedDict):
    """How poses agree with a recording of markers: lengths in millimetres, angles in degrees.

    One rotation of the clip and one shift of its clock are found. `rotation` [3, 3] takes the axes of the poses to those of the
    recording (`rotation @ joint`); `shift` is what is added to the times of the poses for those of the
    recording, −0.5 to 0.5 seconds. `compared` frames were compared. `mpjpe` is after the rotation, from the middle of the hips;
    `n_mpjpe` after each pose's best scale; `p_mpjpe` after each pose's best rotation, scale and translation. `per_joint` has the
    MPJPE of hips, knees, ankles, shoulders, elbows and wrists, None where a joint is never known; `angles` each angle's mean
    absolute error, its mean offset (poses minus recording), and the error without that offset. `velocity_error` is in mm/s, and
    `root_path` is how far the hips' path lies from the recording's, None where either is not known. `notes` is what speaks against the figures, such as a unit
    that may be wrong; it is warned of, too.
    """

    compared: int
    shift: float
    rotation: list[list[float]]
    mpjpe: float
    n_mpjpe: float
    p_mpjpe: float
    velocity_error: float | None
    root_path: float | None
    per_joint: dict[str, float | None]
    angles: dict[str, tuple[float, float, float]]
    notes: list[str]


@overload
def evaluate(poses: Poses, truth: None = None) -> Steadiness: ...
@overload
def evaluate(poses: Poses, truth: str | os.PathLike[str]) -> Agreement: ...
@overload
def evaluate(
    poses: Poses | HasArray | list[Any],
    truth: HasArray | list[Any],
    *,
    sigma: Any = None,
    root: int | None = 0,
    unit: str | None = None,
) -> Accuracy: ...


def evaluate(
    poses: Any, truth: Any = None, *, sigma: Any = None, root: int | None = 0, unit: str | None = None
) -> Accuracy | Steadiness | Agreement:
    """Measures poses: beside true poses, beside a recording of markers, or by themselves.

    Parameters
    ----------
    poses : Poses or array_like
        The poses; an array is […, J, 3].
    truth : array_like, path-like or None
        True poses […, J, 3] in the same axes and unit; a recording of markers in `.trc`, `.c3d` or `.json`; or None for the
        steadiness of a clip.
    sigma : array_like, optional
        […, J] what the model expects its errors to be; that of `poses` where they have it.
    root : int or None
        The joint that poses are aligned at; None to compare them as they are.
    unit : str, optional
        The unit of arrays, else that of `poses`, else `m`.

    Returns
    -------
    Accuracy, Agreement or Steadiness
        By what the truth is.

    Raises
    ------
    InputError
        Shapes that differ, true poses with NaN, no poses; a recording that cannot be parsed or compared.
    FileError
        A recording that cannot be opened.
    UsageError
        An array without true poses; a root that is none of the joints.
    """
    _arguments.counts(root=root)
    _arguments.texts(unit=unit)
    if truth is None or isinstance(truth, (str, os.PathLike)):
        if not isinstance(poses, Poses):
            raise UsageError(f"{type(poses).__name__} without true poses, expected Poses")
        return _alone(poses) if truth is None else _agreement(poses, truth)
    return _accuracy(poses, truth, sigma, root, unit)


def _alone(poses: Poses) -> Steadiness:
    steadiness: Steadiness = _native.steadiness(poses._clip())
    return steadiness


def _agreement(poses: Poses, path: str | os.PathLike[str]) -> Agreement:
    agreement: Agreement = _native.agreement(poses._clip(), os.fspath(path))
    warn_of(agreement["notes"], stacklevel=4)
    return agreement


def _accuracy(poses: Any, truth: Any, sigma: Any, root: int | None, unit: str | None) -> Accuracy:
    if isinstance(poses, Poses):
        poses, sigma, unit = poses.joints, poses.sigma if sigma is None else sigma, unit or poses.units
    found, expected = as_floats(poses, "float32"), as_floats(truth, "float32")
    if found.shape != expected.shape or found.ndim < 2 or found.shape[-1] != 3:
        shapes = f"poses of shape {list(found.shape)} and true ones of {list(expected.shape)}"
        raise InputError(f"{shapes}, expected […, J, 3] twice")
    rows = (-1, *found.shape[-2:])
    spread = None if sigma is None else _sigma_of(sigma, found.shape[:-1]).reshape(rows[:2])
    accuracy: Accuracy = _native.score(found.reshape(rows), expected.reshape(rows), spread, root, unit or "m")
    return accuracy


def _sigma_of(sigma: Any, shape: tuple[int, ...]) -> NDArray[numpy.float32]:
    """Sigma as an array of that shape, a number for each joint."""
    array = as_floats(sigma, "float32")
    if array.shape != shape:
        raise InputError(f"sigma of shape {list(array.shape)}, expected {list(shape)}: a number for each joint of the poses")
    return array
