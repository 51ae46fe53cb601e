"""How a user of type checkers writes; test_types.py checks it, and runs nothing of it."""

from pathlib import Path

import numpy
from numpy.typing import NDArray

import poselift


def knee(path: Path) -> NDArray[numpy.float32]:
    """The way of a knee."""
    lifter = poselift.Lifter(device="cpu", threads=2)
    clip = poselift.read(path, size=(1920, 1080), fps=30, camera=poselift.Camera("camera.toml", name="A"))
    poses = lifter.lift(clip).smooth("clip:0.05")
    poselift.write(poses, path.with_suffix(".trc"), height=1.8, keypoints=clip)
    sigma: NDArray[numpy.float32] | None = poses.sigma
    names: tuple[str, ...] = poses.names
    assert sigma is not None and names
    poselift.view(poses, keypoints=clip).save("page.html")
    return poses.joint("right_knee")


def figures(poses: poselift.Poses, truth: NDArray[numpy.float32]) -> list[float | None]:
    """Metrics, each of its own type."""
    accuracy: poselift.Accuracy = poselift.evaluate(poses, truth)
    steadiness: poselift.Steadiness = poselift.evaluate(poses)
    agreement: poselift.Agreement = poselift.evaluate(poses, "markers.trc")
    return [accuracy["mpjpe"], steadiness["jitter"], agreement["p_mpjpe"]]


def live(frames: list[NDArray[numpy.float64]]) -> int:
    """A stream."""
    stream = poselift.Stream(poselift.Lifter(), smooth="live:1", track=False, size=(640, 480), pitch=12.0)
    try:
        return sum(len(stream.push(frame, time=0.1 * at)) for at, frame in enumerate(frames))
    except poselift.InputError as error:
        hint: str | None = error.hint
        return len(hint or "")
