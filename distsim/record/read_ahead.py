"""Columns of a checkpoint as one rank reads them: ahead of when they are asked for, in the order in which they will be.

Where its part of a column begins a rank knows only when its network is built, but it can guess: so what comes first is
there by then.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.reused_memory import BLOCK, Reused, Ring
from distsim.record.checkpoint_files import UNREADABLE, broken
from distsim.record.checksum import checksum
from distsim.record.read_once import ReadOnce

AHEAD = 1 << 25  # bytes that are read before they are asked for
Part = tuple[int, int, int]
"""One of the files, and from which to which entry of what it has of a column."""


class PartReader:
    """Parts of the checkpoint at ``path``, opened when they are first asked for; threads may share it."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self._columns = head["columns"]
        self._paths = [path, *(path.with_name(name) for name in head["parts"])]
        self._open: dict[int, ReadOnce] = {}
        self._opening = threading.Lock()

    def kind(self, name: str) -> np.dtype[Any]:
        """The type of the entries of a column."""
        return np.dtype(self._columns[name]["kind"])

    def size(self, name: str) -> int:
        """How many entries a column has."""
        return sum(n for n, _, _ in self._columns[name]["parts"])

    def read(self, name: str, begin: int, end: int, memory: Reused) -> npt.NDArray[Any]:
        """The entries of a column from number ``begin`` up to ``end``, over all parts, in ``memory`` if in one.

        Raises InputError where they cannot be read.
        """
        within = list(self._within(name, begin, end))
        found = [self._read(name, part, memory if len(within) == 1 else Reused()) for part in within]
        return found[0] if len(found) == 1 else np.concatenate([np.empty(0, self.kind(name)), *found])

    @property
    def parts(self) -> int:
        """How many there are."""
        return len(self._paths)

    def sums(self, name: str, begin: int, values: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
        """What the entries of a column from number ``begin`` on are of its checksum in each part (parts,)."""
        sums, done = np.zeros(self.parts, np.uint64), 0
        for part, low, high in self._within(name, begin, begin + len(values)):
            sums[part] = checksum(values[done : done + high - low], low)
            done += high - low
        return sums

    def _within(self, name: str, begin: int, end: int) -> Iterator[Part]:
        """In which parts these entries of a column are."""
        first = 0
        for part, (entries, _, _) in enumerate(self._columns[name]["parts"]):
            low, high = max(begin, first), min(end, first + entries)
            if low < high:
                yield part, low - first, high - first
            first += entries

    def _read(self, name: str, where: Part, memory: Reused) -> npt.NDArray[Any]:
        """The entries of a column in one part."""
        (part, begin, end), kind = where, self.kind(name)
        try:
            place = self._columns[name]["parts"][part][2] + begin * kind.itemsize
            found = self._opened(part).read(place, (end - begin) * kind.itemsize, memory)
            return found.view(kind) if found.ctypes.data % kind.alignment == 0 else found.copy().view(kind)
        except UNREADABLE as error:
            raise broken(self._paths[part], error) from error

    def _opened(self, part: int) -> ReadOnce:
        with self._opening:
            if part not in self._open:
                self._open[part] = ReadOnce(self._paths[part])
            return self._open[part]

    def check(self, name: str, sums: list[int]) -> None:
        """InputError where these are not the checksums of a column in each of the parts."""
        for path, (_, expected, _), found in zip(self._paths, self._columns[name]["parts"], sums, strict=True):
            if found != expected:
                raise broken(path, ValueError(f"'{name}' does not have its checksum"))

    def close(self) -> None:
        """Close all parts."""
        for data in self._open.values():
            data.close()


@dataclass(frozen=True)
class Stretch:
    """The entries of a column from number ``begin`` up to ``end``."""

    name: str
    begin: int
    end: int

    def has(self, other: Stretch) -> bool:
        """Whether all of the other one is in this one."""
        return self.name == other.name and self.begin <= other.begin and other.end <= self.end


class ReadAhead:
    """Reads what is ``expected`` on a thread of its own, in that order, as far as ``AHEAD`` bytes of memory go."""

    def __init__(self, parts: PartReader, expected: Iterable[Stretch]) -> None:
        self._parts, self._expected = parts, iter(expected)
        self._begun: deque[tuple[Stretch, Future[npt.NDArray[Any]]]] = deque()
        self._next: Stretch | None = None  # for which there was no room
        self._memory, self._own = Ring(AHEAD), Reused()
        self._given = False  # what was asked for last is in that memory
        self._worker = ThreadPoolExecutor(1)
        self._begin()

    def _begin(self) -> None:
        """Begin with what comes next, as far as there is room; what is larger than all of it is not read ahead."""
        while (stretch := self._next or next(self._expected, None)) is not None:
            name, begin, end = stretch.name, stretch.begin, stretch.end
            block = self._memory.take((end - begin) * self._parts.kind(name).itemsize + 3 * BLOCK)
            self._next = stretch if block is None and (self._begun or self._given) else None
            if block is not None:
                reading = self._worker.submit(self._parts.read, name, begin, end, Reused(block))
                self._begun.append((stretch, reading))
            elif self._next is not None:
                return

    def read(self, name: str, begin: int, end: int) -> npt.NDArray[Any]:
        """The entries of a column from number ``begin`` up to ``end``; they stay until others are asked for.

        What was expected before them, and was not asked for, is passed over. Raises InputError where they cannot be
        read.
        """
        wanted = Stretch(name, begin, end)
        if not any(stretch.has(wanted) for stretch, _ in self._begun):
            return self._parts.read(name, begin, end, self._own)
        while True:
            if self._given:
                self._memory.give_back()
            self._given = True
            stretch, reading = self._begun.popleft()
            if stretch.has(wanted):
                self._begin()
                return reading.result()[begin - stretch.begin : end - stretch.begin]
            if not reading.cancel():
                reading.exception()  # it is done with its memory

    def close(self) -> None:
        """Read no more."""
        self._worker.shutdown(cancel_futures=True)
