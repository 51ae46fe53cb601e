"""Arguments of the wrong type, told by their name, what was found and what is expected. None passes where it is the default."""

from __future__ import annotations

import operator
import os
from collections.abc import Collection
from typing import Any

from ._errors import UsageError


def numbers(**given: Any) -> None:
    """Refuses what is no number; None is no argument."""
    for name, value in given.items():
        if value is not None and not _is_number(value):
            raise _wrong(name, value, "a number")


def counts(**given: Any) -> None:
    """Refuses what is no whole number; None is no argument."""
    for name, value in given.items():
        if value is not None and not _is_whole(value):
            raise _wrong(name, value, "a whole number")


def count(name: str, value: Any) -> None:
    """Refuses what is no whole number."""
    if not _is_whole(value):
        raise _wrong(name, value, "a whole number")


def flags(**given: Any) -> None:
    """Refuses what is neither True nor False."""
    for name, value in given.items():
        if type(value).__name__ not in ("bool", "bool_"):
            raise _wrong(name, value, "True or False")


def texts(**given: Any) -> None:
    """Refuses what is no text; None is no argument."""
    for name, value in given.items():
        if value is not None:
            text(name, value)


def text(name: str, value: Any) -> None:
    """Refuses what is no text."""
    if not isinstance(value, str):
        raise _wrong(name, value, "a text")


def path(name: str, value: Any) -> str:
    """The path as text."""
    found = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(found, str):
        raise _wrong(name, value, "a path")
    return found


def layout(value: Any) -> None:
    """Refuses what names no layout."""
    if value is None or isinstance(value, str):
        return
    is_list = isinstance(value, Collection) and not isinstance(value, (bytes, dict))
    if not is_list or not all(isinstance(name, str) for name in value):
        raise _wrong("layout", value, "a layout's name, or the names of the joints in order")


def instance(name: str, value: Any, kind: type, of: str) -> None:
    """Refuses what is no `kind`, which `of` gives."""
    if not isinstance(value, kind):
        raise _wrong(name, value, f"{kind.__name__}, as {of} gives")


def _is_number(value: Any) -> bool:
    if isinstance(value, (str, bytes, bytearray, bool)):
        return False
    try:
        float(value)
    except (TypeError, ValueError, OverflowError):
        return False
    return True


def _is_whole(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def _wrong(name: str, value: Any, expected: str) -> UsageError:
    return UsageError(f"{name} is {_found(value)}, expected {expected}")


def _found(value: Any) -> str:
    """A value in few words: itself where it is short, its shape or its type otherwise."""
    if value is None or isinstance(value, (bool, int, float)):
        return repr(value)
    kind, shape = type(value).__name__, getattr(value, "shape", None)
    if isinstance(shape, tuple):
        return f"{kind} of shape {list(shape)}"
    shown = repr(value)
    return f"{kind} {shown}" if len(shown) <= 40 else kind
