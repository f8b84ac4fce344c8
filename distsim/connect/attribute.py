"""What every edge of a projection has of its own, such as its weight; types of indices; edges counted by source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.edge_values import values_of_rows
from distsim.connect.rule import Edges, Targets
from distsim.core.distributions import Distribution, Stored
from distsim.core.rng import Streams, streams_of
from distsim.core.values import Value


def smallest_unsigned(largest: int) -> Any:
    """The smallest unsigned integer type that holds ``largest``."""
    return next(t for t in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(t).max)


def target_type(n_local: int) -> Any:
    """The type of local target indices: uint16 below 65,536 neurons of a population on a rank, else uint32."""
    return np.uint16 if n_local <= 1 << 16 else np.uint32


def reduced(value: Value) -> Value:
    """``value``, or the number that all entries of an array share."""
    if isinstance(value, np.ndarray) and value.size:
        first = value.flat[0]
        if all((row == first).all() for row in np.atleast_2d(value)):  # a matrix may be larger than memory
            return float(first)
    return value


@dataclass(frozen=True)
class Attribute:
    """Weight or delay of the edges of a projection: one value for all, or drawn or looked up edge by edge."""

    targets: Targets
    purpose: str
    value: Value

    @classmethod
    def of(cls, targets: Targets, purpose: str, value: Value) -> Attribute:
        """An array of equal entries counts as one value."""
        return cls(targets, purpose, reduced(value))

    @property
    def single(self) -> float | None:
        """The value that all edges share, or None."""
        return self.value if isinstance(self.value, float) else None

    def of_edges(self, piece: Edges) -> npt.NDArray[np.float64]:
        """Values (edges,) of the edges of a piece."""
        if isinstance(self.value, Stored) and piece.entry is not None:
            return self.value.of_entries(piece.entry)
        if isinstance(self.value, Distribution):
            return values_of_rows(self.value, self.streams(piece), piece.degree)
        if isinstance(self.value, np.ndarray) and piece.entry is not None:
            return self.value[np.unravel_index(piece.entry, self.value.shape)].astype(np.float64, copy=False)
        return np.full(len(piece.source), self.value, np.float64)

    def streams(self, piece: Edges) -> Streams:
        """Streams of the targets of a piece."""
        gids = self.targets.gids[piece.first : piece.first + len(piece.degree)]
        return streams_of(self.targets.seed, self.purpose, self.targets.projection.index, gids)
