"""The user's code of the design, the description of a network, and its closing."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from mpi4py import MPI

import distsim
from distsim import (
    AllToAll,
    Clipped,
    ConstantCurrent,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    IgnoreAndFire,
    InputError,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Poisson,
    Simulation,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    Uniform,
)
from tests.simulating import simulate


def test_what_a_user_writes():
    network = Network(dt=0.125)
    neuron = IafPscAlpha(C_m=250.0, tau_m=20.0, E_L=0.0, V_th=20.0, V_reset=0.0)
    exc = network.population("E", 400, neuron, V_m=Uniform(0.0, 20.0))
    network.connect(exc, exc, FixedIndegree(40, autapses=False), StdpPowerLaw(weight=31.9, delay=1.5, mu=0.4))
    network.stimulate(exc, Poisson(rate=1730.0, weight=31.9))
    network.record_spikes(exc)
    with Simulation(network, comm=MPI.COMM_WORLD, seed=1) as simulation:
        simulation.run(100.0)
        edges = simulation.weights("E", "E", sources=range(200), targets=range(200))
        spikes = simulation.spikes(exc)
    assert simulation.time == 100.0
    assert simulation.synapse_count() == 16_000
    assert simulation.spike_count() == len(spikes.step) > 400
    assert len(edges.weight) == pytest.approx(4000, rel=0.1)
    assert (edges.source != edges.target).all()
    assert set(edges.delay) == {1.5}


def every_kind():
    """A network with every model, rule, distribution, synapse and stimulus."""
    network = Network(dt=0.5)
    neuron = IafPscAlpha(V_th=np.linspace(-56.0, -54.0, 20), t_ref=1.5)
    network.population("A", 20, neuron, V_m=Normal(-65.0, 3.0))
    network.population(
        "B", 20, IgnoreAndFire(rate=Uniform(5.0, 50.0), phase=0.5, integrate=IafPscAlpha(tau_syn_in=5.0))
    )
    network.population("X", 12, SpikeTrains([[1.0, 2.5 + n] for n in range(12)]))
    network.population("none", 0, IafPscAlpha())
    rules = [
        AllToAll(), OneToOne(), FixedIndegree(5, multapses=False), FixedTotalNumber(60), PairwiseBernoulli(0.3),
        EdgeList([0, 3], [1, 3]),
    ]  # fmt: skip
    delay = Clipped(Normal(1.5, 0.5), low=0.5)
    for rule in rules:
        network.connect("A", "B", rule, Static(weight=LogNormal(3.0, 0.5), delay=delay))
    network.connect("A", "A", FixedIndegree(3), StdpPowerLaw(weight=Uniform(10.0, 20.0), delay=1.0))
    network.connect("X", "A", FixedIndegree(2), Static(weight=Normal(300.0, 200.0), delay=0.5))
    network.connect("none", "A", AllToAll(), Static())
    network.stimulate("A", Poisson(rate=5000.0, weight=40.0))
    network.stimulate("B", ConstantCurrent(300.0, start=1.0))
    network.stimulate("B", SpikeTrains([[2.0, 3.0]], weight=1e3, delay=0.5))
    network.record_spikes("A")
    network.record_spikes("B")
    return network


def test_every_kind_in_one_network():
    simulation = simulate(every_kind(), 50.0)
    assert simulation.spike_count() == len(simulation.spikes("A").step) + len(simulation.spikes("B").step) > 20
    edges = simulation.weights("A", "B")
    assert len(edges.weight) == pytest.approx(400 + 20 + 100 + 60 + 120 + 2, abs=40)
    assert edges.delay.min() == 0.5
    assert (edges.delay % 0.5 == 0.0).all()
    assert (simulation.weights("X", "A").weight < 0.0).any()
    same, other = (simulate(every_kind(), 50.0, seed=seed).spike_hash() for seed in (1, 2))
    assert same == simulation.spike_hash() != other


def test_description_is_json_and_holds_everything():
    network = every_kind()
    text = json.dumps(network.description(), allow_nan=False)
    description = json.loads(text)
    assert description == network.description()
    assert len(text) < 6000  # long arrays are not written out
    assert description["dt"] == 0.5
    a, b, x, *_ = description["populations"]
    assert (a["name"], a["size"], a["model"]["class"], a["model"]["t_ref"]) == ("A", 20, "IafPscAlpha", 1.5)
    assert a["model"]["V_th"] == {"shape": [20], "min": -56.0, "max": -54.0, "hash": "81b14bdbf9fb5d41"}
    assert a["initial"] == {"V_m": {"class": "Normal", "mean": -65.0, "std": 3.0}}
    assert b["model"]["integrate"]["tau_syn_in"] == 5.0
    together = {"shape": [24], "min": 1.0, "max": 13.5, "hash": "11850fbeb467cfd1"}
    assert x["model"]["times"] == {"arrays": 12, "together": together}
    first, *_, edge_list, plastic, _, _, trains = description["projections"]
    assert first["projection"] == "A->B"
    assert first["rule"] == {"class": "AllToAll", "autapses": True}
    assert first["synapse"]["delay"]["high"] == "inf"
    assert edge_list["rule"]["source"] == {"shape": [2], "min": 0.0, "max": 3.0, "hash": "6f2aa626d1639e62"}
    assert plastic["synapse"]["class"] == "StdpPowerLaw"
    assert trains["rule"] == {"class": "AllToAll", "autapses": True}
    assert [s["stimulus"]["class"] for s in description["stimuli"]] == ["Poisson", "ConstantCurrent"]


def test_a_simulated_network_can_no_longer_change():
    network = every_kind()
    Simulation(network, comm=MPI.COMM_WORLD)
    before = network.description()
    changes = [
        lambda: network.population("C", 1, IafPscAlpha()),
        lambda: network.connect("A", "B", AllToAll(), Static()),
        lambda: network.stimulate("A", Poisson(1.0, 1.0)),
        lambda: network.record_spikes("X"),
        lambda: network.record_states("A"),
        lambda: network.record_weights("A", "A"),
    ]
    for change in changes:
        with pytest.raises(InputError, match="the network is frozen: a simulation of it exists; complete it before"):
            change()
    assert network.description() == before
    Simulation(network, comm=MPI.COMM_WORLD)  # it can be simulated again


def test_what_was_given_cannot_be_changed_afterwards():
    weights = np.ones(3)
    synapse = Static(weight=weights)
    weights[0] = 5.0
    assert synapse.weight.tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(ValueError, match="read-only"):
        synapse.weight[0] = 5.0
    with pytest.raises(AttributeError, match="cannot assign to field 'delay'"):
        synapse.delay = 3.0


def test_populations_are_found_by_name_or_as_they_are():
    network = every_kind()
    a = network.populations[0]
    assert network.find("A") is network.find(a) is a
    assert [p.first_gid for p in network.populations] == [0, 20, 40, 52, 52]  # the last: trains of a stimulus
    assert network.size == 53
    with pytest.raises(InputError, match="unknown population 'A'"):
        Network().find(a)


def test_one_train_serves_all_sources():
    network = Network(dt=0.1)
    network.population("X", 3, SpikeTrains([[1.0, 1.0, 2.0]]))
    network.record_spikes("X")
    spikes = simulate(network, 5.0).spikes("X")
    assert spikes.step.tolist() == [10] * 6 + [20] * 3
    assert spikes.neuron.tolist() == [0, 0, 1, 1, 2, 2, 0, 1, 2]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [("import distsim", set()), ("from distsim import Simulation, Network, IafPscAlpha", {"numpy"})],
)
def test_nothing_heavy_is_imported_before_it_is_needed(statement, expected):
    heavy = {"numpy", "numba", "scipy.special", "scipy.linalg", "h5py", "matplotlib", "mpi4py"}
    code = f"import sys; {statement}; print(*sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert set(found.stdout.split()) == expected


def test_all_names_can_be_imported():
    for name in distsim.__all__:
        assert getattr(distsim, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Netwerk'"):
        distsim.Netwerk  # noqa: B018
