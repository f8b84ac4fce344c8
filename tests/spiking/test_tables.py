"""Synapse tables: weights and delays stay with their edges, in the promised order, in the smallest types."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import (
    AllToAll,
    Clipped,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    InputError,
    LogNormal,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    Static,
    StdpPowerLaw,
    Uniform,
)  # fmt: skip
from tests.connections import built, connected, stored

RANKS = [1, 2, 3, 7, 50]


def network(rule, synapse, n_source=20, n_target=15, dt=0.5, **neuron):
    net = Network(dt=dt)
    net.population("before", 3, IafPscAlpha())
    net.population("A", n_source, IafPscAlpha())
    net.population("B", n_target, IafPscAlpha(**neuron))
    net.connect("A", "B", rule, synapse)
    return net


def edge_list(n, n_source, n_target, seed=1):
    random = np.random.default_rng(seed)
    source, target = random.integers(0, n_source, n), random.integers(0, n_target, n)
    return source, target, random.normal(0.0, 1.0, n), random.integers(1, 40, n) * 0.5


# ---------------------------------------------------------------- weights and delays of single edges


@pytest.mark.parametrize("ranks", RANKS)
@pytest.mark.parametrize("two_inputs", [False, True])
def test_an_edge_list_keeps_weights_and_delays_with_their_edges(ranks, two_inputs):
    source, target, weight, delay = edge_list(2000, 20, 15)
    assert len(set(zip(source, target, strict=True))) == 300  # most edges have the ends of another
    net = network(EdgeList(source, target), Static(weight, delay), tau_syn_in=3.0 if two_inputs else 2.0)
    c = stored(net, ranks)[0]
    found = sorted(zip(c.source, c.target, c.weight, c.delay, strict=True))
    assert found == sorted(zip(source, target, weight, delay, strict=True))


@pytest.mark.parametrize("ranks", [1, 3])
def test_edges_between_the_same_neurons_keep_their_order(ranks):
    """With one delay, and weights of one sign or one input."""
    source, target, weight, _ = edge_list(500, 3, 4)
    c = stored(network(EdgeList(source, target), Static(weight, 1.0), 3, 4), ranks)[0]
    order = np.lexsort((target, source))
    assert (c.source == source[order]).all()
    assert (c.target == target[order]).all()
    assert (c.weight == weight[order]).all()


@pytest.mark.parametrize("ranks", RANKS)
def test_arrays_of_a_fixed_indegree_have_a_row_for_every_target(ranks):
    """Entry (t, k) belongs to draw k of target t: the draws themselves are known from the rule alone."""
    numbers = np.arange(1.0, 15 * 6 + 1).reshape(15, 6)
    delays = 0.5 + numbers // 2 * 0.5
    for rule in (FixedIndegree(6), FixedIndegree(6, multapses=False), FixedIndegree(6, autapses=False)):
        c = stored(network(rule, Static(numbers, delays)), ranks)[0]
        entry = c.weight.astype(int) - 1
        assert sorted(entry) == list(range(90))
        assert (c.target == entry // 6).all()
        assert (c.delay == delays.ravel()[entry]).all()
        plain = stored(network(rule, Static(1.0, 1.0)))[0]
        assert (plain.source == c.source).all()
        assert (plain.target == c.target).all()


@pytest.mark.parametrize("ranks", RANKS)
def test_arrays_of_all_to_all_and_one_to_one(ranks):
    numbers = np.arange(15 * 20).reshape(15, 20) - 100.0
    for net in (network(AllToAll(), Static(numbers, 1.0)), network(AllToAll(), Static(numbers, 1.0), tau_syn_in=9.0)):
        c = stored(net, ranks)[0]
        assert len(c.weight) == 300
        assert (c.weight == numbers[c.target, c.source]).all()
    c = stored(network(OneToOne(), Static(np.arange(15.0), np.arange(1, 16) * 0.5), 15, 15), ranks)[0]
    assert c.source.tolist() == c.target.tolist() == c.weight.tolist() == list(range(15))
    assert (c.delay == 0.5 + 0.5 * np.arange(15)).all()


def test_an_array_of_all_to_all_has_entries_for_the_autapses_left_out():
    net = Network()
    net.population("A", 6, IafPscAlpha())
    numbers = np.arange(36.0).reshape(6, 6)
    net.connect("A", "A", AllToAll(autapses=False), Static(numbers, 1.0))
    c = stored(net, 4)[0]
    assert len(c.weight) == 30
    assert (c.weight == numbers[c.target, c.source]).all()


@pytest.mark.parametrize("synapse", [Static, StdpPowerLaw])
def test_an_array_of_equal_entries_is_as_good_as_one_number(synapse):
    rule = FixedIndegree(6)
    one = stored(network(rule, synapse(2.5, 1.5)))[0]
    many = stored(network(rule, synapse(np.full((15, 6), 2.5), np.full((15, 6), 1.5))), 3)[0]
    for column in ("source", "target", "weight", "delay"):
        assert (getattr(one, column) == getattr(many, column)).all()
    assert (one.weight == 2.5).all()
    assert (one.delay == 1.5).all()


# ---------------------------------------------------------------- distributions

RULES = [
    FixedIndegree(40),
    FixedIndegree(12, multapses=False),
    FixedTotalNumber(700),
    PairwiseBernoulli(0.6),
    AllToAll(),
    EdgeList(np.arange(900) % 20, np.arange(900) % 15),
]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("ranks", RANKS[1:])
def test_drawn_weights_and_delays_do_not_depend_on_ranks(rule, ranks):
    synapse = Static(Normal(0.0, 1.0), Uniform(0.5, 20.0))
    for two_inputs in (False, True):
        net = network(rule, synapse, tau_syn_in=3.0 if two_inputs else 2.0)
        one, many = stored(net)[0], stored(net, ranks)[0]
        for column in ("source", "target", "weight", "delay"):
            assert (getattr(one, column) == getattr(many, column)).all()


def test_drawn_weights_and_delays_have_their_distributions():
    """Delays are rounded to the nearest step: 1 and 10 steps get half of what the others get."""
    synapse = StdpPowerLaw(LogNormal(0.5, 0.4), Uniform(0.5, 5.0))
    net = Network(dt=0.5)
    net.population("A", 400, IafPscAlpha())
    net.connect("A", "A", FixedIndegree(100), synapse)
    c = stored(net)[0]
    assert stats.kstest(c.weight, stats.lognorm(0.4, scale=np.exp(0.5)).cdf).pvalue > 0.01
    steps = np.bincount((c.delay / 0.5).astype(int), minlength=11)[1:]
    share = np.array([0.5, *[1.0] * 8, 0.5]) / 9
    assert stats.chisquare(steps, steps.sum() * share).pvalue > 0.01
    assert abs(np.corrcoef(c.weight, c.delay)[0, 1]) < 4 / np.sqrt(len(c.weight))
    assert abs(np.corrcoef(c.weight, c.source)[0, 1]) < 4 / np.sqrt(len(c.weight))


def test_drawn_delays_are_at_least_one_step():
    c = stored(network(AllToAll(), Static(1.0, Clipped(Normal(1.0, 5.0), low=0.5, high=3.0))))[0]
    assert c.delay.min() == 0.5
    assert c.delay.max() == 3.0


# ---------------------------------------------------------------- storage


@pytest.mark.parametrize("two_inputs", [False, True])
@pytest.mark.parametrize("n_source", [2, 20, 3000])  # in segments, by edge, with few of the sources
def test_tables_are_sorted_by_source_then_delay_then_target(n_source, two_inputs):
    source, target, weight, delay = edge_list(2000, n_source, 15)
    net = network(EdgeList(source, target), Static(weight, delay), n_source, tau_syn_in=3.0 if two_inputs else 2.0)
    tables = built(net).tables
    assert len(tables) == 1 + two_inputs
    for local in tables:
        table = local.table
        edges, rows = table.edges_of(np.arange(table.n_source))
        assert (edges == np.arange(table.n_edges)).all()
        order = np.lexsort((table.targets, table.delays_of(edges, rows), rows))
        assert (order == np.arange(table.n_edges)).all()


def test_weights_of_both_signs_go_to_the_inputs_of_their_signs():
    source, target, weight, delay = edge_list(1000, 20, 15)
    weight[:5] = 0.0
    net = network(EdgeList(source, target), Static(weight, delay), tau_syn_in=3.0)
    excitatory, inhibitory = (next(t for t in built(net).tables if t.input == k).table for k in (0, 1))
    assert sorted(excitatory.weights) == sorted(weight[weight >= 0.0])
    assert sorted(inhibitory.weights) == sorted(weight[weight < 0.0])
    for value, expected in ((2.0, 0), (-2.0, 1), (Uniform(1.0, 2.0), 0), (Uniform(-2.0, -1.0), 1)):
        (local,) = built(network(AllToAll(), Static(value, 1.0), tau_syn_in=3.0)).tables
        assert local.input == expected
        assert local.table.n_edges == 300


@pytest.mark.parametrize(
    ("size", "expected"), [(1, "uint16"), (65_536, "uint16"), (65_537, "uint32"), (100_000, "uint32")]
)
def test_targets_have_the_smallest_type_that_fits_the_local_count(size, expected):
    net = Network()
    net.population("A", size, IafPscAlpha())
    net.connect("A", "A", OneToOne(), Static())
    table = built(net).tables[0].table
    assert table.targets.dtype == expected
    assert (table.targets == np.arange(size)).all()
    assert (table.source_gids - table.first_source_gid == np.arange(size)).all()
    assert built(net, rank=1, ranks=2).tables[0].table.targets.dtype == "uint16"


@pytest.mark.parametrize(("longest", "size"), [(255, 1), (256, 2), (65_535, 2), (65_536, 4)])
def test_delays_have_the_smallest_type_that_fits(longest, size):
    delay = np.full(300, 0.5)
    delay[7] = longest * 0.5
    source, target = np.divmod(np.arange(300), 15)
    net = network(EdgeList(source, target), Static(1.0, delay))
    table = built(net).tables[0].table
    assert table.delays.itemsize == size
    assert table.delays.max() == longest
    assert (np.sort(stored(net)[0].delay) == np.sort(delay)).all()


def test_what_is_equal_is_stored_once_and_static_synapses_need_at_most_six_bytes():
    net = Network()
    net.population("A", 500, IafPscAlpha())
    net.connect("A", "A", FixedIndegree(500), Static(1.5, 2.0))
    net.connect("A", "A", FixedIndegree(500), Static(Uniform(1.0, 2.0), 2.0))
    net.connect("A", "A", FixedIndegree(500), StdpPowerLaw(1.5, 2.0))
    sizes = [t.table.nbytes() / t.table.n_edges for t in built(net, precision="single").tables]
    assert sizes == pytest.approx([2.0, 6.0, 6.0], abs=0.1)
    sizes = [t.table.nbytes() / t.table.n_edges for t in built(net, precision="double").tables]
    assert sizes == pytest.approx([2.0, 10.0, 10.0], abs=0.1)


def test_memory_of_few_edges_does_not_grow_with_the_number_of_sources():
    source, target, weight, delay = edge_list(50, 1_000_000, 15)
    net = network(EdgeList(source, target), Static(weight, delay), 1_000_000)
    (local,) = built(net).tables
    assert local.table.nbytes() < 50 * 40
    c = stored(net)[0]
    assert sorted(zip(c.source, c.weight, strict=True)) == sorted(zip(source, weight, strict=True))


@pytest.mark.parametrize("ranks", [1, 2, 3, 60])
def test_needed_sources_are_those_with_targets_on_the_rank(ranks):
    source, target, weight, delay = edge_list(30, 200, 15)
    net = network(EdgeList(source, target), Static(weight, delay), 200)
    first = {p.name: p.first_gid for p in net.populations}
    for rank in range(ranks):
        mine = (target + first["B"]) % ranks == rank
        assert built(net, rank, ranks).needed_sources().tolist() == sorted(set((source[mine] + first["A"]).tolist()))


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("rule", "synapse", "message"),
    [
        (
            FixedIndegree(6),
            lambda: Static(np.ones(90), 1.0),
            r"weight has shape \(90,\), but must have shape \(15, 6\)",
        ),
        (
            EdgeList([0, 1], [0, 1]),
            lambda: Static(1.0, [1.0] * 3),
            r"delay has shape \(3,\), but must have shape \(2,\)",
        ),
        (PairwiseBernoulli(0.5), lambda: Static(np.ones(5), 1.0), "give a number or a distribution"),
        (
            AllToAll(),
            lambda: Static(1.0, 0.7),
            r"delay = 0.7 ms is not a whole multiple of dt = 0.5 ms; write 0.5 or 1",
        ),
        (AllToAll(), lambda: Static(1.0, Normal(5.0, 1.0)), "delay"),
        (AllToAll(), lambda: Static(1.0, Uniform(0.1, 1.0)), "below dt = 0.5 ms; wrap it in Clipped"),
        (AllToAll(), lambda: StdpPowerLaw(Normal(1.0, 1.0), 1.0), "weight must be at least 0"),
        (OneToOne(), lambda: Static(np.full(15, np.nan), 1.0), r"weight\[0\] must be finite"),
    ],
)
def test_wrong_weights_and_delays_are_refused(rule, synapse, message):
    with pytest.raises(InputError, match=message):
        connected(rule, 15, 15, synapse())
