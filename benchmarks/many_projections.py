"""Many populations and projections beside the same neurons and synapses as one population and one projection.

    python benchmarks/many_projections.py --populations 100 --size 20 --synapses 2

A network of clusters: every population projects to every population, with few synapses for each target, strong ones
within a population and weak ones between; each projection has a weight and a delay of its own. Prints the seconds of
describing, preparing (checks, memory, kernels called with nothing to do; they are compiled before) and building it, and
the microseconds of an interval. The same for one population whose edges are given one by one, those that were drawn, so
that both have the same spikes; and for one that draws as many synapses for each target in one projection: what drawing
takes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import distsim as ds
from distsim.connect.rule import Rule

NEURONS = {"exp": ds.IafPscExp, "alpha": ds.IafPscAlpha}
STEPS = 30  # of delay, at most
FIRST, WITHIN, BETWEEN = 15, 60.0, 2.0  # steps; pA


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populations", type=int, default=100)
    parser.add_argument("--size", type=int, default=20, help="neurons of a population")
    parser.add_argument("--synapses", type=int, default=2, help="of a target from each population, in the mean")
    parser.add_argument("--rule", choices=["fixed_indegree", "pairwise_bernoulli"], default="fixed_indegree")
    parser.add_argument("--neuron", choices=list(NEURONS), default="exp")
    parser.add_argument("--plastic", type=int, default=0, help="populations that have plastic synapses among them")
    parser.add_argument("--kinds", type=int, default=0, help="different pairs of weight and delay; 0: all differ")
    parser.add_argument("--time", type=float, default=300.0, help="simulated time (ms)")
    parser.add_argument("--repetitions", type=int, default=3)
    return parser.parse_args()


def rule_of(options: argparse.Namespace, sources: int, synapses: int) -> Rule:
    if options.rule == "fixed_indegree":
        return ds.FixedIndegree(synapses)
    return ds.PairwiseBernoulli(synapses / sources)


def synapse_of(options: argparse.Namespace, i: int, j: int) -> Any:
    """The synapse from population ``i`` to ``j``."""
    number = i * options.populations + j
    kind = number % options.kinds if options.kinds else number
    delay = 0.1 * (FIRST + kind % (STEPS - FIRST + 1))
    if max(i, j) < options.plastic:
        return ds.StdpPowerLaw(20.0 + 1e-3 * kind, delay, lambda_=0.01)
    return ds.Static((WITHIN if i == j else BETWEEN) * (1.0 + 1e-6 * kind) * (1.0 if i % 5 else -5.0), delay)


def drive(network: ds.Network, neurons: Any) -> None:
    network.stimulate(neurons, ds.Poisson(8000.0, 90.0))


def many(options: argparse.Namespace) -> ds.Network:
    network = ds.Network(dt=0.1)
    model = NEURONS[options.neuron]()
    populations = [
        network.population(f"P{k}", options.size, model, V_m=ds.Uniform(-70.0, -55.0))
        for k in range(options.populations)
    ]
    everyone = populations[0][:]
    for population in populations[1:]:
        everyone = everyone + population
    drive(network, everyone)
    for i, source in enumerate(populations):
        for j, target in enumerate(populations):
            network.connect(source, target, rule_of(options, options.size, options.synapses), synapse_of(options, i, j))
    return network


def one(options: argparse.Namespace, rule: Rule, synapse: Any) -> ds.Network:
    network = ds.Network(dt=0.1)
    size = options.size * options.populations
    neurons = network.population("P", size, NEURONS[options.neuron](), V_m=ds.Uniform(-70.0, -55.0))
    drive(network, neurons)
    network.connect(neurons, neurons, rule, synapse)
    return network


def same_edges(options: argparse.Namespace, simulation: ds.Simulation) -> ds.Network:
    """One population with the synapses of ``simulation``, all of them static."""
    populations = simulation.network.populations
    everyone = populations[0][:]
    for population in populations[1:]:
        everyone = everyone + population
    edges = simulation.weights(everyone, everyone)
    return one(options, ds.EdgeList(edges.source, edges.target), ds.Static(edges.weight, edges.delay))


def measure(options: argparse.Namespace, describe: Callable[[], ds.Network]) -> dict[str, Any]:
    """Seconds of the stages, µs of an interval, and the hash of the spikes."""
    begin = time.perf_counter()
    network = describe()
    described = time.perf_counter()
    simulation = ds.Simulation(network, seed=1)
    ready = time.perf_counter()
    simulation.run(20.0)
    simulation.forget_times()
    simulation.run(options.time)
    phases = {name: seconds["max"] for name, seconds in simulation.phase_times().items()}
    intervals = options.time / simulation.interval
    return {
        "describe": described - begin,
        "prepare": ready - described - simulation.build_time,
        "build": simulation.build_time,
        "µs/interval": 1e6 * simulation.sim_time / intervals,
        "µs of update": 1e6 * phases["update"] / intervals,
        "µs of delivery": 1e6 * phases["deliver"] / intervals,
        "synapses": simulation.synapse_count(),
        "spikes": simulation.spike_count(),
        "bytes/synapse": sum(load["bytes"] for load in simulation.loads()) / max(1, simulation.synapse_count()),
        "hash": simulation.spike_hash()[:12],
        "simulation": simulation,
    }


def repeated(options: argparse.Namespace, describe: Callable[[], ds.Network]) -> dict[str, Any]:
    """The least of each time, without the first, in which kernels are compiled; what else there is, of the last."""
    measured = [measure(options, describe) for _ in range(1 + options.repetitions)][1:]
    timed = [name for name, value in measured[0].items() if isinstance(value, float)]
    return measured[-1] | {name: min(each[name] for each in measured) for name in timed}


def main() -> None:
    options = arguments()
    drawn = rule_of(options, options.size * options.populations, options.synapses * options.populations)
    mean = ds.Static(BETWEEN, ds.Uniform(0.1 * FIRST, 0.1 * STEPS))
    cases = {"many": lambda: many(options), "one, drawn": lambda: one(options, drawn, mean)}
    results = {name: repeated(options, case) for name, case in cases.items()}
    if not options.plastic:
        given = results["many"]["simulation"]
        results["one, the same edges"] = repeated(options, lambda: same_edges(options, given))
        if results["one, the same edges"]["hash"] != results["many"]["hash"]:
            raise SystemExit("the spikes differ")
    for name, result in results.items():
        told = (f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in result.items() if k != "simulation")
        print(f"{name}: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    main()
