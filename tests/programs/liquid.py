"""The liquid on any number of ranks: the experiment, and a liquid that is partitioned over the ranks.

    mpirun -n 3 python -m tests.programs.liquid '[2, 7]'

prints, as one JSON list, the hash of the experiment for each size of batch, then a fingerprint of the partitioned one.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mpi4py import MPI

from distsim import Simulation
from distsim.models.liquid_state import MODEL
from distsim.parallel.progress import silent
from tests.programs.fingerprint import digest, fingerprint

SMALL = {"pairs": 3, "T": 60.0, "d_1": 0.3, "d_tolerance": 0.05}


def experiment_of(batch: int) -> dict[str, Any]:
    """What the experiment gives when ``batch`` trials are simulated side by side."""
    outcome = MODEL.run(MPI.COMM_WORLD, MODEL.load({**SMALL, "batch": batch}), None, silent)
    return dict(outcome.summary)


def partitioned(neurons: int = 540, T: float = 60.0, **options: Any) -> dict[str, Any]:
    """A taller liquid, its neurons spread over the ranks."""
    parameters = MODEL.load({**MODEL.resized(neurons, None), "T": T, "rate": 100.0})
    network = MODEL.build_network(parameters)
    for name in "EI":
        network.record_states(name, ("V_m", "I_syn_0", "I_syn_1", "I_stimulus"), neurons=range(0, 100, 9))
    with Simulation(network, comm=MPI.COMM_WORLD, seed=2, **options) as simulation:
        simulation.run(T)
        states = simulation.synapse_states("E", "I", [7.3, T], range(20))
        arrays = (states.source, states.target, states.x, states.y, states.u)
        return {**fingerprint(simulation), "synapse_states": digest(*arrays)}


if __name__ == "__main__":
    results = [experiment_of(batch) for batch in json.loads(sys.argv[1])]
    results += [partitioned(), partitioned(precision="single")]
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
