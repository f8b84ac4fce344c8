"""Networks of all kinds, drawn at random, give the same bits however they are simulated.

``--fuzz N`` draws N times as many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distsim import BinarySimulation, RateSimulation, Simulation
from tests.random_networks import binary_networks, rate_networks, spiking_networks
from tests.threads import on_ranks

T = 40.0  # ms


def digest(arrays: Iterable[Any]) -> str:
    """SHA-256 of the bytes of arrays."""
    result = hashlib.sha256()
    for array in arrays:
        result.update(np.ascontiguousarray(array).tobytes())
    return result.hexdigest()[:12]


def chunks(total: int, lengths: Sequence[int]) -> list[int]:
    """``total`` steps in runs of the given lengths, over and over."""
    parts, left = [], total
    while left:
        parts.append(min(left, lengths[len(parts) % len(lengths)]))
        left -= parts[-1]
    return parts


def spiking_result(simulation: Simulation) -> dict[str, Any]:
    """All that a user can see of a simulation."""
    network = simulation.network
    states = [simulation.states(r.population, r.variable) for r in network.state_recordings]
    connections = {}
    for source, target in {(p.source.name, p.target.name) for p in network.projections}:
        for at in ("last_spike", "now"):
            c = simulation.weights(source, target, at=at)
            connections[source, target, at] = digest((c.source, c.target, c.weight, c.delay))
    return {
        "spikes": (simulation.spike_count(), simulation.spike_hash()),
        "states": [(digest(s.step), digest(s.value)) for s in states],
        "synapses": simulation.synapse_count(),
        "connections": connections,
        "plastic": (simulation.weight_hash(), simulation.plastic_weight_statistics()),
    }


def same_on_all(function: Callable[[Any], Any], ranks: int) -> Any:
    """What ``function(comm)`` gives on every rank."""
    first, *others = on_ranks(ranks, function)
    assert all(other == first for other in others)
    return first


def check_spiking(network: Any, seed: int, precision: str, lengths: Sequence[int]) -> None:
    steps = round(T / network.dt)
    ways = [(1, "auto", None, [steps]), (2, "alltoallv", None, [steps]), (3, "allgatherv", 1, lengths)]
    results = []
    for ranks, exchange, interval, parts in ways:

        def simulate(comm: Any, exchange: str = exchange, interval: Any = interval, parts: Any = parts) -> Any:
            options = {} if interval is None else {"interval": interval * network.dt}
            with Simulation(network, comm, seed, precision=precision, exchange=exchange, **options) as simulation:
                for part in chunks(steps, parts):
                    simulation.run(part * network.dt)
                return spiking_result(simulation)

        results.append(same_on_all(simulate, ranks))
    for result in results[1:]:
        assert result == results[0]


def check_binary(network: Any, seed: int) -> None:
    results = []
    for ranks, window, durations in ((1, None, [20.0]), (2, None, [20.0]), (3, 0.05, [3.0, 7.5, 9.5])):

        def simulate(comm: Any, window: Any = window, durations: Any = durations) -> Any:
            simulation = BinarySimulation(network, comm, seed, window=window)
            for duration in durations:
                simulation.run(duration)
            names = [p.name for p in network.populations]
            flips = [np.asarray(column) for name in names for column in simulation.flips(name)]
            states = [simulation.states(name) for name in names] + [simulation.inputs(name) for name in names]
            activity = [simulation.activity(name).value for name in names]
            activity += [simulation.updates().mean, *simulation.updates().activity.values()]
            activity += [simulation.recorded_states(name).value for name in names]
            activity += [column for a in names for b in names for column in simulation.couplings(a, b)]
            counts = simulation.flip_count(), simulation.update_count(), simulation.coupling_count()
            return counts, digest(flips), digest(states), digest(activity)

        results.append(same_on_all(simulate, ranks))
    assert results[1:] == results[:1] * 2


def check_rates(network: Any, seed: int) -> None:
    results = []
    for ranks, durations in ((1, [3.0]), (2, [3.0]), (3, [0.3, 1.2, 1.5])):

        def simulate(comm: Any, durations: Any = durations) -> Any:
            simulation = RateSimulation(network, comm, seed)
            for duration in durations:
                simulation.run(duration)
            rates = [simulation.rates(p).value for p in network.populations]
            return simulation.rate_hash(), digest(rates), simulation.connection_count()

        results.append(same_on_all(simulate, ranks))
    assert results[1:] == results[:1] * 2


SEEDS = st.integers(0, 9)
PRECISIONS = st.sampled_from(["double", "single"])
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=4)


@pytest.fixture
def examples(request) -> Callable[[int], settings]:
    """``examples(n)``: settings for n examples, or as many times that as --fuzz says."""
    return lambda n: settings(max_examples=n * request.config.getoption("--fuzz"))


def test_spiking_networks(examples):
    examples(12)(given(spiking_networks(), SEEDS, PRECISIONS, LENGTHS)(check_spiking))()


def test_binary_networks(examples):
    examples(15)(given(binary_networks(), SEEDS)(check_binary))()


def test_rate_networks(examples):
    examples(10)(given(rate_networks(), SEEDS)(check_rates))()
