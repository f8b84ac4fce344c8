"""Rows of a table that lie on the ranks in any way, brought in order to those that write them, and back from readers.

No rank holds all: what is asked for at once are spans of rows, one for each rank, and a rank gets those of its span.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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

    def between(self, span: Span) -> Span:
        """Which of the rows here are in ``span``."""
        begin, end = np.searchsorted(self.places, span).tolist()
        return begin, end


def alltoall(
    comm: MPI.Comm, outgoing: npt.NDArray[Any], counts: npt.ArrayLike
) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
    """Send counts[r] consecutive entries of ``outgoing`` to rank r; what came, and how much from each rank."""
    sent = np.ascontiguousarray(counts, np.int64)
    arriving = np.empty(comm.size, np.int64)
    comm.Alltoall(sent, arriving)
    incoming = np.empty(int(arriving.sum()), outgoing.dtype)
    comm.Alltoallv([outgoing, sent], [incoming, arriving])
    return incoming, arriving


def bring(
    comm: MPI.Comm, rows: Rows, spans: list[Span], give: Callable[[int, int], npt.NDArray[Any]], kind: Any
) -> tuple[Int64Array, npt.NDArray[Any]]:
    """The entries of the rows in the span of this rank, in order, and how many each row has (collective).

    spans: those of all ranks, apart from each other. give(begin, end): the entries, of type ``kind``, of the rows begin
    .. end - 1 of those here, one row after the other.
    """
    cuts = [rows.between(span) for span in spans]
    if comm.size == 1:
        ((begin, end),) = cuts
        return rows.lengths[begin:end], give(begin, end)
    parts = [give(begin, end) if begin < end else np.empty(0, kind) for begin, end in cuts]
    n = [end - begin for begin, end in cuts]
    places, _ = alltoall(comm, _joined(rows.places, cuts), n)
    lengths, _ = alltoall(comm, _joined(rows.lengths, cuts), n)
    values, _ = alltoall(comm, np.concatenate(parts), [len(part) for part in parts])
    order = np.argsort(places, kind="stable")
    ordered = np.empty(len(values), values.dtype)
    starts = np.cumsum(lengths) - lengths
    copy_rows(starts[order], np.cumsum(lengths[order]) - lengths[order], lengths[order], values, ordered)
    return lengths[order], ordered


def fetch(
    comm: MPI.Comm, rows: Rows, spans: list[Span], read: Callable[[Int64Array], npt.NDArray[Any]]
) -> tuple[Span, npt.NDArray[Any]]:
    """Which of the rows here are in the ``spans``, ascending from rank to rank, and their entries (collective).

    read(lengths): the entries of the rows in the span of this rank, one row after the other, given the lengths of all.
    """
    cuts = [rows.between(span) for span in spans]
    mine = cuts[0][0], cuts[-1][1]
    if comm.size == 1:
        return mine, read(rows.lengths[mine[0] : mine[1]])
    n = [end - begin for begin, end in cuts]
    places, asked = alltoall(comm, _joined(rows.places, cuts), n)
    lengths, _ = alltoall(comm, _joined(rows.lengths, cuts), n)
    order = np.argsort(places, kind="stable")
    values = read(lengths[order])
    starts = np.empty(len(order), np.int64)
    starts[order] = np.cumsum(lengths[order]) - lengths[order]
    outgoing = np.empty(len(values), values.dtype)
    copy_rows(starts, np.cumsum(lengths) - lengths, lengths, values, outgoing)
    ends = np.concatenate(([0], np.cumsum(lengths)))[np.concatenate(([0], np.cumsum(asked)))]
    arrived, _ = alltoall(comm, outgoing, np.diff(ends))
    return mine, arrived


def largest(comm: MPI.Comm, mine: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest of the values (n,) of all ranks, place by place (collective)."""
    from mpi4py import MPI

    found = np.empty_like(mine)
    comm.Allreduce(mine, found, op=MPI.MAX)
    return found


def _joined(values: Int64Array, cuts: list[Span]) -> Int64Array:
    return np.concatenate([values[begin:end] for begin, end in cuts])


@jit_beside
def copy_rows(starts, places, lengths, values, ordered):  # type: ignore[no-untyped-def]
    """ordered[places[i] ..] = values[starts[i] ..], lengths[i] entries of each row."""
    for i in range(starts.size):
        for k in range(lengths[i]):
            ordered[places[i] + k] = values[starts[i] + k]
