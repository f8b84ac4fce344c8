"""Binomial numbers from streams: the distribution, from a single trial to 2^53."""

from __future__ import annotations

import decimal

import numpy as np
import pytest
from numba import njit
from scipy import stats

from distsim.connect import binomial
from distsim.core.rng import family, streams_of

SIZE = 40_000


@njit
def fill(streams, n, p, numbers):
    for i in range(streams.keys.size):
        numbers[i] = binomial.binomial(streams.keys[i], streams.salt, n, p)


def sample(n, p, seed=1, size=SIZE):
    numbers = np.empty(size, np.int64)
    fill(streams_of(seed, "binomial", 0, np.arange(size)), n, p, numbers)
    return numbers


def p_value(numbers, n, p):
    """Chi-square against scipy's probabilities, in bins of at least 20 expected numbers."""
    k = np.arange(max(0, numbers.min() - 1), numbers.max() + 2)
    below = np.concatenate((stats.binom.cdf(k - 1, n, p), [1.0]))
    expected, found = len(numbers) * np.diff(below), np.bincount(numbers - k[0], minlength=len(k))
    expected[0] += len(numbers) * below[0]
    bins = np.floor(np.cumsum(expected) / max(20.0, len(numbers) / 60)).astype(np.int64)
    both = [np.bincount(bins, weights=w) for w in (found, expected)]
    kept = both[1] > 5.0
    found, expected = (np.append(w[kept], w[~kept].sum()) for w in both)
    return stats.chi2.sf(((found - expected) ** 2 / np.maximum(expected, 1e-9))[expected > 0].sum(), kept.sum() - 1)


@pytest.mark.parametrize("n", [1, 2, 7, 19, 20, 21, 29, 30, 31, 64, 1000, 100_000])
@pytest.mark.parametrize("p", [0.5, 1 / 3, 0.45, 0.01])
def test_numbers_have_the_distribution(n, p):
    numbers = sample(n, p)
    assert numbers.min() >= 0
    assert numbers.max() <= n
    assert p_value(numbers, n, p) > 1e-4 or n * p < 1.0
    assert abs(numbers.mean() - n * p) < 4.5 * np.sqrt(n * p * (1.0 - p) / SIZE)
    assert abs(numbers.var() / (n * p * (1.0 - p)) - 1.0) < 4.5 * np.sqrt((2.0 + 1.0 / (n * p * (1.0 - p))) / SIZE)


@pytest.mark.parametrize(("n", "p"), [(10**9, 0.4), (10**15, 1 / 3), (2**53, 0.5), (2**53, 1e-10)])
def test_numbers_among_many_are_normal(n, p):
    sd = np.sqrt(n * p * (1.0 - p))
    assert stats.kstest((sample(n, p) - n * p) / sd, "norm").pvalue > 1e-3


def test_no_trials_and_no_probability():
    assert binomial.binomial(np.uint64(1), np.uint64(2), 0, 0.5) == 0
    assert binomial.binomial(np.uint64(1), np.uint64(2), 2**53, 0.0) == 0


@pytest.mark.parametrize(("n", "p"), [(25, 0.5), (1000, 1 / 3), (10**6, 0.001), (2**53, 1e-13)])
def test_probabilities_are_exact(n, p):
    exact = decimal.Context(prec=60)
    log_p, log_q = exact.ln(decimal.Decimal(p)), exact.ln(exact.subtract(1, decimal.Decimal(p)))
    mean, sd = n * p, np.sqrt(n * p * (1.0 - p))
    for k in {0, *np.clip(np.floor(mean + sd * np.linspace(-6.0, 6.0, 13)), 0, min(n, 2000)).astype(int).tolist()}:
        ways = decimal.Decimal(1)
        for j in range(1, k + 1):
            ways = exact.divide(exact.multiply(ways, decimal.Decimal(n - k + j)), decimal.Decimal(j))
        chances = exact.add(exact.multiply(log_p, decimal.Decimal(k)), exact.multiply(log_q, decimal.Decimal(n - k)))
        expected = float(exact.add(exact.ln(ways), chances))
        assert abs(binomial.log_probability(float(k), float(n), p) - expected) < 1e-13 * max(1.0, abs(expected))


@pytest.mark.parametrize("p", [0.5, 1 / 3, 0.01])
@pytest.mark.parametrize("n", [1_200, 2_000, 10**5, 10**7, 10**11, 2**53])
def test_bounds_of_probabilities_hold(n, p):
    """No number is accepted or rejected by a bound that its probability would not accept or reject."""
    mode, sd = np.floor((n + 1.0) * p), np.sqrt(n * p * (1.0 - p))
    top = binomial.log_probability(mode, float(n), p)
    for k in np.floor(mode + sd * np.linspace(-9.0, 9.0, 101)).clip(0.0, n):
        exact = binomial.log_probability(k, float(n), p) - top
        for apart in (1e-12, 1e-6, 1e-3, 0.1, 1.0):
            assert binomial.is_below(exact - apart * max(1.0, -exact), k, float(n), p)
            assert not binomial.is_below(exact + apart * max(1.0, -exact), k, float(n), p)


def test_numbers_that_are_drawn_side_by_side_are_those_that_are_drawn_one_by_one():
    base, salt = family(3, "binomial")
    number, random = np.arange(5_000), np.random.default_rng(1)
    size, items = random.integers(1, 9, 5_000), (10.0 ** random.uniform(0.0, 15.9, 5_000)).astype(np.int64)
    room, moved = binomial.room_for(len(number))
    binomial.draw_level(base, salt, len(number), (number, number, size, number, items), room, moved)
    keys = streams_of(3, "binomial", 0, number).keys
    for i, key in enumerate(keys):
        assert moved[i] == binomial.binomial(key, salt, items[i], (size[i] >> 1) / size[i])


def test_compiled_and_interpreted_give_the_same_numbers():
    streams = streams_of(1, "binomial", 0, np.arange(50))
    for i in range(50):
        for n, p in ((12, 0.5), (1000, 1 / 3), (2**53, 0.5)):
            with np.errstate(over="ignore"):
                args = streams.keys[i], streams.salt, n, p
                assert binomial.binomial(*args) == binomial.binomial.py_func(*args)


def test_splits_of_two_projections_differ():
    splits = {
        tuple(binomial.split_total(10_000, 7, seed, np.arange(7), owner)) for seed in range(5) for owner in range(5)
    }
    assert len(splits) == 25
