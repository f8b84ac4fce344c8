"""Who needs the spikes of whom: for each neuron of this rank the places, ranks or nodes, where it has targets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.placement import index_of_owner, owner

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Lists:
    """Of local neuron i the places are place[offsets[i]:offsets[i + 1]], ascending; there are ``places`` in all.

    Neurons after the last that has targets anywhere are left out.
    """

    offsets: UInt64Array
    place: UInt64Array
    places: int

    @classmethod
    def of_ranks(cls, comm: MPI.Comm, needed: Int64Array) -> Lists:
        """From what each rank needs: gids (n,), ascending (collective)."""
        owners = owner(needed, comm.size)
        order = np.argsort(owners, kind="stable")
        asked, counts = alltoall(comm, needed[order].astype(np.uint64), np.bincount(owners, minlength=comm.size))
        return cls._sorted(index_of_owner(asked.astype(np.int64), comm.size), _repeated(counts), comm.size)

    def of_nodes(self, of_rank: Int64Array) -> Lists:
        """The nodes of these ranks; ``of_rank`` (ranks,) is the node of each."""
        local = _repeated(np.diff(self.offsets).astype(np.int64))
        node = of_rank[self.place[: len(local)].astype(np.int64)]
        pairs = np.unique(np.stack([local, node], axis=1), axis=0)
        return self._sorted(pairs[:, 0], pairs[:, 1], int(of_rank.max()) + 1)

    @classmethod
    def _sorted(cls, local: Int64Array, place: Int64Array, places: int) -> Lists:
        n = int(local.max(initial=-1)) + 1
        offsets = np.concatenate(([0], np.cumsum(np.bincount(local, minlength=n)))).astype(np.uint64)
        by_neuron = place[np.lexsort((place, local))].astype(np.uint64)
        return cls(offsets, np.append(by_neuron, np.uint64(0)), places)  # never empty, so that it has an address


def _repeated(counts: Int64Array) -> Int64Array:
    """0 counts[0] times, 1 counts[1] times, and so on."""
    return np.repeat(np.arange(len(counts)), counts)


def alltoall(comm: MPI.Comm, outgoing: UInt64Array, counts: Int64Array) -> tuple[UInt64Array, Int64Array]:
    """Send counts[r] consecutive entries of ``outgoing`` to rank r; what came, and how much from each rank."""
    counts = np.ascontiguousarray(counts, np.int64)
    arriving = np.empty(comm.size, np.int64)
    comm.Alltoall(counts, arriving)
    incoming = np.empty(int(arriving.sum()), np.uint64)
    comm.Alltoallv([outgoing, counts], [incoming, arriving])
    return incoming, arriving
