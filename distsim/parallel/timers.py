"""Timers of phases: data, per rank."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from distsim.parallel.communicator import largest

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
    """min, mean and max over ranks of every phase; they have the same names on all of them (collective)."""
    mine = np.array(list(seconds.values()), np.float64)
    total = np.empty(len(mine) + 1)
    comm.Allreduce(np.append(mine, 1.0), total)  # and the number of ranks that are here
    extremes = largest(comm, [*(-mine).tolist(), *mine.tolist()])
    means = (total[:-1] / total[-1]).tolist()
    spreads = zip(seconds, extremes[: len(mine)], means, extremes[len(mine) :], strict=True)
    return {name: {"min": -least, "mean": mean, "max": most} for name, least, mean, most in spreads}
