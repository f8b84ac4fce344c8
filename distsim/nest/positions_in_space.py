"""``nest.spatial``: where nodes lie, and parameters that depend on it."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.node_collection import NodeCollection
from distsim.nest.parameter_objects import Parameter
from distsim.nest.positioned_nodes import Layer
from distsim.nest.spatial_parameters import distance, pos, source_pos, target_pos
from distsim.nest.spatial_queries import Distance, positions_of

__all__ = [
    "FindCenterElement", "FindNearestElement", "GetPosition", "PlotLayer", "distance", "free", "grid", "pos",
    "source_pos", "target_pos",
]  # fmt: skip

FloatArray = npt.NDArray[np.float64]


def _sizes(given: Any, dimensions: int, name: str) -> FloatArray:
    """Numbers (dimensions,) that were given for an extent or a centre."""
    sizes = np.asarray(given, np.float64)
    if sizes.shape != (dimensions,) or not np.isfinite(sizes).all():
        raise NESTErrors.BadProperty(f"{name} must be {dimensions} numbers, got {given!r:.80}")
    return sizes


@dataclass
class grid:  # noqa: N801 # its name in NEST
    """Nodes on a grid of ``shape`` cells, 2 or 3 numbers, that fill ``extent`` around ``center``."""

    shape: Sequence[int]
    center: Sequence[float] | None = None
    extent: Sequence[float] | None = None
    edge_wrap: bool = False

    def layer(self, first: int, n: int) -> Layer:
        """The layer of nodes from ``first`` on: column by column, each from the top."""
        d = len(self.shape)
        if d not in (2, 3) or any(int(size) != size or size < 1 for size in self.shape):
            raise NESTErrors.BadProperty(f"a grid has 2 or 3 whole numbers of cells, got {list(self.shape)!r:.80}")
        extent = _sizes([1.0] * d if self.extent is None else self.extent, d, "extent")
        center = _sizes([0.0] * d if self.center is None else self.center, d, "center")
        cells = np.array(list(itertools.product(*map(range, self.shape))), np.float64)
        steps = (cells + 0.5) / np.array(self.shape) - 0.5
        steps[:, 1] *= -1.0
        return Layer(first, center + steps * extent, extent, center, self.edge_wrap, tuple(map(int, self.shape)))


@dataclass
class free:  # noqa: N801 # its name in NEST
    """Nodes at the positions ``pos`` (n, 2 or 3), or at random ones: a parameter, or one for each dimension."""

    pos: Any
    extent: Sequence[float] | None = None
    edge_wrap: bool = False
    num_dimensions: int | None = None

    def layer(self, first: int, n: int) -> Layer:
        """The layer of ``n`` nodes from ``first`` on."""
        positions = self._drawn(first, n) if self._random() else np.asarray(self.pos, np.float64)
        if positions.ndim != 2 or positions.shape[1] not in (2, 3) or not np.isfinite(positions).all():
            raise NESTErrors.BadProperty("positions must be a list of positions of 2 or 3 numbers each")
        low, high = positions.min(axis=0), positions.max(axis=0)
        around = np.maximum(np.ceil(high - low), 1.0)
        extent = around if self.extent is None else _sizes(self.extent, positions.shape[1], "extent")
        center = (low + high) / 2.0
        if self.extent is not None and (np.abs(positions - center) > extent * (0.5 + 1e-9)).any():
            raise NESTErrors.BadProperty("Node position outside of layer")
        return Layer(first, positions, extent, center, self.edge_wrap)

    def _random(self) -> bool:
        return isinstance(self.pos, Parameter) or any(isinstance(each, Parameter) for each in self.pos)

    def _drawn(self, first: int, n: int) -> FloatArray:
        owners = np.arange(first, first + n)
        dimensions = self.num_dimensions or (0 if self.extent is None else len(self.extent))
        if isinstance(self.pos, Parameter) and not dimensions:
            raise TypeError("could not infer number of dimensions. Set num_dimensions when using Parameter as pos")
        each = [self.pos] * dimensions if isinstance(self.pos, Parameter) else list(self.pos)
        return np.column_stack([KERNEL.draw(parameter, owners) for parameter in each])


def GetPosition(nodes: NodeCollection) -> Any:  # noqa: N802
    """The position of one node, or a list of those of several."""
    found = positions_of(nodes).tolist()
    return found[0] if len(found) == 1 else found


def FindNearestElement(layer: NodeCollection, locations: Any, find_all: bool = False) -> Any:  # noqa: N802
    """The node of a layer that is nearest to each location; ``find_all``: all of them that are equally near."""
    found = []
    for place in np.atleast_2d(np.asarray(locations, np.float64)):
        distances = np.array(Distance(place, layer))
        nearest = np.flatnonzero(distances == distances.min())
        found.append(layer[nearest if find_all else nearest[:1]])
    return found if len(found) > 1 else found[0]


def FindCenterElement(layer: NodeCollection) -> NodeCollection:  # noqa: N802
    """The node that is nearest to the centre of a layer."""
    positions_of(layer)
    nearest: NodeCollection = FindNearestElement(layer, layer.spatial["center"])
    return nearest


def PlotLayer(layer: NodeCollection, fig: Any = None, nodecolor: Any = "b", nodesize: float = 20.0) -> Any:  # noqa: N802
    """A figure of the positions of nodes; ``fig``: one to draw into."""
    import matplotlib.pyplot as plt

    positions = positions_of(layer)
    figure = plt.figure() if fig is None else fig
    solid = {"projection": "3d"} if positions.shape[1] == 3 else {}
    axes = figure.gca() if fig is not None and fig.axes else figure.add_subplot(**solid)
    draw: Any = axes.scatter
    draw(*positions.T, s=nodesize, c=nodecolor)
    return figure
