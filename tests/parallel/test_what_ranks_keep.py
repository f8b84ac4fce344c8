"""Ranks of binary and rate networks keep and get what their own neurons need; results do not depend on it."""

from __future__ import annotations

import tracemalloc

import pytest
from mpi4py import MPI

from distsim import (
    AllToAll,
    BinaryNetwork,
    BinarySimulation,
    ConstantRate,
    DiffusionConnection,
    FixedIndegree,
    Normal,
    RateNetwork,
    RateSimulation,
    SiegertNeuron,
    Uniform,
)
from distsim.binary import couplings
from distsim.binary.couplings import build_couplings
from distsim.parallel.lone_rank import LoneRank
from distsim.rates import rate_exchange
from tests.threads import on_ranks

RANKS = (2, 3, 7)


def binary_network(size=120, indegree=3, J=0.4):
    network = BinaryNetwork()
    network.population("A", size // 2, theta=-0.2)
    network.population("B", size - size // 2, theta=Normal(0.3, 0.1))
    network.connect("A", "B", FixedIndegree(indegree), J=J)
    network.connect(network.find("A")[::2] + network.find("B")[5:9], "A", FixedIndegree(2), J=-0.3)
    network.connect("B", "A", FixedIndegree(indegree), J=-0.5)
    return network


def binary_result(comm, J):
    with BinarySimulation(binary_network(J=J), comm, 3) as simulation:
        simulation.run(10.0)
        pairs = simulation.couplings("A", "B")
        return simulation.flip_count(), simulation.states("B").tolist(), [column.tolist() for column in pairs]


@pytest.mark.parametrize("J", [0.4, Normal(0.4, 0.1)], ids=["one number", "drawn"])
def test_flips_do_not_depend_on_which_neurons_have_rows(monkeypatch, J):
    monkeypatch.setattr(couplings, "FEWEST", 0.0)
    expected = binary_result(MPI.COMM_SELF, J)
    assert expected[0] > 100
    monkeypatch.setattr(couplings, "FEWEST", 1e9)
    assert binary_result(MPI.COMM_SELF, J) == expected
    for ranks in RANKS:
        assert on_ranks(ranks, lambda comm: binary_result(comm, J)) == [expected] * ranks


def rate_network(size=60, indegree=4):
    network = RateNetwork(dt=0.1)
    network.population("in", size, ConstantRate(mean=Uniform(10.0, 30.0)), rate=1.0)
    network.population("E", size, SiegertNeuron(tau=3.0), rate=Uniform(4.0, 6.0))
    network.connect("in", "E", FixedIndegree(indegree), DiffusionConnection(0.2, 0.3))
    network.connect("E", "E", FixedIndegree(indegree), DiffusionConnection(Normal(0.05, 0.01), 0.02))
    return network


def rate_result(comm):
    network = rate_network()
    network.connect(network.find("in")[:5], "E", AllToAll(), DiffusionConnection(0.01, 0.01))
    with RateSimulation(network, comm, 3) as simulation:
        simulation.run(2.0)
        first = simulation.rate_hash()
        simulation.set_factors("E", "E", drift_factor=0.04)
        simulation.run(2.0)
        part = simulation.network.find("E")[40:3:-7]
        return first, simulation.rate_hash(), simulation.current_rates(part).tolist()


def test_rates_do_not_depend_on_which_are_exchanged(monkeypatch):
    monkeypatch.setattr(rate_exchange, "SHARE", 0.0)
    expected = rate_result(MPI.COMM_SELF)
    for share in (0.0, 1.0):
        monkeypatch.setattr(rate_exchange, "SHARE", share)
        for ranks in RANKS:
            assert on_ranks(ranks, rate_result) == [expected] * ranks


def peak(build, size, n_local=200):
    """Bytes at the peak while one rank of many is built, the second time."""
    comm = LoneRank(1, size // n_local)
    build(size, comm)
    tracemalloc.start()
    build(size, comm)
    found = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found


def test_the_couplings_of_a_rank_do_not_grow_with_the_network():
    def build(size, comm):
        network = BinaryNetwork()
        network.population("A", size, theta=0.2)
        network.connect("A", "A", FixedIndegree(100), J=0.4)
        assert len(build_couplings(network, comm, 1).targets) == 20_000

    assert abs(peak(build, 10**8) / peak(build, 10**6) - 1.0) < 0.05
