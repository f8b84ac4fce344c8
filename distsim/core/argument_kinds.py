"""Kinds of arguments of kernels: machine code that was made for some arguments runs on all others of their kinds.

They are those that numba tells apart: numbers by their type (a whole number of Python is an int64), arrays by dtype,
number of dimensions, layout and whether they can be written, tuples by the kinds of their entries, named ones by their
class too, and compiled functions each by itself.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

_of_array = attrgetter("dtype", "ndim", "flags.num")
_LARGE = np.uint64  # of whole numbers beyond an int64


def kind_of(value: Any) -> Any:
    """That of an argument, to be looked up by: equal for arguments that are told apart by nothing."""
    its_type = type(value)
    if its_type is np.ndarray:
        return _of_array(value)
    if its_type is tuple:
        return tuple(map(kind_of, value))
    if its_type is int:
        return int if -(1 << 63) <= value < 1 << 63 else _LARGE
    if hasattr(value, "py_func"):
        return value
    return (its_type, tuple(map(kind_of, value))) if isinstance(value, tuple) else its_type
