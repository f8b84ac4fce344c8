"""Shorthands for tests that simulate small networks."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Network, Simulation


def simulate(network: Network, *durations: float, **options: Any) -> Simulation:
    """A simulation of ``network`` after runs of the given ``durations`` (ms)."""
    simulation = Simulation(network, comm=MPI.COMM_WORLD, **options)
    for duration in durations:
        simulation.run(duration)
    return simulation


def spike_times(simulation: Simulation, population: str) -> list[list[float]]:
    """Spike times (ms) of every neuron of ``population``, rounded to 1e-9 ms to print as they were meant."""
    spikes = simulation.spikes(population)
    size = simulation.network.find(population).size
    return [np.round(spikes.step[spikes.neuron == n] * simulation.dt, 9).tolist() for n in range(size)]


def potential(simulation: Simulation, population: str, *times: float, neuron: int = 0) -> list[float]:
    """Recorded V_m (mV) of one recorded neuron at ``times`` (ms), or all of them."""
    states = simulation.states(population, "V_m")
    if not times:
        return states.value[:, neuron].tolist()
    rows = [int(np.flatnonzero(states.step == round(time / simulation.dt))[0]) for time in times]
    return states.value[rows, neuron].tolist()
