"""Statistics of the cortical microcircuit as NEST's were taken: rates, irregularity and synchrony by population.

The argument is a JSON list of overrides of its parameters; prints a JSON list, one object for each.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.analysis import spike_statistics as rates
from distsim.models.microcircuit import MODEL

FEWEST = 4  # spikes of a neuron whose irregularity counts
BIN = 3.0  # ms


def statistics(simulation: Simulation, start: float, stop: float) -> dict[str, Any]:
    """Rate (1/s), cv and sync of every population between start and stop (ms), and what identifies the run."""
    found: dict[str, Any] = {"rate": [], "cv": [], "sync": []}
    for population in simulation.network.populations:
        spikes = simulation.spikes(population)
        times = spikes.times(simulation.dt)
        neurons = np.asarray(spikes.neuron)
        inside = (times > start) & (times <= stop)
        count = np.bincount(neurons[inside], minlength=population.size)
        cv = rates.interval_cv(times, neurons, population.size, start, stop)[count >= FEWEST]
        found["rate"].append(rates.mean_rate(times, population.size, start, stop))
        found["cv"].append(float(cv.mean()))
        found["sync"].append(rates.synchrony(times, start, stop, BIN))
    found |= {"synapses": simulation.synapse_count(), "spike_hash": simulation.spike_hash()}
    return found


def run(overrides: dict[str, Any]) -> dict[str, Any]:
    parameters = MODEL.load(overrides)
    network = MODEL.build_network(parameters)
    with Simulation(network, MPI.COMM_WORLD, parameters.seed, precision=MODEL.settings.precision) as simulation:
        simulation.run(parameters.T_presim + parameters.T)
        return statistics(simulation, parameters.T_presim, parameters.T_presim + parameters.T)


if __name__ == "__main__":
    results = [run(overrides) for overrides in json.loads(sys.argv[1])]
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
