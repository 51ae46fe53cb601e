"""Live streams: a frame in, its poses out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from . import _adapters, _arguments, _native
from ._arrays import as_floats, as_size
from ._camera import Camera, native_camera, size_or_own
from ._errors import InputError, warn_of
from ._lifter import Lifter
from ._poses import PoseInfo, Poses


class Stream:
    """Lifts frames as they come: people are tracked, and poses smoothed by the frames before.

    Each camera has a stream of its own; streams may share a lifter, on several threads.

    Parameters
    ----------
    lifter : Lifter
        The model.
    smooth : str or None
        `live`, or `live:HZ` with the cut-off frequency for a person who stands still (2 Hz otherwise); None for raw poses.
    track : bool
        Whether people without an id are followed from frame to frame. Without it the row in the frame is the id.
    layout, size, focal, camera
        As for `Lifter.lift`, for all frames.
    fps : float, optional
        Frames a second, where frames are pushed without a time. Without both, the time is that of the push.
    pitch, roll : float, optional
        How far the camera looks down (−90 to 90) and is turned clockwise (−180 to 180), degrees: poses then come in level axes.
    root : bool
        Whether to find where people's hips are from the camera; needs `size`, and `focal` where it is known. The distance also goes by
        feet that have stood for a second, by a camera that stands still.
    contacts : bool
        Whether to say which feet stand (`Poses.contacts`), by a camera that stands still and 11 frames a second at least.
    min_score : float, optional
        Key points of a lower score count as missing.
    max_gap : int, optional
        Frames that a person may be out of sight and keep the id, else 30.
    keep_sides : bool
        Whether legs that change places for a moment are left as the detector has them; else it is taken back.

    Raises
    ------
    UsageError
        An invalid argument or combination of arguments.

    Examples
    --------
    >>> stream = poselift.Stream(lifter, size=(1280, 720))
    >>> for result in yolo.predict(0, stream=True):
    ...     poses = stream.push(result)
    ...     draw(poses.joints, poses.ids)
    """

    __slots__ = ("_native", "_size", "lifter")

    lifter: Lifter

    def __init__(
        self,
        lifter: Lifter,
        smooth: str | None = "live",
        track: bool = True,
        *,
        layout: str | Sequence[str] | None = None,
        size: tuple[int, int] | None = None,
        focal: float | None = None,
        fps: float | None = None,
        camera: Camera | str | os.PathLike[str] | None = None,
        pitch: float | None = None,
        roll: float | None = None,
        root: bool = False,
        contacts: bool = False,
        min_score: float | None = None,
        max_gap: int | None = None,
        keep_sides: bool = False,
    ) -> None:
        _arguments.instance("lifter", lifter, Lifter, "poselift.Lifter(...)")
        _arguments.texts(smooth=smooth)
        _arguments.layout(layout)
        _arguments.numbers(focal=focal, fps=fps, pitch=pitch, roll=roll, min_score=min_score)
        _arguments.counts(max_gap=max_gap)
        _arguments.flags(track=track, root=root, contacts=contacts, keep_sides=keep_sides)
        self.lifter = lifter
        size, camera_file = as_size(size), native_camera(camera)
        # What landmarks are multiplied by that are normalised.
        self._size = size_or_own(size, camera_file)
        options = SimpleNamespace(
            smooth=smooth,
            track=track,
            layout=layout,
            size=size,
            focal=focal,
            fps=fps,
            camera=camera_file,
            pitch=pitch,
            roll=roll,
            root=root,
            contacts=contacts,
            min_score=min_score,
            max_gap=max_gap,
            keep_sides=keep_sides,
        )
        self._native = _native.Stream(lifter._native, options)

    def push(
        self,
        frame: Any,
        *,
        time: float | None = None,
        size: tuple[int, int] | None = None,
        focal: float | None = None,
    ) -> Poses:
        """Lifts the people of one frame.

        Parameters
        ----------
        frame : array_like, or a detector's result
            [N, J, 2 or 3], [J, 2 or 3] for one person, or what `Lifter.lift` takes of one frame; None where there is no person.
        time : float, optional
            Seconds. Once a frame had a time, one that has none is at an unknown time, and its poses are not smoothed.
        size : (int, int), optional
            Width and height of the image in pixels, where they change.
        focal : float, optional
            Focal length in pixels, where it changes.

        Returns
        -------
        Poses
            `joints` [N, J, 3] of the people who could be lifted, `ids` [N] their tracks, `frames` the frame's number.

        Raises
        ------
        InputError
            A shape that the model cannot read, or several frames at once. A person of another number of key points is left out, with a warning.
        UsageError
            Normalised coordinates of an image whose size is not known; a size or a focal length that cannot be.
        """
        _arguments.numbers(time=time, focal=focal)
        points, ids, own_size = self._people(frame, as_size(size))
        fields = self._native.push(points, ids, time, own_size, focal)
        warn_of(fields["notes"])
        roots, contacts, times = fields["roots"], fields["contacts"], float(fields["times"][0])
        return Poses(
            fields["joints"][0],
            None if fields["sigma"] is None else fields["sigma"][0],
            fields["missing"][0],
            fields["score"][0],
            PoseInfo._of(fields["info"]),
            ids=fields["ids"][0],
            frames=int(fields["frames"][0]),
            times=times,
            roots=None if roots is None else roots[0],
            contacts=None if contacts is None else contacts[0],
            notes=tuple(fields["notes"]),
        )

    def _people(self, frame: Any, size: tuple[int, int] | None) -> tuple[Any, list[int] | None, tuple[int, int] | None]:
        """Points [N, J, 2 or 3] in float64, ids, and the image's size."""
        import numpy

        if frame is None:
            return numpy.zeros((0, 0, 3)), None, size
        found = None if isinstance(frame, numpy.ndarray) else _adapters.detected(frame, size or self._size)
        if found is not None and not isinstance(found, _adapters.Detected):
            raise InputError("several frames, expected one: push them one by one")
        points = numpy.asarray(as_floats(frame if found is None else found.points, "float64"))
        if points.ndim == 2:
            points = points[None]
        if points.ndim != 3 or (len(points) and points.shape[2] not in (2, 3)):
            raise InputError(f"a frame of shape {list(points.shape)}, expected [N, J, 2 or 3] or [J, 2 or 3]")
        if found is None:
            return points, None, size
        return points, None if found.ids is None else found.ids.tolist(), found.size or size
