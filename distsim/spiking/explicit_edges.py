"""Edges that are connected one by one, or a few at a time, collected into one list."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from distsim.connect.rule import Rule
from distsim.connect.rules.all_to_all import AllToAll
from distsim.connect.rules.edge_list import EdgeList
from distsim.connect.rules.one_to_one import OneToOne
from distsim.core.parts import Int64Array, Neurons, Part
from distsim.core.values import is_distribution
from distsim.spiking.synapses.synapse_model import SynapseModel


def kind_of(source: Neurons, target: Neurons, rule: Rule, synapse: SynapseModel) -> Hashable | None:
    """What edges have in common that are collected together; None for those that are not explicit.

    Explicit are those between parts of one population each that a rule gives without drawing: neuron by neuron, a list,
    or all from or to one neuron. They agree on both populations, and in all that not each synapse has of its own.
    """
    if not (isinstance(source, Part) or isinstance(target, Part)) or len(source.pieces) + len(target.pieces) > 2:
        return None
    alone = min(source.size, target.size) == 1
    if not isinstance(rule, (OneToOne, EdgeList)) and not (isinstance(rule, AllToAll) and rule.autapses and alone):
        return None
    if any(is_distribution(value) for value in synapse.values.values()):
        return None
    return kind_between(source.pieces[0].population, target.pieces[0].population, synapse)


def kind_between(source: Neurons, target: Neurons, synapse: SynapseModel) -> Hashable:
    """What edges that are collected have in common: both populations, and what not each synapse has of its own."""
    shared = tuple(getattr(synapse, f.name) for f in fields(synapse) if f.name not in synapse.values)
    return source.name, target.name, type(synapse), shared


class ExplicitEdges:
    """Edges between two populations, with what each has of its own, in the order in which they are added."""

    def __init__(self, synapse: SynapseModel) -> None:
        self._like = synapse
        self._source: list[int] = []
        self._target: list[int] = []
        self._values: dict[str, list[float]] = {name: [] for name in synapse.values}

    def add(self, source: Neurons, target: Neurons, rule: Rule, synapse: SynapseModel) -> None:
        """Add what ``rule`` gives between parts of the two populations; their ``kind_of`` is that of the others."""
        ((_, sources),), ((_, targets),) = source.pieces, target.pieces
        n = max(len(sources), len(targets))
        if isinstance(rule, EdgeList):
            sources, targets = _list(sources, rule.source), _list(targets, rule.target)
            n = len(sources)
        self._source += _plain(sources) * (n if len(sources) == 1 else 1)
        self._target += _plain(targets) * (n if len(targets) == 1 else 1)
        for name, value in synapse.values.items():
            entries: Any = np.ravel(value).tolist() if isinstance(value, np.ndarray) else [value] * n
            self._values[name] += entries
        self.__dict__.pop("rule", None)
        self.__dict__.pop("synapse", None)

    @cached_property
    def rule(self) -> EdgeList:
        """The edges so far."""
        return EdgeList(np.array(self._source, np.int64), np.array(self._target, np.int64))

    @cached_property
    def synapse(self) -> SynapseModel:
        """The synapse of all edges so far: arrays (n,) of what each has of its own."""
        values: dict[str, Any] = {name: np.array(values) for name, values in self._values.items()}
        return replace(self._like, **values)


def _list(neurons: range | Int64Array, index: Int64Array) -> Int64Array:
    return np.asarray(neurons, np.int64)[index]


def _plain(neurons: range | Int64Array) -> list[int]:
    return list(neurons) if isinstance(neurons, range) else neurons.tolist()
