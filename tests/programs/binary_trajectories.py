"""Simulate binary networks, given as JSON; print digests of their trajectories as JSON."""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import BinarySimulation
from tests.binary_reference import build, digest


def trajectory(comm: MPI.Comm, case: dict[str, Any]) -> dict[str, Any]:
    network = build(case)
    with BinarySimulation(network, comm, case.get("seed", 1), window=case.get("window")) as simulation:
        for share in case.get("runs", [1.0]):
            simulation.run(share * case["T"])
        flips = []
        for population in network.populations:
            time, neuron, state = simulation.flips(population)
            flips += list(zip(time.tolist(), (neuron + population.first_gid).tolist(), state.tolist(), strict=True))
        states = np.concatenate([simulation.states(population) for population in network.populations])
        counts = {"updates": simulation.update_count(), "flips": simulation.flip_count()}
        return {"digest": digest(sorted(flips), states), **counts}


if __name__ == "__main__":
    results = [trajectory(MPI.COMM_WORLD, case) for case in json.loads(sys.argv[1])]
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
