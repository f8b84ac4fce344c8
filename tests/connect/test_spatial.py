"""Positions, and edges whose probability falls with distance: statistics, dimensions, ranks, wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import IafPscAlpha, InputError, Network, SpatialBernoulli, Static, lattice
from distsim.connect.rule import Targets
from distsim.connect.rules import spatial_bernoulli as spatial
from distsim.core.placement import local_gids


def edges_of(sources, targets, rule, seed=1, ranks=1):
    """Pairs (source, target) that ``ranks`` ranks draw together, sorted; all positions are given."""
    network = Network(dt=0.1)
    same = targets is None
    network.population("A", len(sources), IafPscAlpha(), positions=sources)
    if not same:
        network.population("B", len(targets), IafPscAlpha(), positions=targets)
    projection = network.connect("A", "A" if same else "B", rule, Static())
    pairs = []
    for rank in range(ranks):
        gids = local_gids(projection.target.first_gid, projection.target.size, rank, ranks)
        local = Targets.of(projection, seed, gids)
        for piece in rule.edges(local):
            pairs += zip(piece.source.tolist(), local.index[piece.target].tolist(), strict=True)
    return sorted(pairs)


def probability(sources, targets, rule):
    squared = ((sources[:, None] - targets[None]) ** 2).sum(axis=2)
    return rule.C * np.exp(-squared / rule.lambda_**2)


CASES = [
    (lattice((3, 3, 15)), SpatialBernoulli(0.3, 2.0)),
    (lattice((3, 3, 15)), SpatialBernoulli(1.0, 0.7, autapses=False)),
    (lattice((120,), spacing=0.5), SpatialBernoulli(0.9, 3.0)),
    (lattice((12, 12)), SpatialBernoulli(1.0, 1.5)),
    (lattice((3, 3, 3, 3)), SpatialBernoulli(0.5, 1.0)),
    (lattice((2,) * 7), SpatialBernoulli(0.5, 1.0)),
    (np.random.default_rng(1).normal(0.0, 30.0, (150, 2)), SpatialBernoulli(0.8, 8.0)),
]


@pytest.mark.parametrize(("positions", "rule"), CASES)
def test_every_pair_has_its_probability(positions, rule):
    """Over 200 networks: counts of likely pairs have binomial variance, those of all rare pairs together their mean."""
    runs = 200
    p = probability(positions, positions, rule)
    if not rule.autapses:
        np.fill_diagonal(p, 0.0)
    count = np.zeros_like(p)
    for seed in range(runs):
        for pair in edges_of(positions, None, rule, seed):
            count[pair] += 1
    assert count.max() <= runs
    assert (count[p == 0.0] == 0).all()
    assert (count[p == 1.0] == runs).all()
    likely = (p * runs > 5) & (p < 0.975)
    z = (count - runs * p)[likely] / np.sqrt(runs * p * (1.0 - p))[likely]
    assert abs(z.mean()) < 4.0 / np.sqrt(z.size)
    assert abs(z.var() - 1.0) < 4.0 * np.sqrt(2.5 / z.size)
    rare = (p > 0.0) & (p * runs <= 5)
    assert abs(count[rare].sum() - runs * p[rare].sum()) < 4.0 * np.sqrt(runs * p[rare].sum()) + 1.0


@pytest.mark.parametrize(("positions", "rule"), CASES)
def test_ranks_draw_the_same_edges(positions, rule):
    alone = edges_of(positions, None, rule)
    assert len(alone) > 50
    assert edges_of(positions, None, rule, ranks=3) == alone
    assert edges_of(positions, None, rule, seed=2) != alone
    assert len(set(alone)) == len(alone)


def test_two_populations_in_one_space():
    """Targets outside the box of the sources, and one too far away to be connected at all."""
    sources = lattice((10, 10))
    targets = np.array([[4.5, 4.5], [-1.0, 5.0], [12.0, 12.0], [1e6, 1e6]])
    rule = SpatialBernoulli(1.0, 3.0)
    pairs = [pair for seed in range(100) for pair in edges_of(sources, targets, rule, seed)]
    counts = np.bincount([target for _, target in pairs], minlength=4)
    expected = 100 * probability(sources, targets, rule).sum(axis=0)
    assert (abs(counts - expected) < 4.0 * np.sqrt(expected) + 1e-9).all()
    assert counts[3] == 0


def test_a_buffer_that_is_too_short_is_drawn_again(monkeypatch):
    positions = lattice((8, 8))
    rule = SpatialBernoulli(1.0, 4.0)
    whole = edges_of(positions, None, rule)
    monkeypatch.setattr(spatial, "FIRST_CAPACITY", 1)
    assert edges_of(positions, None, rule) == whole


def test_work_does_not_grow_with_far_sources():
    """40,000 sources far apart: each target looks at the few cells around it, and there are few cells in all."""
    cells = spatial.Cells.of(SpatialBernoulli(1.0, 1.0), lattice((200, 200), spacing=1e4), np.zeros((1, 2)))
    assert cells.size.prod() <= 80_000
    assert len(cells.offset) < spatial.MOST_CELLS


def test_no_probability_no_edges():
    assert edges_of(lattice((4, 4)), None, SpatialBernoulli(0.0, 1.0)) == []


def test_lattice():
    points = lattice((2, 3), spacing=0.5)
    assert points.tolist() == [[0.0, 0.0], [0.0, 0.5], [0.0, 1.0], [0.5, 0.0], [0.5, 0.5], [0.5, 1.0]]
    shuffled = lattice((3, 3, 15), shuffle=1)
    assert sorted(map(tuple, shuffled)) == sorted(map(tuple, lattice((3, 3, 15))))
    assert (shuffled == lattice((3, 3, 15), shuffle=1)).all()
    assert (shuffled != lattice((3, 3, 15), shuffle=2)).any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpatialBernoulli(1.1, 1.0), "C must be at most 1"),
        (lambda: SpatialBernoulli(-0.1, 1.0), "C must be at least 0"),
        (lambda: SpatialBernoulli(0.5, 0.0), "lambda_ must be larger than 0"),
        (lambda: lattice((3, 0)), "shape must be at least 1"),
        (lambda: lattice(()), "at least one axis"),
        (lambda: lattice((3,), spacing=0.0), "spacing must be larger than 0"),
    ],
)
def test_wrong_parameters(make, message):
    with pytest.raises(InputError, match=message):
        make()


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (np.zeros((4, 3)), r"positions has shape \(4, 3\), but must have shape \(5, dimensions\)"),
        (np.zeros((5, 3, 2)), r"must have shape \(5, dimensions\)"),
        (np.zeros((5, 0)), r"must have shape \(5, dimensions\)"),
        ([[np.nan]] * 5, "must be finite"),
        ("here", "must hold numbers"),
    ],
)
def test_wrong_positions(positions, message):
    with pytest.raises(InputError, match=message):
        Network(dt=0.1).population("A", 5, IafPscAlpha(), positions=positions)


def test_populations_that_do_not_fit():
    network = Network(dt=0.1)
    network.population("plane", 4, IafPscAlpha(), positions=lattice((2, 2)))
    network.population("line", 4, IafPscAlpha(), positions=np.arange(4.0))
    network.population("nowhere", 4, IafPscAlpha())
    rule = SpatialBernoulli(0.5, 1.0)
    with pytest.raises(InputError, match="'plane' have 2 dimensions, those of 'line' 1"):
        network.connect("plane", "line", rule, Static())
    with pytest.raises(InputError, match="neurons of 'nowhere' have no positions"):
        network.connect("plane", "nowhere", rule, Static())
