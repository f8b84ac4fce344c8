"""What is told of all flips without any being kept: a hash of them, and how long neurons were active.

Both are sums of integers, so they are the same on any number of ranks and in any order. Times count in ticks of 2^-20
ms; no rank's neurons may be active for 2^64 ticks together, which for a million of them are five simulated hours.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit
from distsim.parallel.event_hash import EventHash, add_event

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.record.checkpoint import Archive

TICKS = 2.0**20
"""In a ms."""
WRAPPED = 2**64
Int64Array = npt.NDArray[np.int64]
Flipped = tuple[npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.uint8]]


class FlipTally:
    """Of the flips of this rank so far: their ``hash``, and by population how many neurons are active, and were.

    gids (n,): the neurons of this rank; first (populations + 1,): index among them at which each population begins;
    state (n,): at the start.
    """

    def __init__(self, gids: Int64Array, first: Int64Array, state: npt.NDArray[np.uint8]) -> None:
        self.hash = EventHash()
        self._gids, self._first = gids, first
        self._active = self._active_of(state)
        self._moments = np.zeros_like(self._active)

    def _active_of(self, state: npt.NDArray[np.uint8]) -> Int64Array:
        """How many of this rank are active in each population, by the states (n,) of all."""
        ends = itertools.pairwise(self._first)
        return np.array([state[begin:end].sum(dtype=np.int64) for begin, end in ends], np.int64)

    def add(self, flips: Flipped) -> None:
        """Take in flips: time (n,) (ms), local index (n,), state (n,) after."""
        time, index, state = flips
        stamps = time.view(np.uint64)
        tally(self._gids, self._first, time, stamps, index, state, self.hash.sums, self._active, self._moments)

    def active_time(self, time: float, comm: MPI.Comm) -> npt.NDArray[np.float64]:
        """How long all neurons of each population (populations,) together were active until ``time`` (ms); collective.

        It grows by the mean activity times the number of neurons.
        """
        return np.array([comm.allreduce(ticks) for ticks in self._passed(time)], np.float64) / TICKS

    def _passed(self, time: float) -> list[int]:
        """How many ticks the neurons of this rank of each population were active together until ``time`` (ms)."""
        now, pairs = round(time * TICKS), zip(self._active.tolist(), self._moments.tolist(), strict=True)
        return [(active * now - moment) % WRAPPED for active, moment in pairs]

    def transfer(self, archive: Archive, time: float, state: npt.NDArray[np.uint8]) -> None:
        """Tell ``archive`` what there is at ``time`` (ms), when the neurons of this rank have the ``state`` (n,)."""
        archive.event_hash("flip hash", self.hash)
        passed = [archive.total(f"ticks active {k}", ticks) for k, ticks in enumerate(self._passed(time))]
        self._active[:] = self._active_of(state)
        moments = [
            (n * round(time * TICKS) - ticks) % WRAPPED for n, ticks in zip(self._active.tolist(), passed, strict=True)
        ]
        self._moments[:] = np.array(moments, np.uint64).view(np.int64)


@jit
def tally(gids, first, time, stamps, index, state, sums, active, moments):  # type: ignore[no-untyped-def]
    """Add flips (n,) to the sums of an ``EventHash``; stamps: the bits of their times; and to those by population.

    active (populations,): neurons that are active; moments (populations,): ticks of the times at which neurons became
    active, less those at which they ceased to be.
    """
    for flip in range(index.size):
        i = index[flip]
        add_event(gids[i], stamps[flip], sums)
        population = 0
        while first[population + 1] <= i:
            population += 1
        ticks = np.int64(np.rint(time[flip] * TICKS))
        if state[flip]:
            active[population] += 1
            moments[population] += ticks
        else:
            active[population] -= 1
            moments[population] -= ticks
