"""The functions of NEST by their names."""

from __future__ import annotations

import json
import time
import warnings
from contextlib import AbstractContextManager
from itertools import groupby
from typing import Any

import numpy as np

from distsim.nest import running
from distsim.nest.absent_features import (
    Compartments,
    DisableStructuralPlasticity,
    EnableStructuralPlasticity,
    Receptors,
    SetAcceptableLatency,
    SetMaxBuffered,
    SonataNetwork,
    TripartiteConnect,
    help,
)  # fmt: skip
from distsim.nest.connect_specs import CollocatedSynapses, connect
from distsim.nest.kernel import KERNEL
from distsim.nest.kernel_attributes import RULES, VerbosityLevel
from distsim.nest.model_calls import CopyModel, CreateParameter, GetDefaults, Models, SetDefaults
from distsim.nest.nest_errors import KernelException, NESTErrors, told_by_nest
from distsim.nest.node_blocks import ARRAYS
from distsim.nest.node_collection import NodeCollection
from distsim.nest.node_status import check_model, create
from distsim.nest.parameter_objects import Parameter
from distsim.nest.positions_in_space import FindCenterElement, FindNearestElement, GetPosition, PlotLayer, grid
from distsim.nest.spatial_masks import CreateMask, Mask
from distsim.nest.spatial_plots import PlotProbabilityParameter, PlotSources, PlotTargets
from distsim.nest.spatial_queries import (
    Displacement,
    Distance,
    DumpLayerConnections,
    DumpLayerNodes,
    GetSourceNodes,
    GetSourcePositions,
    GetTargetNodes,
    GetTargetPositions,
    SelectNodesByMask,
)  # fmt: skip
from distsim.nest.synapse_collection import SynapseCollection, connections
from distsim.nest.taken_away import take_away_between

NESTError = KernelException
userdict: dict[str, Any] = {}
"""For scripts to keep what they like."""
Simulate, Prepare, Run, Cleanup = running.simulate, running.prepare, running.run, running.cleanup


def RunManager() -> AbstractContextManager[None]:  # noqa: N802
    """``with RunManager(): Run(...)``: Prepare before, Cleanup after it."""
    return running.run_manager()


def ResetKernel() -> None:  # noqa: N802
    """Forget all nodes, connections and settings."""
    KERNEL.reset()


# ---------------------------------------------------------------- attributes of the kernel


def SetKernelStatus(params: dict[str, Any]) -> None:  # noqa: N802
    """Set attributes of the kernel."""
    running.set_attributes(dict(params))


def GetKernelStatus(keys: Any = None) -> Any:  # noqa: N802
    """The attributes of the kernel: all, one by its name, or those of a list of names."""
    if keys is None:
        return running.attribute("kernel_status")
    if isinstance(keys, str):
        return running.attribute(keys)
    if isinstance(keys, ARRAYS):
        return tuple(running.attribute(name) for name in keys)
    raise TypeError("keys should be either a string or an iterable")


def set(**kwargs: Any) -> None:
    """Set attributes of the kernel."""
    SetKernelStatus(kwargs)


def get(*args: Any) -> Any:
    """Attributes of the kernel by their names, or all."""
    if not args:
        return GetKernelStatus()
    return GetKernelStatus(args[0] if len(args) == 1 else args)


def set_verbosity(level: Any) -> None:
    """How much is to be said, such as ``"M_WARNING"``."""
    if isinstance(level, str):
        level = getattr(VerbosityLevel, level.removeprefix("M_"))
    SetKernelStatus({"verbosity": level})


def get_verbosity() -> VerbosityLevel:
    """How much is to be said."""
    level: VerbosityLevel = KERNEL.status["verbosity"]
    return level


def NumProcesses() -> int:  # noqa: N802
    """Number of ranks."""
    return KERNEL.comm.size


def Rank() -> int:  # noqa: N802
    """The rank of this process."""
    return KERNEL.comm.rank


def set_communicator(comm: Any) -> None:
    """Simulate on the ranks of this communicator of mpi4py; the kernel is reset."""
    KERNEL.use(comm)


def SyncProcesses() -> None:  # noqa: N802
    """Wait for all ranks."""
    KERNEL.comm.Barrier()


def GetLocalVPs() -> range:  # noqa: N802
    """The virtual processes of this rank."""
    return range(KERNEL.comm.rank, KERNEL.comm.rank + 1)


def Install(module_name: str) -> None:  # noqa: N802
    """Refuse to load an extension module of NEST."""
    raise NESTErrors.NotImplemented(f"extension modules of NEST cannot be loaded: {module_name}")


def to_json(data: Any, **kwargs: Any) -> str:
    """Data as text in JSON: arrays as lists, nodes as their ids."""
    return json.dumps(serialize_data(data), **kwargs)


def serialize_data(data: Any) -> Any:
    """Data as lists, dictionaries and numbers."""
    if isinstance(data, NodeCollection):
        return data.tolist()
    if isinstance(data, dict):
        return {name: serialize_data(value) for name, value in data.items()}
    if isinstance(data, (np.ndarray, np.generic)):
        return data.tolist()
    return [serialize_data(value) for value in data] if isinstance(data, (list, tuple)) else data


def message(*text: Any) -> None:
    """Print a message: a text, after its level and who sends it, if these are given."""
    print(*text[-2:], sep=": ")


# ---------------------------------------------------------------- nodes


@told_by_nest
def Create(model: str, n: int = 1, params: Any = None, positions: Any = None) -> NodeCollection:  # noqa: N802
    """New nodes of a model."""
    begin = time.perf_counter()
    check_model(model)
    if isinstance(n, dict) and params is None:  # as Create("poisson_generator", {...})
        n, params = 1, n
    if not isinstance(n, (int, np.integer)):
        raise TypeError("n must have an integer value")
    if n < 1:
        raise NESTErrors.BadParameterValue(f"n must be at least 1, got {n}")
    if isinstance(positions, grid) and n != 1:
        raise ValueError("Cannot specify number of nodes with grid positions")
    if params is not None and not isinstance(params, (dict, list, tuple)):
        raise TypeError("params must be either a dict of parameters or a list or tuple of dicts")
    layer = None if positions is None else positions.layer(KERNEL.size + 1, int(n))
    made = NodeCollection.of(create(model, int(n) if layer is None else len(layer.positions), params))
    KERNEL.layers += [] if layer is None else [layer]
    KERNEL.seconds["time_construction_create"] += time.perf_counter() - begin
    return made


def GetLocalNodeCollection(nc: NodeCollection) -> NodeCollection:  # noqa: N802
    """The nodes themselves: every rank describes the whole network."""
    return nc


def GetNodes(properties: dict[str, Any] | None = None, local_only: bool = False) -> NodeCollection:  # noqa: N802
    """All nodes that have these properties."""
    every = NodeCollection.of(np.arange(1, KERNEL.size + 1))
    if not properties or not len(every):
        return every
    chosen = np.full(len(every), True)
    for name, wanted in properties.items():
        try:
            chosen &= np.array([value == wanted for value in _each(every, name)], bool)
        except KeyError:  # no node has it
            chosen[:] = False
    return NodeCollection.of(np.array(every)[chosen])


def _each(nodes: NodeCollection, name: str) -> list[Any]:
    found = nodes.get([name])[name]
    return list(found) if len(nodes) > 1 else [found]


def PrintNodes() -> None:  # noqa: N802
    """Print ranges of ids and their models."""
    width = len(str(KERNEL.size))
    for name, blocks in groupby(KERNEL.blocks, lambda block: block.model.name):
        ids = np.concatenate([block.ids for block in blocks])
        last = f" .. {ids[-1]:>{width}}" if len(ids) > 1 else " " * (width + 4)
        print(f"{ids[0]:>{width}}{last} {name}")


def GetStatus(nodes: Any, keys: Any = None, output: str = "") -> Any:  # noqa: N802
    """What nodes or synapses have: a tuple with one entry each, a list for one name of synapses."""
    warnings.warn("GetStatus() is deprecated; use get() of nodes and connections", UserWarning, stacklevel=2)
    if not len(nodes):
        return ()
    if output == "json":
        return json.dumps([each.get(keys) for each in nodes])
    if isinstance(keys, str) or keys is None:
        found = [each.get() if keys is None else each.get(keys) for each in nodes]
        return found if isinstance(keys, str) and isinstance(nodes, SynapseCollection) else tuple(found)
    return tuple(tuple(each.get(name) for name in keys) for each in nodes)


def SetStatus(nodes: Any, params: Any, val: Any = None) -> None:  # noqa: N802
    """Set what nodes or synapses have."""
    if isinstance(params, str):
        params = {params: val}
    nodes.set(params)


# ---------------------------------------------------------------- connections


@told_by_nest
def Connect(  # noqa: N802
    pre: Any, post: Any, conn_spec: Any = None, syn_spec: Any = None, return_synapsecollection: bool = False
) -> SynapseCollection | None:
    """Connect nodes to nodes; see NEST's documentation of the two specifications."""
    begin = time.perf_counter()
    source, target, explicit = _ends(pre, post, conn_spec)
    if not len(source) or not len(target):
        raise NESTErrors.IllegalConnection("Creation of connection is not possible because:\nan end has no nodes")
    before = len(KERNEL.calls)
    connect(source, target, conn_spec, syn_spec, explicit)
    KERNEL.seconds["time_construction_connect"] += time.perf_counter() - begin
    if not return_synapsecollection:
        return None
    return SynapseCollection([part for part in connections()._parts if part.call.number >= before])


def _ends(pre: Any, post: Any, conn_spec: Any) -> tuple[Any, Any, bool]:
    """Ids of both ends, and whether they are arrays with an entry for each edge."""
    if isinstance(pre, NodeCollection) and isinstance(post, NodeCollection):
        return pre._valid(), post._valid(), False
    ends = []
    for end in (pre, post):
        if not isinstance(end, (NodeCollection, *ARRAYS)):
            raise TypeError("pre and post must be NodeCollections or lists of node IDs")
        ends.append(np.asarray(end, np.int64).ravel())
        for number in np.unique(ends[-1]).tolist():
            KERNEL.node(number)
    explicit = any(len(np.unique(end)) < len(end) or (np.diff(end) < 0).any() for end in ends)
    if explicit and len(ends[0]) != len(ends[1]):
        raise ValueError("If 'pre' or 'post' contain non-unique IDs, then they must have the same length.")
    if explicit and (conn_spec.get("rule") if isinstance(conn_spec, dict) else conn_spec) != "one_to_one":
        raise ValueError("When connecting two arrays with non-unique IDs, `conn_spec` must be 'one_to_one'.")
    return ends[0], ends[1], explicit


def ConnectionRules() -> tuple[str, ...]:  # noqa: N802
    """The names of the rules by which nodes are connected."""
    return tuple(sorted(RULES))


def GetConnections(  # noqa: N802
    source: Any = None, target: Any = None, synapse_model: str | None = None, synapse_label: int | None = None
) -> SynapseCollection:
    """The connections from nodes to nodes, of one model; those whose targets are on this rank."""
    for name, nodes in (("source", source), ("target", target)):
        if nodes is not None and not isinstance(nodes, NodeCollection):
            raise TypeError(f"{name} must be NodeCollection.")
    return told_by_nest(connections)(source, target, synapse_model, synapse_label)


def Disconnect(*args: Any, conn_spec: Any = None, syn_spec: Any = None) -> None:  # noqa: N802
    """Take connections away: those of a SynapseCollection, or those that a rule names between nodes and nodes."""
    if len(args) == 1 and isinstance(args[0], SynapseCollection):
        args[0].disconnect()
    elif len(args) == 2 and all(isinstance(each, NodeCollection) for each in args):
        take_away_between(args[0]._valid(), args[1]._valid(), conn_spec, syn_spec)
    else:
        raise TypeError("Arguments must be either a SynapseCollection or two NodeCollections")


__all__ = [
    "Cleanup", "CollocatedSynapses", "Compartments", "Connect", "ConnectionRules", "CopyModel", "Create",
    "CreateMask", "CreateParameter", "DisableStructuralPlasticity", "Disconnect", "Displacement", "Distance",
    "DumpLayerConnections", "DumpLayerNodes", "EnableStructuralPlasticity", "FindCenterElement", "FindNearestElement",
    "GetConnections", "GetDefaults", "GetKernelStatus", "GetLocalNodeCollection", "GetLocalVPs", "GetNodes",
    "GetPosition", "GetSourceNodes", "GetSourcePositions", "GetStatus", "GetTargetNodes", "GetTargetPositions",
    "Install", "Mask", "Models", "NESTError", "NESTErrors", "NodeCollection", "NumProcesses", "Parameter",
    "PlotLayer", "PlotProbabilityParameter", "PlotSources", "PlotTargets", "Prepare", "PrintNodes", "Rank",
    "Receptors", "ResetKernel", "Run", "RunManager", "SelectNodesByMask", "SetAcceptableLatency", "SetDefaults",
    "SetKernelStatus", "SetMaxBuffered", "SetStatus", "Simulate", "SonataNetwork", "SynapseCollection",
    "SyncProcesses", "TripartiteConnect", "VerbosityLevel", "get", "get_verbosity", "help", "message",
    "serialize_data", "set", "set_communicator", "set_verbosity", "to_json", "userdict",
]  # fmt: skip
