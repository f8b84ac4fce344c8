"""Timers of phases: data, per rank."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mpi4py import MPI


class Timers:
    """Seconds of wall time spent in named phases on this rank."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._since = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Add the time spent inside to phase ``name``."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - begin

    def start(self) -> None:
        """Begin the first of a row of phases."""
        self._since = time.perf_counter()

    def lap(self, name: str) -> None:
        """Add the time since the last ``start`` or ``lap`` to phase ``name``."""
        now = time.perf_counter()
        self.seconds[name] += now - self._since
        self._since = now


def over_ranks(seconds: dict[str, float], comm: MPI.Comm) -> dict[str, dict[str, float]]:
    """min, mean and max over ranks of every phase (collective)."""
    names = sorted(set().union(*comm.allgather(list(seconds))), key=list(seconds).index)
    rows = comm.allgather([seconds.get(name, 0.0) for name in names])
    columns = list(zip(*rows, strict=True))
    return {
        name: {"min": min(column), "mean": sum(column) / len(column), "max": max(column)}
        for name, column in zip(names, columns, strict=True)
    }
