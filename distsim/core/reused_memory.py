"""Memory that is used again and again: memory that is new to a process costs more than to fill it."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

BLOCK = 4096  # bytes


class Reused:
    """Memory of one array at a time, that of ``block`` as long as it is large enough."""

    def __init__(self, block: npt.NDArray[np.uint8] | None = None) -> None:
        self._block = np.empty(0, np.uint8) if block is None else block

    def empty(self, n: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """An array (n,) of that type, to be filled; it begins at a multiple of ``BLOCK``. The one before is lost."""
        bytes = n * np.dtype(kind).itemsize
        if len(self._block) < bytes + BLOCK:
            self._block = np.empty(bytes + BLOCK, np.uint8)
        begin = -self._block.ctypes.data % BLOCK
        return self._block[begin : begin + bytes].view(kind)


class InTurn:
    """Memory of two arrays at a time: a new one lies where the one before the last was."""

    def __init__(self) -> None:
        self._last, self._next = Reused(), Reused()

    def empty(self, n: int, kind: npt.DTypeLike) -> npt.NDArray[Any]:
        """As of ``Reused``."""
        self._last, self._next = self._next, self._last
        return self._last.empty(n, kind)


class Ring:
    """Memory of so many bytes for arrays that go in the order in which they came.

    It is one piece, for which numpy asks for large pages: to be read into, these cost the system a tenth.
    """

    def __init__(self, bytes: int) -> None:
        self._block = np.empty(bytes, np.uint8)
        self._held: deque[tuple[int, int]] = deque()

    def take(self, n: int) -> npt.NDArray[np.uint8] | None:
        """The next ``n`` bytes; None where they are not free."""
        first, last = (self._held[0][0], self._held[-1][1]) if self._held else (0, 0)
        around = bool(self._held) and last <= first
        if last + n > (first if around else len(self._block)):
            if around or n > first:
                return None
            last = 0
        self._held.append((last, last + n))
        return self._block[last : last + n]

    def give_back(self) -> None:
        """Let go of the bytes that have been held for longest."""
        self._held.popleft()
