"""Clips of key points."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _arguments, _native
from ._arrays import as_floats, as_size
from ._errors import InputError

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class Keypoints:
    """A clip of 2D key points: T frames of up to N people with J key points each.

    `read` and `keypoints` give such clips; they can also be made of an array.

    Parameters
    ----------
    points : array_like
        [T, N, J, 2 or 3], or [T, J, 2 or 3] for one person: x and y in pixels, score 0 to 1. Where there is no person, x is NaN.
        Other units, and marks of missing points such as (0, 0), are known when the clip is lifted, as those of arrays are.
    ids : array_like, optional
        [T, N] the people's tracks: any number but −1, which says that it is not known. One person has the id 0.
    frames : array_like, optional
        [T] the frames' numbers, else 0, 1, 2 …
    times : array_like, optional
        [T] seconds, else by `fps`.
    size : (int, int), optional
        Width and height of the image, pixels.
    layout : str or sequence of str, optional
        The key points' order: a name (`layouts` lists them), a JSON file of names and places, or the joints' names.
    fps : float, optional
        Frames a second.
    focal : float, optional
        Focal length, pixels.

    Raises
    ------
    InputError
        Shapes that do not fit each other, or the layout.
    UsageError
        An unknown layout; a size, frame rate or focal length that cannot be.

    Attributes
    ----------
    points : ndarray
        float64 [T, N, J, 3]; NaN, NaN, 0 for a missing key point.
    ids : ndarray
        int64 [T, N], −1 for an empty place and for a person without an id.
    frames, times : ndarray
        int64 [T]; float64 [T] seconds, NaN where it is not known.
    sizes : ndarray
        int64 [T, 2] width and height, 0 where they are not known.
    layout : str or None
        The layout's name.
    names : tuple of str or None
        [J] the key points' names.
    fps, focal : float or None
        Frames a second; focal length in pixels.
    notes : tuple of str
        What was assumed when they were read.
    """

    __slots__ = ("_is_judged", "_is_undistorted", "fps", "focal", "frames", "ids", "layout", "names", "notes", "points", "sizes", "times")

    points: NDArray[numpy.float64]
    ids: NDArray[numpy.int64]
    frames: NDArray[numpy.int64]
    times: NDArray[numpy.float64]
    sizes: NDArray[numpy.int64]
    layout: str | None
    names: tuple[str, ...] | None
    fps: float | None
    focal: float | None
    notes: tuple[str, ...]

    def __init__(
        self,
        points: Any,
        *,
        ids: Any = None,
        frames: Any = None,
        times: Any = None,
        size: tuple[int, int] | None = None,
        layout: str | Sequence[str] | None = None,
        fps: float | None = None,
        focal: float | None = None,
    ) -> None:
        import numpy

        size = as_size(size)
        _arguments.numbers(fps=fps, focal=focal)
        _arguments.layout(layout)
        _native.check_numbers(None if size is None else list(size), fps, focal)
        array = as_floats(points, "float64")
        is_one_person = array.ndim == 3
        if is_one_person:
            array = array[:, None]
        if array.ndim != 4 or array.shape[3] not in (2, 3):
            raise InputError(
                f"key points of shape {list(numpy.shape(points))}, expected [T, N, J, 2 or 3] or [T, J, 2 or 3]"
            )
        self.points = _scored(array)
        count, most = self.points.shape[:2]
        self.ids = _of_shape("ids", numpy.full((count, most), 0 if is_one_person else -1) if ids is None else ids, (count, most))
        self.frames = _of_shape("frames", numpy.arange(count) if frames is None else frames, (count,))
        unknown = numpy.full(count, numpy.nan) if fps is None else self.frames / fps
        self.times = _of_shape("times", unknown if times is None else times, (count,), "float64")
        self.sizes = numpy.zeros((count, 2), "int64")
        if size is not None:
            self.sizes[:] = size
        self.layout, self.names = named(layout, self.points.shape[2])
        self.fps, self.focal, self.notes = fps, focal, ()
        # Whether coordinates and scores were judged, as those of files are. What is made of an array is judged when it is lifted.
        self._is_judged = False
        # Whether a camera's distortion was undone when they were read.
        self._is_undistorted = False

    @classmethod
    def _made(cls, fields: dict[str, Any], is_undistorted: bool = False) -> Keypoints:
        """Of the native half's fields."""
        made = cls.__new__(cls)
        made._is_judged, made._is_undistorted = True, is_undistorted
        for name, value in fields.items():
            setattr(made, name, tuple(value) if isinstance(value, list) else value)
        return made

    def _at(self, fps: float | None, times: Any) -> Keypoints:
        """The same clip, whose frames come at `fps` or at `times`."""
        if times is not None:
            self.times = _of_shape("times", times, (len(self),), "float64")
        elif fps is not None:
            self.times = self.frames / fps
        self.fps = fps if fps is not None else self.fps
        return self

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels, where all frames have the same."""
        sizes = {(int(width), int(height)) for width, height in self.sizes}
        return sizes.pop() if len(sizes) == 1 and (0, 0) not in sizes else None

    @property
    def present(self) -> NDArray[numpy.bool_]:
        """bool [T, N] where there is a person."""
        import numpy

        return numpy.asarray(~numpy.isnan(self.points[..., 0]).all(axis=2))

    def __len__(self) -> int:
        """The number of frames."""
        return len(self.points)

    def __repr__(self) -> str:
        count, most, joints, _ = self.points.shape
        return f"<Keypoints: {count} frames, up to {most} people, {self.layout or f'{joints} points'}, image {self.size}>"


def named(layout: str | Sequence[str] | None, points: int) -> tuple[str | None, tuple[str, ...] | None]:
    """A layout's name and its joints', which must be as many as there are `points`."""
    if layout is None:
        return None, None
    name, joints = _native.layout_names(layout if isinstance(layout, str) else list(layout))
    names = tuple(joints)
    if len(names) != points:
        raise InputError(f"{points} key points a person, expected {len(names)} of {name}")
    return name, names


def _scored(points: NDArray[numpy.float64]) -> NDArray[numpy.float64]:
    """The points with a score each, 1 where they have none; missing ones are NaN, NaN, 0."""
    import numpy

    scored = numpy.ones((*points.shape[:3], 3))
    scored[..., : points.shape[3]] = points
    is_missing = ~numpy.isfinite(scored).all(axis=3) | (scored[..., 2] <= 0)
    scored[is_missing] = (numpy.nan, numpy.nan, 0.0)
    return scored


def _of_shape(name: str, values: Any, shape: tuple[int, ...], dtype: str = "int64") -> Any:
    """The values as an array of that shape."""
    import numpy

    try:
        array = numpy.ascontiguousarray(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError) as cause:
        raise InputError(f"{name} is {type(values).__name__}, expected an array of {list(shape)} numbers: {cause}") from cause
    if array.shape != shape:
        raise InputError(f"{name} of shape {list(array.shape)}, expected {list(shape)}")
    return array
