"""A hash of all spikes of a network, made as they occur: no spike is kept, sent or sorted for it.

It is the sum, modulo 2^64, of one random number for each spike: number ``step`` of the stream that the gid of the
neuron has in a family made for this, see ``distsim.rng``; and beside it the same of a second family, so that 128 bits
tell two sets of spikes apart. A sum knows no order: it is that of any number of ranks, of any interval, of one run or
of ten.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.jit import jit
from distsim.rng import family, hashed, key_of, mix

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]
LANES = 2  # sums of 64 bits
_BASES, _SALTS = (np.array(column) for column in zip(*(family(0, "spike hash", k) for k in range(LANES)), strict=True))


class SpikeHash:
    """The sums (LANES,) uint64 of the spikes of this rank so far."""

    def __init__(self) -> None:
        self.sums = np.zeros(LANES, np.uint64)

    def add(self, gids: npt.NDArray[np.int64], step: npt.NDArray[np.int64]) -> None:
        """Take account of spikes (n,) of the neurons ``gids`` in the steps ``step``."""
        add_spikes(gids, step, _BASES, _SALTS, self.sums)

    def over_ranks(self, comm: MPI.Comm) -> str:
        """The hash of the spikes of all ranks: 32 hexadecimal digits (collective)."""
        total = np.empty_like(self.sums)
        comm.Allreduce(self.sums, total)  # unsigned integers wrap around
        return "".join(f"{int(lane):016x}" for lane in total)


@jit
def add_spikes(gids, step, bases, salts, sums):  # type: ignore[no-untyped-def]
    """sums[k] += number step[i] of the stream of gids[i] in family k, for every spike i and every k."""
    for k in range(sums.size):
        total = sums[k]
        for i in range(gids.size):
            total += mix(key_of(bases[k], gids[i]) + hashed(salts[k], step[i]))
        sums[k] = total
