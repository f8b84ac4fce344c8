"""Kernels are compiled, or loaded, on one rank of a node first and before any time is taken: none is missed."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpi4py import MPI

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    FixedIndegree,
    IafPscExp,
    Network,
    Normal,
    PairwiseBernoulli,
    Poisson,
    RateSimulation,
    Simulation,
    Static,
    StdpPowerLaw,
    Uniform,
)
from distsim.core.jit import COMPILED, Kernel
from distsim.record import simulation_base
from tests.random_networks import binary_networks, rate_networks, spiking_networks
from tests.threads import on_ranks

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled")


def kernels() -> Iterator[Any]:
    """All kernels of the package."""
    for name, module in list(sys.modules.items()):
        if name.startswith("distsim."):
            for thing in vars(module).values():
                if isinstance(thing, Kernel):
                    yield thing


@pytest.fixture
def late(monkeypatch) -> Callable[[], list[str]]:
    """``late()`` begins anew, as a process without kernels; its list fills with those asked for at the wrong time."""
    turn = threading.local()
    found: list[str] = []
    load = Kernel._loaded

    def watched(self: Kernel, file: str) -> Any:
        if not getattr(turn, "mine", False):
            found.append(self.py_func.__qualname__)
        return load(self, file)

    original = simulation_base.one_per_node_first

    def in_turn(comm: Any, function: Callable[[], Any]) -> Any:
        def mine() -> Any:
            turn.mine = True
            result = function()
            turn.mine = False
            return result

        return original(comm, mine)

    monkeypatch.setattr(Kernel, "_loaded", watched)
    monkeypatch.setattr(simulation_base, "one_per_node_first", in_turn)

    def begin() -> list[str]:
        for kernel in kernels():
            kernel.forget()
        found.clear()
        return found

    return begin


@pytest.fixture
def examples(request) -> Callable[[int], settings]:
    return lambda n: settings(max_examples=n * request.config.getoption("--fuzz"))


SEEDS = st.integers(0, 99)
PRECISIONS = st.sampled_from(["double", "single"])


def test_random_spiking_networks(late, examples):
    @examples(4)  # an example compiles what the one before has forgotten
    @given(spiking_networks(), SEEDS, PRECISIONS, st.sampled_from([1, 2]))
    def check(network: Any, seed: int, precision: str, ranks: int) -> None:
        found = late()
        on_ranks(ranks, lambda comm: Simulation(network, comm, seed, precision=precision).run(20.0))
        assert not found

    check()


def test_random_binary_networks(late, examples):
    @examples(5)
    @given(binary_networks(), SEEDS, st.sampled_from([1, 2]))
    def check(network: Any, seed: int, ranks: int) -> None:
        found = late()
        on_ranks(ranks, lambda comm: BinarySimulation(network, comm, seed).run(5.0))
        assert not found

    check()


def test_random_rate_networks(late, examples):
    @examples(3)
    @given(rate_networks(), SEEDS, st.sampled_from([1, 2]))
    def check(network: Any, seed: int, ranks: int) -> None:
        found = late()
        on_ranks(ranks, lambda comm: RateSimulation(network, comm, seed).run(1.0))
        assert not found

    check()


@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("delay", [1.0, Uniform(0.1, 3.0)], ids=["one delay", "segments"])
def test_rules_that_few_neurons_would_not_show(late, precision, delay):
    """Among two neurons of each population there would be no edge."""
    for seed in range(3):
        network = Network(0.1)
        neurons = network.population("E", 300, IafPscExp())
        network.connect(neurons, neurons, PairwiseBernoulli(0.1), Static(Normal(10.0, 1.0), delay))
        network.stimulate(neurons, Poisson(9000.0, 80.0))
        found = late()
        Simulation(network, MPI.COMM_SELF, seed, precision=precision).run(10.0)
        assert not found


@pytest.mark.parametrize("seed", range(5))
def test_binary_networks_with_few_edges_are_constructed(seed):
    network = BinaryNetwork()
    network.population("E", 200, theta=1.0, tau=10.0)
    network.population("I", 5, theta=1.0, tau=10.0)
    network.connect("E", "E", PairwiseBernoulli(0.001), Normal(1.0, 0.1))
    network.connect("I", "E", PairwiseBernoulli(0.0002 * seed), -5.0)
    network.connect("I", "I", PairwiseBernoulli(0.0), 7e4)
    BinarySimulation(network, MPI.COMM_SELF, seed=seed).run(1.0)


def test_plasticity_that_only_few_neurons_could_not_bear():
    """All of the in-degree drawn from two neurons would grow beyond what sums of input hold."""
    network = Network(0.1)
    neurons = network.population("E", 400, IafPscExp(), V_m=Uniform(-70.0, -55.0))
    network.connect(neurons, neurons, FixedIndegree(100), StdpPowerLaw(45.0, 1.5, lambda_=1.0, mu=1.0))
    network.stimulate(neurons, Poisson(9000.0, 80.0))
    simulation = Simulation(network, MPI.COMM_SELF)
    assert simulation.synapse_count() == 40_000
