"""What differs between two networks of one model, as the changes of a simulation that make one of the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from distsim.binary.binary_network import BinaryNetwork
from distsim.core.errors import InputError
from distsim.core.parts import common
from distsim.parallel.agreement import HIDDEN, leaves_of
from distsim.spiking.network import Network

Change = Callable[[Any], None]
"""Makes a change of the simulation that it is given, whose network is like the one before."""
PARTS = ("populations", "projections", "stimulations", *HIDDEN)
OF_BINARY = {"theta": "theta", "tau": "tau", "m_ext": "m"}
"""What of a population of binary neurons can be set, and under which name."""
AT_FIRST = ("initial", "rate", "m_0")
"""What of a population holds at the beginning only."""


def differences(before: Any, after: Any) -> list[Change]:
    """The changes that make ``after`` of ``before``; initial states, which are past, are none.

    Raises InputError where something differs that cannot change between runs.
    """
    changes: list[Change] = []
    for was, now in _pairs("population", before.populations, after.populations):
        changes += _of_population(was, now, isinstance(before, BinaryNetwork))
    for was, now in _pairs("projection", before.projections, after.projections):
        changes += _of_projection(was, now, after)
    if isinstance(before, Network):
        for was, now in _pairs("stimulus", before.stimulations, after.stimulations):
            changes += _of_stimulus(was, now, before)
    for name, value in vars(before).items():
        if name not in PARTS:
            _require_same(f"the network's {name}", value, vars(after)[name])
    return changes


def _pairs(what: str, before: Any, after: Any) -> list[tuple[Any, Any]]:
    if len(before) != len(after):
        raise InputError(f"a branch cannot change the number of {what}s: {len(before)} are there, {len(after)} here")
    return list(zip(before, after, strict=True))


def _of_population(was: Any, now: Any, binary: bool) -> list[Change]:
    own = OF_BINARY if binary else {"model": "model"}
    for field in fields(was):
        if field.name not in (*own, *AT_FIRST):
            what = f"{field.name} of population '{was.name}'"
            _require_same(what, getattr(was, field.name), getattr(now, field.name))
    if binary:
        values = {own[name]: value for name, value in _changed(was, now).items() if name in own}
    else:
        _require_same(f"the model of '{was.name}'", type(was.model).__name__, type(now.model).__name__)
        values = _changed(was.model, now.model)
    return [lambda simulation: simulation.set(was.name, **values)] if values else []


def _of_projection(was: Any, now: Any, network: Any) -> list[Change]:
    where = f"of projection '{was.name}'"
    for name in ("source", "target"):
        _require_same(f"{name} {where}", getattr(was, name).name, getattr(now, name).name)
    _require_same(f"the rule {where}", was.rule, now.rule)
    if not isinstance(network, Network):
        ends = was.source.name, was.target.name
        number = sum((p.source.name, p.target.name) == ends for p in network.projections[: was.index])
        if isinstance(network, BinaryNetwork):
            values = {name: value for name, value in _changed(was, now).items() if name == "J"}
        else:
            values = _changed(was.connection, now.connection)
        return [partial(_set_connections, index=was.index, number=number, values=values)] if values else []
    _require_same(f"the kind of synapses {where}", type(was.synapse).__name__, type(now.synapse).__name__)
    values = _changed(was.synapse, now.synapse)
    for name in values:
        if name != "weight" or was.synapse.plastic:
            _require_same(f"{name} {where}", getattr(was.synapse, name), values[name])
    if not values:
        return []
    for other in network.projections:
        shared = common(other.source, now.source) and common(other.target, now.target)
        if shared and not _same(getattr(other.synapse, "weight", None), values["weight"]):
            raise InputError(f"a branch cannot change weights {where}: '{other.name}' has synapses between them, too")
    return [partial(_set_weights, index=was.index, weight=values["weight"])]


def _of_stimulus(was: Any, now: Any, network: Network) -> list[Change]:
    where = f"stimulus {was.index} of '{was.target.name}'"
    _require_same(f"the target of {where}", was.target.name, now.target.name)
    _require_same(f"the kind of {where}", type(was.stimulus).__name__, type(now.stimulus).__name__)
    values = _changed(was.stimulus, now.stimulus)
    number = sum(s.target.name == was.target.name for s in network.stimulations[: was.index])  # of those of the target
    return [partial(_set_stimulus, index=was.index, number=number, values=values)] if values else []


def _set_weights(simulation: Any, index: int, weight: Any) -> None:
    projection = simulation.network.projections[index]
    simulation.set_weights(projection.source, projection.target, weight)


def _set_connections(simulation: Any, index: int, number: int, values: dict[str, Any]) -> None:
    projection = simulation.network.projections[index]
    change = getattr(simulation, "set_couplings" if "J" in values else "set_factors")
    change(projection.source, projection.target, number=number, **values)


def _set_stimulus(simulation: Any, index: int, number: int, values: dict[str, Any]) -> None:
    simulation.set_stimulus(simulation.network.stimulations[index].target, number, **values)


def _changed(was: Any, now: Any) -> dict[str, Any]:
    """The fields that differ, as they are now."""
    found = {field.name: getattr(now, field.name) for field in fields(was)}
    return {name: value for name, value in found.items() if not _same(getattr(was, name), value)}


def _same(a: Any, b: Any) -> bool:
    return list(leaves_of("", a)) == list(leaves_of("", b))


def _require_same(what: str, was: Any, now: Any) -> None:
    if not _same(was, now):
        there, here = (next((text for _, text, _ in leaves_of("", value)), "nothing") for value in (was, now))
        told = f": it is {there} at the checkpoint, but {here} here" if there != here else ""
        raise InputError(f"a branch cannot change {what}{told}")
