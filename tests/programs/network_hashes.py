"""Simulate every published network, small, and networks of everything; print all their hashes as one JSON object.

    mpirun -n 3 python -m tests.programs.network_hashes [NAME ...]

``tests/data/hashes.json`` holds what this prints; neither ranks nor machines change it. A change of the package that
does must say why.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

from mpi4py import MPI

from distsim import Network, Simulation
from distsim.models import registry
from tests.binary_reference import CASES
from tests.programs import binary_trajectories, every_kernel, liquid, mixed_network, rate_network
from tests.programs.fingerprint import digest, fingerprint


def spiking(comm: MPI.Comm, network: Network, T: float, seed: int = 1, **options: Any) -> dict[str, Any]:
    """The fingerprint of a network, and a digest of its recorded spikes."""
    with Simulation(network, comm=comm, seed=seed, **options) as simulation:
        simulation.run(T)
        recorded = [simulation.spikes(recording.population) for recording in network.spike_recordings]
        spikes = digest(*(array for s in recorded for array in (s.step, s.neuron)))
        return {**fingerprint(simulation), "recorded_spikes": spikes}


def model(comm: MPI.Comm, name: str, T: float, precision: str = "double", **parameters: Any) -> dict[str, Any]:
    """A model of the package."""
    found = registry.find(name)
    chosen = found.load(parameters)
    return spiking(comm, found.build_network(chosen), T, chosen.seed, precision=precision)


def two_population(comm: MPI.Comm, neuron_model: str, precision: str = "double") -> dict[str, Any]:
    return model(comm, "two_population", 200.0, precision, neuron_model=neuron_model, N=1250, K=625)


NETWORKS: dict[str, Callable[[MPI.Comm], dict[str, Any]]] = {
    "two_population, iaf_psc_alpha": lambda comm: two_population(comm, "iaf_psc_alpha"),
    "two_population, iaf_psc_alpha, single": lambda comm: two_population(comm, "iaf_psc_alpha", "single"),
    "two_population, ignore_and_fire": lambda comm: two_population(comm, "ignore_and_fire"),
    "two_population, ignore_and_fire, single": lambda comm: two_population(comm, "ignore_and_fire", "single"),
    "brunel": lambda comm: model(comm, "brunel", 200.0, order=250),
    "brunel, single": lambda comm: model(comm, "brunel", 200.0, "single", order=250),
    "brunel, Siegert": lambda comm: rate_network.simulate_brunel(comm, {"order": 50, "T": 50.0}),
    "microcircuit": lambda comm: model(comm, "microcircuit", 100.0, N_scaling=0.02, K_scaling=0.05),
    "microcircuit, single": lambda comm: model(comm, "microcircuit", 100.0, "single", N_scaling=0.02, K_scaling=0.05),
    "liquid_state, experiment": lambda comm: liquid.experiment_of(comm, 4),
    "liquid_state, one network": lambda comm: liquid.partitioned(comm, T=100.0),
    "binary_ei": lambda comm: binary_trajectories.trajectory(comm, CASES["published"]),
    "binary, drawn": lambda comm: binary_trajectories.trajectory(comm, CASES["drawn"]),
    "rates": lambda comm: rate_network.simulate(comm, {"E": 40, "I": 10}),
    "mixed": lambda comm: spiking(comm, mixed_network.build_network(), mixed_network.T, 3),
    "mixed, single": lambda comm: spiking(comm, mixed_network.build_network(), mixed_network.T, 3, precision="single"),
    "every kernel": lambda comm: spiking(comm, every_kernel.build_network(), 40.0, 3),
}

if __name__ == "__main__":
    results = {name: NETWORKS[name](MPI.COMM_WORLD) for name in sys.argv[1:] or NETWORKS}
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results, indent=1, sort_keys=True))
