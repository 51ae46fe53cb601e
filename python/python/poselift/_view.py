"""Poses to look at."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from . import _arguments, _native
from ._errors import UsageError
from ._keypoints import Keypoints
from ._poses import Poses


class Page:
    """A page with poses to play, turn and measure; a notebook shows it.

    Attributes
    ----------
    html : str
        The whole page, which needs nothing but a browser.
    height : int
        How tall a notebook shows it, pixels.
    """

    __slots__ = ("height", "html")

    html: str
    height: int

    def __init__(self, html: str, height: int) -> None:
        self.html = html
        self.height = height

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file.

        Parameters
        ----------
        path : path-like
            The file; one that exists is replaced.

        Raises
        ------
        OSError
            The file cannot be written.
        """
        Path(_arguments.path("path", path)).write_text(self.html, encoding="utf-8")

    def _repr_html_(self) -> str:
        """The page in a frame of its own, whose style and scripts do not meet the notebook's."""
        import html

        document = html.escape(self.html, quote=True)
        style = f"width: 100%; height: {self.height}px; border: 0"
        return f'<iframe srcdoc="{document}" style="{style}" sandbox="allow-scripts"></iframe>'

    def __repr__(self) -> str:
        return f"<Page of {len(self.html) // 1024} KiB: a notebook shows it, .save(path) writes it>"


def view(
    *poses: Poses,
    keypoints: Keypoints | None = None,
    names: Sequence[str] | None = None,
    title: str = "poselift",
    height: int = 640,
) -> Page:
    """Shows poses in a notebook, or as a page.

    Parameters
    ----------
    *poses : Poses
        One clip, or several to compare frame by frame.
    keypoints : Keypoints, optional
        The key points beside them.
    names : sequence of str, optional
        A name for each clip of a comparison.
    title : str
        The page's title.
    height : int
        How tall a notebook shows it, pixels.

    Returns
    -------
    Page
        With `_repr_html_` for notebooks, and `save`.

    Raises
    ------
    UsageError
        No poses, or another number of names.
    """
    if not poses:
        raise UsageError("no poses, expected one clip at least")
    for number, clip in enumerate(poses):
        _arguments.instance(f"poses {number}", clip, Poses, "lift")
    if keypoints is not None:
        _arguments.instance("keypoints", keypoints, Keypoints, "read")
    if names is not None and (isinstance(names, str) or not all(isinstance(name, str) for name in names)):
        raise UsageError(f"names is {names!r}, expected a sequence of texts, one for each clip")
    _arguments.text("title", title)
    _arguments.count("height", height)
    named = list(names) if names is not None else [f"{number + 1}" for number in range(len(poses))]
    if len(named) != len(poses):
        raise UsageError(f"{len(named)} names for {len(poses)} clips, expected as many")
    notes = [note for clip in poses for note in clip.notes]
    sets = [(name, clip._clip()) for name, clip in zip(named, poses)]
    return Page(_native.page(title, sets, keypoints, notes), height)
