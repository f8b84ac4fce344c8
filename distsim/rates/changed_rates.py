"""Parameters and rates of rate neurons, and factors of their connections, changed between runs."""

from __future__ import annotations

from copy import copy
from dataclasses import fields, replace
from typing import Any

from distsim.core.changed_values import in_part, local_places, of_piece, values_at
from distsim.core.declared import check_fits
from distsim.core.errors import check_names
from distsim.core.parts import Neurons, Piece
from distsim.rates.rate_loop import RateLoop
from distsim.rates.rate_network import RateNetwork

RATE = "rate"
"""What can be set beside parameters."""


class ChangedRates:
    """The rate neurons of a simulation; models: what those of each population are now, by its name.

    network: as it would be described now, but for these models.
    """

    def __init__(self, network: RateNetwork, loop: RateLoop, seed: int) -> None:
        self.network, self.loop, self.seed, self.dt = copy(network), loop, seed, network.dt
        self.models: dict[str, Any] = {p.name: p.model for p in network.populations}

    def set(self, neurons: Neurons, values: dict[str, Any], number: int) -> None:
        """Set parameters of ``neurons``, and ``rate`` (1/s): a number, an array (size,) or a distribution each.

        number: of the change; rates that are drawn differ from change to change. Raises InputError, with nothing
        changed, for wrong ones.
        """
        pieces = neurons.by_population()
        planned = [self._planned(piece, neurons, values) for piece in pieces]
        for piece, (model, rate) in zip(pieces, planned, strict=True):
            local = next(p for p in self.loop.populations if p.population is piece.population)
            if model is not self.models[piece.population.name]:
                self.models[piece.population.name] = model
                local.set_model(model, self.seed, self.dt)
            if rate is not None:
                mine, place = local_places(piece, local.gids)
                local.rate[mine] = values_at(rate, place, self.seed, f"set {RATE}", local.gids[mine], number)

    def connect(self, source: Neurons, target: Neurons, number: int | None, values: dict[str, Any]) -> None:
        """Let projections, see ``Populations.find_connected``, have other factors from now on."""
        where = f"set_factors '{source.name}->{target.name}'"
        chosen = self.network.find_connected(source, target, number, where)
        projections = list(self.network.projections)
        for index in chosen:
            before = projections[index]
            check_names(values, [field.name for field in fields(before.connection)], "factor", where)
            connection = replace(before.connection, **values)
            connection.check(before.rule.array_shape(before.ends), where)
            projections[index] = replace(before, connection=connection)
        self.network.projections = projections
        for index in chosen:
            self.loop.connect(projections[index], self.seed)

    def _planned(self, piece: Piece, neurons: Neurons, values: dict[str, Any]) -> tuple[Any, Any]:
        """The model of a population with other parameters of ``piece``, checked, and rates of these, if any."""
        population, where = piece.population, f"set '{neurons.name}'"
        model = self.models[population.name]
        names = [field.name for field in fields(model)]
        check_names(values, [*names, RATE], "parameter or state", f"{where}, {type(model).__name__}")
        own = {name: of_piece(value, neurons, piece, f"{where}: {name}") for name, value in values.items()}
        rate = None
        if RATE in values:
            rate = of_piece(values[RATE], neurons, piece, f"{where}: {RATE}", low=0.0)
        given = {name: value for name, value in own.items() if name != RATE}
        if not given:
            return model, rate
        new = {n: in_part(getattr(model, n), piece, f"parameter {n}", v, self.seed) for n, v in given.items()}
        changed = replace(model, **new)
        check_fits(changed, (population.size,), self.dt, where)
        return changed, rate
