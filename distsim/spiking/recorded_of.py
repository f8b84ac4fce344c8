"""Of what the spikes and states were recorded that a simulation gives: the methods that give them also tell that."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from distsim.core.exported import About
from distsim.core.parts import Neurons
from distsim.parallel.gather import Spikes, States


def told_spikes(method: Callable[..., Spikes]) -> Callable[..., Spikes]:
    """``method`` of a simulation, whose spikes can be exported."""

    @wraps(method)
    def spikes(simulation: Any, population: Neurons | str, everywhere: bool = True) -> Spikes:
        found = method(simulation, population, everywhere)
        network = simulation.network
        neurons = network.neurons(population)
        recorded = {r.population: r.indices for r in network.spike_recordings}
        gids = [piece.population.first_gid + recorded[piece.population.name] for piece in neurons.by_population()]
        among = neurons.index_of(np.concatenate(gids))
        about = About(neurons.name, np.sort(among[among >= 0]), 0.0, simulation.time)
        return found.told(about, simulation.dt)

    return spikes


def told_states(method: Callable[..., States]) -> Callable[..., States]:
    """``method`` of a simulation, whose states can be exported."""

    @wraps(method)
    def states(simulation: Any, population: Neurons | str, variable: str = "V_m") -> States:
        found = method(simulation, population, variable)
        neurons = simulation.network.neurons(population)
        unit = neurons.pieces[0].population.model.unit_of(variable)
        about = About(neurons.name, found.neuron, 0.0, simulation.time, variable, unit)
        return found.told(about, simulation.dt)

    return states
