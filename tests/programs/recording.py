"""A network of which everything is recorded, and hashes of all that was recorded."""

from __future__ import annotations

from typing import Any

from mpi4py import MPI

from distsim import FixedIndegree, IafPscAlpha, Network, Poisson, Simulation, Static, StdpPowerLaw, Uniform
from tests.programs.fingerprint import digest

CHOSEN = [30, 2, 17, 2]  # neither sorted nor different
OF_I = [12, 3, 4, 9]
PLACES = [("E", "V_m"), ("E", "I_syn_in"), ("I", "V_m")]


def build_network() -> Network:
    """50 excitatory and 13 inhibitory neurons with plastic synapses; recordings of every kind."""
    network = Network(dt=0.1)
    model = IafPscAlpha(tau_syn_in=4.0)
    network.population("E", 50, model, V_m=Uniform(-70.0, -55.0))
    network.population("I", 13, model, V_m=Uniform(-70.0, -55.0))
    network.connect("E", "E", FixedIndegree(9), StdpPowerLaw(weight=30.0, delay=Uniform(0.7, 2.0), alpha=0.2))
    network.connect("E", "I", FixedIndegree(9), Static(weight=40.0, delay=1.0))
    network.connect("I", "E", FixedIndegree(3), Static(weight=-80.0, delay=0.9))
    for name in ("E", "I"):
        network.stimulate(name, Poisson(rate=9000.0, weight=50.0))
    network.record_spikes("E")
    network.record_spikes("I", neurons=OF_I)
    network.record_states("E", ["V_m", "I_syn_in"], neurons=CHOSEN, interval=0.7)
    network.record_states("I")
    network.record_weights("E", "E", sources=range(0, 50, 2))
    network.record_weights("I", "E", targets=[7, 8, 9])
    return network


def recorded(simulation: Simulation) -> dict[str, str]:
    """Hashes of everything, in the order in which it is given."""
    result = {name: digest(*vars(simulation.spikes(name)).values()) for name in ("E", "I")}
    result |= {f"{name} {state}": digest(*vars(simulation.states(name, state)).values()) for name, state in PLACES}
    return result | {"spike_hash": simulation.spike_hash(), "weight_hash": simulation.weight_hash()}


def record(comm: MPI.Comm, **options: Any) -> dict[str, str]:
    """What is recorded, in memory or to a file."""
    with Simulation(build_network(), comm=comm, seed=5, **options) as simulation:
        for duration in (33.3, 0.1, 250.0):  # longer than the time between two flushes
            simulation.run(duration)
        return recorded(simulation)
