"""The exchange of spikes: every rank gets the spikes of one interval that its neurons need.

A spike travels as one uint64, (step within the interval) << 40 | gid, so that sorting the integers sorts spikes by
step, then source. The plans differ in cost alone: after the exchange the spikes are sorted, and a rank ignores those
it has no targets for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit, native
from distsim.core.placement import index_of_owner, owner
from distsim.parallel.compiled_collectives import FAILED, NEEDS_PYTHON, allgather, at_hand, entries_at, handles
from distsim.parallel.event_hash import add_event
from distsim.parallel.growing_allgather import GrowingAllgather

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]
Int64Array = npt.NDArray[np.int64]

GID_BITS = np.uint64(40)
GID_MASK = np.uint64((1 << 40) - 1)
_DIRECTED_RANKS = 32  # below this many ranks a directed exchange saves nothing
_DIRECTED_SHARE = 0.25  # of the ranks hold targets of a neuron, at most, where it does


@jit
def pack(gids, index, stamps, start, packed, begin, sums, counts):  # type: ignore[no-untyped-def]
    """Write the spikes (local index, step) of neurons ``gids`` as sortable integers from packed[begin] on.

    start: the step after which the interval begins. sums: those of an ``EventHash``, to which the spikes are added, or
    none, for sources. counts (n,) int64: the spikes of each neuron so far. Returns the end of what is written.
    """
    for spike in range(index.size):
        neuron, stamp = index[spike], stamps[spike]
        gid = gids[neuron]
        counts[neuron] += 1
        packed[begin + spike] = (np.uint64(stamp - start) << GID_BITS) | np.uint64(gid)
        add_event(gid, stamp, sums)
    return begin + index.size


@jit
def unpack(packed, start, gids, stamps):  # type: ignore[no-untyped-def]
    """gids and steps (n,) of packed spikes (n,)."""
    for spike in range(packed.size):
        gids[spike] = np.int64(packed[spike] & GID_MASK)
        stamps[spike] = np.int64(packed[spike] >> GID_BITS) + start


@jit
def collect(incoming, received):  # type: ignore[no-untyped-def]
    """Put the spikes of all ranks behind each other; incoming (ranks, 1 + capacity): number of spikes, spikes."""
    n = 0
    for rank in range(incoming.shape[0]):
        for spike in range(np.int64(incoming[rank, 0])):
            received[n] = incoming[rank, 1 + spike]
            n += 1


@native
def allgather_step(own, sent, n_sent, received):  # type: ignore[no-untyped-def]
    """See ``CompiledStep``; own: addresses of outgoing (row,) and incoming (ranks, row), ranks, row, handles."""
    outgoing_at, incoming_at, ranks, row, kind, comm = own[0], own[1], own[2], own[3], own[4], own[5]
    outgoing = entries_at(outgoing_at, row)
    incoming = entries_at(incoming_at, ranks * row)
    outgoing[0] = n_sent
    for spike in range(min(n_sent, row - 1)):
        outgoing[1 + spike] = sent[spike]
    if allgather(outgoing_at, incoming_at, row, kind, comm) != 0:
        return FAILED
    n = 0
    for rank in range(ranks):
        of_rank = incoming[rank * row : (rank + 1) * row]
        if of_rank[0] >= np.uint64(row):
            return NEEDS_PYTHON
        for spike in range(np.int64(of_rank[0])):
            received[n] = of_rank[1 + spike]
            n += 1
    return n


def call_kernels() -> None:
    """Call the kernels of this module with no spikes, so that they are compiled."""
    spikes, integers = np.zeros(0, np.uint64), np.zeros(0, np.int64)
    pack(integers, np.zeros(0, np.int32), integers, 0, spikes, 0, spikes, integers)
    unpack(spikes, 0, integers, integers)
    collect(np.zeros((1, 1), np.uint64), spikes)


class CompiledStep(NamedTuple):
    """What compiled code calls in the place of an exchange.

    kernel(own, sent, n_sent, received) -> how many spikes it received, in any order; or, on all ranks alike,
    ``compiled_collectives.NEEDS_PYTHON``, where the exchange in Python is to do this interval; or less, where MPI
    failed. own (n,) int64: addresses, sizes, handles; sent (capacity,) uint64: packed spikes, n_sent of them; received
    (``most``,) uint64: written.
    """

    kernel: Any
    own: Int64Array
    most: int


class Exchange(Protocol):
    """One plan of exchange, built once, executed every interval."""

    name: str

    def compiled(self) -> CompiledStep | None:
        """What does the same in compiled code, until the next call of the exchange; None where nothing does."""
        return None

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        """The packed spikes that this rank needs, sorted, from those of its own neurons; valid until the next call."""


def make_exchange(plan: str, comm: MPI.Comm, needed: Int64Array) -> Exchange:
    """The exchange plan of that name, one of ``choices.EXCHANGES``.

    ``needed`` (n,) are the gids with targets on this rank, ascending.
    "auto" takes the directed plan where the ranks far outnumber those that hold targets of one neuron, else the
    single Allgather.
    """
    if plan == "auto":
        plan = "alltoallv" if _directed_pays(comm, needed) else "allgather"
    if plan == "allgather":
        return AllgatherExchange(comm)
    return AllgathervExchange(comm) if plan == "allgatherv" else AlltoallvExchange(comm, needed)


def _directed_pays(comm: MPI.Comm, needed: Int64Array) -> bool:
    pairs = comm.allreduce(len(needed))
    neurons = 1 + max(comm.allgather(int(needed[-1]) if len(needed) else 0))
    return bool(comm.size >= _DIRECTED_RANKS and pairs / neurons < _DIRECTED_SHARE * comm.size)


class AllgatherExchange(Exchange):
    """One Allgather of buffers of fixed capacity, repeated where a rank has more spikes than they hold."""

    name = "allgather"

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm
        self._allgather = GrowingAllgather(comm, np.uint64)
        self._received = np.empty(0, np.uint64)

    def compiled(self) -> CompiledStep | None:
        """See ``Exchange.compiled``."""
        if not at_hand(self.comm):
            return None
        outgoing, incoming = self._allgather.buffers
        addresses = [outgoing.ctypes.data, incoming.ctypes.data]
        own = np.array([*addresses, *incoming.shape, *handles(self.comm)], np.int64)
        return CompiledStep(allgather_step, own, incoming.size)

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        incoming, n = self._allgather(spikes, len(spikes))
        if n > len(self._received):
            self._received = np.empty(2 * n, np.uint64)
        received = self._received[:n]
        collect(incoming, received)
        received.sort()
        return received


class AllgathervExchange(Exchange):
    """An Allgather of the numbers of spikes, then an Allgatherv of the spikes."""

    name = "allgatherv"

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm
        self.counts = np.zeros(comm.size, np.int64)

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        self.comm.Allgather(np.array([len(spikes)], np.int64), self.counts)
        received = np.empty(int(self.counts.sum()), np.uint64)
        self.comm.Allgatherv(spikes, [received, self.counts])
        received.sort()
        return received


class AlltoallvExchange(Exchange):
    """Every spike goes only to the ranks that hold targets of its neuron."""

    name = "alltoallv"

    def __init__(self, comm: MPI.Comm, needed: Int64Array) -> None:
        self.comm = comm
        owners = owner(needed, comm.size)
        order = np.argsort(owners, kind="stable")
        asked, counts = self._alltoall(needed[order].astype(np.uint64), np.bincount(owners, minlength=comm.size))
        rank = np.repeat(np.arange(comm.size), counts)
        local = index_of_owner(asked.astype(np.int64), comm.size)
        by_neuron = np.lexsort((rank, local))
        self.destinations = rank[by_neuron]
        n_local = int(local.max(initial=-1)) + 1
        self.offsets = np.concatenate(([0], np.cumsum(np.bincount(local, minlength=n_local))))

    def _alltoall(self, outgoing: UInt64Array, counts: Int64Array) -> tuple[UInt64Array, Int64Array]:
        """Send counts[r] consecutive entries of ``outgoing`` to rank r; what came, and how much from each rank."""
        counts = np.ascontiguousarray(counts, np.int64)
        arriving = np.empty(self.comm.size, np.int64)
        self.comm.Alltoall(counts, arriving)
        incoming = np.empty(int(arriving.sum()), np.uint64)
        self.comm.Alltoallv([outgoing, counts], [incoming, arriving])
        return incoming, arriving

    def __call__(self, spikes: UInt64Array) -> UInt64Array:
        local = index_of_owner((spikes & GID_MASK).astype(np.int64), self.comm.size)
        known = local < len(self.offsets) - 1
        spikes, local = spikes[known], local[known]
        fan = self.offsets[local + 1] - self.offsets[local]
        first = np.repeat(self.offsets[local] - (np.cumsum(fan) - fan), fan)
        rank = self.destinations[first + np.arange(len(first))]
        order = np.argsort(rank, kind="stable")
        outgoing = np.repeat(spikes, fan)[order]
        received, _ = self._alltoall(outgoing, np.bincount(rank, minlength=self.comm.size))
        received.sort()
        return received
