"""Simulate rate networks in several ways: what must not depend on the number of ranks.

A case holds the sizes of the populations, and "runs": the durations (ms) of the runs (default: one of 5 ms); or
"brunel": parameters of Brunel's network, of which both forms are simulated.
"""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import (
    AllToAll,
    Clipped,
    ConstantRate,
    DiffusionConnection,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    RateNetwork,
    RateSimulation,
    SiegertNeuron,
    Simulation,
    Uniform,
)
from distsim.models.brunel.mean_field import mean_field
from distsim.models.brunel.network import build_network as spiking_network
from distsim.models.brunel.parameters import load
from tests.programs.fingerprint import digest


def build_network(E: int, I: int) -> RateNetwork:
    """Every rule, and factors that are numbers, drawn, or arrays; parameters of their own in I."""
    network = RateNetwork(dt=0.1)
    neuron = SiegertNeuron(tau_m=20.0, t_ref=2.0, V_th=20.0)
    network.population("E", E, neuron, rate=Uniform(0.0, 10.0))
    threshold = Clipped(Normal(20.0, 1.0), low=15.0)
    network.population("I", I, SiegertNeuron(tau=Uniform(0.5, 2.0), tau_m=20.0, V_th=threshold, tau_syn=0.5))
    network.population("X", 3, ConstantRate(mean=[8000.0, 6000.0, 4000.0]))
    random = Random(1)  # Python's: the same numbers in every version
    drift = np.array([[random.uniform(0.0, 0.5) for _ in range(3)] for _ in range(I)])
    network.connect("E", "E", FixedIndegree(20), DiffusionConnection(0.02, 0.002))
    network.connect("E", "I", PairwiseBernoulli(0.2), DiffusionConnection(Normal(0.02, 0.005), 0.002))
    network.connect("I", "E", FixedTotalNumber(4 * E), DiffusionConnection(-0.1, Uniform(0.0, 0.1)))
    network.connect("I", "I", AllToAll(autapses=False), DiffusionConnection(-0.4 / I, 0.04 / I))
    network.connect("I", "I", OneToOne(), DiffusionConnection(0.01, 0.001))
    network.connect("X", "E", AllToAll(), DiffusionConnection(0.0012, 0.001))
    network.connect("X", "I", AllToAll(), DiffusionConnection(drift / 200.0, drift / 2000.0))
    network.connect("E", "E", EdgeList([0, E - 1, 3], [E - 1, 0, 0]), DiffusionConnection([0.1, 0.2, 0.3], 0.01))
    network.record_rates("E", neurons=[E - 1, 0, E // 2], interval=0.5)
    network.record_rates("I")
    return network


def simulate(comm: MPI.Comm, case: dict[str, Any]) -> dict[str, Any]:
    with RateSimulation(build_network(case["E"], case["I"]), comm=comm, seed=case.get("seed", 1)) as simulation:
        for duration in case.get("runs", [5.0]):
            simulation.run(duration)
        recorded = [simulation.rates(name) for name in "EI"]
        rates = simulation.current_rates("E")
        return {
            "rate_hash": simulation.rate_hash(),
            "recorded": digest(*(array for r in recorded for array in (r.step, r.neuron, r.value))),
            "connections": simulation.connection_count(),
            "mean": float(rates.mean()),
            "sd": float(rates.std()),
        }


def simulate_brunel(comm: MPI.Comm, overrides: dict[str, Any]) -> dict[str, Any]:
    p = load(overrides)
    rates = RateSimulation(mean_field(p), comm=comm)
    rates.run(p.T)
    with Simulation(spiking_network(p), comm=comm, seed=p.seed) as simulation:
        simulation.run(p.T)
        spikes = {"spike_hash": simulation.spike_hash(), "spikes": simulation.spike_count()}
    return {**spikes, "rate_hash": rates.rate_hash(), "recorded": digest(rates.rates("E").value)}
