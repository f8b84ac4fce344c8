"""A network of a synapse and a rule from files outside the package; prints what becomes of it as one JSON line.

An argument is how long it is simulated (ms).
"""

from __future__ import annotations

import json
import sys
from typing import Any, ClassVar

import numpy as np
from mpi4py import MPI

from distsim import (
    AllToAll,
    Clipped,
    FixedIndegree,
    IafPscAlpha,
    IafPscDelta,
    Network,
    Normal,
    Poisson,
    ShortTermSynapse,
    Simulation,
    SpikeTrains,
    Static,
    StdpGuetig,
    Uniform,
    Value,
    make_kernel,
    of_each,
)
from distsim.core.elementary import exp
from docs.own.ring import Ring


def transmit(w, state, elapsed, p):
    """Tsodyks & Markram without a time constant of the current: resources x, their use u."""
    x, u = state
    U, D, F = p
    x, u = 1.0 + (x - 1.0) * exp(-elapsed / D), u * exp(-elapsed / F)
    u += U * (1.0 - u)
    return (x - u * x, u), w * u * x


class Tsodyks2(ShortTermSynapse):
    U: Value = of_each(0.5, low=0.0)
    D: Value = of_each(800.0, "ms", above=0.0)
    F: Value = of_each(30.0, "ms", above=0.0)
    initial: ClassVar[dict[str, float]] = {"x": 1.0, "u": 0.0}
    kernel = make_kernel(transmit)


def plastic_network() -> Network:
    network = Network(dt=0.25)
    network.population("E", 40, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    weight = Clipped(Normal(60.0, 20.0), low=0.0, high=100.0)
    synapse = StdpGuetig(weight=weight, delay=Uniform(0.75, 4.0), lambda_=0.05, mu_plus=0.4)
    network.connect("E", "E", FixedIndegree(12, autapses=False), synapse)
    network.connect("E", "E", Ring(2), Static(weight=Normal(20.0, 5.0), delay=1.0))
    network.connect("E", "E", FixedIndegree(5), Tsodyks2(weight=40.0, delay=1.0, D=Uniform(100.0, 500.0)))
    network.stimulate("E", Poisson(rate=9000.0, weight=60.0))
    network.record_spikes("E")
    network.record_weights("E", "E", sources=[0, 1, 2])
    return network


def silent_source(comm: MPI.Comm) -> list[float]:
    """Weights of a source that falls silent while its target fires more often than a history is long."""
    network = Network(dt=0.25)
    network.population("X", 2, SpikeTrains([[1.0, 5.0], [2.0, 290.0]]))
    network.population("Y", 1, SpikeTrains([np.arange(2.5, 400.0, 2.5)]))
    network.population("N", 1, IafPscDelta(t_ref=1.0))
    network.connect("Y", "N", AllToAll(), Static(weight=100.0, delay=1.0))
    network.connect("X", "N", AllToAll(), StdpGuetig(weight=1e-3, delay=1.0, lambda_=0.05, tau_plus=500.0))
    with Simulation(network, comm) as simulation:
        simulation.run(400.0)
        return simulation.weights("X", "N", at="now").weight.tolist()


def outcome(comm: MPI.Comm, T_ms: float = 150.0, **options: Any) -> dict[str, Any]:
    """Hashes, statistics and weights after ``T_ms``."""
    with Simulation(plastic_network(), comm, seed=4, **options) as simulation:
        simulation.run(T_ms)
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
    result = outcome(MPI.COMM_WORLD, *map(float, sys.argv[1:]))
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(result))
