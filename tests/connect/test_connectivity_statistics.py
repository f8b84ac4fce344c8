"""Connection rules as distributions: sources uniform, all sets equally likely, pairs independent.

As in NEST's connection tests: a chi-squared test for each of many seeds, then a Kolmogorov-Smirnov test that the
p-values are uniform. Seeds are fixed, so each test has one outcome; with NEST's bound of 0.05 one in twenty would fail
by chance, so it is kept for NEST's own case alone.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from distsim import FixedIndegree, FixedTotalNumber, PairwiseBernoulli
from distsim.connect.binomial import split_total
from tests.connections import connected, counts, draw

SEEDS = range(1, 401)


def p_values(observed, expected, freedom):
    """p of chi-squared = sum (observed - expected)**2 / expected for every row of ``observed``."""
    observed = np.asarray(observed, np.float64)
    return stats.chi2.sf(((observed - expected) ** 2 / expected).sum(axis=1), freedom)


def assert_uniform(p, least=0.01):
    assert stats.kstest(p, "uniform").pvalue > least


# ---------------------------------------------------------------- fixed in-degree


@pytest.mark.parametrize(
    ("n_source", "n_target", "indegree", "least"), [(10, 10, 10, 0.05), (100, None, 100, 0.01), (37, 50, 70, 0.01)]
)
def test_sources_are_uniform(n_source, n_target, indegree, least):
    """All sources over all targets of a network are multinomial with equal probabilities; the first is NEST's case."""
    projection = connected(FixedIndegree(indegree), n_source, n_target)
    observed = [counts(projection, seed).sum(axis=0) for seed in SEEDS]
    assert_uniform(p_values(observed, projection.target.size * indegree / n_source, n_source - 1), least)


def test_sources_without_autapses_are_uniform_among_the_others():
    """The distance from target to source, 1 .. n - 1 around a ring, is uniform: nothing is special about neighbours."""
    n = 11
    projection = connected(FixedIndegree(10, autapses=False), n)
    observed = []
    for seed in SEEDS:
        source, target = draw(projection, seed)
        observed.append(np.bincount((source - target) % n, minlength=n)[1:])
    assert_uniform(p_values(observed, n * 10 / (n - 1), n - 2))


@pytest.mark.parametrize("indegree", [3, 5, 8, 9])
@pytest.mark.parametrize("autapses", [True, False])
def test_sources_without_multapses_are_uniform(indegree, autapses):
    """Sampling k of n without replacement narrows the counts: the factor (n - 1) / (n (1 - k / n)) undoes it.

    More than half of the candidates are found by drawing those left out: indegree 8 and 9 of 11.
    """
    n, n_target, pooled = (11, 500, 1) if autapses else (12, None, 40)  # seeds that are counted together
    projection = connected(FixedIndegree(indegree, autapses, multapses=False), n, n_target)
    observed = np.zeros((100, 11))
    for seed in range(100 * pooled):
        source, target = draw(projection, seed)
        place = source if autapses else (source - target) % n - 1
        observed[seed // pooled] += np.bincount(place, minlength=11)
    expected = pooled * projection.target.size * indegree / 11
    narrowing = 10 / (11 - indegree)
    chi_squared = ((observed - expected) ** 2 / expected).sum(axis=1) * narrowing
    assert_uniform(stats.chi2.sf(chi_squared, 10))


@pytest.mark.parametrize("indegree", [1, 2, 3, 4, 5])
def test_all_sets_of_sources_are_equally_likely(indegree):
    """Of 6 sources: 6, 15, 20, 15, 6 sets; sets of 4 and 5 come from drawing their complements."""
    projection = connected(FixedIndegree(indegree, multapses=False), 6, 2000)
    sets = list(itertools.combinations(range(6), indegree))
    observed = []
    for seed in SEEDS[:60]:
        c = counts(projection, seed)
        code = c @ (1 << np.arange(6))
        observed.append([(code == sum(1 << s for s in chosen)).sum() for chosen in sets])
    assert (np.sum(observed, axis=1) == 2000).all()
    assert_uniform(p_values(observed, 2000 / len(sets), len(sets) - 1))


@pytest.mark.parametrize("indegree", [1, 2, 3])
def test_all_sets_without_the_target_are_equally_likely(indegree):
    """Every neuron of a population of 5 draws from the other 4: 4, 6, 4 sets."""
    projection = connected(FixedIndegree(indegree, autapses=False, multapses=False), 5)
    sets = list(itertools.combinations(range(4), indegree))
    codes = np.array([counts(projection, seed) @ (1 << np.arange(5)) for seed in range(3000)])
    observed = []
    for target in range(5):
        others = [s for s in range(5) if s != target]
        observed.append([(codes[:, target] == sum(1 << others[s] for s in chosen)).sum() for chosen in sets])
    assert (np.sum(observed, axis=1) == 3000).all()
    assert (p_values(observed, 3000 / len(sets), len(sets) - 1) > 0.01).all()


def test_the_order_of_sources_is_random_with_multapses():
    """Entry k of an array of weights belongs to draw k, so each draw by itself must be uniform."""
    source, _ = draw(connected(FixedIndegree(4), 10, 20_000))
    by_draw = np.array([np.bincount(column, minlength=10) for column in source.reshape(-1, 4).T])
    assert (p_values(by_draw, 2000, 9) > 0.01).all()


def test_targets_draw_independently_of_their_neighbours():
    """Sources of neighbouring targets, and draws that follow each other, have a uniform joint distribution."""
    source = draw(connected(FixedIndegree(4), 10, 20_001))[0].reshape(-1, 4)
    for first, second in [(source[:-1], source[1:]), (source[:-12], source[12:]), (source[:, :-1], source[:, 1:])]:
        joint = np.bincount((first * 10 + second).ravel(), minlength=100)
        assert p_values([joint], joint.sum() / 100, 99)[0] > 0.01


# ---------------------------------------------------------------- Bernoulli


@pytest.mark.parametrize("p", [0.001, 0.05, 0.5, 0.97])
def test_bernoulli_connects_every_pair_equally_often(p):
    projection = connected(PairwiseBernoulli(p), 40, 30)
    total, n = sum(counts(projection, seed) for seed in SEEDS), len(SEEDS)
    assert total.sum() == pytest.approx(1200 * n * p, abs=4 * np.sqrt(1200 * n * p * (1 - p)))
    chi_squared = ((total - n * p) ** 2 / (n * p * (1 - p))).sum()
    assert chi_squared == pytest.approx(1200, abs=4 * np.sqrt(2 * 1200 + 1200 / (n * p * (1 - p))))


@pytest.mark.parametrize("p", [0.02, 0.3, 0.9])
def test_bernoulli_degrees_are_binomial(p):
    c = counts(connected(PairwiseBernoulli(p), 2000, 2000))
    for degrees in (c.sum(axis=0), c.sum(axis=1)):
        assert degrees.mean() == pytest.approx(2000 * p, abs=4 * np.sqrt(p * (1 - p)))
        assert degrees.var() == pytest.approx(2000 * p * (1 - p), rel=4 * np.sqrt(2 / 2000))
        edges = np.unique(stats.binom.ppf(np.linspace(0.0, 1.0, 11), 2000, p))
        share = np.diff(stats.binom.cdf(edges, 2000, p), prepend=0.0)[1:]
        share[0] = stats.binom.cdf(edges[1], 2000, p)
        observed = np.diff((degrees[:, None] <= edges[1:]).sum(axis=0), prepend=0)
        assert p_values([observed], 2000 * share, len(share) - 1)[0] > 0.01


@pytest.mark.parametrize("p", [0.1, 0.6])
def test_bernoulli_pairs_are_independent(p):
    """The connection matrix correlated with itself at all shifts, by FFT: the largest of 65536 below 5.5 sigma."""
    x = (counts(connected(PairwiseBernoulli(p), 256, 256)) - p) / np.sqrt(p * (1 - p))
    c = np.fft.ifft2(np.abs(np.fft.fft2(x)) ** 2).real / x.size
    assert np.sort(np.abs(c).ravel())[-2] < 5.5 / 256


def test_bernoulli_without_autapses_treats_the_others_alike():
    n, p = 12, 0.3
    total = sum(counts(connected(PairwiseBernoulli(p, autapses=False), n), seed) for seed in SEEDS)
    others = total[~np.eye(n, dtype=bool)]
    chi_squared = ((others - len(SEEDS) * p) ** 2).sum() / (len(SEEDS) * p * (1 - p))
    assert stats.chi2.cdf(chi_squared, n * (n - 1)) == pytest.approx(0.5, abs=0.49)


def test_bernoulli_with_a_tiny_probability():
    """4e10 pairs, of which 400 are expected; gaps are larger than populations."""
    source, target = draw(connected(PairwiseBernoulli(1e-8), 2_000_000, 20_000))
    assert len(source) == pytest.approx(400, abs=4 * 20)
    assert stats.kstest(source / 2_000_000, "uniform").pvalue > 0.01
    assert stats.kstest(target / 20_000, "uniform").pvalue > 0.01


# ---------------------------------------------------------------- fixed total number


@pytest.mark.parametrize(("n_source", "n_target"), [(7, 10), (10, None), (3, 64)])
def test_a_fixed_total_is_spread_uniformly_over_targets_and_sources(n_source, n_target):
    projection = connected(FixedTotalNumber(2000), n_source, n_target)
    both = [counts(projection, seed) for seed in SEEDS]
    n_target = projection.target.size
    assert_uniform(p_values([c.sum(axis=1) for c in both], 2000 / n_target, n_target - 1))
    assert_uniform(p_values([c.sum(axis=0) for c in both], 2000 / n_source, n_source - 1))
    pairs = n_source * n_target
    assert_uniform(p_values([c.ravel() for c in both], 2000 / pairs, pairs - 1))


@pytest.mark.parametrize("parts", [1, 2, 3, 5, 12, 17])
def test_splits_of_a_total_are_multinomial(parts):
    """Mean n / k, variance n (1 / k) (1 - 1 / k), covariance -n / k**2 in any two boxes, wherever in the tree."""
    n, repeats = 1000, 4000
    split = np.array([split_total(n, parts, seed, np.arange(parts)) for seed in range(repeats)])
    assert split.shape == (repeats, parts)
    assert (split.sum(axis=1) == n).all()
    covariance = np.cov(split.T).reshape(parts, parts)
    expected = n / parts * (np.eye(parts) - 1 / parts)
    assert np.abs(split.mean(axis=0) - n / parts).max() < 4.5 * np.sqrt(n / parts / repeats)
    assert np.abs(covariance - expected).max() <= 4.5 * np.sqrt(2 / repeats) * n / parts


def test_splits_of_a_total_at_their_limits():
    assert split_total(5, 0, 1, np.arange(0)).tolist() == []
    assert split_total(0, 4, 1, np.arange(4)).tolist() == [0] * 4
    assert split_total(10**15, 3, 1, np.arange(3)).sum() == 10**15
    assert (np.abs(split_total(10**15, 3, 1, np.arange(3)) - 10**15 / 3) < 5 * np.sqrt(10**15)).all()
