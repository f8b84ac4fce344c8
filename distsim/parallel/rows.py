"""Rows of a table that lie on the ranks in any way, brought in order to those that write them, and back from readers.

No rank holds all: what is asked for at once are spans of rows, one for each rank, and a rank gets those of its span.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit_beside

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
Span = tuple[int, int]
"""The first row, and the one after the last."""


@dataclass(frozen=True)
class Rows:
    """Those of the rows 0 .. size - 1 that are here: places (n,) int64, ascending, and how many entries each has (n,).

    Every row is on one rank.
    """

    size: int
    places: Int64Array
    lengths: Int64Array

    @classmethod
    def equal(cls, size: int, places: Int64Array, width: int) -> Rows:
        """Of ``width`` entries each."""
        return cls(size, places, np.full(len(places), width, np.int64))

    @cached_property
    def ends(self) -> Int64Array:
        """Where the entries of each row here begin, and where the last one ends (n + 1,)."""
        return np.concatenate(([0], np.cumsum(self.lengths)))

    def between(self, span: Span) -> Span:
        """Which of the rows here are in ``span``."""
        begin, end = np.searchsorted(self.places, span).tolist()
        return begin, end

    def before(self, comm: MPI.Comm, bounds: list[int]) -> Int64Array:
        """How many entries all ranks have in the rows before each of ``bounds`` (collective)."""
        mine = self.ends[np.searchsorted(self.places, bounds)]
        total = np.empty_like(mine)
        comm.Allreduce(mine, total)
        return total

    def runs(self, span: Span) -> Int64Array:
        """Of the rows here between ``span``, of each run of neighbours the first place, and the entries (runs, 2)."""
        begin, end = span
        places = self.places[begin:end]
        first = begin + np.flatnonzero(np.diff(places, prepend=-2) != 1)
        return np.column_stack((self.places[first], np.diff(self.ends[np.append(first, end)])))


def alltoall(
    comm: MPI.Comm, outgoing: npt.NDArray[Any], counts: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Send counts[r] consecutive entries of ``outgoing`` to rank r; what came, and how much from each rank.

    What a rank has for itself is not sent, and not even copied where it gets nothing else.
    """
    sent = np.array(counts, np.int64)
    arriving = np.empty(comm.size, np.int64)
    comm.Alltoall(sent, arriving)
    came, begin = arriving.copy(), int(sent[: comm.rank].sum())
    own, end = slice(begin, begin + sent[comm.rank]), int(arriving[: comm.rank].sum())
    sent[comm.rank] = arriving[comm.rank] = 0
    incoming = np.empty(int(arriving.sum()), outgoing.dtype)
    comm.Alltoallv([_joined(outgoing[: own.start], outgoing[own.stop :]), sent], [incoming, arriving])
    return _joined(incoming[:end], outgoing[own], incoming[end:]), came


def bring(
    comm: MPI.Comm, rows: Rows, spans: list[Span], give: Callable[[int, int], npt.NDArray[Any]], kind: Any
) -> npt.NDArray[Any]:
    """The entries of the rows in the span of this rank, in order (collective).

    spans: those of all ranks, apart from each other. give(begin, end): the entries, of type ``kind``, of the rows begin
    .. end - 1 of those here, one row after the other.
    """
    cuts = [rows.between(span) for span in spans]
    parts = [give(*cut) if cut[0] < cut[1] else np.empty(0, kind) for cut in cuts]
    values, _ = alltoall(comm, _joined(*parts), [len(part) for part in parts])
    (places, lengths), _ = _runs(comm, rows, cuts)
    order = np.argsort(places, kind="stable")
    return _reordered((np.cumsum(lengths) - lengths)[order], lengths[order], values)


def fetch(
    comm: MPI.Comm, rows: Rows, spans: list[Span], read: Callable[[int], npt.NDArray[Any]]
) -> tuple[Span, npt.NDArray[Any]]:
    """Which of the rows here are in the ``spans``, and their entries (collective).

    spans: those of all ranks, together a span in any order. read(n): the n entries of the rows in the span of this one.
    """
    cuts = [rows.between(span) for span in spans]
    (places, lengths), came = _runs(comm, rows, cuts)
    values = read(int(lengths.sum()))
    order = np.argsort(places, kind="stable")
    starts = np.empty(len(order), np.int64)
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    outgoing = _reordered(starts, lengths, values)
    ends = np.concatenate(([0], np.cumsum(lengths)))[np.concatenate(([0], np.cumsum(came)))]
    arrived, n = alltoall(comm, outgoing, np.diff(ends))
    pieces = np.split(arrived, np.cumsum(n)[:-1])
    in_order = sorted(range(comm.size), key=lambda rank: spans[rank])
    return (min(cut[0] for cut in cuts), max(cut[1] for cut in cuts)), _joined(*(pieces[rank] for rank in in_order))


def largest(comm: MPI.Comm, mine: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest of the values (n,) of all ranks, place by place (collective)."""
    from mpi4py import MPI

    found = np.empty_like(mine)
    comm.Allreduce(mine, found, op=MPI.MAX)
    return found


def _runs(comm: MPI.Comm, rows: Rows, cuts: list[Span]) -> tuple[Int64Array, Int64Array]:
    """First places and entries of the runs of rows that other ranks have for this one, and how many each has."""
    runs = [rows.runs(cut) for cut in cuts]
    found, came = alltoall(comm, np.concatenate(runs).reshape(-1), [run.size for run in runs])
    return np.ascontiguousarray(found.reshape(-1, 2).T), came // 2


def _joined(*parts: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The parts one after the other; a single one that is not empty as it is."""
    there = [part for part in parts if len(part)]
    return there[0] if len(there) == 1 else np.concatenate(parts)


def _reordered(starts: Int64Array, lengths: Int64Array, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The runs of ``values`` that begin at ``starts``, one after the other; ``values`` where they lie so already."""
    if len(starts) < 2 or (np.diff(starts) == lengths[:-1]).all():
        return values
    ordered = np.empty(len(values), values.dtype)
    copy_runs(starts, lengths, values, ordered)
    return ordered


@jit_beside
def copy_runs(starts, lengths, values, ordered):  # type: ignore[no-untyped-def]
    """ordered = lengths[i] of values from starts[i] on, for every i in turn."""
    place = 0
    for i in range(starts.size):
        for k in range(lengths[i]):
            ordered[place + k] = values[starts[i] + k]
        place += lengths[i]
