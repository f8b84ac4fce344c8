"""What is connected to what, and how: a call of ``Connect`` falls into calls between nodes of one kind each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.connection_calls import Call, SynapseKind
from distsim.nest.kernel import KERNEL
from distsim.nest.listed_edges import listed
from distsim.nest.nest_errors import NESTErrors, unknown
from distsim.nest.node_blocks import Block, blocks_of

Int64Array = npt.NDArray[np.int64]
NOT_POSSIBLE = "Creation of connection is not possible because:\n"
NOT_TAKEN = f"{NOT_POSSIBLE}The target node or synapse model does not support "


def _refuse(why: str) -> Any:
    return NESTErrors.IllegalConnection(NOT_POSSIBLE + why)


def _way(source: Block, target: Block) -> str:
    """How a block is connected to another; IllegalConnection where it cannot be."""
    if source.kind == "recorder":
        if not source.spec.samples:
            raise _refuse(
                "Source node does not send output.\n  Note that recorders must be connected as "
                "Connect(neuron, recorder)."
            )
        known = target.spec.recorded(target.values)
        if target.kind in ("parrot", "recorder", "generator") and not known:
            raise NESTErrors.IllegalConnection(f"{NOT_TAKEN}data logging requests.")
        for name in source.values["record_from"]:
            if name not in known:
                text = unknown(f"recordable of {target.model.name}", name, known)
                raise _refuse(f"Cannot connect with unknown recordable {name}: {text}")
        return "sample"
    if target.kind == "recorder":
        if target.spec.samples or target.spec.name == "weight_recorder":
            raise NESTErrors.IllegalConnection(
                f"{NOT_TAKEN}spike input.\n  Note that volt/multimeters must be connected as Connect(meter, neuron)."
            )
        if source.spec.currents:
            raise NESTErrors.IllegalConnection(f"{NOT_TAKEN}current input.")
        return "record"
    if target.kind == "generator":
        kind = "current" if source.spec.currents else "spike"
        raise NESTErrors.IllegalConnection(f"{NOT_TAKEN}{kind} input: {target.model.name}")
    if source.spec.currents and target.kind in ("parrot", "rate"):
        raise NESTErrors.IllegalConnection(f"{NOT_TAKEN}current input.")
    if "rate" in (source.kind, target.kind):
        if source.kind != target.kind:
            raise _refuse("rate neurons take and send no spikes")
        return "rates"
    return "drive" if source.kind == "generator" and source.spec.drive is not None else "neurons"


def by_way(call: Call) -> Iterator[Call]:
    """The call, or the calls into which it falls where its ends are of several kinds."""
    sources, targets = ([block for block, _ in blocks_of(KERNEL.blocks, ids)] for ids in (call.source, call.target))
    some_sources, some_targets = _different(sources), _different(targets)
    ways = {(s.first, t.first): _way(s, t) for s in some_sources for t in some_targets}
    found = set(ways.values())
    for source in some_sources:
        for target in some_targets:
            _check_synapse(call, ways[source.first, target.first], source, target)
    _check_devices(call.kind, sources)
    if len(found) == 1:
        call.way = found.pop()
        yield listed(call) if call.way in ("drive", "rates") and call.random else call
        return
    call = listed(call)
    every = list(call.batches(call.stand_in(), 0, KERNEL.clock, np.arange(len(call.target)), None))
    for way in sorted(found):
        parts = []
        for batch in every:
            pairs = zip(_firsts(batch.source), _firsts(batch.target), strict=True)
            parts.append(batch.take(np.array([_way_of(ways, pair) == way for pair in pairs], bool)))
        part = call.listed(parts)
        part.way = way
        yield part


def _firsts(ids: Int64Array) -> list[int]:
    """The first node of the block of each node."""
    return [block.first for block, index in blocks_of(KERNEL.blocks, ids) for _ in index]


def _way_of(ways: dict[tuple[int, int], str], pair: tuple[int, int]) -> str:
    """The way of a pair of blocks; blocks of one kind were looked at by one of them."""
    if pair not in ways:
        (s,), (t,) = ([block for block, _ in blocks_of(KERNEL.blocks, np.array([each]))] for each in pair)
        ways[pair] = _way(s, t)
    return ways[pair]


def _different(blocks: list[Block]) -> list[Block]:
    """One block of each model, list of receptors and list of recorded variables."""
    kinds = {
        (b.model.name, b.spec.receptors(b.values), tuple(b.values.get("record_from", ()))): b for b in blocks[::-1]
    }
    return list(kinds.values())


def _check_synapse(call: Call, way: str, source: Block, target: Block) -> None:
    """An exception of NEST where such a synapse cannot be between such nodes, or not at this receptor."""
    kind, spec = call.kind, call.kind.spec
    if way in ("neurons", "drive", "rates") and (way == "rates") != (spec.way == "rates"):
        raise _refuse(f"rate neurons are connected by diffusion_connection, and only they are; got {kind.name}")
    if kind.defaults.get("volume_transmitter", kind) is None:
        raise NESTErrors.BadProperty("No volume transmitter has been assigned to the dopamine synapse.")
    if spec.of_neurons and source.kind in ("generator", "recorder") and not source.spec.as_neuron:
        what = "data logging requests" if way == "sample" else f"{'current' if source.spec.currents else 'spike'} input"
        raise NESTErrors.IllegalConnection(f"{NOT_TAKEN}{what}.")
    if spec.plastic and way == "record":
        raise _refuse("The target node does not support STDP synapses.")
    if way in ("neurons", "drive", "sample"):
        _check_receptor(call.receptor, target, of_spikes=way != "sample" and not source.spec.currents)
    if kind.name.endswith("_hpc") and call.receptor and way == "neurons":
        raise _refuse("Only rport==0 allowed for HPC synapses. Use normal synapse models instead.")


def _check_receptor(receptor: int, target: Block, of_spikes: bool) -> None:
    """UnknownReceptorType where a target does not have the receptor; currents and requests for data are at 0."""
    known = target.spec.receptors(target.values) if of_spikes else (0,)
    if receptor not in known:
        refused = NESTErrors.UnknownReceptorType if 0 in known else NESTErrors.IncompatibleReceptorType
        raise refused(
            f"Receptor type {receptor} is not available in {target.model.name}; known: {', '.join(map(str, known))}"
        )


def _check_devices(kind: SynapseKind, sources: list[Block]) -> None:
    """IllegalConnection where a generator has connections by another model of synapses."""
    for block in sources:
        if block.kind == "generator" and KERNEL.synapses_of.setdefault(block.first, kind.name) != kind.name:
            raise _refuse("All outgoing connections from a device must use the same synapse type.")
