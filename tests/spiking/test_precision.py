"""Single precision loses nothing that matters: what it would round by more than 1e-4 of itself keeps the wider type."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    AllToAll,
    Clipped,
    EdgeList,
    IafPscDelta,
    IafPscExp,
    InputError,
    Network,
    Normal,
    OneToOne,
    Poisson,
    PoissonSource,
    SpikeTrains,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from distsim.core.values import typical_sizes
from distsim.models import registry
from distsim.spiking.precision import needs_double, too_coarse
from tests.connections import built
from tests.plasticity import network_of_trains
from tests.simulating import simulate


def spike_at_1_ms(weight, *others):
    """One source that fires at 1 ms, and neurons that it drives by ``weight``, and by all others."""
    network = Network(dt=0.1)
    network.population("S", 1, SpikeTrains([[1.0]]))
    network.population("E", 1, IafPscExp(tau_syn_ex=2.0, tau_syn_in=2.0))
    network.connect("S", "E", OneToOne(), Static(weight, 1.0))
    for i, other in enumerate(others):  # one group with E
        network.population(f"F{i}", 1, IafPscExp(tau_syn_ex=2.0, tau_syn_in=2.0))
        network.connect("S", f"F{i}", OneToOne(), Static(other, 1.0))
    network.record_states("E", "I_syn")
    return network


def types(network, precision="single"):
    """Types of the sums of every group of neurons, and of the weights of every table."""
    local = built(network, precision=precision)
    sums = [str(group.rings[0].dtype) for group in local.groups if group.rings]
    return sums, [str(t.table.weights.dtype) for t in local.tables]


# ---------------------------------------------------------------- sums of input


@pytest.mark.parametrize("weight", [0.3, np.array([0.3]), Clipped(Normal(0.3, 0.0), low=0.0)])
@pytest.mark.parametrize(("other", "sums"), [(3000.0, "int32"), (1e9, "int64"), (1e12, "int64")])
def test_a_weak_synapse_beside_a_strong_one(weight, other, sums):
    network = spike_at_1_ms(weight, other)
    assert set(types(network)[0]) >= {sums}
    arrived = simulate(network, 4.0, precision="single").states("E", "I_syn").value.max()
    assert arrived == pytest.approx(0.3, rel=1e-4)


def test_one_weak_entry_of_an_array_counts():
    weights = np.full(1000, 50.0)
    for weak, sums in ((50.0, "int32"), (1.0, "int32"), (1e-3, "int64"), (0.0, "int32")):
        network = Network(dt=0.1)
        network.population("E", 1000, IafPscExp())
        given = weights.copy()
        given[7], given[8] = weak, 60.123
        network.connect("E", "E", EdgeList(np.arange(1000), np.zeros(1000, np.int64)), Static(given, 1.0))
        assert types(network)[0] == [sums]


def test_weak_input_of_very_many_events():
    """1e6 events a step: their sums do not leave 32 bits enough for the weight of one."""
    network = Network(dt=0.1)
    network.population("E", 1, IafPscExp(V_th=1e12, V_reset=0.0))
    network.stimulate("E", Poisson(rate=1e10, weight=1.3e-3))
    network.record_states("E", "I_syn")
    single, double = (
        simulate(network, 5.0, precision=precision).states("E", "I_syn").value for precision in ("single", "double")
    )
    np.testing.assert_allclose(single, double, rtol=1e-6)


@pytest.mark.parametrize(("n", "rate"), [(10, 100.0), (300, 1e7)])
def test_one_spike_of_very_active_sources(n, rate):
    network = Network(dt=0.1)
    network.population("S", n, PoissonSource(rate))
    network.population("one", 1, SpikeTrains([[0.1]]))
    network.population("E", 1, IafPscDelta(V_th=1e9, E_L=0.0, V_reset=-1.0, t_ref=0.1), V_m=0.0)
    network.connect("S", "E", AllToAll(), Static(0.1, 5.0))
    network.connect("one", "E", OneToOne(), Static(0.1, 0.1))
    network.record_states("E")
    assert simulate(network, 0.4, precision="single").states("E").value.max() == pytest.approx(0.1, rel=1e-4)


def test_weights_are_those_that_are_used_wherever_they_are():
    """On two ranks each has one of the edges: an array of one weight is not one weight of all."""
    network = Network(dt=0.1)
    network.population("S", 2, SpikeTrains([[1.0], [1.0]]))
    network.population("E", 2, IafPscDelta(E_L=0.0, V_reset=0.0, V_th=1e3), V_m=0.0)
    network.connect("S", "E", OneToOne(), Static([0.3, 40.0], [1.0, 2.0]))
    network.record_states("E")
    simulation, unit = simulate(network, 4.0, precision="single"), 2.0**-24
    assert simulation.weights("S", "E").weight.tolist() == [round(0.3 / unit) * unit, 40.0]
    assert simulation.states("E").value.max(axis=0).tolist() == [round(0.3 / unit) * unit, 40.0]
    for rank in (0, 1):
        (local,) = built(network, rank, 2, precision="single").tables
        assert local.table.n_edges == 1
        assert local.table.weights.dtype == "int32"


# ---------------------------------------------------------------- weights


@pytest.mark.parametrize(
    ("rule", "double"),
    [
        ({}, False),
        ({"lambda_": 1e-3, "weight": 10.0}, True),
        ({"lambda_": 1e-7, "weight": 45.0}, True),
        ({"lambda_": 0.0}, False),  # nothing is learnt in either type
        ({"lambda_": 1e-3, "mu": 1.0, "alpha": 0.0}, False),
        ({"lambda_": 1e-3, "mu": 1.0, "alpha": 0.1}, True),
        ({"lambda_": 1.0, "weight": np.array([[1.0, 1e6]])}, True),
        ({"lambda_": 1.0, "weight": Uniform(0.0, 100.0)}, False),
        ({"weight": 0.0}, False),
        ({"weight": 1e-40, "mu": 1.0}, True),
    ],
)
def test_plastic_weights_are_double_where_float32_forgets_what_they_learn(rule, double):
    network = Network(dt=0.1)
    network.population("A", 2, SpikeTrains([[1.0], [2.0]]))
    network.population("B", 1, IafPscExp())
    network.connect("A", "B", AllToAll(), StdpPowerLaw(**rule))
    assert types(network)[1] == ["float64" if double else "float32"]


def test_slow_learning_is_not_lost():
    pre, post = [[5.0 * k for k in range(2, 60)]], [[5.0 * k + 3.0 for k in range(2, 60)]]
    rule = {"alpha": 0.1, "lambda_": 1e-7, "mu": 0.4, "tau_plus": 20.0, "tau_minus": 20.0}
    network = network_of_trains(pre, post, 45.0, 1.5, **rule)
    single, double = (
        simulate(network, 300.0, precision=precision).weights("pre", "post").weight[0] - 45.0
        for precision in ("single", "double")
    )
    assert 0.0 < abs(double) < 1e-3
    assert single == pytest.approx(double, rel=1e-4)


def test_weights_below_float32_stay_double():
    assert needs_double(Static([1e-40, 2e-40]))
    for synapse in (Static([0.0, 1e12]), Static(Normal(0.0, 1.0)), TsodyksMarkram()):
        assert not needs_double(synapse)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("two_population", {"N": 1250, "K": 625}),
        ("brunel", {"order": 250}),
        ("microcircuit", {"N_scaling": 0.02, "K_scaling": 0.05}),
    ],
)
def test_the_published_networks_keep_their_types(name, parameters):
    experiment = registry.find(name)
    sums, weights = types(experiment.build_network(experiment.load(parameters)))
    assert set(weights) <= {"float32", "int32", "float64"}
    network = experiment.build_network(experiment.load({}))
    assert not any(needs_double(p.synapse) for p in network.projections)
    assert "int32" in sums
    if name != "two_population":
        assert set(sums) == {"int32"}


# ---------------------------------------------------------------- how it is decided


def test_typical_sizes():
    assert typical_sizes(-3.0).tolist() == [3.0]
    assert typical_sizes(0.0).tolist() == []
    assert typical_sizes(np.array([[0.0, -2.0], [1.0, 0.0]])).tolist() == [2.0, 1.0]
    assert typical_sizes(Normal(-5.0, 0.0)).tolist() == [5.0]
    assert typical_sizes(Normal(0.0, 1.0)) == pytest.approx(0.6745, abs=0.1)
    assert typical_sizes(Clipped(Normal(-5.0, 0.1), low=0.0)).tolist() == []


def test_multiples_of_the_unit_are_never_too_coarse():
    assert not too_coarse(1.0, [3.0, np.array([1.0, 0.0, 7.0])])
    assert too_coarse(1.0, [3.001])
    assert not too_coarse(1.0, [3.0001])
    assert too_coarse(1.0, [Normal(3.0, 0.0)])  # drawn weights are anything
    assert not too_coarse(1.0, [Normal(6000.0, 100.0)])


def test_half_precision_is_gone():
    with pytest.raises(InputError, match="unknown precision 'half'"):
        built(spike_at_1_ms(1.0), precision="half")
