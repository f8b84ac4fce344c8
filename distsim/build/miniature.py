"""A network of the same kinds as another, but tiny: simulating it compiles every kernel that the other will call."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np

from distsim.network.binary import BinaryNetwork, BinaryPopulation
from distsim.network.network import Network, Population, ends_of
from distsim.network.rules import EdgeList, Ends, FixedIndegree, FixedTotalNumber, OneToOne

SIZE = 2


def miniature(network: Network) -> Network:
    """``network`` with at most two neurons in a population and the same models, rules, synapses and stimuli."""
    small = Network(network.dt)
    sizes = {p.name: min(p.size, SIZE) for p in network.populations}
    for p in network.populations:
        initial = {name: shrunk(value, (sizes[p.name],)) for name, value in p.initial.items()}
        positions = None if p.positions is None else p.positions[: sizes[p.name]]
        small.population(p.name, sizes[p.name], _shrunk_fields(p.model, sizes[p.name]), positions=positions, **initial)
    for projection in network.projections:
        source, target = small.find(projection.source.name), small.find(projection.target.name)
        rule = shrunk_rule(projection.rule, source, target)
        if rule is None:
            continue
        shape = rule.array_shape(ends_of(source, target))
        synapse = projection.synapse
        changes = {
            field.name: shrunk(getattr(synapse, field.name), shape)
            for field in fields(synapse)  # type: ignore[arg-type]
            if isinstance(getattr(synapse, field.name), np.ndarray)
        }
        small.connect(source, target, rule, replace(synapse, **changes))  # type: ignore[type-var]
    for stimulation in network.stimulations:
        small.stimulate(stimulation.target.name, stimulation.stimulus)
    return small


def binary_miniature(network: BinaryNetwork) -> BinaryNetwork:
    """``network`` with at most two neurons in a population and the same rules and couplings."""
    small = BinaryNetwork()
    for p in network.populations:
        size = min(p.size, SIZE)
        values = {name: shrunk(getattr(p, name), (size,)) for name in ("theta", "tau", "m_0")}
        small.population(p.name, size, **values)
    for projection in network.projections:
        source, target = small.find(projection.source.name), small.find(projection.target.name)
        rule = shrunk_rule(projection.rule, source, target)
        if rule is not None:
            shape = rule.array_shape(Ends(source.name, target.name, source.size, target.size))
            small.connect(source, target, rule, shrunk(projection.J, shape))
    return small


def shrunk(value: Any, shape: tuple[int, ...] | None) -> Any:
    """An array cut to ``shape``, anything else as it is; entries that were not all equal stay so, where they can."""
    if not isinstance(value, np.ndarray) or shape is None:
        return value
    flat = np.unique(value.ravel())[::-1]  # the largest first: it decides the type of delays
    return np.resize(flat, shape) if flat.size else np.zeros(shape)


def _shrunk_fields(model: Any, size: int) -> Any:
    changes = {}
    for field in fields(model):
        value = getattr(model, field.name)
        if isinstance(value, np.ndarray) or field.name == "times":
            changes[field.name] = value[:size]
        elif is_dataclass(value):  # the model that another one integrates
            changes[field.name] = _shrunk_fields(value, size)
    return replace(model, **changes) if changes else model


def shrunk_rule(rule: Any, source: Population | BinaryPopulation, target: Population | BinaryPopulation) -> Any:
    """A rule of the same class that the small populations can meet; None where there is none."""
    if isinstance(rule, FixedIndegree):
        candidates = source.size - int(source.name == target.name and not rule.autapses)
        possible = rule.indegree if candidates and rule.multapses else min(rule.indegree, candidates)
        return replace(rule, indegree=min(possible, SIZE))
    if isinstance(rule, FixedTotalNumber):
        candidates = source.size - int(source.name == target.name and not rule.autapses)
        return replace(rule, number=min(rule.number, SIZE) if candidates * target.size > 0 else 0)
    if isinstance(rule, OneToOne):
        return rule if source.size == target.size else None
    if isinstance(rule, EdgeList):
        if not source.size or not target.size:
            return EdgeList(rule.source[:0], rule.target[:0])
        return EdgeList(rule.source[:SIZE] % source.size, rule.target[:SIZE] % target.size)
    return rule
