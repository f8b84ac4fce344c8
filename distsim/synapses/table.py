"""The synapses of one projection on one rank, stored by source so that delivering a spike streams memory once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Edges sorted by source, then delay, then target; edges of one source and target keep the order of their drawing.

    offsets (rows + 1,) int64: the edges of row r are offsets[r] .. offsets[r + 1] - 1.
    sources: None where row r belongs to source r; else (rows,) int64, ascending: the sources that have local targets.
    targets (edges,) uint16 or uint32: local index within the target population.
    weights (edges,) float32 or float64 (pA), or (1,) where all are equal.
    delays (edges,) uint8, uint16 or uint32 (steps), or (1,) where all are equal.
    """

    first_source_gid: int
    n_source: int
    sources: Int64Array | None
    offsets: Int64Array
    targets: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    delays: npt.NDArray[Any]

    @property
    def n_edges(self) -> int:
        return len(self.targets)

    def rows(self, gids: Int64Array, stamps: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Rows and steps of those spikes whose source has targets here, in the order of the spikes."""
        source = gids - self.first_source_gid
        mine = (source >= 0) & (source < self.n_source)
        source, stamps = source[mine], stamps[mine]
        if self.sources is None or not len(source):
            return source, stamps
        row = np.minimum(np.searchsorted(self.sources, source), len(self.sources) - 1)
        found = self.sources[row] == source
        return row[found], stamps[found]

    def source_of_edges(self) -> Int64Array:
        """Index (edges,) of the source of every edge within its population."""
        sources = np.arange(self.n_source) if self.sources is None else self.sources
        return np.repeat(sources, np.diff(self.offsets))

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        sources = 0 if self.sources is None else self.sources.nbytes
        return sources + self.offsets.nbytes + self.targets.nbytes + self.weights.nbytes + self.delays.nbytes
