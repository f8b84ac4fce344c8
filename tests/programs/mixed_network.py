"""A small network of everything: simulate it and print, as one JSON list, what must not depend on ranks.

    mpirun -n 3 python -m tests.programs.mixed_network '[{"precision": "single"}]'

Every option set of the list gives one simulation. Populations: A and B integrate (with one and two input currents, and
parameters of their own), F fires by its phase, S plays spike trains, L is a single neuron, and nobody is in Z.
"""

from __future__ import annotations

import json
import sys
from random import Random
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import (
    AllToAll,
    Clipped,
    ConstantCurrent,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Poisson,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    Uniform,
)  # fmt: skip
from tests.programs.fingerprint import fingerprint

T = 150.0


def build_network() -> Network:
    network = Network(dt=0.125)
    random = Random(1)  # Python's: the same numbers in every version
    common = {"E_L": 0.0, "V_reset": 0.0, "t_ref": 1.0}
    network.population(
        "A",
        53,
        IafPscAlpha(V_th=Clipped(Normal(18.0, 1.0), low=15.0), tau_m=Uniform(10.0, 20.0), **common),
        V_m=Uniform(0, 18),
    )
    network.population("Z", 0, IafPscAlpha())
    network.population("L", 1, IafPscAlpha(I_e=500.0, V_th=15.0, **common))
    two_inputs = IafPscAlpha(tau_syn_in=4.0, V_th=15.0, I_e=uniform(random, 110.0, 190.0, 41), **common)
    network.population("B", 41, two_inputs, V_m=Normal(5.0, 2.0))
    network.population(
        "F", 17, IgnoreAndFire(rate=Uniform(20.0, 80.0), phase=Uniform(0.0, 1.0), integrate=two_inputs_of(17))
    )
    trains = [np.sort(integers(random, 1, int(T / 0.125), n)) * 0.125 for n in (0, 5, 40)]
    network.population("S", 3, SpikeTrains(trains))
    for name, I_e in (("P", 350.0), ("Q", 280.0)):  # one group
        network.population(name, 31, IafPscExp(tau_syn_in=1.0, I_e=I_e, V_th=15.0, **common), V_m=Uniform(0.0, 15.0))
    for name, t_ref in (("D", 1.0), ("G", 2.5)):  # another
        network.population(name, 29, IafPscDelta(E_L=0.0, V_reset=0.0, V_th=15.0, t_ref=t_ref), V_m=Uniform(0.0, 15.0))
    connect(network, random)
    connect_groups(network)
    network.stimulate("A", Poisson(rate=4000.0, weight=40.0, delay=0.5))
    network.stimulate("A", Poisson(rate=500.0, weight=-30.0))
    network.stimulate("B", Poisson(rate=20_000.0, weight=5.0, delay=1.0))
    network.stimulate("L", Poisson(rate=0.0, weight=1.0))
    network.stimulate("B", ConstantCurrent(60.0, start=20.125, stop=90.125))
    network.stimulate("F", SpikeTrains([[3.0, 10.0]], weight=100.0, delay=0.25))
    for population in "ABFLZPQDG":
        network.record_spikes(population, first=10 if population == "F" else None)
    network.record_states("A", "V_m", neurons=[52, 0, 7], interval=0.5)
    network.record_states("B", ("I_syn_ex", "I_syn_in"), neurons=range(0, 41, 8))
    network.record_states("Q", ("V_m", "I_syn_ex"), neurons=[30, 2], interval=0.5)
    network.record_states("G", "V_m", neurons=[0, 28], interval=1.25)
    network.record_states("F", "phase_steps", interval=25.0)
    return network


def uniform(random: Random, low: float, high: float, n: int) -> np.ndarray:
    """n numbers, uniform between low and high."""
    return np.array([random.uniform(low, high) for _ in range(n)])


def integers(random: Random, low: int, high: int, n: int) -> np.ndarray:
    """n whole numbers from low to high - 1."""
    return np.array([low + int(random.random() * (high - low)) for _ in range(n)])


def two_inputs_of(n: int) -> IafPscAlpha:
    """Parameters with two input currents, one of them an array (n,)."""
    return IafPscAlpha(tau_syn_in=3.0, C_m=np.linspace(200.0, 300.0, n))


def connect(network: Network, random: Random) -> None:
    stdp = {"alpha": 0.1, "lambda_": 2.0, "mu": 0.4, "tau_plus": 15.0, "tau_minus": 30.0}
    weights = Clipped(LogNormal(3.0, 0.5), high=100.0)
    network.connect("A", "A", FixedIndegree(12, autapses=False), StdpPowerLaw(weights, Uniform(0.5, 3.0), **stdp))
    network.connect("A", "B", PairwiseBernoulli(0.2), StdpPowerLaw(30.0, 1.5, **stdp))
    network.connect("B", "A", FixedTotalNumber(300), Static(Normal(-30.0, 10.0), 1.0))
    network.connect(
        "B", "B", FixedIndegree(20, autapses=False, multapses=False), Static(Normal(0.0, 15.0), Uniform(0.5, 9.0))
    )
    network.connect("F", "B", AllToAll(), Static(uniform(random, 6.0, 14.0, 41 * 17).reshape(41, 17), 2.0))
    network.connect("F", "F", OneToOne(), Static(3.0, integers(random, 4, 300, 17) * 0.125))
    listed = EdgeList(integers(random, 0, 3, 60), integers(random, 0, 53, 60))
    weights = uniform(random, -350.0, 350.0, 60)
    network.connect("S", "A", listed, Static(weights, integers(random, 4, 20, 60) * 0.125))
    network.connect("L", "A", AllToAll(), StdpPowerLaw(50.0, 0.5, **stdp))
    network.connect("A", "L", FixedIndegree(200), StdpPowerLaw(1.0, 0.75, **stdp))
    network.connect("Z", "A", AllToAll(), Static(1.0, 0.5))
    network.connect("A", "Z", FixedIndegree(5), Static(1.0, 0.5))


def connect_groups(network: Network) -> None:
    """Populations that share groups and tables; many synapses of few delays, so that they are stored in segments."""
    for source, target in ("PP", "PQ", "QP", "QQ", "AQ"):
        network.connect(source, target, FixedIndegree(100), Static(Normal(5.0, 10.0), Uniform(0.5, 1.0)))
    for source, target in ("DD", "DG", "GG", "PG", "AD"):
        network.connect(source, target, FixedTotalNumber(4000), Static(Uniform(-0.2, 0.3), Uniform(0.5, 1.25)))
    network.connect("D", "G", FixedIndegree(10), Static(0.1, 1.0))
    network.connect("D", "D", FixedIndegree(10), Static(0.1, 1.0))
    for name in "PG":
        network.stimulate(name, Poisson(rate=9000.0, weight=10.0 if name == "P" else 0.1))
    network.stimulate("P", Poisson(rate=500.0, weight=-20.0))
    network.stimulate("G", Poisson(rate=500.0, weight=0.3, delay=1.0))
    network.stimulate("Q", ConstantCurrent(60.0, start=20.125, stop=90.125))
    network.stimulate("D", ConstantCurrent(250.0, start=10.125))


def simulate(comm: MPI.Comm, options: dict[str, Any]) -> dict[str, Any]:
    """The fingerprint of the network; "runs" among the ``options`` are the durations (ms) of the runs."""
    runs, own = options.get("runs", [T]), {name: value for name, value in options.items() if name != "runs"}
    with Simulation(build_network(), comm=comm, seed=3, **own) as simulation:
        for duration in runs:
            simulation.run(duration)
        return fingerprint(simulation)


if __name__ == "__main__":
    results = [simulate(MPI.COMM_WORLD, options) for options in json.loads(sys.argv[1])]
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(results))
