"""Ownership of neurons: round robin over global ids, also where neurons are few or do not divide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distsim.core.placement import (
    first_local,
    index_of_owner,
    local_count,
    local_gids,
    most_local,
    owner,
)
from distsim.parallel.lone_rank import LoneRank
from distsim.rates.rate_exchange import RateExchange

FIRST = st.integers(0, 10**12)
SIZE = st.integers(0, 300)
RANKS = st.integers(1, 200)


@given(FIRST, SIZE, RANKS)
def test_every_neuron_has_one_owner(first_gid, size, ranks):
    parts = [local_gids(first_gid, size, rank, ranks) for rank in range(ranks)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(first_gid, first_gid + size))
    for rank, gids in enumerate(parts):
        assert gids.dtype == np.int64
        assert all(owner(int(gid), ranks) == rank for gid in gids)
        assert (np.diff(gids) == ranks).all()


@given(FIRST, SIZE, RANKS)
def test_counts_are_those_of_the_gids_and_balanced(first_gid, size, ranks):
    counts = [local_count(first_gid, size, rank, ranks) for rank in range(ranks)]
    assert counts == [len(local_gids(first_gid, size, rank, ranks)) for rank in range(ranks)]
    assert sum(counts) == size
    assert max(counts) - min(counts) <= 1


@given(FIRST, RANKS, st.data())
def test_the_first_local_gid_is_the_next_one_the_rank_owns(first_gid, ranks, data):
    rank = data.draw(st.integers(0, ranks - 1))
    first = first_local(first_gid, rank, ranks)
    assert first_gid <= first < first_gid + ranks
    assert owner(first, ranks) == rank


@pytest.mark.parametrize(
    ("first_gid", "size", "ranks", "expected"),
    [
        (0, 0, 1, [[]]),
        (5, 0, 3, [[], [], []]),
        (0, 1, 3, [[0], [], []]),
        (4, 1, 3, [[], [4], []]),
        (0, 7, 3, [[0, 3, 6], [1, 4], [2, 5]]),
        (5, 7, 3, [[6, 9], [7, 10], [5, 8, 11]]),
        (2, 3, 5, [[], [], [2], [3], [4]]),
        (2, 3, 1, [[2, 3, 4]]),
    ],
)
def test_awkward_sizes(first_gid, size, ranks, expected):
    assert [local_gids(first_gid, size, rank, ranks).tolist() for rank in range(ranks)] == expected


@given(st.lists(SIZE, max_size=6), RANKS)
def test_populations_behind_each_other_load_the_ranks_evenly(sizes, ranks):
    """The whole network is balanced, not only each population: gids go on from one population to the next."""
    starts = np.cumsum([0, *sizes])
    loads = [sum(local_count(int(s), n, r, ranks) for s, n in zip(starts, sizes, strict=False)) for r in range(ranks)]
    assert max(loads) - min(loads) <= 1


@given(SIZE, RANKS)
def test_neurons_lie_behind_each_other_by_owner(size, ranks):
    """``RateExchange`` numbers the neurons of rank 0, then those of rank 1, and so on."""
    by_rank = [local_gids(0, size, rank, ranks) for rank in range(ranks)]
    exchange = RateExchange(LoneRank(0, ranks), size)
    assert max(map(len, by_rank)) == most_local(size, ranks) == len(exchange.mine)
    assert exchange.number(np.concatenate(by_rank)).tolist() == list(range(size))
    for gids in by_rank:
        assert index_of_owner(gids, ranks).tolist() == list(range(len(gids)))


@given(FIRST, SIZE, RANKS)
def test_the_place_of_a_neuron_on_its_rank_follows_from_its_gid(first_gid, size, ranks):
    for rank in range(min(ranks, 5)):
        gids = local_gids(first_gid, size, rank, ranks)
        before = index_of_owner(first_local(first_gid, rank, ranks), ranks)
        assert (index_of_owner(gids, ranks) - before == np.arange(len(gids))).all()
