"""Files that are read once, piece by piece, past the memory in which the system keeps what may be read again.

To copy a piece from there takes longer than to have it from a fast disk, and takes the processor.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.reused_memory import BLOCK, Reused
from distsim.record.disk import release_memory

LARGE = 1 << 20  # bytes from which on it is worth it


class ReadOnce:
    """The file at ``path``; OSError where it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._direct = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECT)
        except (OSError, AttributeError):  # a file system, or a system, without it
            self._direct = -1

    def read(self, place: int, n: int, memory: Reused) -> npt.NDArray[np.uint8]:
        """``n`` bytes from ``place`` on, in ``memory``; OSError or ValueError where they are not there."""
        begin = place // BLOCK * BLOCK
        whole = memory.empty(-(-(place + n) // BLOCK) * BLOCK - begin, np.uint8)
        wanted = whole[place - begin : place - begin + n]
        if n < LARGE or not self._read_past(begin, place + n - begin, whole):
            if _read(self._descriptor, place, wanted) < n:
                raise ValueError("it ends too early")
            release_memory(self._descriptor, place, n)
        return wanted

    def _read_past(self, begin: int, least: int, whole: npt.NDArray[np.uint8]) -> bool:
        """Whether ``least`` of these whole blocks of the file, but for its end, could be read past that memory."""
        try:
            return self._direct >= 0 and _read(self._direct, begin, whole) >= least
        except OSError:  # a file system that asks for other blocks
            return False

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)
        if self._direct >= 0:
            os.close(self._direct)


def _read(descriptor: int, place: int, into: npt.NDArray[Any]) -> int:
    """How many bytes from ``place`` on the file has for ``into``, and has put there."""
    done = 0
    while done < len(into) and (n := os.preadv(descriptor, [into[done:].data], place + done)):
        done += n
    return done
