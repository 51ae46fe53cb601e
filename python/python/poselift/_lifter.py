"""The lifter: key points in, poses out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from . import _adapters, _arguments, _native, _runtime
from ._arrays import as_floats, as_size
from ._camera import Camera, native_camera, size_or_own
from ._errors import InputError, UsageError, warn_of
from ._keypoints import Keypoints
from ._poses import PoseInfo, Poses

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_UNKNOWN_SIZE = (
    "image size unknown: no person is turned to the optical axis, and poses are less accurate (size=(width, height))"
)
_NOT_REMEMBERED = (
    "the model remembers people from frame to frame, and it is not known when these were seen: each is lifted as a person never seen "
    "before (fps= or times= for the frames of a clip, Stream for live ones)"
)
_CLIPS = "Keypoints, a list of a detector's results, or an array with fps or times"


class Lifter:
    """A model, ready to lift on any number of threads.

    The GIL is released while poses are lifted. Threads may share a lifter: one network then runs their batches, a large
    one on all threads of the CPU.

    Parameters
    ----------
    model : path-like, optional
        A model file, or the name of a model that is part of the package: `coco17`, COCO-17 in, Human3.6M-17 in metres out, with
        sigma, which is the default; `coco17-memory`, which remembers each person of a clip or stream and is steadier;
        `coco23-memory`, which does so too and reads and gives feet.
    device : str
        `auto`, `cpu`, `cuda` or `cuda:N`.
    threads : int, optional
        Threads of the CPU, else all cores, 16 at most.
    engine : str
        What computes on a CPU: `own` kernels, `onnxruntime`, `openvino`, or `auto`: own where they can run the file.
    batch : int, optional
        Most poses given to the network at once, else what runs fastest.

    Raises
    ------
    ModelError, FileError
        A file that is no model of poselift's, or cannot be read.
    DeviceError
        ONNX Runtime is needed and not installed, or the device cannot be used.
    UsageError
        An unknown device or engine.

    Examples
    --------
    >>> lifter = poselift.Lifter()
    >>> poses = lifter.lift(keypoints, size=(1920, 1080), focal=1600)
    >>> poses.joint("right_knee")[0]
    array([-0.13,  0.41,  0.02], dtype=float32)
    """

    __slots__ = ("_float32", "_info", "_is_memory_told", "_is_size_told", "_native", "_ndarray")

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        device: str = "auto",
        threads: int | None = None,
        engine: str = "auto",
        *,
        batch: int | None = None,
    ) -> None:
        import numpy

        _arguments.counts(threads=threads, batch=batch)
        _arguments.text("device", device)
        _arguments.text("engine", engine)
        _native.check_threads(threads)
        if batch is not None and not 1 <= batch <= 1 << 20:
            raise UsageError(f"batch is {batch}, expected 1 to {1 << 20}")
        _runtime.tell_host()
        if device != "cpu":
            _runtime.load_cuda()
        path = None if model is None else _arguments.path("model", model)
        self._native = _native.Lifter(path, device, threads, engine, batch)
        self._info = PoseInfo._of(self._native.info)
        self._ndarray = numpy.ndarray
        self._float32 = numpy.dtype("float32")
        self._is_size_told = False
        # A model without a memory has nothing to be told of.
        self._is_memory_told = not self._native.remembers

    @property
    def info(self) -> PoseInfo:
        """Names, parents, units and axes of its poses."""
        return self._info

    @property
    def model(self) -> str:
        """The model's name."""
        return self._native.model

    @property
    def layout(self) -> str:
        """The layout of the key points that the model reads."""
        return self._native.layout

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """The names of the key points that the model reads."""
        return tuple(self._native.keypoint_names)

    @property
    def card(self) -> dict[str, Any]:
        """All that the model file says about itself: input, output, training, accuracy."""
        import json

        card: dict[str, Any] = json.loads(self._native.card_json)
        return card

    @property
    def device(self) -> str:
        """The device that is really used, `cpu` or `cuda:N`."""
        return self._native.device

    @property
    def engine(self) -> str:
        """What really computes."""
        return self._native.engine

    @property
    def threads(self) -> int:
        """Threads of the CPU."""
        return self._native.threads

    @property
    def fallback(self) -> str | None:
        """Why `device="auto"` took the CPU and no GPU; None where it took one, or was told which."""
        return self._native.fallback

    @property
    def unverified(self) -> str | None:
        """Why the own kernels' poses were not compared with ONNX Runtime's; None where they were, or where that runs the model."""
        return self._native.unverified

    def lift(
        self,
        keypoints: Any,
        *,
        layout: str | Sequence[str] | None = None,
        size: tuple[int, int] | None = None,
        focal: float | None = None,
        camera: Camera | str | os.PathLike[str] | None = None,
        fps: float | None = None,
        times: Any = None,
        look_ahead: float | None = None,
        contacts: bool = False,
    ) -> Poses:
        """Lifts key points to poses.

        Arrays of float32 are read where they are; do not write to one from another thread in the meantime.

        Parameters
        ----------
        keypoints : array_like, Keypoints, or what a detector gives
            [J, C], [N, J, C] or [T, N, J, C] with C = 2 (x, y in pixels) or 3 (and a score, 0 to 1), of any float type, from
            NumPy, PyTorch, JAX or anything with `__array__` or DLPack. A score of 0, NaN, (0, 0) and (−1, −1) mean missing. Or
            results of Ultralytics, MediaPipe (solutions and tasks), rtmlib, MMPose or OpenPose, a table of pandas, or a list of
            such, a frame each.
        layout : str or sequence of str, optional
            The key points' order: a name (`layouts` lists them), a JSON file of names and places, or the joints' names. Else the
            model's own, or the usual one of as many points.
        size : (int, int), optional
            Width and height of the image, pixels. With it each person is turned to the optical axis first.
        focal : float, optional
            Focal length in pixels, else 0.9 times the longer side; not beside `camera`.
        camera : Camera or path-like, optional
            The camera that saw the image: key points are undistorted, and its focal length is taken.
        fps : float, optional
            Frames a second of an array, or of a list of a detector's results: its first axis is the time. [T, J, C] are the frames
            of one person, [T, N, J, C] of N people, each in a column. A model with a memory then remembers them from frame to
            frame; without `fps` and `times` each row of an array is a person never seen before, of which it warns.
        times : array_like, optional
            [T] seconds: the same, where frames come at other times.
        look_ahead : float, optional
            Of clips (Keypoints, a list of a detector's results, an array with `fps` or `times`), by a model with a memory: poses are
            the means of those going forward and of those going back from so many seconds later; 1 is enough.
        contacts : bool
            Of clips by a camera that stands still: whether to say which feet stand (`Poses.contacts`).

        Returns
        -------
        Poses
            `joints` […, J, 3] for key points […, J, C]; of a detector's single result [N, J, 3], of a list of them
            [T, N, J, 3], with tracks. With `fps` or `times` it has the frames' numbers and times.

        Raises
        ------
        InputError
            A shape, a number of key points or a layout that the model cannot read: what was found and what was expected.
        UsageError
            An invalid argument or combination of arguments.
        """
        _arguments.layout(layout)
        _arguments.numbers(focal=focal, fps=fps, look_ahead=look_ahead)
        _arguments.flags(contacts=contacts)
        people: _adapters.Detected | None = None
        is_readable = (
            type(keypoints) is self._ndarray and keypoints.dtype == self._float32 and keypoints.flags.aligned
        )
        size, native = as_size(size), native_camera(camera)
        # What coordinates are multiplied by that are normalised.
        shown = size_or_own(size, native)
        if fps is not None or times is not None:
            clip, is_one_person = _timed(keypoints, layout, shown, fps, times)
            poses = self._lift_clip(clip, layout, size, focal, native, look_ahead, contacts)
            return poses._of_one_person() if is_one_person else poses
        if not is_readable:
            given = keypoints if isinstance(keypoints, Keypoints) else _adapters.detected(keypoints, shown)
            if isinstance(given, list):
                given = _adapters.clip(given, layout=layout, size=shown, focal=focal)
            if isinstance(given, Keypoints):
                return self._lift_clip(given, layout, size, focal, native, look_ahead, contacts)
            people = given
            if people is not None:
                size, layout, keypoints = people.size or size, layout or people.layout, people.points
                if len(keypoints) == 0:
                    import numpy

                    # Where there is no person, a detector does not say how many key points there are.
                    layout, keypoints = None, numpy.zeros((0, len(self.keypoint_names), 3), "float32")
            keypoints = as_floats(keypoints, "float32")
        if look_ahead is not None:
            raise UsageError(f"look_ahead needs a clip, expected {_CLIPS}")
        if contacts:
            raise UsageError(f"contacts need a clip, expected {_CLIPS}")
        seen = (layout, size, focal, native)
        arrays = self._native.lift(keypoints, seen, False) or self._lift_guarded(keypoints, seen, shown)
        joints, sigma, missing, score, notes = arrays
        warn_of(notes)
        if size is None and camera is None:
            self._tell_size()
        if not self._is_memory_told and joints.size:
            self._tell_memory()
        poses = Poses(joints, sigma, missing, score, self._info, notes=tuple(notes))
        if people is not None:
            poses.ids, poses.frames = people.ids, 0
        return poses

    def _lift_guarded(
        self, keypoints: NDArray[numpy.float32], seen: tuple[Any, ...], size: tuple[int, int] | None
    ) -> _native._Arrays:
        """Lifts an array whose scores or coordinates, of an image of that size, have to be judged first, as those of a stream are."""
        import numpy

        leading, joints = keypoints.shape[:-2], keypoints.shape[-2]
        rows = numpy.asarray(keypoints, "float64").reshape(-1, joints, keypoints.shape[-1])
        points, notes = _native.guard_rows(rows, seen[0], size)
        warn_of(notes, stacklevel=4)
        arrays = self._native.lift(numpy.asarray(points, "float32").reshape(*leading, joints, 3), seen, True)
        if arrays is None:
            raise InputError("key points could not be judged, expected pixels and scores of 0 to 1")
        return arrays

    def _lift_clip(
        self,
        clip: Keypoints,
        layout: str | Sequence[str] | None,
        size: tuple[int, int] | None,
        focal: float | None,
        camera: _native.Camera | None,
        look_ahead: float | None,
        contacts: bool,
    ) -> Poses:
        """Lifts the people of a clip, as the program lifts those of a file."""
        import numpy

        if clip._is_undistorted and camera is not None:
            warn_of(["the clip was read with a camera, whose distortion is undone: this one changes nothing"], stacklevel=4)
            camera = None
        if not clip._is_judged:
            clip = self._judged(clip, layout, size)
        fields = self._native.lift_clip(clip, (layout, size, focal, camera), look_ahead, contacts)
        warn_of(fields["notes"], stacklevel=4)
        if size is None and camera is None and not clip.sizes.all():
            self._tell_size()
        poses = Poses._of(fields)
        poses.ids = numpy.where(clip.present, clip.ids, -1)
        poses.notes = (*clip.notes, *poses.notes)
        return poses

    @staticmethod
    def _judged(clip: Keypoints, layout: str | Sequence[str] | None, size: tuple[int, int] | None) -> Keypoints:
        """A clip that was made of an array, its coordinates and scores judged as those of an array are."""
        rows = clip.points.reshape(-1, *clip.points.shape[2:])
        if len(rows) == 0 or rows.shape[1] == 0 or _native.are_plain(as_floats(rows, "float32")):
            return clip
        named = layout or (None if clip.names is None else list(clip.names))
        points, notes = _native.guard_rows(rows, named, clip.size or size)
        warn_of(notes, stacklevel=5)
        fields = {name: getattr(clip, name) for name in Keypoints.__slots__ if not name.startswith("_")}
        return Keypoints._made({**fields, "points": points.reshape(clip.points.shape), "notes": (*clip.notes, *notes)})

    def _tell_size(self) -> None:
        """Warns once that the image's size is not known, if the model has a use for it."""
        if self._native.turns_people and not self._is_size_told:
            warn_of([_UNKNOWN_SIZE], stacklevel=4)
            # Told once it was heard: a filter may have made an error of it.
            self._is_size_told = True

    def _tell_memory(self) -> None:
        """Warns once that the model's memory is of no use to people of whom it is not known when they were seen."""
        warn_of([_NOT_REMEMBERED], stacklevel=4)
        self._is_memory_told = True

    def __repr__(self) -> str:
        return f"<Lifter {self.model}: {self.layout} to {self.info.skeleton}, {self.engine} on {self.device}, {self.threads} threads>"


def _timed(
    given: Any, layout: str | Sequence[str] | None, size: tuple[int, int] | None, fps: float | None, times: Any
) -> tuple[Keypoints, bool]:
    """A clip of an array or of a detector's results, whose frames come at `fps` or at `times`; and whether it is [T, J, C] of one person."""
    import numpy

    _native.check_numbers(None, fps, None)
    if isinstance(given, Keypoints):
        raise UsageError("fps or times beside Keypoints, which have their own: expected Keypoints(..., fps=) or read(..., fps=)")
    found = None if isinstance(given, numpy.ndarray) else _adapters.detected(given, size)
    if isinstance(found, _adapters.Detected):
        raise UsageError("fps or times beside one frame of a detector, expected a list of its results, a frame each")
    if found is not None:
        return _adapters.clip(found, layout=layout, size=size, fps=fps)._at(fps, times), False
    array = as_floats(given, "float64")
    if array.ndim not in (3, 4):
        raise UsageError(f"fps or times beside key points of shape {list(array.shape)}, expected [T, J, 2 or 3] or [T, N, J, 2 or 3]")
    is_one_person = array.ndim == 3
    # Each column is a person.
    ids = None if is_one_person else numpy.zeros(array.shape[:2], "int64") + numpy.arange(array.shape[1])
    return Keypoints(array, ids=ids, times=times, layout=layout, fps=fps), is_one_person
