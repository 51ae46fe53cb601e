"""Numbers of any library as NumPy's, without a copy where memory allows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ._errors import InputError, UsageError

if TYPE_CHECKING:
    import numpy


class HasArray(Protocol):
    """Anything that NumPy makes an array of."""

    def __array__(self, *args: Any, **kwargs: Any) -> Any: ...


def as_array(numbers: Any) -> numpy.ndarray[Any, Any]:
    """An array of what has `__array__` or DLPack, or of nested lists; a tensor on a GPU is fetched.

    Raises
    ------
    InputError
        Something else than a regular array of numbers.
    """
    import numpy

    array = numbers if isinstance(numbers, numpy.ndarray) else _fetched(numbers)
    if isinstance(array, numpy.ma.MaskedArray):
        # What is masked is not known.
        array = numpy.asarray(numpy.ma.filled(array.astype(float), numpy.nan))
    if array.dtype.kind not in "fiu" and not _is_extended_float(array.dtype):
        found = f"{type(numbers).__name__} of {array.dtype}"
        raise InputError(f"{found}, expected an array of numbers or what a known detector gives")
    return array


def as_size(size: Any) -> tuple[int, int] | None:
    """Width and height as whole numbers, however they are written (OpenCV gives floats); None for none.

    Raises
    ------
    UsageError
        Something else than two whole numbers.
    """
    if size is None:
        return None
    try:
        given = tuple(size)
        sides = tuple(int(side) for side in given if float(side) == int(side))
    except (TypeError, ValueError, OverflowError):
        given = sides = ()
    if len(sides) != 2 or len(given) != 2:
        raise UsageError(f"size is {size!r}, expected (width, height) in pixels")
    return sides[0], sides[1]


def as_floats(numbers: Any, dtype: str) -> numpy.ndarray[Any, Any]:
    """As `as_array`, in a float type; the same memory where it has that type already."""
    import numpy

    array = as_array(numbers)
    # An array that is not aligned, as a field of records may be, is copied.
    return numpy.require(array, dtype=dtype, requirements="A")


def _fetched(numbers: Any) -> numpy.ndarray[Any, Any]:
    """NumPy's array of another library's."""
    import numpy

    # PyTorch's: away from its graph, and to main memory.
    for step in ("detach", "cpu"):
        if callable(getattr(numbers, step, None)):
            numbers = getattr(numbers, step)()
    if hasattr(numbers, "__dlpack__"):
        try:
            return numpy.from_dlpack(numbers)
        except (BufferError, RuntimeError, TypeError, ValueError):
            if callable(getattr(numbers, "float", None)):  # PyTorch's bfloat16, which NumPy does not have
                numbers = numbers.float()
    try:
        return numpy.asarray(numbers)
    except (TypeError, ValueError) as cause:
        raise InputError(f"{type(numbers).__name__} cannot be taken as an array: {cause}") from cause


def _is_extended_float(dtype: numpy.dtype[Any]) -> bool:
    """Whether it is a float type that a package adds to NumPy, as `ml_dtypes` does `bfloat16`."""
    return dtype.kind == "V" and "float" in dtype.name
