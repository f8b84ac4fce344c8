"""Spikes that arrive: those without targets end before they are sorted, and many are sorted as few are."""

from __future__ import annotations

import numpy as np
import pytest

from distsim.spiking import needed_spikes, source_filter
from distsim.spiking.exchange import make_exchange
from distsim.spiking.exchange_plans import InWindow
from distsim.spiking.exchange_steps import ALLOCATED, SMALL
from distsim.spiking.needed_spikes import Lists
from distsim.spiking.packed_spikes import GID_BITS, MANY, sort, sort_by_digits
from distsim.spiking.source_filter import collect, filter_of
from tests.programs.exchange_plans import needing
from tests.threads import on_ranks


def packed(rng, n, size, steps=15):
    return (rng.integers(1, steps + 1, n).astype(np.uint64) << GID_BITS) | rng.integers(0, size, n).astype(np.uint64)


@pytest.mark.parametrize("n", [0, 1, 2, 30, MANY - 1, MANY, 5000])
@pytest.mark.parametrize("size", [1, 3000, 1 << 40])
def test_spikes_are_sorted_by_step_then_source(n, size):
    rng = np.random.default_rng(n)
    for spikes in (packed(rng, n, size), packed(rng, n, size, 1), packed(rng, n, size, (1 << 24) - 1)):
        for sort_them in (sort, sort_by_digits) if n else (sort,):
            ours = spikes.copy()
            sort_them(ours)
            np.testing.assert_array_equal(ours, np.sort(spikes))


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_a_filter_lets_all_needed_pass_and_few_others(size, monkeypatch):
    monkeypatch.setattr(source_filter, "PIECE", 50)
    rng = np.random.default_rng(2)
    gids = np.unique(rng.integers(0, size, 200))
    bits = filter_of(needing(gids))
    spikes = packed(rng, 20_000, size)
    needed = spikes[np.isin(spikes & np.uint64((1 << 40) - 1), gids.astype(np.uint64))]
    received = np.empty(30_000, np.uint64)
    n = collect(spikes, bits, received, 0)
    assert set(needed.tolist()) <= set(received[:n].tolist()) <= set(spikes.tolist())
    others = len(spikes) - len(needed)
    assert n - len(needed) < 0.2 * others
    few = np.empty(10, np.uint64)
    assert collect(spikes, bits, few, 3) == n + 3
    assert few[3:].tolist() == received[:7].tolist()
    assert collect(spikes, bits[:0], received, 0) == len(spikes)


def test_there_is_no_filter_where_nearly_all_are_needed():
    assert len(filter_of(needing(np.arange(100)))) == 0
    assert len(filter_of(needing(np.arange(0)))) == 1


@pytest.mark.parametrize("plan", ["allgather", "allgatherv", "nodes", "window"])
def test_spikes_without_targets_do_not_arrive(plan):
    """Of 10,000 neurons each rank needs ten, and gets few others."""
    rng = np.random.default_rng(4)
    spikes = np.unique(packed(rng, 4000, 10_000))
    gids = (spikes & np.uint64((1 << 40) - 1)).astype(np.int64)

    def received(comm):
        needed = np.arange(comm.rank, 10_000, 1000)
        return needed, make_exchange(plan, comm, needing(needed))(spikes[gids % comm.size == comm.rank]).copy()

    for needed, found in on_ranks(3, received):
        theirs = (found & np.uint64((1 << 40) - 1)).astype(np.int64)
        np.testing.assert_array_equal(found[np.isin(theirs, needed)], spikes[np.isin(gids, needed)])
        assert len(found) < 0.25 * len(spikes)


@pytest.mark.parametrize("plan", ["allgather", "alltoall", "nodes", "window"])
def test_memory_of_a_burst_is_given_back(plan):
    """On all ranks at the same exchange, where they share it."""

    def words(comm):
        exchange = make_exchange(plan, comm, needing(np.arange(comm.size)), 5)
        found = []
        for n in (1, 2 * SMALL, *[3] * 600):
            exchange((np.arange(n, dtype=np.uint64) << GID_BITS) | np.uint64(comm.rank))
            found.append((int(exchange.own[ALLOCATED]), len(exchange._received)))
        assert isinstance(exchange, InWindow) == (plan == "window")
        return found[0], max(found), found[-1]

    for before, most, after in on_ranks(2, words):
        assert before[0] < 100 < 2 * SMALL <= most[0]
        assert after[0] < 100
        assert after[1] < SMALL <= most[1]


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("ranks", [1, 3, 8])
def test_lists_tell_who_needs_the_spikes_of_whom(ranks, piece, monkeypatch):
    """However few sources are asked for together; nodes of two ranks have each what one of theirs needs."""
    monkeypatch.setattr(needed_spikes, "PIECE", piece)
    rng = np.random.default_rng(ranks)
    needs = [np.unique(rng.integers(0, 200, rng.integers(0, 150))) for _ in range(ranks)]

    def places(comm):
        of_ranks = Lists.of_ranks(comm, needing(needs[comm.rank]))
        of_nodes = of_ranks.of_nodes(np.arange(ranks) // 2)
        return [
            [part.tolist() for part in np.split(l.place, l.offsets[1:].astype(np.int64))] for l in (of_ranks, of_nodes)
        ]

    for rank, (of_ranks, of_nodes) in enumerate(on_ranks(ranks, places)):
        for k, (theirs, nodes) in enumerate(zip(of_ranks[:-1], of_nodes[:-1], strict=True)):
            expected = [r for r in range(ranks) if rank + ranks * k in needs[r]]
            assert theirs == expected
            assert nodes == sorted({r // 2 for r in expected})


@pytest.mark.parametrize("piece", [3, 1 << 20])
def test_owners_answer_in_the_order_of_what_is_asked(piece, monkeypatch):
    monkeypatch.setattr(needed_spikes, "PIECE", piece)

    def told(comm):
        values = comm.rank + comm.size * np.arange(40) + 1000  # of each neuron its gid and 1000
        needed = needing(np.arange(comm.rank, 100, 7))
        pieces = list(needed.pieces(comm))
        return np.concatenate(
            [np.stack([p.gids, p.answered(comm, values), needed.edges_of(p.gids)]) for p in pieces], 1
        )

    for rank, (gids, values, edges) in enumerate(on_ranks(3, told)):
        assert gids.tolist() == list(range(rank, 100, 7))
        assert values.tolist() == [gid + 1000 for gid in gids]
        assert set(edges.tolist()) == {1}
