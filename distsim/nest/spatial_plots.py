"""Figures of connections between nodes in space."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.nest.node_collection import NodeCollection
from distsim.nest.parameter_objects import Parameter
from distsim.nest.spatial_masks import Mask, mask_of
from distsim.nest.spatial_queries import GetSourceNodes, GetTargetNodes, positions_of


def _plotted(
    layer: NodeCollection, node: NodeCollection, partners: NodeCollection, fig: Any, mask: Any, parameter: Any,
    node_style: tuple[str, float], others: tuple[str, float], colours: tuple[str, str],
) -> Any:  # fmt: skip
    """All nodes of a layer faintly, one node and its partners, and around the node a mask and a probability."""
    import matplotlib.pyplot as plt

    positions = positions_of(layer)
    figure = plt.figure() if fig is None else fig
    solid = {"projection": "3d"} if positions.shape[1] == 3 else {}
    axes: Any = figure.gca() if fig is not None and fig.axes else figure.add_subplot(**solid)
    axes.scatter(*positions.T, s=others[1] / 4.0, c="0.8")
    if len(partners):
        axes.scatter(*positions_of(partners).T, s=others[1], c=others[0], zorder=2)
    axes.scatter(*positions_of(node)[:1].T, s=node_style[1], c=node_style[0], zorder=3)
    if positions.shape[1] == 2:
        low, high = positions.min(axis=0), positions.max(axis=0)
        edges = [low[0], high[0], low[1], high[1]]
        if mask is not None or parameter is not None:
            PlotProbabilityParameter(node, parameter, mask, edges, ax=axes, prob_cmap=colours[1], mask_color=colours[0])
        axes.set_aspect("equal")
    return figure


def PlotTargets(  # noqa: N802
    src_nrn: NodeCollection, tgt_layer: NodeCollection, syn_type: str | None = None, fig: Any = None, mask: Any = None,
    probability_parameter: Any = None, src_color: str = "red", src_size: float = 50.0, tgt_color: str = "blue",
    tgt_size: float = 20.0, mask_color: str = "yellow", probability_cmap: str = "Greens",
) -> Any:  # fmt: skip
    """A figure of the targets of a node in a layer."""
    (targets,) = GetTargetNodes(src_nrn[:1], tgt_layer, syn_type)
    return _plotted(
        tgt_layer, src_nrn[:1], targets, fig, mask, probability_parameter, (src_color, src_size),
        (tgt_color, tgt_size), (mask_color, probability_cmap),
    )  # fmt: skip


def PlotSources(  # noqa: N802
    src_layer: NodeCollection, tgt_nrn: NodeCollection, syn_type: str | None = None, fig: Any = None, mask: Any = None,
    probability_parameter: Any = None, tgt_color: str = "red", tgt_size: float = 50.0, src_color: str = "blue",
    src_size: float = 20.0, mask_color: str = "yellow", probability_cmap: str = "Greens",
) -> Any:  # fmt: skip
    """A figure of the sources of a node in a layer."""
    (sources,) = GetSourceNodes(src_layer, tgt_nrn[:1], syn_type)
    return _plotted(
        src_layer, tgt_nrn[:1], sources, fig, mask, probability_parameter, (tgt_color, tgt_size),
        (src_color, src_size), (mask_color, probability_cmap),
    )  # fmt: skip


def PlotProbabilityParameter(  # noqa: N802
    source: NodeCollection, parameter: Parameter | None = None, mask: Mask | dict[str, Any] | None = None,
    edges: Any = (-0.5, 0.5, -0.5, 0.5), shape: Any = (100, 100), ax: Any = None, prob_cmap: str = "Greens",
    mask_color: str = "yellow",
) -> None:  # fmt: skip
    """Colours of a probability around a node, and the outline of a mask; ``edges``: of x and of y."""
    import matplotlib.pyplot as plt

    if parameter is None and mask is None:
        raise ValueError("At least one of parameter or mask must be specified")
    axes: Any = plt.subplots()[1] if ax is None else ax
    x, y = (np.linspace(edges[2 * k], edges[2 * k + 1], shape[k]) for k in (0, 1))
    middle = positions_of(source)[:1]
    points = np.column_stack([each.ravel() for each in np.meshgrid(x, y)])
    if parameter is not None:
        values = np.reshape(source[:1].numbers_of(parameter, points), (len(y), len(x)))
        axes.imshow(np.clip(values, 0.0, 1.0), extent=edges, origin="lower", cmap=prob_cmap, vmin=0.0, vmax=1.0)
    if mask is not None:
        inside = mask_of(mask).holds(points - middle).reshape(len(y), len(x)).astype(float)
        axes.contour(x, y, inside, levels=[0.5], colors=mask_color)
