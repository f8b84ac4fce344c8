"""Nodes that lie in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Layer:
    """Nodes ``first`` and on at ``positions`` (n, d); ``shape``: cells of the grid that they are on, if they are."""

    first: int
    positions: npt.NDArray[np.float64]
    extent: npt.NDArray[np.float64]
    center: npt.NDArray[np.float64]
    edge_wrap: bool = False
    shape: tuple[int, ...] | None = None

    def told(self, ids: npt.NDArray[np.int64]) -> dict[str, Any]:
        """What nodes of it say of their places."""
        own = {"positions": self.positions[ids - self.first]} if self.shape is None else {"shape": np.array(self.shape)}
        about = {"center": self.center, "edge_wrap": self.edge_wrap, "extent": self.extent, "network_size": len(ids)}
        return about | own


def displacement(
    source: npt.NDArray[np.float64], target: npt.NDArray[np.float64], extent: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """From positions (n, d) to positions (n, d), the shortest way where they begin anew beyond an extent (d,)."""
    away = target - source
    return away if extent is None else away - extent * np.rint(away / extent)
