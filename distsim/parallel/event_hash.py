"""A hash of all events of a network - spikes, flips - made as they occur: none is kept, sent or sorted for it.

It is the sum, modulo 2^64, of one random number for each event: number ``counter`` of the stream that the gid of the
neuron has in a family made for this, see ``core.rng``; and beside it the same of a second family, so that 128 bits
tell two sets of events apart. The counter of a spike is its step. A sum knows no order: it is that of any number of
ranks, of any interval, of one run or of ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distsim.core.jit import inline
from distsim.core.rng import family, hashed, key_of, mix

if TYPE_CHECKING:
    from mpi4py import MPI

LANES = 2  # sums of 64 bits
_BASES, _SALTS = (np.array(column) for column in zip(*(family(0, "spike hash", k) for k in range(LANES)), strict=True))


class EventHash:
    """The sums (LANES,) uint64 of the events of this rank so far, to which ``add_event`` adds."""

    def __init__(self) -> None:
        self.sums = np.zeros(LANES, np.uint64)

    def over_ranks(self, comm: MPI.Comm) -> str:
        """The hash of the events of all ranks: 32 hexadecimal digits (collective)."""
        total = np.empty_like(self.sums)
        comm.Allreduce(self.sums, total)  # unsigned integers wrap around
        return "".join(f"{int(lane):016x}" for lane in total)

    def bring_back(self, digits: str, comm: MPI.Comm) -> None:
        """Go on from what ``over_ranks`` gave: all of it on rank 0."""
        self.sums[:] = 0
        if comm.rank == 0:
            self.sums[:] = [int(digits[16 * k : 16 * (k + 1)], 16) for k in range(LANES)]


@inline
def add_event(gid, counter, sums):  # type: ignore[no-untyped-def]
    """sums[k] += number ``counter`` of the stream of ``gid`` in family k; there may be no sums."""
    for k in range(sums.size):
        sums[k] += mix(key_of(_BASES[k], gid) + hashed(_SALTS[k], counter))
