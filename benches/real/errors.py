"""Errors of poses against the truth, in the field's definitions. Poses are `[J, 3]`, relative to their roots."""

from typing import NamedTuple

import numpy as np


class Errors(NamedTuple):
    """Distances `[J]` joint by joint, in the poses' unit."""

    plain: np.ndarray
    """MPJPE: only the roots are aligned."""
    scaled: np.ndarray
    """N-MPJPE: by the best scale too."""
    similar: np.ndarray
    """P-MPJPE: by the best rotation, scale and translation."""


def errors(pose, truth):
    """The errors of one pose."""
    scale = (pose * truth).sum() / (pose * pose).sum()
    aligned = (pose, scale * pose, similar(pose, truth))
    return Errors(*(np.linalg.norm(each - truth, axis=1) for each in aligned))


def similar(pose, truth):
    """The pose moved, turned and scaled to lie as near to the truth as it can; never mirrored."""
    middle, about = pose.mean(0), truth.mean(0)
    left, sizes, right = np.linalg.svd((pose - middle).T @ (truth - about))
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    scale = (sizes * signs).sum() / ((pose - middle) ** 2).sum()
    return scale * (pose - middle) @ (left * signs) @ right + about


def mean_errors(poses, truths):
    """`[3]` MPJPE, N-MPJPE and P-MPJPE in mm, the mean over all joints, and `[J]` P-MPJPE of each joint.

    `poses` and `truths` are `[T, J, 3]` in metres; joints whose truth is NaN do not count, and frames without a pose.
    """
    totals, counts = np.zeros((3, truths.shape[1])), np.zeros(truths.shape[1])
    for pose, truth in zip(poses, truths):
        known = np.isfinite(truth).all(1)
        if known.sum() >= 4 and np.isfinite(pose).all():
            totals[:, known] += errors(pose[known], truth[known])
            counts += known
    with np.errstate(invalid="ignore"):
        return 1000 * totals.sum(1) / counts.sum(), 1000 * totals[2] / counts
