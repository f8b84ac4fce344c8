"""What nodes have, read and set: parameters, states, and what recorders hold."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.nest_models import Values
from distsim.nest.node_blocks import ARRAYS, Block, blocks_of, is_list
from distsim.nest.parameter_objects import Parameter
from distsim.nest.recorder_events import Recorders

Int64Array = npt.NDArray[np.int64]
RECORDERS = Recorders(KERNEL)
ELEMENT_TYPES = {"parrot": "neuron", "generator": "stimulator", "rate": "neuron"}
AT_FIRST: Values = {
    "Ca": 0.0, "archiver_length": 0, "post_trace": 0.0, "t_spike": -1.0, "synaptic_elements": {}
}  # fmt: skip
"""What NEST tells of the spikes of a neuron, before there are any; later it is not told."""
OF_ASCII = ("file_extension", "precision")


def status_of(ids: Int64Array, names: list[str] | None) -> dict[str, list[Any]]:
    """What nodes have by name, a list with one entry each, None where a node has no such thing; None: all names."""
    parts = [_of_block(block, index, names) for block, index in blocks_of(KERNEL.blocks, ids)]
    known = sorted({name for part, _ in parts for name in part}) if names is None else names
    for name in known:
        if not any(name in part for part, _ in parts):
            if name in AT_FIRST and any(
                block.kind in ("neuron", "parrot", "rate") for block, _ in blocks_of(KERNEL.blocks, ids)
            ):
                raise NESTErrors.NotImplemented(
                    f"{name} is not told once neurons were simulated; record their spikes with a spike_recorder"
                )
            there = sorted(status_of(ids, None))
            raise KeyError(unknown("property of these nodes", name, there))
    return {name: [v for part, n in parts for v in part.get(name, [None] * n)] for name in known}


def _of_block(block: Block, index: Int64Array, names: list[str] | None) -> tuple[dict[str, list[Any]], int]:
    """What some nodes of one block have, and how many they are."""
    found: dict[str, list[Any]] = {}
    values = dict(block.values)
    if block.kind == "recorder" and values["record_to"] != "ascii":
        values = {name: value for name, value in values.items() if name not in OF_ASCII}
    for name, value in values.items():
        if names is None or name in names:
            found[name] = _entries(block, name, value, index)
    for name, fixed in block.spec.fixed.items():
        found[name] = [fixed] * len(index)
    found |= _about(block, index)
    if block.kind == "recorder" and (names is None or {"events", "n_events", "filenames"} & set(names)):
        found |= {name: [value] for name, value in RECORDERS.told(block, names).items()}
    if names is not None:
        found = {name: value for name, value in found.items() if name in names}
    return found, len(index)


def _entries(block: Block, name: str, value: Any, index: Int64Array) -> list[Any]:
    """The values of some nodes."""
    if name in block.spec.states and KERNEL.engine is not None:
        now = KERNEL.engine.state(block, name)
        if now is not None:
            return list(now[index].tolist())
    if is_list(block.spec, name):
        return [value.copy() if isinstance(value, np.ndarray) else list(value)] * len(index)
    return value[index].tolist() if isinstance(value, np.ndarray) else [value] * len(index)


def _about(block: Block, index: Int64Array) -> dict[str, list[Any]]:
    """What all nodes have."""
    n, size = len(index), KERNEL.comm.size
    engine = KERNEL.engine
    local = np.full(block.n, True) if engine is None or size == 1 else engine.local(block)
    constant: Values = {
        "element_type": ELEMENT_TYPES.get(block.kind, block.kind),
        "model": block.model.name,
        "model_id": block.model.number,
        "thread": 0,
        "thread_local_id": -1,
        "node_uses_wfr": False,
    }
    if recorded := block.spec.recorded(block.values):
        constant["recordables"] = sorted(recorded)
    if constant["element_type"] == "neuron" and not KERNEL.clock.step:
        constant |= AT_FIRST
    if block.spec.of_receptors:
        constant |= {"n_synapses": len(block.spec.receptors(block.values)), "has_connections": _is_reached(block)}
    rank = [KERNEL.comm.rank if here else -1 for here in local[index].tolist()]
    own = {"global_id": (block.first + index).tolist(), "local": local[index].tolist(), "vp": rank}
    return {name: [value] * n for name, value in constant.items()} | own


def _is_reached(block: Block) -> bool:
    """Whether there are connections to some node of a block."""
    return any(call.target[0] <= block.ids[-1] and np.isin(block.ids, call.target).any() for call in KERNEL.calls)


def set_values(ids: Int64Array, given: Values) -> None:
    """Give nodes values: one for all, a list with one each, or a parameter that is drawn for each."""
    drawn = {name: KERNEL.draw(v, ids) if isinstance(v, Parameter) else v for name, v in given.items()}
    _split(ids, drawn)
    for block, index, span in _spans(ids):
        _set_block(block, index, {name: _part(block, name, value, ids, span) for name, value in drawn.items()})


def _spans(ids: Int64Array) -> list[tuple[Block, Int64Array, slice]]:
    """The blocks of nodes, which of their nodes they are, and where these stand among them."""
    found, begin = [], 0
    for block, index in blocks_of(KERNEL.blocks, ids):
        found.append((block, index, slice(begin, begin + len(index))))
        begin += len(index)
    return found


def _split(ids: Int64Array, given: Values) -> None:
    """Split blocks whose nodes will differ in what all neurons of a population have in common, or in a list."""
    for block, index, span in _spans(ids):
        common = [name for name in given if name in block.spec.alike or is_list(block.spec, name)]
        begins = {0}
        for name in common if block.n > 1 else ():
            if len(index) < block.n or isinstance(given[name], ARRAYS):
                part = _part(block, name, given[name], ids, span)
                each = part if isinstance(part, ARRAYS) and not is_list(block.spec, name) else [part] * len(index)
                if _one_each(block, name, given[name], ids):
                    each = given[name][span]
                column = [block.values[name]] * block.n
                for i, value in zip(index.tolist(), each, strict=True):
                    column[i] = value
                begins |= {i for i in range(1, block.n) if not np.array_equal(column[i - 1], column[i])}
        if len(begins) == 1:
            continue
        if KERNEL.clock.step:
            names = ", ".join(common)
            raise NESTErrors.NotImplemented(
                f"{block.model.name}: nodes that were created together can differ in {names} only if they are given "
                "before the first run"
            )
        place = next(i for i, other in enumerate(KERNEL.blocks) if other is block)
        KERNEL.blocks[place : place + 1] = block.parts([*sorted(begins), block.n])
        KERNEL.changed()


def _one_each(block: Block, name: str, value: Any, ids: Int64Array) -> bool:
    """Whether a value is a list for each of several nodes."""
    each = isinstance(value, ARRAYS) and is_list(block.spec, name) and len(value) == len(ids) > 1
    return each and all(isinstance(one, ARRAYS) for one in value)


def _part(block: Block, name: str, value: Any, ids: Int64Array, span: slice) -> Any:
    """The part of a value that is of some of the nodes ``ids``."""
    if isinstance(value, ARRAYS) and not is_list(block.spec, name) and np.ndim(value) == 1:
        if len(value) < len(ids):  # of more NEST takes the first ones
            raise IndexError(f"{name} has {len(value)} values for {len(ids)} nodes; give one each")
        return value[span]
    return value[span.start] if _one_each(block, name, value, ids) else value


def _set_block(block: Block, index: Int64Array, values: Values) -> None:
    """Give some nodes of one block values, now and, where there is one, in the simulation."""
    if block.kind == "recorder":
        if "n_events" in values:
            RECORDERS.forget(block, values.pop("n_events"))
        RECORDERS.set(block, values)
    whole = len(index) == block.n
    block.assign(slice(None) if whole else index, values, KERNEL.clock)
    engine = KERNEL.engine
    if KERNEL.described is None and engine is None:
        return
    if block.kind == "recorder":
        if {"interval", "offset", "record_from"} & set(values):
            KERNEL.changed()
    elif engine is None or block.kind == "rate":
        KERNEL.changed()
    elif block.kind == "generator":
        if not engine.drives.change_generator(block):
            KERNEL.changed()
    elif block.first in engine.populations:
        own = {name: block.values[name] for name in values if name in block.values}
        own = {name: value[index] if isinstance(value, np.ndarray) else value for name, value in own.items()}
        states = {name: value for name, value in own.items() if name in block.spec.states}
        for some in (states, {name: value for name, value in own.items() if name not in states}):
            if some and not engine.change_neurons(block, index, some):
                KERNEL.changed()


def create(name: str, n: int, params: Any) -> Int64Array:
    """New nodes of a model; their ids (n,)."""
    model = KERNEL.models[name]
    first = KERNEL.size + 1
    sizes = [n] if model.spec.kind in ("neuron", "parrot", "rate") else [1] * n
    before = len(KERNEL.blocks)
    for size in sizes:
        values = {key: copy(value) for key, value in model.defaults.items()}
        KERNEL.blocks.append(Block(KERNEL.size + 1, size, model, values))
    ids = np.arange(first, first + n)
    KERNEL.changed()
    try:
        if isinstance(params, (list, tuple)):
            if len(params) != n:
                raise TypeError(f"list of params must have one dictionary per node, got {len(params)} for {n}")
            for i, each in enumerate(params):
                set_values(ids[i : i + 1], each)
        elif params:
            set_values(ids, params)
    except BaseException:
        del KERNEL.blocks[before:]
        raise
    return ids


def check_model(name: Any) -> str:
    """The name of a model of nodes that is there."""
    if not isinstance(name, str):
        raise TypeError("model must be a string")
    if name not in KERNEL.models:
        raise NESTErrors.UnknownModelName(f"{unknown('model name', name, KERNEL.models)}")
    return name
