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
        ends = itertools.pairwise(first)
        self._active = np.array([state[begin:end].sum(dtype=np.int64) for begin, end in ends], np.int64)
        self._moments = np.zeros_like(self._active)

    def add(self, flips: Flipped) -> None:
        """Take in flips: time (n,) (ms), local index (n,), state (n,) after."""
        time, index, state = flips
        stamps = time.view(np.uint64)
        tally(self._gids, self._first, time, stamps, index, state, self.hash.sums, self._active, self._moments)

    def transfer(self, archive: Archive) -> None:
        """Tell ``archive`` the sums of all ranks, which the lowest one goes on with."""
        archive.event_hash("flip hash", self.hash)
        for name, sums in (("active", self._active), ("moments", self._moments)):
            for k, value in enumerate(sums.tolist()):
                total = archive.total(f"{name} {k}", value)
                sums[k] = (total + WRAPPED // 2) % WRAPPED - WRAPPED // 2

    def active_time(self, time: float, comm: MPI.Comm) -> npt.NDArray[np.float64]:
        """How long all neurons of each population (populations,) together were active until ``time`` (ms); collective.

        It grows by the mean activity times the number of neurons.
        """
        now, pairs = round(time * TICKS), zip(self._active.tolist(), self._moments.tolist(), strict=True)
        ticks = [comm.allreduce(active * now - moment) % WRAPPED for active, moment in pairs]
        return np.array(ticks, np.float64) / TICKS


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
