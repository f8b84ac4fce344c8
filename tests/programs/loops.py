"""A network of everything, simulated by the compiled loop and by the one in Python; prints what each gives.

mpirun -n 3 python -m tests.programs.loops
"""

from __future__ import annotations

import json
from typing import Any

from mpi4py import MPI

from distsim import (
    AllToAll,
    ConstantCurrent,
    FixedIndegree,
    IafPscAlpha,
    Network,
    Poisson,
    PoissonSource,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from tests.programs.fingerprint import digest, fingerprint

T = 60.0  # ms


def everything() -> Network:
    """Two groups; static, plastic and short-term synapses, calendars; currents, Poisson inputs, sources; recordings."""
    network = Network(dt=0.1)
    exc = network.population("E", 40, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    inh = network.population("I", 10, IafPscAlpha(), V_m=Uniform(-70.0, -55.0))
    trains = network.population("trains", 2, SpikeTrains([[3.0, 30.0], [4.5]]))
    sources = network.population("sources", 5, PoissonSource(rate=300.0))
    plastic = StdpPowerLaw(weight=60.0, delay=0.3, alpha=0.1, lambda_=0.1, mu=0.4, tau_plus=15.0, tau_minus=30.0)
    network.connect(exc, exc, FixedIndegree(8), plastic)
    network.connect(exc, inh, FixedIndegree(8), TsodyksMarkram(weight=300.0, delay=0.4, D=100.0))
    network.connect(inh, exc, FixedIndegree(4), Static(weight=Uniform(-500.0, -300.0), delay=Uniform(0.3, 2.0)))
    network.connect(trains, inh, AllToAll(), Static(weight=500.0, delay=1.0))
    network.connect(sources, exc, FixedIndegree(3), Static(weight=80.0, delay=0.5))
    for population in (exc, inh):
        network.stimulate(population, Poisson(rate=9000.0, weight=45.0))
        network.stimulate(population, Poisson(rate=400.0, weight=-45.0))
        network.stimulate(population, ConstantCurrent(amplitude=100.0, start=10.0, stop=20.0))
    network.record_spikes(exc)
    network.record_states(inh, "V_m", interval=1.7)
    return network


def result(simulation: Simulation) -> dict[str, Any]:
    """All that does not depend on the loop, as JSON has it (collective)."""
    recorded = simulation.spikes("E")
    found = fingerprint(simulation) | {"spikes": simulation.spike_counts()}
    plain: dict[str, Any] = json.loads(json.dumps(found | {"recorded": digest(recorded.step, recorded.neuron)}))
    return plain


def run(comm: MPI.Comm, loop: str, parts: tuple[float, ...] = (T,)) -> dict[str, Any]:
    """What the network gives in runs of ``parts`` (ms); the loop is that which was asked for."""
    with Simulation(everything(), comm, seed=2, loop=loop) as simulation:
        if simulation.loop != loop:
            raise RuntimeError(f"the loop is {simulation.loop}")
        for part in parts:
            simulation.run(part)
        return result(simulation)


if __name__ == "__main__":
    found = {loop: run(MPI.COMM_WORLD, loop) for loop in ("python", "compiled")}
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(found))
