"""Edges that are drawn here and not by the engine: one by one, as of rules, weights or kinds of nodes it has not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Connected, Targets
from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.edge_list import EdgeList
from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.distributions import Distribution
from distsim.core.rng import streams_of
from distsim.nest.connection_calls import Call, Nodes
from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import Values
from distsim.nest.parameter_objects import Parameter

Int64Array = npt.NDArray[np.int64]


def without_multapses(number: int, source: Int64Array, target: Int64Array, autapses: bool) -> EdgeList:
    """``number`` different pairs, all sets of them equally likely."""
    pairs = np.arange(len(source) * len(target))
    if not autapses:
        pairs = pairs[source[pairs // len(target)] != target[pairs % len(target)]]
    KERNEL.draws += 1
    streams = streams_of(int(KERNEL.status["rng_seed"]), "nest pairs", KERNEL.draws, pairs)
    chosen = np.sort(pairs[np.argsort(streams.keys, kind="stable")[:number]])
    return EdgeList(chosen // len(target), chosen % len(target))


def drawn(call: Call, values: Values, transposed: bool) -> Call:
    """The call with its edges drawn here, as explicit ones; transposed: from the targets that are asked for."""
    KERNEL.draws += 1
    connected: Connected[Any] = Connected(KERNEL.draws, Nodes(call.source), Nodes(call.target), call.rule)
    of = Targets.of(connected, int(KERNEL.status["rng_seed"]), call.target, ())
    pieces = list(call.rule.edges(of))
    first = np.concatenate([piece.source for piece in pieces]).astype(np.int64)
    degree = np.concatenate([piece.degree for piece in pieces])
    second = np.repeat(np.arange(len(call.target)), degree)
    ends = (call.target, call.source, EdgeList(second, first)) if transposed else (
        call.source, call.target, EdgeList(first, second))  # fmt: skip
    for name, value in values.items():
        if isinstance(value, np.ndarray) and value.size != len(first):
            raise ValueError(f"'{name}' has {value.size} values for {len(first)} connections")
    return Call(0, call.way, *ends, call.kind, {}, call.receptor, call.since)


def upper(call: Call) -> Call:
    """Each pair of neurons once: of a symmetric rule only one direction is drawn, the other is its mirror."""
    rule: Any = call.rule
    chosen = call.source[rule.source] < call.target[rule.target]
    call.rule = EdgeList(rule.source[chosen], rule.target[chosen])
    return call


def mirrored(call: Call, rule: str) -> Call:
    """The same connections the other way round."""
    if call.random:
        raise NESTErrors.BadProperty(f"{rule} cannot be made symmetric")
    of_one = {name: v for name, v in call.values.items() if isinstance(v, np.ndarray)}
    if isinstance(call.rule, AllToAll):
        if of_one:
            raise NESTErrors.NotImplemented("all_to_all with arrays cannot be made symmetric")
        return Call(0, call.way, call.target, call.source, call.rule, call.kind, call.values, call.receptor, call.since)
    listed: Any = call.rule
    mirror = listed if isinstance(call.rule, OneToOne) else EdgeList(listed.target, listed.source)
    return Call(0, call.way, call.target, call.source, mirror, call.kind, call.values, call.receptor, call.since)


def drawn_for(call: Call, parameter: Parameter) -> npt.NDArray[np.float64]:
    """The numbers of a parameter for the edges of a call that are not random, as an array that its rule takes."""
    if isinstance(call.rule, AllToAll):
        shape: tuple[int, ...] = len(call.target), len(call.source)
        owners, entries = np.repeat(call.target, shape[1]), np.tile(np.arange(shape[1]), shape[0])
        sources = np.tile(call.source, shape[0])
    elif isinstance(call.rule, OneToOne):
        shape = (len(call.target),)
        owners, entries, sources = call.target, np.zeros(shape, np.int64), call.source
    else:
        rule: Any = call.rule
        shape = (len(rule.target),)
        owners, entries, sources = call.target[rule.target], np.arange(shape[0]), call.source[rule.source]
    values: npt.NDArray[np.float64] = KERNEL.draw(parameter, owners, entries, sources).reshape(shape)
    return values


def listed(call: Call) -> Call:
    """The call with explicit edges, drawn here where they are random."""
    if not call.random:
        return call
    values = call.values
    explicit = drawn(call, values, transposed=False)
    explicit.values = {
        name: drawn_for(explicit, _parameter(value)) if isinstance(value, Distribution) else value
        for name, value in values.items()
    }
    return explicit


def _parameter(distribution: Distribution) -> Parameter:
    return Parameter(lambda drawing: drawing.sample(distribution), distribution)


def by_receptor(call: Call) -> Iterator[Call]:
    """The call by receptors, where each edge has its own: its value ``receptor_type``."""
    explicit = listed(call)
    every = explicit.batches(explicit.stand_in(), 0, KERNEL.clock, np.arange(len(explicit.target)), None)
    batches = [(batch, np.rint(batch.values.pop("receptor_type")).astype(np.int64)) for batch in every]
    del explicit.values["receptor_type"]
    for receptor in np.unique(np.concatenate([np.zeros(0, np.int64), *(receptors for _, receptors in batches)])):
        part = explicit.listed([batch.take(receptors == receptor) for batch, receptors in batches])
        part.receptor = int(receptor)
        yield part
