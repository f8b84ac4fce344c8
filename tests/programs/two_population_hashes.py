"""Simulate the two-population network in several ways and print what became of each, as one JSON list.

    mpirun -n 3 python -m tests.programs.two_population_hashes '[{"N": 1250, "T": 200.0}]'

A case holds parameters of the network, "options" of the simulation, and "runs": in how many parts T is simulated.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mpi4py import MPI

from distsim import Simulation
from distsim.models.two_population import network, parameters
from tests.programs.fingerprint import fingerprint


def simulate(comm: MPI.Comm, case: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint of one case; the membrane potential of some neurons is part of it, where there is one."""
    chosen = dict(case)
    options, runs = chosen.pop("options", {}), chosen.pop("runs", 1)
    p = parameters.load(chosen)
    net = network.build_network(p)
    for population in net.populations:
        if "V_m" in population.model.state_variables:
            net.record_states(population, "V_m", neurons=range(0, population.size, 97), interval=10.0)
    with Simulation(net, comm=comm, seed=p.seed, **options) as simulation:
        for _ in range(runs):
            simulation.run(p.T / runs)
        return fingerprint(simulation)


if __name__ == "__main__":
    results = [simulate(MPI.COMM_WORLD, case) for case in json.loads(sys.argv[1])]
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
