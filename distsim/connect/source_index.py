"""Which of many sources have a row of edges on this rank: two bytes for each, none where all have one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline

Int64Array = npt.NDArray[np.int64]
BLOCK_BITS = 16  # of a source that say where it is within its block of sources


class SourceIndex(NamedTuple):
    """Which sources have rows, where not all do: two bytes for each, and a search among those of a block only.

    begin (blocks + 1,) int32: the rows begin[b] .. begin[b + 1] - 1 are of sources of block b, those from b << 16 on;
    low (rows,) uint16, ascending within a block: the last 16 bits of the source of each row. Both are (0,) where row r
    is that of source r.
    """

    begin: npt.NDArray[np.int32]
    low: npt.NDArray[np.uint16]

    @classmethod
    def of(cls, sources: Int64Array, n_source: int) -> SourceIndex:
        """That of these (rows,) of ``n_source`` sources, ascending."""
        firsts = np.arange(-(-n_source >> BLOCK_BITS) + 1) << BLOCK_BITS
        return cls(sources.searchsorted(firsts).astype(np.int32), sources.astype(np.uint16))

    def upto(self, source: int) -> int:
        """How many rows are of sources up to ``source``."""
        block = source >> BLOCK_BITS
        if source < 0 or block >= len(self.begin) - 1:
            return 0 if source < 0 else len(self.low)
        begin, end = self.begin[block : block + 2].tolist()
        return begin + int(self.low[begin:end].searchsorted(source & ((1 << BLOCK_BITS) - 1), side="right"))

    def between(self, first: int, last: int) -> Int64Array:
        """The sources of rows ``first`` to ``last`` - 1, ascending."""
        from_, to = (self.begin.searchsorted((first, last - 1), side="right") - 1).tolist()
        rows = np.diff(self.begin[from_ : to + 2].clip(first, last))
        sources = np.repeat(np.arange(from_, to + 1) << BLOCK_BITS, rows)
        sources += self.low[first:last]
        return sources

    @property
    def sources(self) -> Int64Array:
        """The source (rows,) of every row, ascending."""
        blocks = np.repeat(np.arange(len(self.begin) - 1) << BLOCK_BITS, np.diff(self.begin))
        blocks += self.low
        return blocks


EVERY_SOURCE = SourceIndex(np.zeros(0, np.int32), np.zeros(0, np.uint16))


@inline
def row_of(gid, place):  # type: ignore[no-untyped-def]
    """Row of the source ``gid`` in the table with that ``place``; -1 where it has none."""
    first_gid, n_source, begin, low = place
    source = gid - first_gid
    if source < 0 or source >= n_source:
        return np.int64(-1)
    if begin.size == 0:
        return np.int64(source)
    block, wanted = source >> BLOCK_BITS, np.int64(source) & ((1 << BLOCK_BITS) - 1)
    row, end = np.int64(begin[block]), np.int64(begin[block + 1])
    after = end
    while row < after:
        middle = (row + after) >> 1
        if np.int64(low[middle]) < wanted:
            row = middle + 1
        else:
            after = middle
    return row if row < end and np.int64(low[row]) == wanted else np.int64(-1)
