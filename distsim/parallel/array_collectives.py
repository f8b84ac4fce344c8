"""Collectives of arrays of any length, in pieces: what MPI counts and the places that it counts from have 31 bits.

A piece has at most ``MOST`` bytes of all ranks together. What is wanted on rank 0 alone is on no other rank, and what
rank 0 needs in order comes in spans of values, so that it can be written without ever being in one place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.parallel import rows
from distsim.parallel.communicator import largest_each

if TYPE_CHECKING:
    from mpi4py import MPI

Array = npt.NDArray[Any]
UInt64Array = npt.NDArray[np.uint64]

MOST = rows.MOST
ROWS = 1 << 22
"""Rows of all ranks that are brought in order together."""
_WAYS = 64  # parts into which a span of values is divided
_SIGN, _LAST = np.uint64(1 << 63), np.uint64((1 << 64) - 1)


def gather_array(array: Array, comm: MPI.Comm, everywhere: bool) -> Array:
    """The one-dimensional arrays of all ranks, one after the other; on rank 0 alone unless ``everywhere``."""
    return gather_arrays([array], comm, everywhere)[0]


def gather_arrays(arrays: Sequence[Array], comm: MPI.Comm, everywhere: bool) -> list[Array]:
    """As ``gather_array``, of several arrays of one length (n,) on this rank."""
    n, before, whole = np.array([[len(arrays[0])], [0], [0]])
    comm.Exscan(n, before)  # type: ignore[attr-defined] # of all communicators that are within a job
    comm.Allreduce(n, whole)
    here = everywhere or comm.rank == 0
    counts = np.zeros(comm.size if here else 0, np.int64)
    (comm.Allgather if everywhere else comm.Gather)(n, counts if here else None)
    ends = np.concatenate(([0], np.cumsum(counts)))
    gather = comm.Allgatherv if everywhere else comm.Gatherv
    results = []
    for array in map(np.ascontiguousarray, arrays):
        result, each = np.empty(ends[-1], array.dtype), max(1, MOST // array.itemsize)
        for first in range(0, int(whole[0]), each):
            span = first, first + each
            begin, end = (np.clip((before, before + n), *span) - before).ravel().tolist()
            gather(array[begin:end], [result[slice(*span)], np.diff(np.clip(ends, *span))] if here else None)
        results.append(result)
    return results


def share_array(array: Array | None, comm: MPI.Comm) -> Array:
    """The array of rank 0, on every rank; the others give None."""
    form = comm.bcast(None if array is None else (array.shape, array.dtype.str))
    result = np.empty(*form) if array is None else np.ascontiguousarray(array)
    flat = result.reshape(-1)
    each = max(1, MOST // max(1, result.itemsize))
    for begin in range(0, result.size, each):
        comm.Bcast(flat[begin : begin + each])
    return result


def sum_array(array: Array, comm: MPI.Comm) -> Array:
    """The sum of the arrays of all ranks, entry by entry, on every rank: of integers, or where one rank has it all."""
    result, mine = np.empty(array.shape, array.dtype), np.ascontiguousarray(array).reshape(-1)
    each = max(1, MOST // array.itemsize)
    for begin in range(0, array.size, each):
        some = slice(begin, begin + each)
        comm.Allreduce(mine[some], result.reshape(-1)[some])
    return result


def sorted_pieces(columns: Sequence[Array], comm: MPI.Comm, everywhere: bool) -> Iterator[list[Array]]:
    """The rows of all ranks sorted by the first column, then the second, some at a time (collective).

    columns: of this rank, (n,) each. Rows that agree in both stay in the order of ranks, and on these in their own.
    Pieces have at most ``ROWS`` rows, unless more agree in the first column, all of which are together. On rank 0
    alone, and empty on the others, unless ``everywhere``.
    """
    columns = in_order(columns)
    keys = as_sorted(columns[0])
    ends = largest_each(comm, np.array([_LAST - keys[0], keys[-1]]) if len(keys) else np.zeros(2, np.uint64))
    upto: Any = partial(keys.searchsorted, side="right")
    for low, high in spans(upto, comm, int(_LAST - ends[0]), int(ends[1]), ROWS):
        some = slice(keys.searchsorted(np.uint64(low)), keys.searchsorted(np.uint64(high), side="right"))
        yield in_order(gather_arrays([column[some] for column in columns], comm, everywhere))


def spans(
    upto: Callable[[UInt64Array], Array], comm: MPI.Comm, low: int, high: int, most: int, before: int = 0
) -> Iterator[tuple[int, int]]:
    """Spans of values, ends included, from ``low`` to ``high``, in which all ranks have at most ``most`` keys.

    upto: how many keys of this rank are not above each of some values; before: how many are below ``low``. Spans
    without keys are left out. A single value may have more of them (collective).
    """
    width = max(0, high - low) // _WAYS + 1
    firsts = range(low, high + 1, width)
    lasts = [min(high, first + width - 1) for first in firsts]
    places = upto(np.array(lasts, np.uint64)).tolist()
    mine = np.diff(places, prepend=before).astype(np.int64)
    begin, keys = low, 0
    for first, last, n, place in zip(firsts, lasts, sum_array(mine, comm).tolist(), [before, *places], strict=False):
        if keys and keys + n > most:
            yield begin, first - 1
            keys = 0
        begin = begin if keys else first
        if n > most and last > first:
            yield from spans(upto, comm, first, last, most, place)
        else:
            keys += n
    if keys:
        yield begin, high


def in_order(columns: Sequence[Array]) -> list[Array]:
    """Rows sorted by the first column, then the second; the rest stays in order."""
    if len(columns) == 1:
        return [np.sort(columns[0])]
    order = np.lexsort((columns[1], columns[0]))
    return [column[order] for column in columns]


def as_sorted(values: Array) -> UInt64Array:
    """Numbers (n,) as unsigned integers that have the same order."""
    if values.dtype.kind == "u":
        return values.astype(np.uint64, copy=False)
    if values.dtype.kind == "i":
        return values.astype(np.int64, copy=False).view(np.uint64) ^ _SIGN
    bits = (values + 0.0).astype(np.float64, copy=False).view(np.uint64)  # -0.0 is 0.0
    return np.where(bits & _SIGN, ~bits, bits | _SIGN)
