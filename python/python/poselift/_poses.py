"""Lifted poses."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from . import _arguments, _native
from ._errors import UsageError, warn_of

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


class PoseInfo(NamedTuple):
    """What all poses of a clip have in common.

    Attributes
    ----------
    skeleton : str
        The skeleton's name, `h36m17`.
    names : tuple of str
        [J] the joints' names.
    parents : tuple of int
        [J] the index of each joint's parent, −1 for the root.
    units : str
        The unit of length: `m`, or the data's own.
    axes : str
        `camera` (x right, y down, z forward), `level` (the same with y as things fall), `y-up` or `z-up`.
    fps : float or None
        Frames a second.
    stature : float or None
        How tall people were made, metres; None where they are as tall as the model has them (1.70 m).
    model : str
        The model's name.
    level : bool or None
        Of `y-up` and `z-up`, whether the camera's pitch and roll were undone; None where it is not known.
    """

    skeleton: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    units: str
    axes: str
    fps: float | None
    stature: float | None
    model: str
    level: bool | None = None

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> PoseInfo:
        """Of the native half's fields."""
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
        }
        return cls(**values)


class Poses:
    """Lifted poses: the shape before the last two axes is that of the key points that they were lifted from.

    [J, 3] is one pose, [N, J, 3] are N poses, [T, N, J, 3] T frames of up to N people. Where there is no person, or a person could
    not be lifted (fewer than four key points were visible), joints are NaN.

    Attributes
    ----------
    joints : ndarray
        float32 […, J, 3]: x, y, z in `units` and `axes`, relative to the root joint.
    sigma : ndarray or None
        float32 […, J]: the distance that 68 % of each joint's errors should stay within, in `units`; None for models without it.
    missing : ndarray
        bool […, J]: joints whose key point was missing, so that the model placed them by the others.
    score : ndarray
        float32 […]: the mean score of the key points that the model read.
    ids : ndarray or None
        int64 […]: people's tracks, −1 where there is none; None where they are not known.
    frames : ndarray, int or None
        int64 [T] frame numbers; an int for the people of one frame; None for poses of an array, which then are taken to be
        frames of one person where they are written.
    times : ndarray, float or None
        float64 [T] seconds, NaN where it is not known; a float for one frame.
    roots : ndarray or None
        float32 […, 3]: where the root joint is from the camera, in `units` and `axes`.
    contacts : ndarray or None
        int8 […, 2]: whether the left and the right foot stand on the ground, 1 or 0, and −1 where that is not known; None where
        it was not asked for or is known of no foot.
    info : PoseInfo
        Names, parents, units, axes.
    notes : tuple of str
        What was assumed.
    """

    __slots__ = ("contacts", "frames", "ids", "info", "joints", "missing", "notes", "roots", "score", "sigma", "times")

    joints: NDArray[numpy.float32]
    sigma: NDArray[numpy.float32] | None
    missing: NDArray[numpy.bool_]
    score: NDArray[numpy.float32]
    ids: NDArray[numpy.int64] | None
    frames: NDArray[numpy.int64] | int | None
    times: NDArray[numpy.float64] | float | None
    roots: NDArray[numpy.float32] | None
    contacts: NDArray[numpy.int8] | None
    info: PoseInfo
    notes: tuple[str, ...]

    def __init__(
        self,
        joints: NDArray[numpy.float32],
        sigma: NDArray[numpy.float32] | None,
        missing: NDArray[numpy.bool_],
        score: NDArray[numpy.float32],
        info: PoseInfo,
        *,
        ids: NDArray[numpy.int64] | None = None,
        frames: NDArray[numpy.int64] | int | None = None,
        times: NDArray[numpy.float64] | float | None = None,
        roots: NDArray[numpy.float32] | None = None,
        contacts: NDArray[numpy.int8] | None = None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.joints = joints
        self.sigma = sigma
        self.missing = missing
        self.score = score
        self.info = info
        self.ids = ids
        self.frames = frames
        self.times = times
        self.roots = roots
        self.contacts = contacts
        self.notes = notes

    @classmethod
    def _of(cls, fields: dict[str, Any]) -> Poses:
        """Of the native half's fields, in four dimensions."""
        info, notes = PoseInfo._of(fields.pop("info")), tuple(fields.pop("notes"))
        return cls(**fields, info=info, notes=notes)

    @property
    def names(self) -> tuple[str, ...]:
        """[J] the joints' names."""
        return self.info.names

    @property
    def parents(self) -> tuple[int, ...]:
        """[J] the index of each joint's parent, −1 for the root."""
        return self.info.parents

    @property
    def units(self) -> str:
        """The unit of length, `m`."""
        return self.info.units

    @property
    def axes(self) -> str:
        """The axes: `camera` is x right, y down, z forward."""
        return self.info.axes

    @property
    def fps(self) -> float | None:
        """Frames a second, where that is known."""
        return self.info.fps

    def joint(self, name: str) -> NDArray[numpy.float32]:
        """The positions […, 3] of one joint.

        Parameters
        ----------
        name : str
            One of `names`, `right_knee`.

        Raises
        ------
        UsageError
            There is no joint of that name.
        """
        if name not in self.names:
            raise UsageError(f"no joint '{name}', expected one of {', '.join(self.names)}")
        return self.joints[..., self.names.index(name), :]

    def smooth(self, way: str = "clip", *, fps: float | None = None) -> Poses:
        """Smooths each person's poses over time, and keeps bones at their lengths.

        Parameters
        ----------
        way : str
            `clip` looks 0.1 s before and after (`clip:0.05` for fast sports), `live` at earlier poses alone (`live:1` smooths a
            person who stands still more; it is a cut-off frequency in Hz, else 2).
        fps : float, optional
            Frames a second, where poses have no times.

        Returns
        -------
        Poses
            [T, N, J, 3].

        Raises
        ------
        UsageError
            Times are not known, or the way of smoothing is not; a frame rate that cannot be.
        """
        _arguments.text("way", way)
        _arguments.numbers(fps=fps)
        _native.check_numbers(None, fps, None)
        fields = _native.smooth(self._clip(fps), way)
        warn_of(fields["notes"])
        return Poses._of(dict(fields))

    def _clip(self, fps: float | None = None) -> SimpleNamespace:
        """The fields in four dimensions, as the native half takes them."""
        import numpy

        joints = numpy.ascontiguousarray(self.joints, "float32")
        is_one_frame = self.frames is not None and numpy.ndim(self.frames) == 0
        shapes: dict[int, tuple[int, int]] = {
            2: (1, 1),
            3: (1, len(joints)) if is_one_frame else (len(joints), 1),
        }
        leading = joints.shape[:2] if joints.ndim == 4 else shapes[joints.ndim]

        def shaped(array: Any, dtype: str, *last: int) -> Any:
            return None if array is None else numpy.ascontiguousarray(array, dtype).reshape(*leading, *last)

        count, joint_count = leading[0], joints.shape[-2]
        ids = numpy.full(leading, 0 if leading[1] == 1 else -1) if self.ids is None else self.ids
        frames = numpy.arange(count) if self.frames is None else self.frames
        times = numpy.full(count, numpy.nan) if self.times is None else self.times
        return SimpleNamespace(
            joints=shaped(joints, "float32", joint_count, 3),
            sigma=shaped(self.sigma, "float32", joint_count),
            missing=shaped(self.missing, "bool", joint_count),
            score=shaped(self.score, "float32"),
            ids=shaped(ids, "int64"),
            roots=shaped(self.roots, "float32", 3),
            contacts=shaped(self.contacts, "int8", 2),
            frames=numpy.ascontiguousarray(frames, "int64").reshape(count),
            times=numpy.ascontiguousarray(times, "float64").reshape(count),
            info=self.info if fps is None else self.info._replace(fps=fps),
        )

    def _of_one_person(self) -> Poses:
        """Of [T, 1, J, 3] the only person's, [T, J, 3]."""

        def own(array: Any) -> Any:
            return None if array is None else array[:, 0]

        return Poses(
            self.joints[:, 0],
            own(self.sigma),
            self.missing[:, 0],
            self.score[:, 0],
            self.info,
            ids=own(self.ids),
            frames=self.frames,
            times=self.times,
            roots=own(self.roots),
            contacts=own(self.contacts),
            notes=self.notes,
        )

    def __len__(self) -> int:
        """The length of the first axis."""
        return len(self.joints)

    def __repr__(self) -> str:
        shape = ", ".join(map(str, self.joints.shape))
        return f"<Poses [{shape}] of {self.info.skeleton}, {self.units}, {self.axes} axes>"
