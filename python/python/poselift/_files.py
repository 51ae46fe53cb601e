"""Files of key points and of poses."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, SupportsIndex

from . import _arguments, _native
from ._arrays import as_size
from ._camera import Camera, native_camera
from ._errors import UsageError, warn_of
from ._keypoints import Keypoints
from ._poses import Poses

AnyPath = str | os.PathLike[str]


def read(
    path: AnyPath,
    *,
    format: str | None = None,
    layout: str | Sequence[str] | None = None,
    size: tuple[int, int] | None = None,
    focal: float | None = None,
    fps: float | None = None,
    camera: Camera | AnyPath | None = None,
    min_score: float | None = None,
    person: int | str = "all",
    max_gap: int | None = None,
    rotate: int = 0,
    y_up: bool = False,
    keep_sides: bool = False,
) -> Keypoints:
    """Reads 2D key points from a file, or from a folder with a file a frame, as `poselift run` does.

    The format is known by content: JSON Lines, npy, npz, OpenPose, COCO results, AlphaPose, MMPose, MMSkeleton, Ultralytics JSON
    and labels, MediaPipe, TF.js, MoveNet, DeepLabCut CSV and H5, SLEAP H5, CSV; gzip and zstd are unpacked. What was assumed is
    warned of, and is in the clip's `notes`.

    Parameters
    ----------
    path : path-like
        The file or folder.
    format : str, optional
        The format, where content does not show it.
    layout : str or sequence of str, optional
        The key points' order, over what the file says.
    size : (int, int), optional
        Width and height of the image in pixels, where the file does not say.
    focal : float, optional
        Focal length in pixels, where the file does not say; not beside `camera`.
    fps : float, optional
        Frames a second, where the file does not say.
    camera : Camera or path-like, optional
        The camera that saw the image: key points come out undistorted.
    min_score : float, optional
        Key points of a lower score are missing.
    person : int or str
        An id, `largest`, or `all`.
    max_gap : int, optional
        Frames that a person may be out of sight and keep the id, where people are tracked; else 30.
    rotate : {0, 90, 180, 270}
        Degrees by which the image is turned clockwise.
    y_up : bool
        Whether y points up in the file.
    keep_sides : bool
        Whether legs that change places for a moment are left as the detector has them; else it is taken back.

    Returns
    -------
    Keypoints
        For `Lifter.lift`.

    Raises
    ------
    InputError, FileError
        A file that cannot be read, or is in no known format: place, found and expected.
    UsageError
        An invalid argument or combination of arguments, or one that the file needs and lacks.
    """
    _arguments.texts(format=format)
    _arguments.layout(layout)
    _arguments.numbers(focal=focal, fps=fps, min_score=min_score)
    _arguments.counts(max_gap=max_gap)
    _arguments.count("rotate", rotate)
    _arguments.flags(y_up=y_up, keep_sides=keep_sides)
    if isinstance(person, bool) or not isinstance(person, (str, SupportsIndex)):
        raise UsageError(f"person is {type(person).__name__}, expected an id, 'largest' or 'all'")
    where = _arguments.path("path", path)
    reading = SimpleNamespace(
        format=format,
        layout=layout,
        size=as_size(size),
        focal=focal,
        fps=fps,
        camera=native_camera(camera),
        min_score=min_score,
        person=str(person),
        max_gap=max_gap,
        rotate=rotate,
        y_up=y_up,
        keep_sides=keep_sides,
    )
    fields = _native.read_keypoints(where, reading)
    warn_of(fields["notes"])
    return Keypoints._made(fields, is_undistorted=camera is not None)


def read_poses(path: AnyPath, *, fps: float | None = None) -> Poses:
    """Reads 3D poses, as `write` and the program leave them in JSON Lines, npy or npz.

    Parameters
    ----------
    path : path-like
        The file.
    fps : float, optional
        Frames a second, where the file does not say.

    Returns
    -------
    Poses
        [T, N, J, 3].

    Raises
    ------
    InputError, FileError
        A file that cannot be read, or holds no poses.
    UsageError
        A frame rate that cannot be.
    """
    _arguments.numbers(fps=fps)
    fields = _native.read_poses(_arguments.path("path", path), fps)
    warn_of(fields["notes"])
    return Poses._of(dict(fields))


def write(
    poses: Poses,
    path: AnyPath,
    *,
    keypoints: Keypoints | None = None,
    format: str | None = None,
    fps: float | None = None,
    axes: str | None = None,
    units: str | None = None,
    height: float | None = None,
    angles: bool = False,
    contacts: bool | None = None,
    sigma: bool | None = None,
    title: str | None = None,
) -> None:
    """Writes poses in the format that the path's extension names.

    `.jsonl`, `.npy`, `.npz`, `.csv`, `.trc` and `.mot` (OpenSim), `.c3d` (motion laboratories), `.bvh` (Blender, MotionBuilder,
    Unity), `.glb` (browsers, games), `.html` (a page to look at). TRC, BVH and MOT hold one person: several become
    OUT_person0, OUT_person1 and so on. What was assumed is warned of.

    Parameters
    ----------
    poses : Poses
        [T, N, J, 3]; [N, J, 3] without frame numbers are N frames of one person.
    path : path-like
        The file; one that exists is replaced.
    keypoints : Keypoints, optional
        The key points that they were lifted from, for a page.
    format : str, optional
        The format, where the extension does not name it; `csv-long` has a line a joint.
    fps : float, optional
        Frames a second, where poses have no times; beside times that say another rate, times count, and it is warned of. Motion
        files have so many rows a second, whatever the times.
    axes : {"camera", "y-up", "z-up"}, optional
        Else what the format's users expect.
    units : {"m", "cm", "mm"}, optional
        Else what the format's users expect.
    height : float, optional
        How tall the person is, metres: poses are scaled.
    angles : bool
        Whether joint angles are added, degrees, in JSON Lines and CSV.
    contacts : bool, optional
        Whether it is written which feet stand, else where poses know it and the format has room: JSON Lines and CSV.
    sigma : bool, optional
        Whether sigma is written, else where the format has room.
    title : str, optional
        A page's title, else the file's name.

    Raises
    ------
    UsageError
        What the format cannot hold; an invalid argument.
    InputError
        There is no pose to write.
    FileError
        The file cannot be written.
    """
    where = _arguments.path("path", path)
    _arguments.instance("poses", poses, Poses, "lift")
    if keypoints is not None:
        _arguments.instance("keypoints", keypoints, Keypoints, "read")
    writing = _writing(where, format, fps, axes, units, height, angles, contacts, sigma, title)
    warn_of(_native.write(poses._clip(), where, keypoints, writing))


def convert(
    source: AnyPath,
    target: AnyPath,
    *,
    format: str | None = None,
    fps: float | None = None,
    axes: str | None = None,
    units: str | None = None,
    height: float | None = None,
    angles: bool = False,
    contacts: bool = False,
    sigma: bool = False,
    title: str | None = None,
) -> None:
    """Converts a file of poses to another format, frame by frame, as `poselift convert` does.

    Parameters
    ----------
    source : path-like
        Poses in JSON Lines, npy or npz.
    target : path-like
        As `path` of `write`.
    format, fps, axes, units, height, angles, title
        As for `write`.
    contacts, sigma : bool
        Whether these go along, where the file has them: frames pass one by one, without a look ahead.

    Raises
    ------
    InputError, UsageError, FileError
        As `read_poses` and `write`.
    """
    of, to = _arguments.path("source", source), _arguments.path("target", target)
    writing = _writing(to, format, fps, axes, units, height, angles, contacts, sigma, title)
    warn_of(_native.convert(of, to, writing))


def _writing(
    path: str,
    format: str | None,
    fps: float | None,
    axes: str | None,
    units: str | None,
    height: float | None,
    angles: bool,
    contacts: bool | None,
    sigma: bool | None,
    title: str | None,
) -> Any:
    """How a file is written, as the native half takes it."""
    _arguments.texts(format=format, axes=axes, units=units, title=title)
    _arguments.numbers(fps=fps, height=height)
    asked = {"angles": angles, "contacts": contacts, "sigma": sigma}
    _arguments.flags(**{name: value for name, value in asked.items() if value is not None or name == "angles"})
    return SimpleNamespace(
        format=format,
        fps=fps,
        axes=axes,
        units=units,
        height=height,
        angles=angles,
        contacts=contacts,
        sigma=sigma,
        title=Path(path).stem if title is None else title,
    )


def layouts() -> dict[str, tuple[str, ...]]:
    """The known layouts of key points.

    Returns
    -------
    dict of str to tuple of str
        Each layout's name, and [J] its joints' names in order.
    """
    return {name: tuple(joints) for name, joints in _native.layouts()}
