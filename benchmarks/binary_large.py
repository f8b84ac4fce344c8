"""Large networks of binary neurons: time and memory of one run, on as many ranks as it is started with.

    mpirun -n 2 --bind-to core python benchmarks/binary_large.py --neurons 1000000

The published network (NNMT's example) with more neurons and the same in-degrees, so that couplings grow with neurons.
Neurons start at their mean-field activity. The digest of all states at the end must not depend on ranks.
"""

from __future__ import annotations

import argparse
import hashlib
import json

import numpy as np
from mpi4py import MPI

from distsim import BinaryNetwork, BinarySimulation, FixedIndegree

K, J = ((150, 200), (350, 200)), (0.1, -0.2)
THETA, ACTIVITY = (-5.5, 8.5), (0.6445, 0.3655)


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--neurons", type=int, default=200_000, help="of both populations together")
    options.add_argument("--time", type=float, default=10.0, help="simulated time (ms), with updates every 1 ms")
    options.add_argument("--seed", type=int, default=1)
    return options


def build(neurons: int) -> BinaryNetwork:
    network = BinaryNetwork()
    for name, theta, activity in zip("EI", THETA, ACTIVITY, strict=True):
        network.population(name, neurons // 2, theta=theta, m_0=activity)
        network.record_activity(name, interval=0.1)
    for target, indegrees in zip("EI", K, strict=True):
        for source, indegree, strength in zip("EI", indegrees, J, strict=True):
            network.connect(source, target, FixedIndegree(indegree, autapses=False, multapses=False), J=strength)
    return network


def main() -> None:
    options = parser().parse_args()
    comm = MPI.COMM_WORLD
    simulation = BinarySimulation(build(options.neurons), comm, options.seed)
    simulation.run(options.time)
    states = np.concatenate([simulation.states(name) for name in "EI"])
    windows, rounds = simulation.window_count()
    record = {
        "ranks": comm.size,
        "neurons": options.neurons,
        "couplings": simulation.coupling_count(),
        "updates": simulation.update_count(),
        "flips": simulation.flip_count(),
        "build": max(comm.allgather(simulation.build_time)),
        "simulate": max(comm.allgather(simulation.sim_time)),
        "phases": {name: times["mean"] for name, times in simulation.phase_times().items()},
        "windows": windows,
        "rounds": rounds,
        "peak_bytes": [m["peak"] for m in simulation.memory()],
        "digest": hashlib.sha256(states.tobytes()).hexdigest()[:16],
    }
    if comm.rank == 0:
        print(json.dumps(record))


if __name__ == "__main__":
    main()
