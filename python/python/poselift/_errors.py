"""What goes wrong: exceptions that say the place, what was found and what was expected; and warnings of what was assumed."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable


class PoseliftError(Exception):
    """The base of all errors of this package.

    Attributes
    ----------
    hint : str or None
        What can be done about it.
    """

    hint: str | None = None


class InputError(PoseliftError, ValueError):
    """Key points or a file that do not match their format or the model."""


class UsageError(PoseliftError, ValueError):
    """An argument, or a combination of arguments, that is not possible."""


class ModelError(PoseliftError, ValueError):
    """A model file that is none of poselift's, or does not fit its card."""


class DeviceError(PoseliftError, RuntimeError):
    """A runtime or a device that is missing or unusable."""


class FileError(PoseliftError, OSError):
    """The operating system refused: no such file, disk full, no permission."""


class AssumptionWarning(UserWarning):
    """Something was assumed, set right or left out on the way in or out."""


# The program's options that have another name here.
_OTHER_NAMES = {
    "camera-name": "Camera(…, name=…)",
    "camera-up": "Camera(…, up=…)",
    "from": "format",
    "to": "format",
}

# How an option begins: not within a word or a path, `/data/run--from/clip.jsonl`.
_OPTION = r"(?<![\w/.-])--"


def in_python(text: str) -> str:
    """`text` with the program's options as arguments of Python: ``--size 1920x1080`` is ``size=(1920, 1080)``."""
    text = re.sub(rf"{_OPTION}size (\d+)x(\d+)", r"size=(\1, \2)", text)
    text = re.sub(rf"{_OPTION}([a-z-]+) [A-Z]\w*(?:\.\w+)?", r"--\1", text)
    text = re.sub(rf"`?{_OPTION}(fps) (\d[\d.]*|F)`?", r"\1=\2", text)
    text = re.sub(rf"`?{_OPTION}(device) (cpu|cuda|auto)`?", r"\1=\2", text)
    return re.sub(rf"{_OPTION}([a-z][a-z-]*)", lambda found: _python_name(found[1]), text)


def _python_name(option: str) -> str:
    """What an option of the program is called here."""
    return _OTHER_NAMES.get(option, option.replace("-", "_"))


def made(kind: type[PoseliftError], message: str, hint: str | None) -> PoseliftError:
    """The exception for an error of the native half, whose hints alone name options."""
    hint = None if hint is None else in_python(hint)
    error = kind(message if hint is None else f"{message}\nhint: {hint}")
    error.hint = hint
    return error


def warn_of(notes: Iterable[str], stacklevel: int = 3) -> None:
    """Warns of each note, at the caller of the caller."""
    for note in notes:
        warnings.warn(in_python(note), AssumptionWarning, stacklevel=stacklevel)
