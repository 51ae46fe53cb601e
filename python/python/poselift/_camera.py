"""Calibrated cameras."""

from __future__ import annotations

import os

from . import _arguments, _native
from ._errors import UsageError


class Camera:
    """A camera of a calibration file, with its lens.

    Reads what Pose2Sim, Caliscope, Anipose, FreeMoCap, OpenCV, ROS and EasyMocap write; they are told apart by content.

    Parameters
    ----------
    path : path-like
        The file.
    name : str, optional
        Which of its cameras, where there are several.
    up : {"x", "-x", "y", "-y", "z", "-z"}, optional
        The axis of the file's world that points up, where its format does not say.

    Raises
    ------
    FileError, InputError, UsageError
        A file that cannot be read or holds no camera; a name that none, or several, have.
    """

    __slots__ = ("_native", "path")

    path: str

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, up: str | None = None) -> None:
        self.path = _arguments.path("path", path)
        _arguments.texts(name=name, up=up)
        self._native = _native.Camera(self.path, name, up)

    @property
    def name(self) -> str:
        """The name that the file gives it."""
        return self._native.name

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels."""
        return self._native.size

    @property
    def focal(self) -> tuple[float, float]:
        """Focal lengths along x and y, pixels."""
        return self._native.focal

    @property
    def centre(self) -> tuple[float, float]:
        """The principal point, pixels from the top left corner."""
        return self._native.centre

    @property
    def pitch_and_roll(self) -> tuple[float, float] | None:
        """Pitch and roll, degrees; None where the file does not say which way is up.

        A positive pitch looks down (−90 to 90), a positive roll is a turn clockwise as seen from behind the camera (−180 to 180).
        """
        return self._native.pitch_and_roll

    def __repr__(self) -> str:
        return f"Camera({self.path!r}, name={self.name!r})"


def native_camera(camera: Camera | str | os.PathLike[str] | None) -> _native.Camera | None:
    """The native half of a camera, or of the only one in a file."""
    if camera is None:
        return None
    if isinstance(camera, Camera):
        return camera._native
    if not isinstance(camera, (str, os.PathLike)):
        raise UsageError(f"camera is {type(camera).__name__}, expected a Camera or the path of its file")
    return Camera(camera)._native


def size_or_own(size: tuple[int, int] | None, camera: _native.Camera | None) -> tuple[int, int] | None:
    """The image's size, else the camera's own."""
    return camera.size if size is None and camera is not None else size
