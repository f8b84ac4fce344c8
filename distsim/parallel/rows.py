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
from distsim.core.reused_memory import InTurn
from distsim.parallel.communicator import largest_each

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
MOST = 1 << 26
"""Bytes that go together in a collective, about: MPI counts entries, and places that it counts from, with 31 bits."""
Span = tuple[int, int]
"""The first row, and the one after the last."""


@dataclass(frozen=True)
class Rows:
    """Those of the rows 0 .. size - 1 that are here: places (n,) int64, ascending, and how many entries each has (n,).

    Every row is on one rank. width: how many entries every row of all ranks has, None where they differ.
    """

    size: int
    places: Int64Array
    lengths: Int64Array
    width: int | None = None

    @classmethod
    def equal(cls, size: int, places: Int64Array, width: int) -> Rows:
        """Of ``width`` entries each."""
        return cls(size, places, np.full(len(places), width, np.int64), width)

    @cached_property
    def ends(self) -> Int64Array:
        """Where the entries of each row here begin, and where the last one ends (n + 1,)."""
        return np.concatenate(([0], np.cumsum(self.lengths)))

    def between(self, span: Span) -> Span:
        """Which of the rows here are in ``span``."""
        begin, end = np.searchsorted(self.places, span).tolist()
        return begin, end

    def before(self, comm: MPI.Comm, bounds: list[int], own: Span) -> tuple[list[int], bool]:
        """How many entries all ranks have in the rows before each of ``bounds`` (collective).

        And whether every rank has all of its rows in the span that is its ``own``, so that none need be exchanged.
        """
        begin, end = self.between(own)
        mine = np.append(self.ends[np.searchsorted(self.places, bounds)], len(self.places) - (end - begin))
        total = np.empty_like(mine)
        comm.Allreduce(mine, total)
        *entries, elsewhere = total.tolist()
        return entries, elsewhere == 0

    def runs(self, span: Span) -> Int64Array:
        """Of the rows here between ``span``, of each run of neighbours the first place, and the entries (runs, 2)."""
        begin, end = span
        places = self.places[begin:end]
        first = begin + np.flatnonzero(np.diff(places, prepend=-2) != 1)
        return np.column_stack((self.places[first], np.diff(self.ends[np.append(first, end)])))


def alltoall(
    comm: MPI.Comm,
    outgoing: npt.NDArray[Any],
    counts: npt.ArrayLike,
    arriving: npt.ArrayLike | None = None,
    empty: Callable[[int, npt.DTypeLike], npt.NDArray[Any]] = np.empty,
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Send counts[r] consecutive entries of ``outgoing`` to rank r; what came, and how much from each rank.

    arriving: how much that will be, where it is known. empty: makes the array for it. What a rank has for itself is not
    copied if it gets no more. Where some rank has, or gets, more than ``MOST`` bytes, it goes in pieces.
    """
    sent, came = np.array(counts, np.int64), np.empty(comm.size, np.int64)
    if arriving is None:
        comm.Alltoall(sent, came)
    else:
        came[:] = arriving
    (most,) = largest_each(comm, np.array([max(sent.sum(), came.sum())])).tolist()
    if most * outgoing.itemsize > MOST:
        incoming = empty(int(came.sum()), outgoing.dtype)
        _in_pieces(comm, outgoing, sent, incoming, came, -(-most * outgoing.itemsize // MOST))
        return incoming, came
    if came.sum() > came[comm.rank]:
        incoming = empty(int(came.sum()), outgoing.dtype)
        comm.Alltoallv([outgoing, sent], [incoming, came])
        return incoming, came
    begin, end = (np.cumsum(sent)[comm.rank] - (sent[comm.rank], 0)).tolist()
    sent[comm.rank] = 0
    others = _joined(outgoing[:begin], outgoing[end:])
    comm.Alltoallv([others, sent], [np.empty(0, outgoing.dtype), np.zeros_like(sent)])
    return outgoing[begin:end], came


def _in_pieces(
    comm: MPI.Comm, outgoing: npt.NDArray[Any], sent: Int64Array, incoming: npt.NDArray[Any], came: Int64Array, n: int
) -> None:
    """Send in n pieces, of each of which every rank gets, and has from others, the same part of all."""
    starts, places = np.cumsum(sent) - sent, np.cumsum(came) - came

    def part(k: int, begins: Int64Array, counts: Int64Array) -> list[slice]:
        bounds = zip((begins + counts * k // n).tolist(), (begins + counts * (k + 1) // n).tolist(), strict=True)
        return [slice(*pair) for pair in bounds]

    for k in range(n):
        going, coming = part(k, starts, sent), part(k, places, came)
        lengths = [[own.stop - own.start for own in some] for some in (going, coming)]
        found = np.empty(sum(lengths[1]), incoming.dtype)
        comm.Alltoallv([np.concatenate([outgoing[own] for own in going]), lengths[0]], [found, lengths[1]])
        for own, piece in zip(coming, np.split(found, np.cumsum(lengths[1])[:-1]), strict=True):
            incoming[own] = piece


def bring(comm: MPI.Comm, rows: Rows, spans: list[Span], values: npt.NDArray[Any], memory: InTurn) -> npt.NDArray[Any]:
    """The entries of the rows in the span of this rank, in order (collective).

    spans: those of all ranks, apart from each other. values: the entries of the rows here, one row after the other.
    They come in these, or in ``memory``.
    """
    cuts = [rows.between(span) for span in spans]
    (places, lengths), _, n = _runs(comm, rows, cuts)
    parts = [values[rows.ends[begin] : rows.ends[end]] for begin, end in cuts]
    found, _ = alltoall(comm, _joined(*parts), [len(part) for part in parts], n, memory.empty)
    order = np.argsort(places, kind="stable")
    return _reordered((np.cumsum(lengths) - lengths)[order], lengths[order], found)


def fetch(comm: MPI.Comm, rows: Rows, spans: list[Span], values: npt.NDArray[Any]) -> tuple[Span, npt.NDArray[Any]]:
    """Which of the rows here are in the ``spans``, and their entries (collective).

    spans: those of all ranks, together a span in any order. values: the entries of the rows in the span of this one.
    """
    cuts = [rows.between(span) for span in spans]
    (places, lengths), given, n = _runs(comm, rows, cuts)
    order = np.argsort(places, kind="stable")
    starts = np.empty(len(order), np.int64)
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    arrived, _ = alltoall(comm, _reordered(starts, lengths, values), n, given)
    pieces = np.split(arrived, np.cumsum(given)[:-1])
    in_order = sorted(range(comm.size), key=lambda rank: spans[rank])
    return (min(cut[0] for cut in cuts), max(cut[1] for cut in cuts)), _joined(*(pieces[rank] for rank in in_order))


def _runs(comm: MPI.Comm, rows: Rows, cuts: list[Span]) -> tuple[Int64Array, Int64Array, Int64Array]:
    """Of runs of rows: what other ranks have for this one, first places and entries of each (2, runs) (collective).

    And how many entries this one has for each rank (ranks,), and each rank for this one.
    """
    runs = [rows.runs(cut) for cut in cuts]
    found, came = alltoall(comm, np.concatenate(runs).reshape(-1), [run.size for run in runs])
    each = np.ascontiguousarray(found.reshape(-1, 2).T)
    ends = np.concatenate(([0], np.cumsum(each[1])))[np.concatenate(([0], np.cumsum(came // 2)))]
    return each, np.array([run[:, 1].sum() for run in runs]), np.diff(ends)


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
