"""What detectors give, known by its attributes: none of their packages is imported."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _arguments, _native
from ._arrays import as_array, as_floats, as_size
from ._errors import InputError, UsageError, warn_of
from ._keypoints import Keypoints

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

Size = tuple[int, int]


class Detected(NamedTuple):
    """The people of one frame."""

    # [N, J, 2 or 3]
    points: NDArray[numpy.float32]
    size: Size | None = None
    # [N]
    ids: NDArray[numpy.int64] | None = None
    layout: str | None = None


def keypoints(
    results: Any,
    *,
    layout: str | Sequence[str] | None = None,
    size: Size | None = None,
    fps: float | None = None,
    focal: float | None = None,
    max_gap: int | None = None,
    keep_sides: bool = False,
) -> Keypoints:
    """Makes a clip of a detector's results, one a frame, or of an array.

    People are tracked where the detector gave them no ids; scores on other scales and normalised coordinates are set right, as for
    files, and what was assumed is warned of.

    Parameters
    ----------
    results : list or iterator of results, array_like, or a table of pandas
        Results of Ultralytics, MediaPipe, rtmlib, MMPose or OpenPose, in the order of frames; or [T, N, J, 2 or 3] or
        [T, J, 2 or 3] (one person).
    layout : str or sequence of str, optional
        The key points' order, else the usual one of as many points.
    size : (int, int), optional
        Width and height of the image in pixels, where results do not say. MediaPipe's do not, and cannot be read without it.
    fps : float, optional
        Frames a second.
    focal : float, optional
        Focal length in pixels.
    max_gap : int, optional
        Frames that a person may be out of sight and keep the id, else 30.
    keep_sides : bool
        Whether legs that change places for a moment are left as the detector has them; else it is taken back.

    Returns
    -------
    Keypoints
        For `Lifter.lift`.

    Raises
    ------
    InputError
        Something that no known detector gives.
    UsageError
        Normalised coordinates of an image whose size is not known; an unknown layout; a size, frame rate or focal length that cannot be.
    """
    size = as_size(size)
    _arguments.layout(layout)
    _arguments.numbers(fps=fps, focal=focal)
    _arguments.counts(max_gap=max_gap)
    _arguments.flags(keep_sides=keep_sides)
    if _is_table(results):
        return _table(
            results, layout=layout, size=size, fps=fps, focal=focal, max_gap=max_gap, keep_sides=keep_sides
        )
    found = detected(results, size)
    if isinstance(found, Detected):
        found = [found]
    if found is not None:
        return clip(found, layout=layout, size=size, fps=fps, focal=focal, max_gap=max_gap, keep_sides=keep_sides)
    plain = Keypoints(as_floats(results, "float64"), layout=layout, size=size, fps=fps, focal=focal)
    return _guarded(plain, size, fps, max_gap, keep_sides)


def detected(results: Any, size: Size | None) -> Detected | list[Detected] | Keypoints | None:
    """The people of a result, or of each of several; None for an array, which is no detector's."""
    results = _batch(results) or results
    single = _single(results, size)
    if single is not None:
        return single
    if _is_table(results):
        return _table(results, size=size)
    if isinstance(results, dict):
        found = ", ".join(map(str, results))
        raise InputError(f"a dict of {found or 'nothing'}, expected what MMPose's inferencer gives: predictions")
    is_several = isinstance(results, (list, tuple, Iterator)) and not hasattr(results, "__array__")
    if not is_several:
        return None
    results = [frame for result in results for frame in _batch(result) or [result]]
    frames: list[Detected] = []
    for number, result in enumerate(results):
        frame = _single(result, size)
        if frame is None and number == 0:
            return None
        if frame is None:
            raise InputError(f"frame {number} is {type(result).__name__}, expected what frame 0 is: a detector's result")
        frames.append(frame)
    return frames or None


def clip(
    frames: list[Detected] | Keypoints,
    *,
    layout: str | Sequence[str] | None = None,
    size: Size | None = None,
    fps: float | None = None,
    focal: float | None = None,
    max_gap: int | None = None,
    keep_sides: bool = False,
) -> Keypoints:
    """A guarded clip of frames."""
    import numpy

    if isinstance(frames, Keypoints):
        return frames
    joints = next((frame.points.shape[1] for frame in frames if len(frame.points)), 0)
    most = max(len(frame.points) for frame in frames)
    points = numpy.full((len(frames), most, joints, 3), numpy.nan)
    ids = numpy.full((len(frames), most), -1)
    for at, frame in enumerate(frames):
        people, found = frame.points.shape[:2]
        if people == 0:
            continue
        if found != joints:
            raise InputError(f"frame {at}: {found} key points a person, expected {joints} as in the frames before")
        channels = frame.points.shape[2]
        points[at, :people, :, 2] = 1
        points[at, :people, :, :channels] = frame.points
        ids[at, :people] = -1 if frame.ids is None else frame.ids
    layout = layout or next((frame.layout for frame in frames if frame.layout), None)
    made = Keypoints(points, ids=ids, layout=layout if joints else None, fps=fps, focal=focal)
    for at, frame in enumerate(frames):
        made.sizes[at] = frame.size or size or (0, 0)
    return _guarded(made, size, fps, max_gap, keep_sides)


def _guarded(
    made: Keypoints, size: Size | None, fps: float | None, max_gap: int | None, keep_sides: bool
) -> Keypoints:
    """The clip as the guards of streams hand it on."""
    fields = _native.guard_clip(made, size, fps, max_gap, keep_sides)
    warn_of(fields["notes"], stacklevel=4)
    return Keypoints._made(fields)


def _single(result: Any, size: Size | None) -> Detected | None:
    """The people of one result; None where it is none of a known detector."""
    for read in _READERS:
        found = read(result, size)
        if found is not None:
            return found
    return None


def _ultralytics(result: Any, size: Size | None) -> Detected | None:
    """`ultralytics.engine.results.Results`."""
    if not hasattr(result, "orig_shape") or not hasattr(result, "keypoints"):
        return None
    height, width = result.orig_shape[:2]
    found = result.keypoints
    if found is None:
        raise InputError("a result without key points, expected those of a pose model (yolo11n-pose.pt)")
    points = as_floats(found.data, "float32")
    ids = getattr(getattr(result, "boxes", None), "id", None)
    ids = None if ids is None else as_array(ids).astype("int64").reshape(-1)
    return Detected(_people(points), (int(width), int(height)), ids)


def _mediapipe(result: Any, size: Size | None) -> Detected | None:
    """Results of `mediapipe.solutions.pose` and `holistic`, and of the tasks' `PoseLandmarker` and `HolisticLandmarker`."""
    import numpy

    if not hasattr(result, "pose_landmarks"):
        return None
    found = result.pose_landmarks
    landmarks = getattr(found, "landmark", found)  # the solutions' message, or the tasks' list
    people = [] if landmarks is None or len(landmarks) == 0 else landmarks
    if len(people) and hasattr(people[0], "x"):
        people = [people]
    if size is None:
        raise UsageError(
            "MediaPipe's landmarks are normalised, and the image size is not known: expected size=(width, height)"
        )
    width, height = size
    points = [[(point.x * width, point.y * height, _visibility(point)) for point in person] for person in people]
    return Detected(numpy.array(points, "float32").reshape(len(points), 33, 3), size, layout="mediapipe33")


def _visibility(point: Any) -> float:
    """A landmark's score; the tasks' may have none."""
    visibility = getattr(point, "visibility", None)
    return 1.0 if visibility is None else float(visibility)


def _batch(result: Any) -> list[dict[str, Any]]:
    """The results of each frame, where MMPose's inferencer has several in one (its `batch_size`); else none."""
    if not isinstance(result, dict) or not isinstance(result.get("predictions"), list):
        return []
    frames = result["predictions"]
    is_batch = len(frames) > 1 and all(isinstance(frame, list) for frame in frames)
    return [{"predictions": [frame]} for frame in frames] if is_batch else []


def _mmpose(result: Any, size: Size | None) -> Detected | None:
    """A `PoseDataSample`, or what an `Inferencer` yields of a frame."""
    import numpy

    if isinstance(result, dict) and "predictions" in result:
        people = result["predictions"]
        people = people[0] if len(people) == 1 and isinstance(people[0], list) else people
        if len(people) == 0:
            return Detected(numpy.zeros((0, 0, 3), "float32"), size)
        if not all(isinstance(person, dict) and {"keypoints", "keypoint_scores"} <= person.keys() for person in people):
            raise InputError("predictions without keypoints and keypoint_scores, expected those of MMPose's inferencer of poses")
        places = as_floats([person["keypoints"] for person in people], "float32")
        scores = as_floats([person["keypoint_scores"] for person in people], "float32")
        return Detected(_with_scores(places, scores), size)
    found = getattr(result, "pred_instances", None)
    if found is None or not hasattr(found, "keypoints"):
        return None
    given = getattr(found, "keypoint_scores", None)
    points = _with_scores(as_floats(found.keypoints, "float32"), None if given is None else as_floats(given, "float32"))
    shape = getattr(result, "metainfo", {}).get("ori_shape")
    return Detected(points, size if shape is None else (int(shape[1]), int(shape[0])))


def _rtmlib(result: Any, _size: Size | None) -> Detected | None:
    """`(keypoints [N, J, 2], scores [N, J])`, as rtmlib's models and trackers give; of RTMPose3d the key points in the image."""
    import numpy

    if not isinstance(result, tuple) or len(result) not in (2, 4):
        return None
    if all(isinstance(part, list) and not part for part in result):  # its trackers' answer where no person is seen
        return Detected(numpy.zeros((0, 0, 3), "float32"))
    places, scores = result[-1] if len(result) == 4 else result[0], result[1]
    if not hasattr(places, "shape") or not hasattr(scores, "shape"):
        return None
    if len(places) == 0:
        return Detected(numpy.zeros((0, 0, 3), "float32"))
    shape = tuple(places.shape)
    is_scored = len(shape) == 3 and tuple(scores.shape) in (shape[:2], (*shape[:2], 1))
    if not is_scored:  # two arrays of key points are two frames
        return None
    flat = as_floats(scores, "float32").reshape(places.shape[:2])
    return Detected(_with_scores(as_floats(places, "float32"), flat))


def _openpose(result: Any, size: Size | None) -> Detected | None:
    """OpenPose's `Datum`."""
    import numpy

    if not hasattr(result, "poseKeypoints"):
        return None
    image = getattr(result, "cvInputData", None)
    if image is not None and getattr(image, "ndim", 0) >= 2:
        size = (int(image.shape[1]), int(image.shape[0]))
    found = result.poseKeypoints
    points = numpy.zeros((0, 25, 3), "float32") if found is None else as_floats(found, "float32")
    if points.ndim != 3:  # it gives a single number where no person is seen
        points = numpy.zeros((0, 25, 3), "float32")
    ids = getattr(result, "poseIds", None)
    ids = None if ids is None or len(points) == 0 else as_array(ids).astype("int64").reshape(-1)
    return Detected(_people(points), size, None if ids is None or (ids < 0).all() else ids)


_READERS: tuple[Callable[[Any, Size | None], Detected | None], ...] = (
    _ultralytics,
    _mediapipe,
    _mmpose,
    _rtmlib,
    _openpose,
)


def _is_table(results: Any) -> bool:
    """Whether it is pandas' `DataFrame`."""
    return hasattr(results, "columns") and hasattr(results, "to_csv")


def _table(table: Any, **options: Any) -> Keypoints:
    """A table whose columns name joints, as DeepLabCut's do; read as the file that it would be written to."""
    import tempfile
    from pathlib import Path

    from ._files import read

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        # DeepLabCut's have several rows of headers, whose names stand above the index.
        table.to_csv(path, index=table.columns.nlevels > 1)
        return read(path, **options)


def _people(points: NDArray[numpy.float32]) -> NDArray[numpy.float32]:
    """Points [N, J, 2 or 3], of one person too."""
    if points.ndim == 2:
        points = points[None]
    if points.ndim != 3 or (len(points) and points.shape[2] not in (2, 3)):
        raise InputError(f"key points of shape {list(points.shape)}, expected [N, J, 2 or 3]")
    return points


def _with_scores(places: NDArray[numpy.float32], scores: NDArray[numpy.float32] | None) -> NDArray[numpy.float32]:
    """Places [N, J, 2] and scores [N, J] as points [N, J, 3]."""
    import numpy

    if len(places) == 0:
        return numpy.zeros((0, 0, 3), "float32")
    if scores is None:
        scores = numpy.ones(places.shape[:2], "float32")
    if places.ndim != 3 or scores.shape != places.shape[:2]:
        shapes = f"key points of shape {list(places.shape)} and scores of {list(scores.shape)}"
        raise InputError(f"{shapes}, expected [N, J, 2] and [N, J]")
    return numpy.concatenate([places[..., :2], scores[..., None]], axis=2)
