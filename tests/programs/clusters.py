"""A network of clusters: all populations project to all, by different rules, with weights and delays of their own."""

from __future__ import annotations

from typing import Any

from distsim import (
    AllToAll,
    FixedIndegree,
    IafPscAlpha,
    IafPscExp,
    Network,
    PairwiseBernoulli,
    Poisson,
    Simulation,
    Static,
    StdpPowerLaw,
    Uniform,
)

POPULATIONS, SIZE = 4, 8
RULES: list[Any] = [
    FixedIndegree(2),
    PairwiseBernoulli(0.2, autapses=False),
    FixedIndegree(2, autapses=False, multapses=False),
    AllToAll(autapses=False),
]


def build_network(factor: int = 1) -> Network:
    """Clusters of two kinds of neurons, those of the first with plastic synapses; ``factor``: more of one rule."""
    network = Network(dt=0.25)
    first = [network.population(f"A{k}", SIZE, IafPscExp(), V_m=Uniform(-70.0, -54.0)) for k in range(POPULATIONS)]
    second = [network.population(f"B{k}", SIZE, IafPscAlpha(), V_m=Uniform(-70.0, -54.0)) for k in range(POPULATIONS)]
    rules = [FixedIndegree(2 * factor), *RULES[1:]]
    for population in (*first, *second):
        network.stimulate(population, Poisson(9000.0, 90.0))
    for number, (target, source) in enumerate((t, s) for t in (*first, *second) for s in (*first, *second)):
        delay = 0.25 * (4 + number % 5)
        rule = rules[number % len(rules)] if factor == 1 else rules[0]
        if target in first and source in first:
            network.connect(source, target, rule, StdpPowerLaw(40.0 + number, delay, lambda_=0.05))
        elif number % 8 == 3:
            network.connect(source, target, rule, Static(Uniform(1.0, 20.0), delay))
        else:
            network.connect(source, target, rule, Static(0.1 * number, delay))
    return network


def outcome(comm: Any, T: float) -> list[Any]:
    """Hashes of spikes and weights, and sums of weights, of networks with few and many synapses of a projection."""
    found: list[Any] = []
    for factor in (1, 8):
        with Simulation(build_network(factor), comm, seed=3) as simulation:
            simulation.run(T)
            found += [simulation.spike_hash(), simulation.weight_hash(), simulation.plastic_weight_statistics()]
    return found
