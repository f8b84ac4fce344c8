"""Ranks that are given different things are told so, all alike, before they compute or wait."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    ConstantRate,
    EdgeList,
    FixedIndegree,
    IafPscAlpha,
    InputError,
    LifMultisynapse,
    Network,
    Normal,
    Poisson,
    RateNetwork,
    RateSimulation,
    Simulation,
    SpikeTrains,
    Static,
    Uniform,
    lattice,
)
from distsim.models.liquid_state.trials import Trials
from distsim.parallel.agreement import HIDDEN, leaves_of, require_same
from distsim.spiking.network import Network as SpikingNetwork

pytestmark = pytest.mark.mpi


def network(size=20, indegree=3, weight=1.0, V_m=0.0, dt=0.1, trains=((1.0,),), edges=(0,), extra=False, recorded=True):
    """A network that differs from another in one thing."""
    net = Network(dt=dt)
    net.population("A", size, IafPscAlpha(C_m=Uniform(240.0, 260.0)), V_m=V_m, positions=lattice((size,)))
    net.population("B", 4, SpikeTrains(trains))
    net.connect("A", "A", FixedIndegree(indegree), Static(weight=weight, delay=1.0))
    net.connect("B", "A", EdgeList(edges, [2]), Static(weight=5.0, delay=1.0))
    net.stimulate("A", Poisson(rate=100.0, weight=1.0))
    if extra:
        net.stimulate("A", Poisson(rate=200.0, weight=1.0))
    if recorded:
        net.record_spikes("A")
    return net


def refused(comm, make, *words):
    """Assert that ``make(odd)`` raises InputError with ``words`` on all ranks, ``odd`` being true on the last alone."""
    last = comm.size - 1
    if comm.size == 1:
        make(False)
        return
    with pytest.raises(InputError) as caught:
        make(comm.rank == last)
    told = comm.allgather(str(caught.value))
    assert len(set(told)) == 1
    for word in (*words, "on rank 0", f"on rank {last}"):
        assert word in told[0]


@pytest.mark.parametrize(
    ("usual", "odd", "words"),
    [
        ({"seed": 1}, {"seed": 2}, "seed is 1 on rank 0, but 2 on rank"),
        ({"precision": "double"}, {"precision": "single"}, "precision is 'double' on rank 0, but 'single'"),
        ({"interval": None}, {"interval": 0.5}, "interval is None on rank 0, but 0.5"),
        ({"exchange": "auto"}, {"exchange": "allgatherv"}, "exchange is 'auto' on rank 0, but 'allgatherv'"),
        ({"file": None}, {"file": "a.h5"}, "file is None on rank 0, but 'a.h5'"),
        ({"seed": 1}, {"seed": 1.5}, "seed is 1 on rank 0, but 1.5"),
    ],
)
def test_settings(comm, usual, odd, words):
    refused(comm, lambda is_odd: Simulation(network(), comm, **(odd if is_odd else usual)), "Simulation", words)


WHITE, WHITER = np.linspace(0.0, 1.0, 20), np.linspace(0.0, 1.0, 20)
WHITER[7] += 1e-15  # the same shape, the same bounds

NETWORKS = [
    ({"size": 21}, "size of 'A' in populations is 20 on rank 0, but 21"),
    ({"indegree": 4}, "indegree of rule of 'A->A' in projections is 3 on rank 0, but 4"),
    ({"weight": 1.0 + 2**-52}, "weight of synapse of 'A->A' in projections is 1 on rank 0, but 1.0000000000000002"),
    ({"weight": Normal(1.0, 0.1)}, "weight of synapse of 'A->A' in projections"),
    ({"dt": 0.2}, "dt of network is 0.1 on rank 0, but 0.2"),
    ({"trains": ((2.0,),)}, "content of times of model of 'B' in populations"),
    ({"edges": (1,)}, "source of rule of 'B->A' in projections is an array of 1 from 0 to 0 on rank 0"),
    ({"extra": True}, "the number of stimulations is 1 on rank 0, but 2"),
    ({"recorded": False}, "the number of spike_recordings is 1 on rank 0, but 0"),
]


@pytest.mark.parametrize(("odd", "words"), NETWORKS)
def test_networks(comm, odd, words):
    refused(comm, lambda is_odd: Simulation(network(**(odd if is_odd else {})), comm), words)


def test_arrays_are_compared_to_the_last_bit(comm):
    words = "V_m of initial of 'A' in populations is an array of 20 from 0 to 1"
    refused(comm, lambda is_odd: Simulation(network(V_m=WHITER if is_odd else WHITE), comm), words)


def test_durations(comm):
    with Simulation(network(), comm) as simulation:
        refused(comm, lambda odd: simulation.run(2.0 if odd else 1), "run", "duration is 1 on rank 0, but 2")
        refused(comm, lambda odd: simulation.run("a while" if odd else 1.0), "duration is 1 on rank 0, but 'a while'")
        step = simulation.step
        simulation.run(np.float64(1.0) if comm.rank else 1)  # the same number
        assert simulation.step == step + 10


def test_binary_networks(comm):
    def make(seed=1, theta=1.0, duration=1.0):
        net = BinaryNetwork()
        net.population("A", 10, theta=theta)
        BinarySimulation(net, comm, seed).run(duration)

    refused(comm, lambda odd: make(seed=2 if odd else 1), "BinarySimulation", "seed is 1 on rank 0, but 2")
    refused(comm, lambda odd: make(theta=2.0 if odd else 1.0), "theta of 'A' in populations is 1 on rank 0, but 2")
    refused(comm, lambda odd: make(duration=2.0 if odd else 1.0), "run", "duration")


def test_rate_networks(comm):
    def make(mean=1.0, duration=1.0):
        net = RateNetwork()
        net.population("A", 10, ConstantRate(mean=mean))
        RateSimulation(net, comm).run(duration)

    refused(comm, lambda odd: make(mean=2.0 if odd else 1.0), "RateSimulation", "mean of model of 'A' in populations")
    refused(comm, lambda odd: make(duration=2.0 if odd else 1.0), "run", "duration")


def test_trials(comm):
    def make(seed):
        net = Network(dt=0.1)
        net.population("A", 3, LifMultisynapse())
        Trials(net, comm, seed)

    refused(comm, lambda odd: make(2 if odd else 1), "Trials", "seed is 1 on rank 0, but 2")


def test_what_is_alike_passes(comm):
    require_same(comm, "all", network=network(), flag=True, nothing=None, array=np.zeros((2, 0)), path="a")


def test_no_communicator():
    with pytest.raises(InputError, match="Simulation: comm must be a communicator"):
        Simulation(network(), "all")


def test_an_object_of_another_class_is_not_told_by_its_place_in_memory():
    assert list(leaves_of("model", object())) == list(leaves_of("model", object()))


def test_every_part_of_a_network_is_compared():
    labels = {label for label, _, _ in leaves_of("network", network())}
    for name in vars(SpikingNetwork()):
        assert name in HIDDEN or any(name in label for label in labels), name
