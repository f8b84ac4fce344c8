"""Plans of exchange by collectives of as many spikes as there are, whose numbers are told before, in Python alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.placement import index_of_owner
from distsim.parallel.rows import alltoall
from distsim.spiking.exchange_plans import ExchangePlan
from distsim.spiking.exchange_steps import step_in_python
from distsim.spiking.needed_spikes import Lists
from distsim.spiking.packed_spikes import GID_MASK, sort
from distsim.spiking.source_filter import collect

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]


class ByAllgatherv(ExchangePlan):
    """An Allgather of the numbers of spikes, then an Allgatherv of the spikes."""

    def __init__(self, name: str, comm: MPI.Comm) -> None:
        super().__init__(name, step_in_python)
        self._comm = comm
        self._counts = np.zeros(comm.size, np.int64)

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        self._comm.Allgather(np.array([len(spikes)], np.int64), self._counts)
        received = np.empty(int(self._counts.sum()), np.uint64)
        self._comm.Allgatherv(spikes, [received, self._counts])
        received = received[: collect(received, self._filter, received, 0)]
        sort(received)
        return received


class ByAlltoallv(ExchangePlan):
    """Every spike goes only to the ranks that hold targets of its neuron, after an Alltoall of their numbers."""

    def __init__(self, name: str, comm: MPI.Comm, lists: Lists) -> None:
        super().__init__(name, step_in_python)
        self._comm = comm
        self._offsets, self._ranks = lists.offsets.astype(np.int64), lists.place

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        local = index_of_owner((spikes & GID_MASK).astype(np.int64), self._comm.size)
        known = local < len(self._offsets) - 1
        spikes, local = spikes[known], local[known]
        fan = self._offsets[local + 1] - self._offsets[local]
        first = np.repeat(self._offsets[local] - (np.cumsum(fan) - fan), fan)
        rank = self._ranks[first + np.arange(len(first))]
        order = np.argsort(rank, kind="stable")
        outgoing = np.repeat(spikes, fan)[order]
        received, _ = alltoall(self._comm, outgoing, np.bincount(rank, minlength=self._comm.size))
        sort(received)
        return received
