"""A small network of every model of neurons and synapses, and every rule."""

from __future__ import annotations

from typing import Any

import numpy as np
from mpi4py import MPI

from distsim import (
    AllToAll,
    Clipped,
    FixedIndegree,
    FixedTotalNumber,
    Gamma,
    IafPscAlpha,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    LifMultisynapse,
    LogNormal,
    Network,
    Normal,
    PairwiseBernoulli,
    Poisson,
    Simulation,
    SpatialBernoulli,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
    lattice,
)
from tests.programs.fingerprint import fingerprint

N = 12  # of every population


def build_network() -> Network:
    """Neurons with common and with individual parameters, plastic and static synapses, one delay and many."""
    network = Network(dt=0.25)
    network.population("A", N, IafPscAlpha(tau_syn_in=5.0), V_m=Uniform(-70.0, -55.0))
    network.population("B", N, IafPscAlpha(tau_m=np.linspace(8.0, 12.0, N)), V_m=Normal(-60.0, 3.0))
    clock = IgnoreAndFire(rate=Uniform(20.0, 200.0), phase=Uniform(0.0, 1.0))
    network.population("C", N, clock)
    network.population("D", N, IgnoreAndFire(rate=clock.rate, phase=clock.phase, integrate=IafPscAlpha()))
    network.population("F", N, IafPscDelta(refractory_input=True), V_m=Uniform(-70.0, -55.0))
    network.population("G", N, IafPscExp(tau_syn_in=5.0), V_m=Uniform(-70.0, -55.0))
    network.population("H", N, IafPscDelta(C_m=np.linspace(200.0, 300.0, N)))
    network.population("K", N, IafPscExp(V_th=np.linspace(-56.0, -54.0, N)))
    network.population("L", N, LifMultisynapse(I_e=14_950.0), positions=lattice((3, 4)), V_m=Uniform(13.5, 15.0))
    network.population("M", N, LifMultisynapse(R_m=np.linspace(0.001, 0.002, N), I_e=9000.0), positions=lattice((3, 4)))
    network.population("X", 2, SpikeTrains([np.arange(1.0, 40.0), [2.0, 2.0, 7.5]]))
    rule = {"alpha": 0.1, "lambda_": 0.5}
    delays = Clipped(Normal(2.0, 1.0), low=0.75, high=5.0)
    network.connect("A", "A", FixedIndegree(5, autapses=False), StdpPowerLaw(weight=200.0, delay=1.5, **rule))
    network.connect("A", "D", FixedIndegree(60), Static(weight=Normal(5.0, 20.0), delay=Uniform(0.75, 1.5)))  # segments
    network.connect("C", "B", PairwiseBernoulli(0.4), StdpPowerLaw(weight=Uniform(50.0, 150.0), delay=delays, **rule))
    network.connect("C", "A", FixedTotalNumber(30), Static(weight=Normal(0.0, 200.0), delay=delays))
    network.connect("B", "D", FixedIndegree(5, multapses=False), Static(weight=LogNormal(4.0, 1.0), delay=1.0))
    network.connect("X", "B", AllToAll(), Static(weight=300.0, delay=1.0))
    short_term = TsodyksMarkram(Gamma(2.5, 800.0), delays, U=Uniform(0.1, 1.2), D=200.0, F=20.0, tau_I=3.0, receptor=0)
    network.connect("L", "M", SpatialBernoulli(0.9, 1.5), short_term)
    network.connect("M", "L", SpatialBernoulli(1.0, 2.0), TsodyksMarkram(weight=-3000.0, delay=1.0, receptor=1))
    network.connect("X", "M", AllToAll(), Static(weight=9000.0, delay=1.0, receptor="stimulus"))
    for name in "ABCDGKLM":
        network.stimulate(name, Poisson(rate=20_000.0, weight=30.0))
    for name in "FH":
        network.connect("A", name, FixedIndegree(5), Static(weight=Normal(1.0, 0.5), delay=delays))
        network.stimulate(name, Poisson(rate=20_000.0, weight=0.1))
    network.stimulate("A", Poisson(rate=1e6, weight=0.5))
    for name in "ABCDFGHKLM":
        network.record_spikes(name)
    for name in "ABDFGHKLM":
        network.record_states(name, "V_m", interval=0.5)
    return network


def result(comm: MPI.Comm) -> dict[str, Any]:
    """The fingerprint after 40 ms."""
    with Simulation(build_network(), comm=comm, seed=3) as simulation:
        simulation.run(40.0)
        return fingerprint(simulation)
