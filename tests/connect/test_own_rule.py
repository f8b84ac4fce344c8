"""A rule from a file outside the package is one of them."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import IafPscExp, InputError, Network, Normal, PairwiseBernoulli, Rule, Static, Uniform, count, number
from distsim.connect import rule
from distsim.core.values import describe
from distsim.spiking.spiking_memory import memory_of_spiking
from docs.own.ring import Ring
from tests.connections import stored

N, K = 23, 3


def ring(**values) -> Network:
    network = Network(dt=0.5)
    network.population("before", 2, IafPscExp())
    network.population("A", N, IafPscExp())
    network.connect("A", "A", Ring(K), Static(**values))
    return network


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_neuron_is_joined_with_its_neighbours(ranks, monkeypatch):
    monkeypatch.setattr(rule, "LARGEST", 30)
    weights = np.arange(1.0, 1.0 + N * 2 * K).reshape(N, 2 * K)
    found = stored(ring(weight=weights, delay=1.0), ranks)[0]
    edges = {(int(s), int(t)): w for s, t, w in zip(found.source, found.target, found.weight, strict=True)}
    along = [*range(-K, 0), *range(1, K + 1)]
    assert edges == {((t + a) % N, t): weights[t, j] for t in range(N) for j, a in enumerate(along)}


def test_drawn_values_do_not_depend_on_ranks():
    whole, *others = (stored(ring(weight=Normal(5.0, 1.0), delay=Uniform(1.0, 9.0)), ranks)[0] for ranks in (1, 2, 3))
    for parts in others:
        for name in ("source", "target", "weight", "delay"):
            assert (getattr(parts, name) == getattr(whole, name)).all()


def test_it_is_checked_described_and_expected_like_others():
    network = ring(weight=1.0, delay=1.0)
    assert describe(network.projections[0].rule) == {"class": "Ring", "neighbours": K}
    assert memory_of_spiking(network).tables > 0
    with pytest.raises(InputError, match=r"projection 'A->before': Ring: needs one population of more than 6 neurons"):
        network.connect("A", "before", Ring(K), Static())
    with pytest.raises(InputError, match=r"Ring: neighbours must be at least 1, got 0"):
        Ring(0)
    with pytest.raises(InputError, match=r"Ring: unknown parameter 'neigbours'; did you mean 'neighbours'"):
        Ring(neigbours=2)
    with pytest.raises(InputError, match=r"has shape \(2, 2\), but must have shape \(23, 6\)"):
        network.connect("A", "A", Ring(K), Static(weight=np.ones((2, 2))))


def test_a_part_that_is_missing_is_named():
    with pytest.raises(InputError, match="Nothing: a connection rule defines 'edges': The edges of the local targets"):

        class Nothing(Rule):
            p: float = number(1.0)

            def expected_edges(self, ends):
                return 0.0

    with pytest.raises(InputError, match="Uncounted: a connection rule defines 'expected_edges'"):

        class Uncounted(Rule):
            n: int = count()

            def edges(self, targets):
                yield from ()


def test_rules_of_the_same_parameters_are_equal():
    assert PairwiseBernoulli(0.25) == PairwiseBernoulli(p=0.25)
    assert PairwiseBernoulli(0.25) != PairwiseBernoulli(0.25, autapses=False)
