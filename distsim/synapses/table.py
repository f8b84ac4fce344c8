"""The synapses of one projection on one rank, stored by source so that delivering a spike streams memory once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.jit import inline

Int64Array = npt.NDArray[np.int64]
_NONE = np.zeros(0, np.int64)


@dataclass(frozen=True)
class Table:
    """Edges sorted by source, then delay, then target; edges of one source and target keep the order of their drawing.

    offsets (rows + 1,) int64: the edges of row r are offsets[r] .. offsets[r + 1] - 1.
    sources: None where row r belongs to source r; else (rows,) int64, ascending: the sources that have local targets.
    targets (edges,) uint16 or uint32: local index within the target population.
    weights (edges,) float32 or float64 (pA), or (1,) where all are equal.
    delays (edges,) uint8, uint16 or uint32 (steps), or (1,) where all are equal.
    attributes: further parameters of the synapses by name, (edges,) in the type of the weights, or (1,).
    """

    first_source_gid: int
    n_source: int
    sources: Int64Array | None
    offsets: Int64Array
    targets: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    delays: npt.NDArray[Any]
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    @property
    def n_edges(self) -> int:
        return len(self.targets)

    @property
    def place(self) -> tuple[int, int, Int64Array]:
        """What ``row_of`` needs: the first gid and number of the sources, and their list, empty where all have rows."""
        if self.sources is None:
            return self.first_source_gid, self.n_source, _NONE
        return self.first_source_gid, self.n_source if len(self.sources) else 0, self.sources

    def edges_of(self, sources: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The edges (n,) of ``sources`` (indices within their population), ascending, and the row (n,) of each."""
        if self.sources is None:
            rows = np.unique(sources)
        else:
            rows = np.flatnonzero(np.isin(self.sources, sources))
        begin, end = self.offsets[rows], self.offsets[rows + 1]
        starts = np.cumsum(end - begin) - (end - begin)
        return np.arange(int((end - begin).sum())) + np.repeat(begin - starts, end - begin), np.repeat(
            rows, end - begin
        )

    def source_of_edges(self) -> Int64Array:
        """Index (edges,) of the source of every edge within its population."""
        sources = np.arange(self.n_source) if self.sources is None else self.sources
        return np.repeat(sources, np.diff(self.offsets))

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        sources = 0 if self.sources is None else self.sources.nbytes
        further = sum(values.nbytes for values in self.attributes.values())
        arrays = self.offsets, self.targets, self.weights, self.delays
        return sources + further + sum(array.nbytes for array in arrays)


@inline
def row_of(gid, place):  # type: ignore[no-untyped-def]
    """Row of the source ``gid`` in the table with that ``place``; -1 where it has none."""
    first_gid, n_source, sources = place
    source = gid - first_gid
    if source < 0 or source >= n_source:
        return -1
    if sources.size == 0:
        return source
    row = np.searchsorted(sources, source)
    return row if row < sources.size and sources[row] == source else -1
