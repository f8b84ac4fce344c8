"""Distributions of weights, delays, states and parameters: their moments and shape, and values that belong to a gid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from distsim import Clipped, Gamma, InputError, LogNormal, Normal, Redrawn, Replaced, Uniform
from distsim.core import distributions
from distsim.core.rng import streams_of
from distsim.core.values import check_value, values_of_neurons

N = 200_000
GIDS = np.arange(1000, 1000 + N)


def sample(distribution, n=N, seed=1, purpose="weight"):
    return distribution.sample(streams_of(seed, purpose, 0, GIDS[:n]), np.zeros(n, np.int64))


CASES = [
    (Uniform(-3.0, 20.0), stats.uniform(-3.0, 23.0)),
    (Normal(-65.0, 5.0), stats.norm(-65.0, 5.0)),
    (LogNormal(-1.0, 0.7), stats.lognorm(0.7, scale=np.exp(-1.0))),
    (LogNormal(3.0, 0.05), stats.lognorm(0.05, scale=np.exp(3.0))),
    (Gamma(1.0, 30.0), stats.gamma(1.0, scale=30.0)),
    (Gamma(2.5, 0.1), stats.gamma(2.5, scale=0.1)),
    (Redrawn(Normal(1.5, 0.75), low=0.05), stats.truncnorm(-1.45 / 0.75, np.inf, 1.5, 0.75)),
    (Redrawn(Normal(-2.0, 3.0), low=-9.0, high=0.0), stats.truncnorm(-7 / 3, 2 / 3, -2.0, 3.0)),
    (Redrawn(Gamma(1.0, 3.0), low=1.0), stats.expon(1.0, 3.0)),
    (Redrawn(Uniform(0.0, 4.0), low=1.0, high=2.0), stats.uniform(1.0, 1.0)),
]


@pytest.mark.parametrize(("distribution", "theory"), CASES)
def test_shape(distribution, theory):
    assert stats.kstest(sample(distribution), theory.cdf).pvalue > 0.01


@pytest.mark.parametrize(("distribution", "theory"), CASES)
def test_moments(distribution, theory):
    """Mean and variance within 4 standard errors; the error of a variance follows from the kurtosis."""
    mean, variance, _, kurtosis = theory.stats("mvsk")
    values = sample(distribution)
    assert values.mean() == pytest.approx(mean, abs=4 * np.sqrt(variance / N))
    assert values.var() == pytest.approx(variance, rel=4 * np.sqrt((kurtosis + 2) / N))


@pytest.mark.parametrize(("distribution", "theory"), CASES)
def test_tails(distribution, theory):
    """As many values in each tail of 1e-3 and 1e-4 as there should be, within 4 sigma."""
    values = sample(distribution)
    for p in (1e-3, 1e-4):
        for n in ((values < theory.ppf(p)).sum(), (values > theory.isf(p)).sum()):
            assert abs(n - N * p) < 4 * np.sqrt(N * p)


def test_clipped_values_pile_up_at_the_bounds():
    values = sample(Clipped(Normal(0.0, 1.0), low=-0.5, high=2.0))
    assert values.min() == -0.5
    assert values.max() == 2.0
    for bound, p in ((-0.5, stats.norm.cdf(-0.5)), (2.0, stats.norm.sf(2.0))):
        assert (values == bound).mean() == pytest.approx(p, abs=4 * np.sqrt(p / N))
    inside = (values > -0.5) & (values < 2.0)
    assert (values[inside] == sample(Normal(0.0, 1.0))[inside]).all()


def test_clipped_on_one_side_and_twice():
    assert sample(Clipped(Normal(0.0, 1.0), low=0.0)).min() == 0.0
    twice = Clipped(Clipped(Normal(0.0, 1.0), low=-1.0), high=1.0)
    assert (sample(twice) == sample(Clipped(Normal(0.0, 1.0), low=-1.0, high=1.0))).all()
    assert twice.bounds() == (-1.0, 1.0)


def test_redrawn_values_lie_within_as_those_of_the_whole_that_do():
    """Of the whole normal distribution, the values within; and where all are within, the very values themselves."""
    whole, cut = Normal(0.0, 1.0), Redrawn(Normal(0.0, 1.0), low=-1.0, high=0.5)
    values = sample(whole)
    assert stats.ks_2samp(values[(values >= -1.0) & (values <= 0.5)], sample(cut)).pvalue > 0.01
    assert cut.bounds() == (-1.0, 0.5)
    assert (sample(Redrawn(whole)) == values).all()
    assert Redrawn(whole, low=0.25).bounds() == (0.25, np.inf)


@pytest.mark.parametrize("x", [-3.0, -0.4, 0.0, 1e-3, 2.5])
def test_the_part_below_a_value_is_the_distribution_function(x):
    assert distributions.part_below(Normal(0.0, 1.0), x) == pytest.approx(stats.norm.cdf(x), rel=1e-13)
    assert distributions.part_below(Uniform(-4.0, 4.0), x) == pytest.approx((x + 4.0) / 8.0, rel=1e-15)


def test_values_without_spread():
    assert (sample(Normal(3.5, 0.0), 100) == 3.5).all()
    assert (sample(Uniform(2.0, 2.0), 100) == 2.0).all()
    assert sample(LogNormal(0.0, 0.0), 100) == pytest.approx(1.0, rel=1e-15)
    assert (sample(Clipped(Normal(0.0, 1.0), low=4.0, high=4.0), 100) == 4.0).all()


@pytest.mark.parametrize("distribution", [d for d, _ in CASES] + [Clipped(Normal(0.0, 2.0), low=0.0)])
def test_values_stay_within_the_bounds(distribution):
    low, high = distribution.bounds()
    values = sample(distribution)
    assert np.isfinite(values).all()
    assert low <= values.min()
    assert values.max() <= high


def test_the_extreme_random_numbers_give_finite_values():
    """Quantiles of the smallest and largest uniform numbers, 2^-53 and 1 - 2^-53: 8.2 standard deviations."""
    extreme = np.array([0.5, 2**52 - 0.5]) / 2**52
    assert [distributions.normal_quantile(p) for p in extreme] == pytest.approx(stats.norm.ppf(extreme), rel=1e-14)


# ---------------------------------------------------------------- streams


@pytest.mark.parametrize("distribution", [d for d, _ in CASES])
def test_a_value_belongs_to_its_gid_and_counter(distribution):
    """Any order, any part, any length of arrays: the same bits."""
    streams = streams_of(1, "weight", 0, GIDS[:64])
    counters = np.arange(64) % 7
    values = distribution.sample(streams, counters)
    alone = [distribution.sample(streams.part(slice(i, i + 1)), counters[i : i + 1])[0] for i in range(64)]
    assert values.tolist() == alone
    order = np.random.default_rng(1).permutation(64)
    assert (distribution.sample(streams.part(order), counters[order]) == values[order]).all()
    for n, offset in itertools.product(range(18), range(5)):
        part = slice(offset, offset + n)
        assert (distribution.sample(streams.part(part), counters[part]) == values[part]).all()


def test_kernels_give_the_same_bits_interpreted():
    streams, counters = streams_of(1, "weight", 0, GIDS[:700]), np.arange(700)
    compiled, interpreted = np.empty(700), np.empty(700)
    distributions.fill_uniform(streams, counters, compiled)
    with np.errstate(over="ignore"):
        distributions.fill_uniform.py_func(streams, counters, interpreted)
    assert (compiled == interpreted).all()
    compiled[:2] = 2.0**-53, 1.0 - 2.0**-53
    interpreted[:] = compiled
    distributions.to_normal(compiled)
    distributions.to_normal.py_func(interpreted)
    assert (compiled == interpreted).all()


def test_values_of_other_counters_seeds_and_purposes_are_independent():
    normal, n = Normal(0.0, 1.0), 50_000
    streams = streams_of(1, "weight", 0, GIDS[:n])
    columns = [normal.sample(streams, np.full(n, counter)) for counter in range(3)]
    columns += [sample(normal, n, seed=2), sample(normal, n, purpose="delay")]
    columns += [np.roll(columns[0], 1), np.roll(columns[3], 1)]
    c = np.corrcoef(columns)
    assert np.abs(c - np.eye(len(columns))).max() < 4 / np.sqrt(n)


def test_values_of_neurons_come_from_a_number_an_array_or_a_distribution():
    gids = np.array([10, 13, 16])
    assert values_of_neurons(2.5, 1, "x", gids, 10) == 2.5
    assert values_of_neurons(np.arange(8.0), 1, "x", gids, 10).tolist() == [0.0, 3.0, 6.0]
    everyone = values_of_neurons(Uniform(0.0, 1.0), 1, "x", np.arange(10, 18), 10)
    assert (values_of_neurons(Uniform(0.0, 1.0), 1, "x", gids, 10) == everyone[[0, 3, 6]]).all()
    assert len(set(everyone.tolist())) == 8


# ---------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uniform(2.0, 1.0), "high = 1 is below low = 2"),
        (lambda: Uniform(float("nan"), 1.0), "low must be finite"),
        (lambda: Normal(0.0, -1.0), "std must be at least 0"),
        (lambda: Normal("a", 1.0), "mean must be a number"),
        (lambda: LogNormal(0.0, float("inf")), "sigma must be finite"),
        (lambda: Clipped(3.0, 0.0, 1.0), "needs a distribution"),
        (lambda: Clipped(Normal(0.0, 1.0), 1.0, 0.0), "is not above low"),
        (lambda: Clipped(Normal(0.0, 1.0), float("nan"), 0.0), "low must be finite"),
        (lambda: Redrawn(3.0, 0.0, 1.0), "needs a distribution that has a quantile"),
        (lambda: Redrawn(Normal(0.0, 1.0), 1.0, 0.0), "is not above low"),
        (lambda: Redrawn(Uniform(0.0, 1.0), 2.0, 3.0), "has no values between 2 and 3"),
        (lambda: sample(Redrawn(Normal(0.0, 1.0), 9.0)), "hardly any value"),
        (lambda: check_value(Normal(0.0, 1.0), "weight", low=0.0), r"weight must be at least 0.*Clipped"),
        (lambda: check_value([1.0, float("nan")], "weight"), r"weight\[1\] must be finite"),
        (lambda: check_value([1.0, -1.0], "weight", low=0.0), r"weight\[1\] must be at least 0"),
        (lambda: check_value("1", "weight"), "weight must be a number"),
    ],
)
def test_wrong_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# ---------------------------------------------------------------- gamma, replaced values


def test_negative_gamma_is_the_mirror_image():
    assert (sample(Gamma(1.0, -19.0)) == -sample(Gamma(1.0, 19.0))).all()
    assert (sample(Gamma(0.001, -1.0)) < 0.0).all()
    assert Gamma(1.0, -19.0).bounds()[1] < 0.0 < Gamma(1.0, 19.0).bounds()[0]


def test_gamma_values_do_not_depend_on_their_place():
    streams, counters = streams_of(1, "weight", 0, GIDS[:1000]), np.zeros(1000, np.int64)
    for shape in (1.0, 0.3, 7.0):
        whole = Gamma(shape, 2.0).sample(streams, counters)
        parts = [
            Gamma(shape, 2.0).sample(streams.part(slice(k, k + 1)), counters[k : k + 1])[0] for k in range(0, 1000, 37)
        ]
        assert whole[::37].tolist() == parts


def test_replaced_values_become_the_given_one():
    plain, replaced = sample(Normal(1.0, 0.5)), sample(Replaced(Normal(1.0, 0.5), by=1.0))
    low = plain <= 0.0
    assert low.mean() == pytest.approx(stats.norm.cdf(-2.0), rel=0.05)
    assert (replaced[low] == 1.0).all()
    assert (replaced[~low] == plain[~low]).all()
    assert Replaced(Normal(1.0, 0.5), by=1.0).bounds() == (np.nextafter(0.0, 1.0), np.inf)
    assert check_value(Replaced(Normal(1.0, 0.5), by=1.0), "D", above=0.0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Gamma(0.0, 1.0), "shape must be larger than 0"),
        (lambda: Gamma(1.0, 0.0), "scale must not be 0"),
        (lambda: Replaced(1.0, by=1.0), "needs a distribution"),
        (lambda: Replaced(Normal(1.0, 1.0), by=0.0), "by must be larger than 0"),
    ],
)
def test_wrong_gamma_and_replaced(make, message):
    with pytest.raises(InputError, match=message):
        make()
