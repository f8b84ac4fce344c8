"""Arrays that begin on a cache line: vector registers then load from one line and not from two, which takes longer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

LINE = 64  # bytes


def zeros_on_line(shape: tuple[int, ...], kind: Any) -> npt.NDArray[Any]:
    """Zeros of ``shape`` and type ``kind``; numpy's own begin at any multiple of 16 bytes."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    memory = np.zeros(size + LINE, np.uint8)
    begin = -memory.ctypes.data % LINE
    return memory[begin : begin + size].view(kind).reshape(shape)


def on_line(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A copy of ``values`` that begins on a cache line."""
    copy = zeros_on_line(values.shape, values.dtype)
    copy[...] = values
    return copy
