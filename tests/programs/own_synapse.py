"""A network of a synapse and a rule from files outside the package; prints what becomes of it as one JSON line."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import Clipped, FixedIndegree, IafPscAlpha, Network, Normal, Poisson, Simulation, Static, Uniform
from docs.own.ring import Ring
from docs.own.stdp_synapse import StdpSynapse


def plastic_network() -> Network:
    network = Network(dt=0.25)
    network.population("E", 40, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    weight = Clipped(Normal(60.0, 20.0), low=0.0, high=100.0)
    synapse = StdpSynapse(weight=weight, delay=Uniform(0.75, 4.0), lambda_=0.05, mu_plus=0.4)
    network.connect("E", "E", FixedIndegree(12, autapses=False), synapse)
    network.connect("E", "E", Ring(2), Static(weight=Normal(20.0, 5.0), delay=1.0))
    network.stimulate("E", Poisson(rate=9000.0, weight=60.0))
    network.record_spikes("E")
    network.record_weights("E", "E", sources=[0, 1, 2])
    return network


def outcome(comm: MPI.Comm, **options: Any) -> dict[str, Any]:
    """Hashes, statistics and weights after 150 ms."""
    with Simulation(plastic_network(), comm, seed=4, **options) as simulation:
        simulation.run(150.0)
        edges = simulation.weights("E", "E", at="now")
        order = np.lexsort((edges.weight, edges.delay, edges.target, edges.source))
        return {
            "spikes": simulation.spike_hash(),
            "weights": simulation.weight_hash(),
            "statistics": simulation.plastic_weight_statistics(),
            "now": edges.weight[order].tolist(),
            "synapses": simulation.synapse_count(),
        }


if __name__ == "__main__":
    result = outcome(MPI.COMM_WORLD)
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(result))
