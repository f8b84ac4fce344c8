"""Connection rules: what each of them promises exactly, on any number of ranks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from distsim import (
    AllToAll,
    EdgeList,
    FixedIndegree,
    FixedTotalNumber,
    IafPscExp,
    InputError,
    Network,
    NonZero,
    OneToOne,
    PairwiseBernoulli,
    Simulation,
    Static,
)  # fmt: skip
from tests.connections import connected, counts, draw
from tests.threads import on_ranks

FLAGS = list(itertools.product((True, False), repeat=2))


# ---------------------------------------------------------------- fixed in-degree


@pytest.mark.parametrize(("autapses", "multapses"), FLAGS)
@pytest.mark.parametrize("indegree", [0, 1, 5, 9, 10, 19])
def test_the_indegree_is_exact(indegree, autapses, multapses):
    for seed in range(20):
        c = counts(connected(FixedIndegree(indegree, autapses, multapses), 20), seed)
        assert (c.sum(axis=1) == indegree).all()
        assert autapses or (np.diag(c) == 0).all()
        assert multapses or c.max(initial=0) <= 1


@pytest.mark.parametrize(("autapses", "multapses"), FLAGS)
def test_between_two_populations_a_neuron_of_equal_index_is_no_autapse(autapses, multapses):
    total = sum(counts(connected(FixedIndegree(4, autapses, multapses), 10, 30), seed) for seed in range(50))
    assert (total.sum(axis=1) == 200).all()
    assert (total > 0).all()


def test_autapses_and_multapses_occur_where_they_are_allowed():
    total = sum(counts(connected(FixedIndegree(4), 10), seed) for seed in range(50))
    assert (np.diag(total) > 0).all()
    assert max(counts(connected(FixedIndegree(4), 10), seed).max() for seed in range(50)) >= 2


def test_more_inputs_than_neurons_need_multapses():
    assert (counts(connected(FixedIndegree(100, autapses=False), 7)).sum(axis=1) == 100).all()
    assert (counts(connected(FixedIndegree(100), 1)) == 100).all()


def test_all_sources_are_taken_where_the_indegree_is_their_number():
    assert (counts(connected(FixedIndegree(12, multapses=False), 12)) == 1).all()
    without_self = counts(connected(FixedIndegree(11, autapses=False, multapses=False), 12))
    assert (without_self == 1 - np.eye(12)).all()


@pytest.mark.parametrize(
    ("rule", "n_source", "n_target", "message"),
    [
        (
            FixedIndegree(11, multapses=False),
            10,
            None,
            "indegree = 11 cannot be met from 10 neurons of 'A' without mul",
        ),
        (FixedIndegree(11, multapses=False), 10, 4, "cannot be met"),
        (FixedIndegree(10, autapses=False, multapses=False), 10, None, "without autapses and multapses; at most 9"),
        (FixedIndegree(1, autapses=False), 1, None, "cannot be met"),
        (FixedIndegree(1), 0, 4, "cannot be met"),
        (FixedTotalNumber(1), 0, 4, "no pair"),
        (FixedTotalNumber(1, autapses=False), 1, None, "no pair"),
        (OneToOne(), 3, 4, "'A' has 3 neurons, 'B' 4; both must have the same size"),
        (EdgeList([0, 4], [0, 0]), 4, 1, r"source\[1\] = 4 is out of range; 'A' has neurons 0 to 3"),
        (EdgeList([0, 0], [0, -1]), 4, 1, r"target\[1\] = -1 is out of range"),
    ],
)
def test_what_cannot_be_met_is_refused(rule, n_source, n_target, message):
    with pytest.raises(InputError, match=message):
        connected(rule, n_source, n_target)


@pytest.mark.parametrize(
    ("rule", "n_source", "n_target"),
    [
        (FixedIndegree(10, multapses=False), 10, None),
        (FixedIndegree(10, autapses=False, multapses=False), 10, 4),
        (FixedIndegree(0, autapses=False), 1, None),
        (FixedIndegree(5), 0, 0),
        (FixedTotalNumber(0), 0, 4),
        (AllToAll(), 0, 3),
        (OneToOne(), 0, 0),
        (PairwiseBernoulli(0.5, autapses=False), 1, None),
        (EdgeList([], []), 3, 3),
        (NonZero(np.zeros((3, 0))), 0, 3),
        (NonZero(np.zeros((0, 3))), 3, 0),
    ],
)
def test_limits_that_can_be_met(rule, n_source, n_target):
    source, target = draw(connected(rule, n_source, n_target))
    assert len(source) == len(target) == (40 if n_target == 4 and n_source else 100 if n_source == 10 else 0)


# ---------------------------------------------------------------- the other rules


def test_all_to_all():
    assert (counts(connected(AllToAll(), 5, 7)) == 1).all()
    assert (counts(connected(AllToAll(), 6)) == 1).all()
    assert (counts(connected(AllToAll(autapses=False), 6)) == 1 - np.eye(6)).all()
    assert (counts(connected(AllToAll(autapses=False), 6, 6)) == 1).all()


def test_one_to_one():
    assert (counts(connected(OneToOne(), 6, 6)) == np.eye(6)).all()
    assert (counts(connected(OneToOne(), 6)) == np.eye(6)).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, bool])
def test_where_a_matrix_is_not_zero(dtype, monkeypatch):
    monkeypatch.setattr("distsim.core.mapped.BLOCK", 8)
    matrix = (np.random.default_rng(2).integers(-2, 3, (7, 5))).astype(dtype)
    for given in (matrix, np.asfortranarray(matrix), matrix.tolist(), np.tile(matrix, (2, 2))[7:, 5:]):
        assert (counts(connected(NonZero(given), 5, 7)) == (matrix != 0)).all()
    assert np.shares_memory(NonZero(matrix).matrix, matrix)
    assert matrix.flags.writeable
    assert NonZero(matrix).values() == ([1.0] if dtype is bool else [-2.0, -1.0])
    assert NonZero(np.where(matrix != 0, 0.5, 0.0)).values() == [0.5]
    assert NonZero(0 * matrix.astype(int)).values() == []


def test_weights_from_the_matrix_that_says_who_is_connected():
    """Each connection has its own entry, also of a part of a larger matrix, on a rank of several."""
    whole = np.random.default_rng(3).normal(size=(20, 30)) * (np.random.default_rng(4).random((20, 30)) < 0.3)
    part = whole[5:18, 10:27]
    network = Network()
    network.population("A", 17, IafPscExp())
    network.population("B", 13, IafPscExp())
    network.connect("A", "B", NonZero(part), Static(part, 1.0))
    found = on_ranks(3, lambda comm: Simulation(network, comm).weights("A", "B"))[0]
    assert len(found.weight) == np.count_nonzero(part)
    assert (part[found.target, found.source] == found.weight).all()


@pytest.mark.parametrize("autapses", [True, False])
def test_bernoulli_at_its_limits(autapses):
    everything = counts(connected(PairwiseBernoulli(1.0, autapses), 9))
    assert (everything == (1 if autapses else 1 - np.eye(9))).all()
    assert len(draw(connected(PairwiseBernoulli(0.0, autapses), 9))[0]) == 0
    for p in (1e-300, 1e-18):
        assert len(draw(connected(PairwiseBernoulli(p, autapses), 1000))[0]) == 0
    almost = counts(connected(PairwiseBernoulli(1.0 - 1e-12, autapses), 300))
    assert (almost == (1 if autapses else 1 - np.eye(300))).all()


@pytest.mark.parametrize("autapses", [True, False])
def test_bernoulli_connects_a_pair_at_most_once(autapses):
    for p in (0.01, 0.3, 0.9):
        c = counts(connected(PairwiseBernoulli(p, autapses), 200), seed=3)
        assert c.max() == 1
        assert autapses or (np.diag(c) == 0).all()


@pytest.mark.parametrize("number", [0, 1, 3, 1000, 12_345])
@pytest.mark.parametrize(("n_source", "n_target"), [(1, 1), (2, 7), (100, 33), (64, None), (31, None)])
def test_the_total_number_is_exact(number, n_source, n_target):
    for autapses in (True, False) if n_source > 1 else (True,):
        c = counts(connected(FixedTotalNumber(number, autapses), n_source, n_target))
        assert c.sum() == number
        assert autapses or n_target or (np.diag(c) == 0).all()


def test_edge_lists_keep_every_edge_and_its_multiplicity():
    random = np.random.default_rng(1)
    source, target = random.integers(0, 8, 500), random.integers(0, 5, 500)
    c = counts(connected(EdgeList(source, target), 8, 5))
    assert (c == np.bincount(target * 8 + source, minlength=40).reshape(5, 8)).all()
    assert c.max() > 1


# ---------------------------------------------------------------- ranks, seeds and projections

RULES = [
    (FixedIndegree(8, autapses=False), None),
    (FixedIndegree(8, autapses=False, multapses=False), None),
    (FixedIndegree(20, autapses=False, multapses=False), None),
    (FixedIndegree(8), 13),
    (FixedTotalNumber(321, autapses=False), None),
    (FixedTotalNumber(321), 13),
    (PairwiseBernoulli(0.3, autapses=False), None),
    (PairwiseBernoulli(0.3), 13),
    (AllToAll(autapses=False), None),
    (OneToOne(), None),
    (EdgeList(np.arange(100) % 29, np.arange(100) % 11), 13),
    (NonZero(np.arange(13 * 29).reshape(13, 29) % 5), 13),
]


@pytest.mark.parametrize(("rule", "n_target"), RULES)
@pytest.mark.parametrize("ranks", [2, 3, 5, 7, 40])
def test_every_number_of_ranks_draws_the_same_edges_in_the_same_order(rule, n_target, ranks):
    projection = connected(rule, 29, n_target)
    source, target = draw(projection)
    parts = [draw(projection, rank=rank, ranks=ranks) for rank in range(ranks)]
    for rank, (_, mine) in enumerate(parts):
        assert ((mine + projection.target.first_gid) % ranks == rank).all()
    all_source, all_target = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(all_target, kind="stable")
    assert (all_target[order] == target).all()
    assert (all_source[order] == source).all()


@pytest.mark.parametrize(("rule", "n_target"), RULES[:8])
def test_other_seeds_and_other_projections_draw_other_edges(rule, n_target):
    projection = connected(rule, 29, n_target)
    network_of_two = connected(rule, 29, n_target)
    other = type(projection)(1, network_of_two.source, network_of_two.target, rule, network_of_two.synapse)
    assert (counts(projection) == counts(connected(rule, 29, n_target))).all()
    assert (counts(projection) != counts(projection, seed=2)).any()
    assert (counts(projection) != counts(other)).any()
