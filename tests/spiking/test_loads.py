"""What the ranks had to do: counted exactly, and the same in total on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import FixedIndegree, IafPscAlpha, Network, Poisson, Simulation, Static, StdpPowerLaw, Uniform
from distsim.spiking import needed_spikes

pytestmark = pytest.mark.mpi


def small_network() -> Network:
    network = Network(dt=0.1)
    neuron = IafPscAlpha(C_m=250.0, tau_m=20.0, t_ref=2.0, E_L=0.0, V_th=20.0, V_reset=0.0)
    exc = network.population("E", 40, neuron, V_m=Uniform(0.0, 20.0))
    inh = network.population("I", 10, neuron, V_m=Uniform(0.0, 20.0))
    network.connect(exc, exc, FixedIndegree(8), StdpPowerLaw(weight=30.0, delay=1.5))
    network.connect(exc, inh, FixedIndegree(8), Static(weight=30.0, delay=1.0))
    network.connect(inh, exc, FixedIndegree(2), Static(weight=-100.0, delay=1.5))
    for population in (exc, inh):
        network.stimulate(population, Poisson(rate=3000.0, weight=60.0))
        network.record_spikes(population)
    return network


def events(simulation: Simulation, after: float) -> int:
    """Spikes after ``after`` (ms) times the synapses that leave their neuron, projection by projection."""
    total = 0
    for source, target in (("E", "E"), ("E", "I"), ("I", "E")):
        spikes = simulation.spikes(source)
        late = spikes.neuron[spikes.times(0.1) > after]
        synapses = np.bincount(simulation.weights(source, target).source, minlength=40)
        total += int(synapses[late].sum())
    return total


def test_events_are_spikes_at_synapses(comm):
    with Simulation(small_network(), comm=comm, seed=3) as simulation:
        simulation.run(50.0)
        assert sum(rank["events"] for rank in simulation.loads()) == events(simulation, 0.0) > 100
        simulation.forget_times()
        simulation.run(150.0)
        loads = simulation.loads()
        assert len(loads) == comm.size
        assert sum(rank["events"] for rank in loads) == events(simulation, 50.0) > 100
        assert sum(rank["neurons"] for rank in loads) == 50
        assert sum(rank["synapses"] for rank in loads) == simulation.synapse_count() == 480
        assert all(rank["bytes"] > 0 for rank in loads)


def test_loads_are_counted_in_pieces_and_without_recordings(comm, monkeypatch):
    monkeypatch.setattr(needed_spikes, "PIECE", 7)
    recorded, counted = small_network(), small_network()
    counted.record_nothing()
    with Simulation(recorded, comm=comm, seed=3) as one, Simulation(counted, comm=comm, seed=3) as other:
        for simulation in (one, other):
            simulation.run(100.0)
        assert sum(rank["events"] for rank in other.loads()) == events(one, 0.0) > 100
        spikes = {name: one.spikes(name) for name in ("E", "I")}
        assert other.spike_counts() == {name: len(found.step) for name, found in spikes.items()}
        assert other.spike_count() == sum(other.spike_counts().values())


def test_rates_are_those_of_all_neurons_in_the_measured_time(comm):
    with Simulation(small_network(), comm=comm, seed=3) as simulation:
        assert all(np.isnan(rate.mean) for rate in simulation.spike_rates().values())
        simulation.run(50.0)
        simulation.forget_times()
        assert simulation.measured_from == 50.0
        simulation.run(150.0)
        for name, size in (("E", 40), ("I", 10)):
            spikes = simulation.spikes(name)
            counts = np.bincount(spikes.neuron[spikes.step > 500], minlength=size)
            rate = simulation.spike_rates()[name]
            assert rate.spikes == counts.sum() > 100
            assert rate.mean == pytest.approx(counts.mean() / 0.15, rel=1e-14)
            assert rate.sd == pytest.approx(counts.std() / 0.15, rel=1e-12)


def test_a_presimulation_is_not_in_the_times(comm):
    with Simulation(small_network(), comm=comm, seed=3) as simulation:
        simulation.run(50.0)
        simulation.forget_times()
        assert simulation.sim_time == 0.0
        assert all(rank["busy"] == 0.0 for rank in simulation.loads())
        simulation.run(50.0)
        phases = simulation.phase_times()
        spent = sum(phase["mean"] for phase in phases.values())
        mine = simulation.build_time + simulation.sim_time
        assert spent == pytest.approx(sum(comm.allgather(mine)) / comm.size)
