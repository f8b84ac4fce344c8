"""Memory that is used again and again: memory that is new to a process costs more than to fill it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 4096  # bytes


class InTurn:
    """Memory of two arrays at a time: a new one lies where the one before the last was."""

    def __init__(self) -> None:
        self._blocks = [np.empty(0, np.uint8)] * 2

    def empty(self, n: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array (n,) of that type, to be filled; it begins at a multiple of ``BLOCK``."""
        bytes = n * np.dtype(kind).itemsize
        last, block = self._blocks
        self._blocks = [block if len(block) >= bytes + BLOCK else np.empty(bytes + BLOCK, np.uint8), last]
        begin = -self._blocks[0].ctypes.data % BLOCK
        return self._blocks[0][begin : begin + bytes].view(kind)
