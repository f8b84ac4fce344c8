"""Parameters and states of neurons, changed between runs.

Parameters of a part of a population become those of each neuron, as if they had been described so.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np

from distsim.core.distributions import Distribution
from distsim.core.errors import InputError, check_names
from distsim.core.parts import Neurons, Part, Piece
from distsim.core.values import Value, check_shape, check_value, values_of_neurons
from distsim.spiking.drives.driven import poisson_input
from distsim.spiking.local_network import LocalGroup, LocalNetwork, divide
from distsim.spiking.network import Network, Population
from distsim.spiking.neurons.neuron_group import NeuronGroup

KEPT = 3
"""What of a kind of neurons must stay: class, number of inputs, state variables."""


class ChangedNeurons:
    """The neurons of a simulation; models: what those of each population are now, by its name."""

    def __init__(self, network: Network, local: LocalNetwork, seed: int) -> None:
        self.local, self.seed, self.dt = local, seed, network.dt
        self.models: dict[str, Any] = {p.name: p.model for p in network.populations}

    def set(self, neurons: Neurons, values: dict[str, Any], number: int) -> None:
        """Set parameters and states of ``neurons``: a number, an array (size,) or a distribution each.

        number: of the change; what is drawn for states differs from change to change.
        """
        where = f"set '{neurons.name}'"
        checked = {name: check_value(value, f"{where}: {name}") for name, value in values.items()}
        for name, value in checked.items():
            check_shape(value, (neurons.size,), f"{where}: {name}")
        planned = []
        for piece in neurons.by_population():
            place = neurons.index_of(piece.population.first_gid + piece.indices)
            own = {name: v[place] if isinstance(v, np.ndarray) else v for name, v in checked.items()}
            model, group, which = self._owner(piece.population, where)
            names = [f.name for f in fields(model) if f.metadata.get("what") in ("of each", "number")]
            kind = f"{where}, {type(model).__name__}"
            check_names(values, [*names, *model.initial_states], "parameter or state", kind)
            states = {name: value for name, value in own.items() if name not in names}
            _check_counters(model, states, where)
            changed = self._changed(model, piece, {n: v for n, v in own.items() if n in names}, where)
            planned.append((piece, group, which, changed, states))
        for piece, group, which, model, states in planned:
            if model is not None:
                self.models[piece.population.name] = model
                group.neurons.set_model(which, model)  # type: ignore[attr-defined] # of a NeuronGroup
                divide(group)
                group.poisson = poisson_input(group.driven, group.grid.unit, group.stretches)
            for name, value in states.items():
                self._set_state(group, which, piece, name, value, number)

    def _owner(self, population: Population, where: str) -> tuple[Any, LocalGroup, int]:
        """The present model of a population, its group, and its number there."""
        for group in self.local.groups:
            for number, share in enumerate(group.shares):
                if share.population is population:
                    if not isinstance(group.neurons, NeuronGroup):
                        kind = type(population.model).__name__
                        raise InputError(f"{where}: {kind} has nothing that can be changed between runs")
                    return self.models[population.name], group, number
        raise InputError(f"{where}: unknown population '{population.name}'")

    def _changed(self, model: Any, piece: Piece, values: dict[str, Value], where: str) -> Any:
        """The model with other parameters of ``piece``, checked; None where there are none."""
        if not values:
            return None
        population = piece.population
        new = {name: self._in_part(getattr(model, name), piece, name, value) for name, value in values.items()}
        changed = replace(model, **new)
        changed.check(population.size, self.dt, where)
        if changed.kind[:KEPT] != model.kind[:KEPT]:
            raise InputError(
                f"{where}: {', '.join(values)} would change the inputs or state variables of {type(model).__name__}; "
                "describe the network with other values from the beginning"
            )
        return changed

    def _in_part(self, before: Value, piece: Piece, name: str, value: Value) -> Value:
        """A parameter of all neurons of a population, of which those of ``piece`` have another value."""
        population = piece.population
        if piece.whole:
            return value
        gids = population.gids
        purpose = f"parameter {name}"
        known = values_of_neurons(before, self.seed, purpose, gids, population.first_gid)
        whole = np.array(np.broadcast_to(known, population.size), np.float64)
        if not isinstance(value, np.ndarray):
            value = values_of_neurons(value, self.seed, purpose, gids[piece.indices], population.first_gid)
        whole[piece.indices] = value
        return whole

    def _set_state(self, group: LocalGroup, which: int, piece: Piece, name: str, value: Value, number: int) -> None:
        """Set a state of the local neurons of ``piece``."""
        share, part = group.shares[which], Part([piece])
        place = part.index_of(share.gids)
        mine = np.flatnonzero(place >= 0)
        if isinstance(value, np.ndarray):
            new = value[place[mine]]
        else:
            drawn = values_of_neurons(value, self.seed, f"set {name}", share.gids[mine], 0, number)
            new = np.array(np.broadcast_to(drawn, len(mine)), np.float64)
        group.neurons.set_state(name, share.begin + mine, new)  # type: ignore[attr-defined] # of a NeuronGroup


def _check_counters(model: Any, states: dict[str, Value], where: str) -> None:
    """InputError where a state that counts is given something that is no whole number."""
    counters = [state.name for state in model.every_state() if isinstance(state.initial, int)]
    for name in counters:
        value = states.get(name, 0.0)
        if isinstance(value, Distribution) or (np.rint(value) != value).any():
            raise InputError(f"{where}: {name} counts, and must be a whole number")
