"""Networks that tests change between runs, and what is found of them afterwards."""

from __future__ import annotations

import json

import numpy as np

from distsim import (
    FixedIndegree,
    IafPscAlpha,
    IgnoreAndFire,
    Network,
    Poisson,
    PoissonSource,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    Uniform,
)
from distsim.parallel.communicator import alone

EXTERNAL = Poisson(rate=9000.0, weight=40.0, delay=1.0)


def network_of(*, weight=60.0, delay=1.5, stimulus=EXTERNAL, model=IafPscAlpha, states=None, **parameters) -> Network:
    network = Network(dt=0.1)
    given = {"V_th": 15.0, "V_reset": 0.0, "E_L": 0.0} | parameters
    exc = network.population("E", 80, model(**given), **({"V_m": Uniform(0.0, 14.0)} if states is None else states))
    inh = network.population("I", 20, model(V_th=15.0, V_reset=0.0, E_L=0.0), V_m=Uniform(0.0, 14.0))
    network.connect(exc, exc, FixedIndegree(8), Static(weight, delay))
    network.connect(exc, inh, FixedIndegree(8), Static(60.0, 1.5))
    network.connect(inh, exc, FixedIndegree(4), Static(-150.0, 1.5))
    network.stimulate(exc, stimulus)
    network.stimulate(inh, EXTERNAL)
    network.record_states("E", "V_m", interval=5.0)
    return network


def outcome(network: Network, change=None, before: float = 0.0, comm=None, duration: float = 40.0, **options):
    with Simulation(network, comm or alone(), seed=5, **options) as simulation:
        if before:
            simulation.run(before)
        if change:
            change(simulation)
        simulation.run(duration - before)
        return simulation.spike_count(), simulation.spike_hash(), simulation.states("E", "V_m").value.tolist()


SOME = np.linspace(12.0, 20.0, 80)


def with_sources(*, rate=800.0, times=None, trains=((5.0, 21.0),), plastic=30.0, clock=20.0, phase=0.5) -> Network:
    """Sources, clocks and plastic synapses, of which one neuron is silent for long."""
    network = network_of()
    network.population("P", 10, PoissonSource(rate=rate, times=times))
    network.population("T", 2, SpikeTrains(trains))
    network.population("C", 6, IgnoreAndFire(rate=clock, phase=phase, integrate=IafPscAlpha()), V_m=-65.0)
    network.connect("P", "E", FixedIndegree(5), StdpPowerLaw(plastic, 1.5, lambda_=5.0))
    network.connect("T", "E", FixedIndegree(2), StdpPowerLaw(plastic, 2.0, lambda_=5.0))
    network.connect("C", "E", FixedIndegree(3), Static(200.0, 1.5))
    for name in "PTCE":
        network.record_spikes(name)
    return network


def heard(network: Network, change=None, before: float = 0.0, comm=None, **options):
    """Spikes of all that sends, hashes of spikes and weights, and what was changed."""
    with Simulation(network, comm or alone(), seed=5, **options) as simulation:
        if before:
            simulation.run(before)
        if change:
            change(simulation)
        simulation.run(40.0 - before)
        found = [simulation.spikes(name) for name in "PTCE"]
        hashes = simulation.spike_hash(), simulation.weight_hash()
        return [(s.step.tolist(), s.neuron.tolist()) for s in found], hashes, json.dumps(simulation.changes)
