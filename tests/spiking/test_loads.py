"""What the ranks had to do: counted exactly, and the same in total on any number of ranks."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import FixedIndegree, IafPscAlpha, Network, Poisson, Simulation, Static, StdpPowerLaw, Uniform

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
        simulation.run(150.0)
        for after in (0.0, 50.0):
            loads = simulation.loads(after)
            assert len(loads) == comm.size
            assert sum(rank["events"] for rank in loads) == events(simulation, after) > 100
        assert sum(rank["neurons"] for rank in loads) == 50
        assert sum(rank["synapses"] for rank in loads) == simulation.synapse_count() == 480
        assert all(rank["bytes"] > 0 for rank in loads)


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
