"""One rank takes the memory and does the work of its own neurons and synapses, however large the whole network is."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from distsim import (
    FixedIndegree,
    FixedTotalNumber,
    IafPscAlpha,
    IafPscExp,
    Network,
    Normal,
    PairwiseBernoulli,
    Static,
    StdpPowerLaw,
    TsodyksMarkram,
    Uniform,
)
from distsim.connect import binomial
from distsim.connect.binomial import split_total
from distsim.connect.source_index import row_of
from distsim.core.populations import columns_of
from distsim.spiking import table_making
from distsim.spiking.recorders import Recorders
from distsim.spiking.sparse_rows import SparseRows
from tests.connections import built, stored

LOCAL, INDEGREE = 250, 200
SMALL, LARGE = 10**6, 10**9


def network_of(size, rule, synapse):
    network = Network(dt=0.1)
    network.population("E", size, IafPscAlpha())
    network.connect("E", "E", rule, synapse)
    return network


def peak_of(network, n_local):
    """Bytes at the peak while one rank of many is built, which has so many neurons, and its number of synapses."""
    ranks = network.size // n_local
    built(network, 3, ranks)  # kernels are compiled, what is kept of a network is there
    tracemalloc.start()
    local = built(network, 3, ranks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, sum(local.table.n_edges for local in local.tables)


RULES = {
    "FixedIndegree": lambda size: FixedIndegree(INDEGREE),
    "FixedIndegree without multapses": lambda size: FixedIndegree(INDEGREE, autapses=False, multapses=False),
    "FixedTotalNumber": lambda size: FixedTotalNumber(INDEGREE * size),
    "PairwiseBernoulli": lambda size: PairwiseBernoulli(INDEGREE / size),
}


def of_union(size):
    """As ``network_of`` two populations, as sources and as targets one union."""
    network = Network(dt=0.1)
    first = network.population("A", size // 4, IafPscAlpha())
    other = network.population("B", size - size // 4, IafPscAlpha())
    network.connect(first | other, other + first, FixedIndegree(INDEGREE, autapses=False), Static(1.0, 1.5))
    network.connect(other[::2] + first, first, FixedTotalNumber(size), Static(1.0, 1.5))
    return network


def test_a_union_of_populations_takes_no_memory_for_all_of_their_neurons():
    (small, few), (large, many) = (peak_of(of_union(size), LOCAL) for size in (SMALL, LARGE))
    assert abs(many / few - 1.0) < 0.02
    assert large - small < 0.1 * small
    tracemalloc.start()
    of_union(LARGE)
    assert tracemalloc.get_traced_memory()[1] < 100_000
    tracemalloc.stop()


@pytest.mark.parametrize("rule", RULES)
def test_the_peak_of_memory_does_not_grow_with_the_network(rule):
    found = [peak_of(network_of(size, RULES[rule](size), Static(1.0, 1.5)), LOCAL) for size in (SMALL, LARGE)]
    (small, few), (large, many) = found
    assert abs(many / few - 1.0) < 0.02  # drawn numbers of synapses differ
    assert abs(large / small - 1.0) < 0.05


@pytest.mark.parametrize(
    ("synapse", "n_local", "indegree", "most"),
    [
        (Static(Normal(1.0, 0.1), 1.5), 100, 15_000, 20.0),
        (Static(Normal(1.0, 0.1), 1.5), 1000, 100, 20.0),
        (Static(1.0, 1.5), 100, 15_000, 13.0),
        (StdpPowerLaw(1.0, 1.5, alpha=0.1, lambda_=0.1, mu=0.4), 100, 15_000, 28.0),
    ],
    ids=["weights of their own", "weights of their own, few synapses", "one weight", "plastic"],
)
def test_a_synapse_that_is_alone_in_its_row_takes_few_bytes(synapse, n_local, indegree, most):
    peak, n_edges = peak_of(network_of(10**8, FixedIndegree(indegree), synapse), n_local)
    assert n_edges == n_local * indegree
    assert peak / n_edges < most


def test_a_total_is_split_for_the_boxes_of_a_rank_alone(monkeypatch):
    whole = split_total(12_345, 1001, 7, np.arange(1001))
    assert whole.sum() == 12_345
    wanted = np.array([1000, 3, 500, 3])
    assert (split_total(12_345, 1001, 7, wanted) == whole[wanted]).all()
    drawn, split = [], binomial.split

    def counted(*given):
        counts, numbers = split(*given)
        drawn.append(numbers)
        return counts, numbers

    monkeypatch.setattr(binomial, "split", counted)
    for size in (10**6, 10**9):
        split_total(10 * size, size, 7, np.arange(5, size, size // 100))
        assert 0 < drawn.pop() <= 100 * np.log2(size)


# ---------------------------------------------------------------- rows of some sources are those of all


def two_populations(synapse, indegree=8):
    network = Network(dt=0.5)
    network.population("A", 60, IafPscAlpha())
    network.population("B", 40, IafPscExp(tau_syn_ex=2.0, tau_syn_in=5.0))
    network.connect("A", "B", FixedIndegree(indegree), synapse)
    network.connect("B", "B", FixedIndegree(3), synapse)
    return network


def of_many_kinds(weight):
    network = two_populations(Static(1.0, 0.5))
    for k in range(1, 10):
        network.connect("B", "B", FixedIndegree(2), Static(weight or 1.0 + k, 0.5 * k))
        network.connect("A", "B", FixedIndegree(k), Static(weight or 2.0 + k, 0.5 * k))
    return network


NETWORKS = {
    "one weight and delay": lambda: two_populations(Static(1.0, 0.5)),
    "weights": lambda: two_populations(Static(Normal(5.0, 1.0), 0.5)),
    "weights of both signs": lambda: two_populations(Static(Normal(0.0, 1.0), 0.5)),
    "delays": lambda: two_populations(Static(Normal(0.0, 1.0), Uniform(0.5, 5.0))),
    "long delays": lambda: two_populations(Static(1.0, Uniform(0.5, 2000.0))),
    "segments": lambda: two_populations(Static(1.0, Uniform(0.5, 1.0)), 2000),
    "plastic": lambda: two_populations(StdpPowerLaw(Uniform(1.0, 2.0), Uniform(0.5, 5.0))),
    "attributes": lambda: two_populations(
        TsodyksMarkram(1.0, Uniform(0.5, 5.0), U=Uniform(0.1, 0.9), D=Uniform(1.0, 9.0))
    ),
    "many kinds": lambda: of_many_kinds(None),
    "many kinds, weights": lambda: of_many_kinds(Normal(1.0, 0.1)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_rows_of_some_sources_hold_what_rows_of_all_hold(name, monkeypatch):
    found = []
    for edges_per_row in (0.0, np.inf):
        monkeypatch.setattr(table_making, "EDGES_PER_ROW", edges_per_row)
        monkeypatch.setattr("distsim.spiking.sparse_rows.IN_BUCKET", 64)
        network = NETWORKS[name]()
        tables = [local.table for local in built(network).tables]
        assert all(table.every_source == (edges_per_row == 0.0) for table in tables)
        attributes = [table.attributes[name].tolist() for table in tables for name in sorted(table.attributes)]
        found.append(([list(vars(columns).values()) for columns in stored(network, 3)], attributes))
    (every, one), (some, other) = found
    for expected, projection in zip(every, some, strict=True):
        for a, b in zip(expected, projection, strict=True):
            assert np.array_equal(a, b)
    assert one == other


@pytest.mark.parametrize("n_source", [1, 70_000, 2**31 - 1])
def test_sources_are_found_in_their_rows(n_source):
    random = np.random.default_rng(1)
    source = random.integers(0, n_source, 5000).astype(np.int32)
    rows = SparseRows(n_source, 1e5)
    degree, places = np.array([2000, 3000]), np.array([7, 2])
    rows.count(0, source)
    targets, none = np.empty(rows.begin(), np.uint16), np.empty(0)
    rows.put(0, source, (degree, places), (none, none), (targets, none, none))
    rows.sort(0, (targets, none, none))
    index, offsets = rows.index(np.int32)
    known, counts = np.unique(source, return_counts=True)
    assert (index.sources == known).all()
    assert (np.diff(offsets) == counts).all()
    assert (targets == np.repeat(places, degree)[np.argsort(source, kind="stable")]).all()
    place = (10, n_source, *index)
    assert [row_of(10 + int(gid), place) for gid in known] == list(range(len(known)))
    others = np.setdiff1d(random.integers(0, n_source, 1000), known)
    assert {row_of(10 + int(gid), place) for gid in [-11, -1, n_source, *others]} == {-1}


# ---------------------------------------------------------------- rings


def test_rings_are_as_long_as_the_delays_of_their_own_group():
    network = two_populations(Static(1.0, 100.0))
    network.connect("B", "A", FixedIndegree(3), Static(1.0, 1.5))
    lengths = [len(group.rings[0]) for group in built(network).groups]
    assert lengths == [3, 200]


def test_neurons_that_are_recorded_take_no_memory_of_the_whole_population():
    tracemalloc.start()
    network = network_of(LARGE, FixedIndegree(10), Static(1.0, 1.5))
    network.record_spikes("E")
    network.record_states("E", "V_m", neurons=range(7, LARGE, 1_000_000))
    network.record_weights("E", "E", targets=range(100))
    recorders = Recorders(network, built(network, 7, 1_000_000))
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
    assert len(recorders.of_spikes["E"].chosen) == len(recorders.of_states["E"][0].columns) == LARGE // 1_000_000


@pytest.mark.parametrize("chosen", [range(3, 40, 5), range(38, -1, -7), range(0), np.array([8, 3, 8, 39])], ids=str)
def test_chosen_neurons_are_found_among_those_of_a_rank(chosen):
    index = np.array([1, 3, 8, 10, 13, 31, 38, 45])
    columns, here = columns_of(chosen, index)
    expected = [(place, int(np.flatnonzero(index == n)[0])) for place, n in enumerate(chosen) if n in index]
    assert list(zip(columns.tolist(), here.tolist(), strict=True)) == expected
