"""The exchange of rates: each rank gets those of the neurons that project to its own.

Neurons are numbered by their owners, those of rank 0 first, so that what comes rank after rank is in their order. Where
ranks need more than half of all rates, on average, each gets all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.placement import index_of_owner, local_count, owner
from distsim.parallel.rows import alltoall

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int32]
SHARE = 0.5  # of all rates, which a rank needs on average, from which on it gets all


class RateExchange:
    """What is exchanged between ranks that own ``size`` neurons together.

    Sources that ``number`` gives have numbers among all neurons; ``begin`` turns these into places in what comes, and
    ``end`` turns them back.
    """

    def __init__(self, comm: MPI.Comm, size: int) -> None:
        self.comm, self.size = comm, size
        self._counts = np.array([local_count(0, size, rank, comm.size) for rank in range(comm.size)])
        self._begins = np.cumsum(self._counts) - self._counts
        self._needed: Int64Array | None = None
        self.mine = np.empty(self._counts[comm.rank])

    def number(self, gids: Int64Array) -> Numbers:
        """The numbers (n,) of neurons."""
        return (self._begins[owner(gids, self.comm.size)] + index_of_owner(gids, self.comm.size)).astype(np.int32)

    def begin(self, sources: Sequence[Numbers]) -> None:
        """Find out who needs whom, and number the sources (n,) anew, in place (collective)."""
        needed = _once_each(sources, self.size)
        if self.comm.allreduce(len(needed)) > SHARE * self.size * self.comm.size:
            self._came = np.empty(self.size)
            return
        self._needed = needed
        counts = np.diff(needed.searchsorted(np.append(self._begins, self.size)))
        owned = needed - np.repeat(self._begins, counts)
        self._local, self._sent = alltoall(self.comm, owned, counts)
        self._arriving, self._came = counts, np.empty(len(needed))
        for own in sources:
            own[:] = needed.searchsorted(own)

    def end(self, sources: Sequence[Numbers]) -> None:
        """Give the sources the numbers back that they have among all neurons."""
        if self._needed is not None:
            for own in sources:
                own[:] = self._needed[own]
        self._needed = None

    def exchange(self) -> FloatArray:
        """The rates (n,) of those that are needed, where ``mine`` has those of this rank (collective).

        Valid until the next call.
        """
        if self._needed is None:
            self.comm.Allgatherv(self.mine, [self._came, self._counts])
        else:
            self.comm.Alltoallv([self.mine[self._local], self._sent], [self._came, self._arriving])
        return self._came


def _once_each(sources: Sequence[Numbers], size: int) -> Int64Array:
    """The different numbers below ``size``, ascending: in no more memory than the sources take."""
    if sum(map(len, sources)) < size:
        found = [np.unique(own) for own in sources]
        return np.unique(np.concatenate([np.zeros(0, np.int32), *found])).astype(np.int64)
    there = np.zeros(size, bool)
    for own in sources:
        there[own] = True
    return np.flatnonzero(there)
