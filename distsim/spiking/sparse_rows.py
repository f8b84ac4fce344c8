"""Rows by source where sources are many and their edges few: no array has an entry for every source.

Edges are put into buckets, in the order of their drawing, those of neighbouring sources into one: so many buckets that
each holds a few thousand edges, however many sources there are. Each is then sorted by source in the cache, and the
beginnings of rows are written where the sources of edges stood. So a rank needs the memory of its own edges, and the
time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import BLOCK_BITS, SourceIndex
from distsim.core.jit import jit

IN_BUCKET = 4096  # edges, about: what is known of them stays in the cache
DIGIT = 11  # bits by which edges are sorted at a time
SOURCE_DIGITS = 3  # that hold any source: as many where sources are few, so that time does not grow with their number


class SparseRows:
    """The rows of edges of ``n_source`` sources, of which so many are ``expected``.

    All edges are told of once by ``count``. Then ``begin``; each is ``put`` into columns (edges,), and ``sort`` puts
    these in order, as often as there are other columns; last comes ``index``.
    """

    def __init__(self, n_source: int, expected: float) -> None:
        self.n_source = n_source
        self.buckets = max(1, min(int(expected) // IN_BUCKET, n_source))
        self._per_source = self.buckets / max(1, n_source)
        self._begins = np.zeros(self.buckets + 1, np.int64)

    def count(self, first: int, source: npt.NDArray[np.int32]) -> None:
        """Some edges (edges,) whose sources are counted from ``first``."""
        count_buckets(source, first, self._per_source, self._begins[1:])

    def begin(self) -> int:
        """The number of edges, now that all are counted; there is room for the source of each."""
        np.cumsum(self._begins, out=self._begins)
        n_edges = int(self._begins[-1])
        self._source = np.empty(n_edges + 1, np.uint32)  # the last is for the end of the last row
        self.rewind()
        return n_edges

    def rewind(self) -> None:
        """Let all edges be put once more."""
        self._cursor = self._begins[:-1].copy()

    def put(
        self, first: int, source: npt.NDArray[np.int32], targets: tuple[Any, Any], given: Any, columns: tuple[Any, ...]
    ) -> None:
        """Put some edges into columns (edges,) of targets, and of what is ``given`` (edges,) of each, or (0,) of none.

        targets: how many edges each has, and its number.
        """
        put_edges(source, first, self._per_source, *targets, given, self._cursor, self._source, columns)

    def sort(self, digits: int, columns: tuple[Any, ...]) -> None:
        """Sort the columns (edges,), or (0,), by source, then by the last one, which is below 2^(11 digits).

        Edges that are equal in both keep their order.
        """
        sort_buckets(self._begins, digits, self._source[:-1], columns)

    def index(self, offset_type: Any) -> tuple[SourceIndex, npt.NDArray[Any]]:
        """Which sources have rows, and where these begin (rows + 1,), from sorted edges; their sources are lost."""
        words, blocks = self._source, -(-self.n_source >> BLOCK_BITS)
        del self._source
        n_rows, in_place = count_rows(words[:-1]), np.dtype(offset_type).itemsize == words.itemsize
        offsets = words.view(offset_type) if in_place else np.empty(n_rows + 1, offset_type)
        begin, low = np.zeros(blocks + 1, np.int32), np.empty(n_rows, np.uint16)
        write_rows(words[:-1], offsets, begin, low)
        if in_place:
            words.resize(n_rows + 1, refcheck=False)  # nobody has the view that is left of it
            offsets = words.view(offset_type)
        return SourceIndex(begin, low), offsets


@jit
def count_buckets(source, first, per_source, counts):  # type: ignore[no-untyped-def]
    """counts[b] += the number of edges whose sources, counted from ``first``, are of bucket b."""
    for edge in range(source.size):
        counts[np.int64((first + source[edge]) * per_source)] += 1


@jit
def put_edges(source, first, per_source, degree, places, given, cursor, sources, columns):  # type: ignore[no-untyped-def]
    """Put every edge at the cursor of its bucket, which moves on.

    source, degree, places: see ``edge_kernels.fill``. given: weights and more (edges,), or (0,), for the columns after
    that of targets.
    """
    of_weights, of_others = given
    targets, weights, others = columns
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            own = np.int64(first + source[edge])
            bucket = np.int64(own * per_source)
            at = cursor[bucket]
            cursor[bucket] = at + 1
            sources[at] = own
            targets[at] = places[t]
            if of_weights.size:
                weights[at] = of_weights[edge]
            if of_others.size:
                others[at] = of_others[edge]
            edge += 1


@jit
def sort_buckets(begins, digits, sources, columns):  # type: ignore[no-untyped-def]
    """Sort each bucket by the last of the columns, digit by digit from the last to the first, then by source."""
    targets, weights, others = columns
    most = np.int64(0)
    for bucket in range(begins.size - 1):
        most = max(most, begins[bucket + 1] - begins[bucket])
    order, spare = np.empty(most, np.uint32), np.empty(most, np.uint32)
    starts = np.empty(1 << DIGIT, np.int64)
    for bucket in range(begins.size - 1):
        some = slice(begins[bucket], begins[bucket + 1])
        n = begins[bucket + 1] - begins[bucket]
        for i in range(n):
            order[i] = i
        for digit in range(digits):
            by_digit(others[some], digit, order[:n], spare, starts)
            order, spare = spare, order
        for digit in range(SOURCE_DIGITS):
            by_digit(sources[some], digit, order[:n], spare, starts)
            order, spare = spare, order
        put_in_order(sources[some], order)
        put_in_order(targets[some], order)
        if weights.size:
            put_in_order(weights[some], order)
        if others.size:
            put_in_order(others[some], order)


@jit
def by_digit(keys, digit, order, sorted_order, starts):  # type: ignore[no-untyped-def]
    """sorted_order = the edges of ``order`` by one digit of their keys; those of one digit keep their order."""
    shift, mask = np.int64(digit * DIGIT), np.int64((1 << DIGIT) - 1)
    starts[:] = 0
    for i in range(order.size):
        starts[np.int64(keys[order[i]]) >> shift & mask] += 1
    begin = np.int64(0)
    for k in range(starts.size):
        begin, starts[k] = begin + starts[k], begin
    for i in range(order.size):
        key = np.int64(keys[order[i]]) >> shift & mask
        sorted_order[starts[key]] = order[i]
        starts[key] += 1


@jit
def put_in_order(values, order):  # type: ignore[no-untyped-def]
    """values (n,) = values[order[:n]]."""
    before = values.copy()
    for i in range(values.size):
        values[i] = before[order[i]]


@jit
def count_rows(source):  # type: ignore[no-untyped-def]
    """How many different sources there are; source (edges,) ascends."""
    rows = np.int64(source.size > 0)
    for edge in range(1, source.size):
        rows += source[edge] != source[edge - 1]
    return rows


@jit
def write_rows(source, offsets, begin, low):  # type: ignore[no-untyped-def]
    """offsets (rows + 1,), begin (0 before) and low of ``SourceIndex`` from the sources (edges,), ascending, of edges.

    offsets may lie in the memory of ``source``: a row is written where edges were that are read already.
    """
    row, last = np.int64(0), np.int64(-1)
    for edge in range(source.size):
        own = np.int64(source[edge])
        if own != last:
            offsets[row] = edge
            low[row] = own & ((1 << BLOCK_BITS) - 1)
            row += 1
            begin[(own >> BLOCK_BITS) + 1] = row
            last = own
    for block in range(1, begin.size):  # those without rows begin where the one before ends
        begin[block] = max(begin[block], begin[block - 1])
    offsets[row] = source.size
