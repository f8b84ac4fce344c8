"""Kinds of arguments of kernels: machine code that was made for some arguments runs on all others of their kinds.

They are those that numba tells apart: numbers by their type (a whole number of Python is an int64), arrays by dtype,
number of dimensions, layout and whether they can be written, tuples by the kinds of their entries, named ones by their
class too, and compiled functions each by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import numpy as np

_ARRAY = np.ndarray
_of_array = attrgetter("dtype", "ndim", "flags.num")
_NUMBERS = frozenset({bool, float, complex, type(None), np.bool_, np.int64, np.uint64, np.float64, np.float32})
_LARGE = np.uint64  # of whole numbers beyond an int64


def kinds_of(values: Iterable[Any]) -> tuple[Any, ...]:
    """Those of arguments, to be looked up by: equal for arguments that are told apart by nothing."""
    return tuple([_of_array(v) if type(v) is _ARRAY else type(v) if type(v) in _NUMBERS else _of(v) for v in values])


def _of(value: Any) -> Any:
    its_type = type(value)
    if its_type is int:
        return int if -(1 << 63) <= value < 1 << 63 else _LARGE
    if its_type is tuple:
        return kinds_of(value)
    if hasattr(value, "py_func"):
        return value
    return (its_type, kinds_of(value)) if isinstance(value, tuple) else its_type
