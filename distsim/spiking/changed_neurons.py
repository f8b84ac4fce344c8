"""Parameters and states of neurons, changed between runs.

Parameters of a part of a population become those of each neuron, as if they had been described so.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.changed_values import in_part, local_places, of_piece, values_at
from distsim.core.distributions import Distribution
from distsim.core.errors import InputError, check_names
from distsim.core.parts import Neurons, Piece
from distsim.core.values import Value
from distsim.spiking.drives.driven import poisson_input
from distsim.spiking.local_network import LocalGroup, LocalNetwork, divide
from distsim.spiking.network import Network, Population
from distsim.spiking.pieces_of_time import with_values

Int64Array = npt.NDArray[np.int64]
KEPT = 3
"""What of a kind of neurons must stay: class, number of inputs, state variables."""


class Plan(NamedTuple):
    """What is to become of the neurons ``piece``, those of population ``which`` of a group: model (None: as it is)."""

    piece: Piece
    group: LocalGroup
    which: int
    model: Any
    states: dict[str, Value]

    @property
    def mine(self) -> tuple[Int64Array, Int64Array]:
        """The local neurons among them: their places in the group, and which of the piece they are."""
        share = self.group.shares[self.which]
        mine, place = local_places(self.piece, share.gids)
        return share.begin + mine, place


class ChangedNeurons:
    """The neurons of a simulation; models: what those of each population are now, by its name."""

    def __init__(self, network: Network, local: LocalNetwork, seed: int) -> None:
        self.local, self.seed, self.dt = local, seed, network.dt
        self.models: dict[str, Any] = {p.name: p.model for p in network.populations}

    def plan(self, neurons: Neurons, values: dict[str, Any], where: str) -> list[Plan]:
        """What it takes to set parameters and states of ``neurons``, checked.

        A number, an array (size,) or a distribution each; what a population has once, only of the whole of it.
        """
        return [self._plan(piece, neurons, values, where) for piece in neurons.by_population()]

    def _plan(self, piece: Piece, neurons: Neurons, values: dict[str, Any], where: str) -> Plan:
        population = piece.population
        model, group, which = self._owner(population, where)
        each = {f.name: f.metadata.get("what") == "of each" for f in fields(model)}
        check_names(values, [*each, *model.initial_states], "parameter or state", f"{where}, {type(model).__name__}")
        parameters: dict[str, Any] = {}
        states: dict[str, Value] = {}
        for name, value in values.items():
            label = f"{where}: {name}"
            if not each.get(name, True):
                if not piece.whole:
                    raise InputError(f"{label} is that of the whole population '{population.name}', not of each neuron")
                parameters[name] = value
                continue
            own = of_piece(value, neurons, piece, label)
            if name in each:
                parameters[name] = in_part(getattr(model, name), piece, f"parameter {name}", own, self.seed)
            else:
                states[name] = own
        _check_counters(model, states, where)
        return Plan(piece, group, which, self._changed(model, population, parameters, where), states)

    def carry_out(self, plans: list[Plan], number: int) -> None:
        """Change the neurons. number: of the change; what is drawn for states differs from change to change."""
        for plan in plans:
            local, place = plan.mine
            if plan.model is not None:
                self.models[plan.piece.population.name] = plan.model
                plan.group.neurons.set_model(plan.which, plan.model, local)  # type: ignore[attr-defined]
                divide(plan.group)
                plan.group.poisson = poisson_input(plan.group.driven, plan.group.grid.unit, plan.group.stretches)
            for name, value in plan.states.items():
                new = values_at(value, place, self.seed, f"set {name}", plan.group.gids[local], number)
                plan.group.neurons.set_state(name, local, new)  # type: ignore[attr-defined]

    def _owner(self, population: Population, where: str) -> tuple[Any, LocalGroup, int]:
        """The present model of a population, its group, and its number there."""
        for group in self.local.groups:
            for number, share in enumerate(group.shares):
                if share.population is population:
                    if not hasattr(group.neurons, "set_model"):
                        kind = type(population.model).__name__
                        raise InputError(f"{where}: {kind} has nothing that can be changed between runs")
                    return self.models[population.name], group, number
        raise InputError(f"{where}: unknown population '{population.name}'")

    def _changed(self, model: Any, population: Population, values: dict[str, Any], where: str) -> Any:
        """The model with other parameters, checked; None where there are none."""
        if not values:
            return None
        changed = with_values(model, values)
        changed.check(population.size, self.dt, where)
        if changed.kind[:KEPT] != model.kind[:KEPT]:
            raise InputError(
                f"{where}: {', '.join(values)} would change the inputs or state variables of {type(model).__name__}; "
                "describe the network with other values from the beginning"
            )
        return changed


def _check_counters(model: Any, states: dict[str, Value], where: str) -> None:
    """InputError where a state that counts is given something that is no whole number."""
    counters = [state.name for state in model.every_state() if isinstance(state.initial, int)] if states else []
    for name in counters:
        value = states.get(name, 0.0)
        if isinstance(value, Distribution) or (np.rint(value) != value).any():
            raise InputError(f"{where}: {name} counts, and must be a whole number")
