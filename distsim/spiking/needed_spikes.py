"""Who needs the spikes of whom: for each neuron of this rank the places, ranks or nodes, where it has targets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import EVERY_SOURCE
from distsim.core.jit import jit
from distsim.core.placement import index_of_owner, most_local, owner
from distsim.parallel.array_collectives import spans
from distsim.parallel.communicator import largest
from distsim.parallel.lone_rank import ranks_heard
from distsim.parallel.rows import alltoall
from distsim.spiking.synapses.table import Table

if TYPE_CHECKING:
    from mpi4py import MPI

UInt64Array = npt.NDArray[np.uint64]
UInt32Array = npt.NDArray[np.uint32]
Int64Array = npt.NDArray[np.int64]

PIECE = 1 << 20
"""Sources that a rank asks their owners about together, in the mean."""


@dataclass(frozen=True)
class Needed:
    """The neurons that have targets on this rank, as the sources of its ``tables``: no list of all of them is kept."""

    tables: list[Table]

    @classmethod
    def of_first(cls, n: int) -> Self:
        """Those of a rank with a target of each of the first ``n`` neurons, as where exchanges alone are measured."""
        one = np.ones(1)
        return cls([Table(0, n, EVERY_SOURCE, np.arange(n + 1), np.zeros(n, np.uint16), one, one.astype(np.uint8))])

    @property
    def last(self) -> int:
        """The largest gid that may be among them; -1 where there are none."""
        return max((table.first_source_gid + table.n_source - 1 for table in self.tables if table.n_edges), default=-1)

    def upto(self, gids: npt.NDArray[Any]) -> Int64Array:
        """How many they are up to each of ``gids`` (n,), at most: those of several tables are counted in each."""
        return np.array([sum(table.rows_upto(gid) for table in self.tables) for gid in gids.tolist()], np.int64)

    def between(self, first: int, last: int) -> Int64Array:
        """Those from ``first`` to ``last`` (n,), ascending."""
        parts = [gids for table in self.tables if len(gids := _sources(table, first, last))]
        return parts[0] if len(parts) == 1 else once_each(np.concatenate([np.zeros(0, np.int64), *parts]))

    def edges_of(self, gids: Int64Array) -> Int64Array:
        """How many edges each of ``gids`` (n,) has here, all those ``between`` the first and the last."""
        total = np.zeros(len(gids), np.int64)
        for table in self.tables if len(gids) else ():
            sources, degrees = _with_edges(table, int(gids[0]), int(gids[-1]))
            total[np.searchsorted(gids, sources)] += degrees
        return total

    def pieces(self, comm: MPI.Comm) -> Iterator[Asked]:
        """What this rank and others ask for, some gids after the other (collective)."""
        end = round(largest(comm, [self.last])[0])
        for first, last in spans(self.upto, comm, 0, end, PIECE * ranks_heard(comm)):
            yield Asked.of(comm, self.between(first, last))


def _sources(table: Table, first: int, last: int) -> Int64Array:
    """The gids (n,) from ``first`` to ``last`` that have edges in the table, ascending."""
    if table.every_source:
        return _with_edges(table, first, last)[0]
    return table.gids_between(table.rows_upto(first - 1), table.rows_upto(last))  # each row has edges


def _with_edges(table: Table, first: int, last: int) -> tuple[Int64Array, Int64Array]:
    """As ``_sources``, and how many edges each has (n,)."""
    begin, end = table.rows_upto(first - 1), table.rows_upto(last)
    degrees = np.diff(table.offsets[begin : end + 1])
    there = np.flatnonzero(degrees)
    return table.gids_between(begin, end)[there], degrees[there]


def once_each(values: Int64Array) -> Int64Array:
    """The values (n,) sorted, each once: by sorting, which is much faster than by hashing as numpy has it."""
    values = np.sort(values)
    first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return values[first]


def order_of(keys: npt.NDArray[Any], n: int) -> tuple[UInt32Array, Int64Array]:
    """The order (keys,) of keys 0 .. n - 1, in which equal ones stay in theirs, and how many of each there are (n,)."""
    ends, order = np.zeros(n, np.int64), np.empty(len(keys), np.uint32)
    sort_by_counting(keys, ends, order)
    return order, np.diff(ends, prepend=0)


@jit
def sort_by_counting(keys, ends, order):  # type: ignore[no-untyped-def]
    """order (keys,) is written, see ``order_of``, and ends (n,), which were 0: where keys of each kind end there."""
    for i in range(keys.size):
        ends[keys[i]] += 1
    begin = np.int64(0)
    for key in range(ends.size):
        begin, ends[key] = begin + ends[key], begin
    for i in range(keys.size):
        order[ends[keys[i]]] = i
        ends[keys[i]] += 1


def call_kernels() -> None:
    """Call the kernel that puts in order what is asked for, with nothing, so that it is compiled (local)."""
    for kind in (np.int64, np.uint32):
        order_of(np.zeros(0, kind), 1)


class Asked(NamedTuple):
    """What ranks ask of each other: of gids (n,) of this one each is number gid // ranks of its owner.

    order (n,): in which they are asked for, owner after owner; counts (ranks,): how many of each. local (m,) uint32:
    numbers of neurons of this rank that others ask for, rank after rank; came (ranks,): how many each rank asks for.
    """

    gids: Int64Array
    order: UInt32Array
    counts: Int64Array
    local: UInt32Array
    came: Int64Array

    @classmethod
    def of(cls, comm: MPI.Comm, gids: Int64Array) -> Self:
        """Ask for ``gids`` (collective)."""
        order, counts = order_of(owner(gids, comm.size), comm.size)
        numbers = index_of_owner(gids, comm.size).astype(np.uint32)
        return cls(gids, order, counts, *alltoall(comm, numbers[order], counts))

    def answered(self, comm: MPI.Comm, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """What the owners of the ``gids`` have for them in ``values`` (n_local,): (n,) (collective)."""
        told, _ = alltoall(comm, values[self.local], self.came, self.counts)
        found = np.empty_like(told)
        found[self.order] = told
        return found


@dataclass(frozen=True)
class Lists:
    """Of local neuron i the places are place[offsets[i]:offsets[i + 1]], ascending; there are ``places`` in all.

    place (n,) uint32. Neurons after the last that has targets anywhere are left out.
    """

    offsets: UInt64Array
    place: UInt32Array
    places: int

    @classmethod
    def of_ranks(cls, comm: MPI.Comm, needed: Needed) -> Lists:
        """From what each rank needs (collective). Of a pair of a neuron and a rank 4 bytes are kept."""
        end = round(largest(comm, [needed.last])[0]) + 1
        counts = np.zeros(most_local(end, comm.size), np.uint64)
        pieces = []
        for asked in needed.pieces(comm):  # each of the neurons behind those of the one before
            first = int(asked.local.min(initial=len(counts)))
            order, found = order_of(asked.local - np.uint32(first), int(asked.local.max(initial=first)) + 1 - first)
            counts[first : first + len(found)] += found.view(np.uint64)
            pieces.append(np.repeat(np.arange(comm.size, dtype=np.uint32), asked.came)[order])
        return cls._joined(counts, pieces, comm.size)

    def of_nodes(self, of_rank: Int64Array) -> Lists:
        """The nodes of these ranks; ``of_rank`` (ranks,) is the node of each."""
        nodes, ends = int(of_rank.max()) + 1, self.offsets.astype(np.int64)
        counts, pieces = np.zeros(len(ends) - 1, np.uint64), []
        bounds = np.unique(np.searchsorted(ends, np.arange(0, ends[-1], PIECE)))
        for begin, end in itertools.pairwise([*bounds.tolist(), len(counts)]):
            number = _repeated(np.diff(ends[begin : end + 1]))
            pairs = once_each(number * nodes + of_rank[self.place[ends[begin] : ends[end]]])
            counts[begin:end] = np.bincount(pairs // nodes, minlength=end - begin)
            pieces.append((pairs % nodes).astype(np.uint32))
        return self._joined(counts, pieces, nodes)

    @classmethod
    def _joined(cls, counts: UInt64Array, pieces: list[UInt32Array], places: int) -> Lists:
        """From how many places each neuron has, and pieces of the lists, which are used up."""
        offsets = np.concatenate((np.zeros(1, np.uint64), np.cumsum(counts, dtype=np.uint64)))
        place = np.zeros(int(offsets[-1]) // 2 + 1, np.uint64).view(np.uint32)  # words; never none, to have an address
        begin = 0
        for k, piece in enumerate(pieces):
            place[begin : begin + len(piece)] = piece
            begin += len(piece)
            pieces[k] = place[:0]
        return cls(offsets, place, places)


def _repeated(counts: Int64Array) -> Int64Array:
    """0 counts[0] times, 1 counts[1] times, and so on."""
    return np.repeat(np.arange(len(counts)), counts)
