"""What scripts ask of nodes in space: displacements, nodes within masks, ends of connections, files of a layer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.kernel import KERNEL
from distsim.nest.node_collection import NodeCollection
from distsim.nest.positioned_nodes import displacement
from distsim.nest.spatial_masks import Mask
from distsim.nest.synapse_collection import connections

FloatArray = npt.NDArray[np.float64]


def positions_of(nodes: Any) -> FloatArray:
    """Positions (n, d): those of nodes, or one or several as they are given."""
    return nodes.places() if isinstance(nodes, NodeCollection) else np.atleast_2d(np.asarray(nodes, np.float64))


def away(from_arg: Any, to_arg: NodeCollection) -> FloatArray:
    """From a node or position to nodes, or from each of several to one each, (n, d)."""
    begin, end = positions_of(from_arg), positions_of(to_arg)
    if len(begin) != len(end) and 1 not in (len(begin), len(end)):
        raise ValueError("to_arg and from_arg must have same size unless one have size 1.")
    return displacement(begin, end, KERNEL.wrap(to_arg._valid()))


def Displacement(from_arg: Any, to_arg: NodeCollection) -> list[list[float]]:  # noqa: N802
    """The ways from a position to nodes, or from each of several to one each; between nodes they are told backwards."""
    return list((away(from_arg, to_arg) * (-1.0 if isinstance(from_arg, NodeCollection) else 1.0)).tolist())


def Distance(from_arg: Any, to_arg: NodeCollection) -> list[float]:  # noqa: N802
    """The distances from a node or position to nodes, or from each of several to one each."""
    return list(np.sqrt((away(from_arg, to_arg) ** 2).sum(axis=1)).tolist())


def SelectNodesByMask(layer: NodeCollection, anchor: Any, mask_obj: Mask) -> NodeCollection:  # noqa: N802
    """The nodes of a layer within a mask around a position."""
    if not isinstance(mask_obj, Mask):
        raise TypeError("mask_obj must be a Mask object, see CreateMask")
    inside = mask_obj.holds(displacement(np.atleast_2d(np.asarray(anchor, np.float64)), positions_of(layer), None))
    return NodeCollection.of(layer._valid()[inside])


def _partners(nodes: NodeCollection, others: NodeCollection, model: str | None, of: str) -> list[NodeCollection]:
    """For each node those of the others that it is connected with."""
    sources, targets = (nodes, others) if of == "source" else (others, nodes)
    found = connections(sources, targets, model)
    own, other = (
        np.array(list(getattr(found, of + "s")())),
        np.array(list(found.targets() if of == "source" else found.sources())),
    )
    return [NodeCollection.of(np.unique(other[own == number]).astype(np.int64)) for number in nodes.tolist()]


def GetTargetNodes(  # noqa: N802
    sources: NodeCollection, tgt_layer: NodeCollection, syn_model: str | None = None
) -> list[NodeCollection]:
    """Of each of the sources the targets that it has in a layer."""
    return _partners(sources, tgt_layer, syn_model, "source")


def GetSourceNodes(  # noqa: N802
    src_layer: NodeCollection, targets: NodeCollection, syn_model: str | None = None
) -> list[NodeCollection]:
    """Of each of the targets the sources that it has in a layer."""
    return _partners(targets, src_layer, syn_model, "target")


def GetTargetPositions(  # noqa: N802
    sources: NodeCollection, tgt_layer: NodeCollection, syn_model: str | None = None
) -> list[Any]:
    """Of each of the sources the positions of the targets that it has in a layer."""
    return _positions_in(tgt_layer, GetTargetNodes(sources, tgt_layer, syn_model))


def GetSourcePositions(  # noqa: N802
    src_layer: NodeCollection, targets: NodeCollection, syn_model: str | None = None
) -> list[Any]:
    """Of each of the targets the positions of the sources that it has in a layer."""
    return _positions_in(src_layer, GetSourceNodes(src_layer, targets, syn_model))


def _positions_in(layer: NodeCollection, found: list[NodeCollection]) -> list[Any]:
    """The positions of some nodes of a layer, list by list; a NEST error where the layer has none."""
    positions_of(layer)
    return [positions_of(nodes).tolist() if len(nodes) else [] for nodes in found]


def _written(name: str, rows: list[list[float]]) -> None:
    """A file with a line for each row, on rank 0."""
    if KERNEL.comm.rank == 0:
        text = "".join(" ".join(f"{value:g}" for value in row) + "\n" for row in rows)
        Path(name).write_text(text, encoding="utf-8")


def DumpLayerNodes(layer: NodeCollection, outname: str) -> None:  # noqa: N802
    """A file with a line for each node of a layer: its id and position."""
    positions = positions_of(layer).tolist()
    _written(outname, [[number, *place] for number, place in zip(layer.tolist(), positions, strict=True)])


def DumpLayerConnections(  # noqa: N802
    source_layer: NodeCollection, target_layer: NodeCollection, synapse_model: str, outname: str
) -> None:
    """A file with a line for each connection of a model: source, target, weight, delay, and the way between them."""
    found = connections(source_layer, target_layer, synapse_model)
    told = found._lists(["source", "target", "weight", "delay"]) if len(found) else {}
    rows = [list(row) for row in zip(*told.values(), strict=True)]
    every = [row for of_rank in KERNEL.comm.allgather(rows) for row in of_rank]
    ends = [np.array([row[k] for row in every], np.int64) for k in (0, 1)]
    if every:
        wrap = KERNEL.wrap(target_layer._valid())
        ways = displacement(KERNEL.positions(ends[0]), KERNEL.positions(ends[1]), wrap).tolist()
        every = [[*row, *way] for row, way in zip(every, ways, strict=True)]
    _written(outname, every)
