"""Elementary functions: right to 1e-15, the same bits in vector and scalar code, compiled or not."""

from __future__ import annotations

import decimal
import itertools

import numpy as np
import pytest
from numba import njit
from scipy.special import ndtr, ndtri

from distsim.core import elementary
from distsim.core.distributions import normal_quantile

EXACT = decimal.Context(prec=40, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
LN_2 = EXACT.ln(2)
SAMPLES = 3000


@pytest.fixture
def random():
    """A generator that every test finds in the same state."""
    return np.random.default_rng(1)


def over_array(function):
    """``function`` applied by a compiled loop, which LLVM makes a vector body and a scalar remainder of."""

    @njit(error_model="numpy")
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    def apply(x):
        y = np.empty(np.shape(x))
        loop(np.asarray(x, np.float64), y)
        return y

    return apply


exp2, log2 = over_array(elementary.exp2), over_array(elementary.log2)
exp, log = over_array(elementary.exp), over_array(elementary.log)
quantile = over_array(normal_quantile)


def relative_errors(values, exact):
    """|value / exact - 1| for exact values given as decimals."""
    pairs = zip(values, exact, strict=True)
    return np.array([float(abs(EXACT.divide(decimal.Decimal(float(v)), e) - 1)) for v, e in pairs])


def decimals(x):
    return [decimal.Decimal(float(value)) for value in x]


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(("low", "high"), [(-1021.0, 1023.0), (-1.0, 1.0), (-1e-9, 1e-9), (0.499, 0.501)])
def test_exp2_is_right_to_a_few_bits(low, high, random):
    x = random.uniform(low, high, SAMPLES)
    assert relative_errors(exp2(x), [EXACT.power(2, value) for value in decimals(x)]).max() < 5e-16


@pytest.mark.parametrize(("low", "high"), [(-1022.0, 1023.99), (-1.0, 1.0), (-1e-9, 1e-9), (0.499, 0.501)])
def test_log2_is_right_to_a_few_bits(low, high, random):
    x = 2.0 ** random.uniform(low, high, SAMPLES)
    x = x[x != 1.0]
    exact = [EXACT.divide(EXACT.ln(value), LN_2) for value in decimals(x)]
    assert relative_errors(log2(x), exact).max() < 6e-16


def test_exp_and_log_are_right(random):
    x = random.uniform(-700.0, 700.0, SAMPLES)
    errors = relative_errors(exp(x), [EXACT.exp(value) for value in decimals(x)])
    assert (errors / np.maximum(np.abs(x), 1.0)).max() < 4e-16
    y = 2.0 ** random.uniform(-1000.0, 1000.0, SAMPLES)
    assert relative_errors(log(y), [EXACT.ln(value) for value in decimals(y)]).max() < 1e-15


def test_whole_powers_of_two_are_exact():
    n = np.arange(-1021, 1024)
    assert (exp2(n) == np.ldexp(1.0, n)).all()
    assert (log2(np.ldexp(1.0, n)) == n).all()
    assert log2(np.array([1.0]))[0] == 0.0


def test_limits():
    assert exp2(np.array([-1021.5, -1022.0, -1e9, -np.inf])).tolist() == [0.0] * 4
    assert exp(np.array([-709.0, -1e300])).tolist() == [0.0] * 2
    assert log2(np.array([2.0**-1022, 5e-324, 0.0])).tolist() == [-1022.0] * 3


# ---------------------------------------------------------------- normal quantile


def test_normal_quantile_is_that_of_scipy(random):
    p = np.concatenate((random.uniform(0.0, 1.0, 50_000), 10.0 ** random.uniform(-300.0, -1.0, 50_000)))
    assert np.abs(quantile(p) / ndtri(p) - 1.0).max() < 3e-15
    assert quantile(np.array([0.5]))[0] == 0.0


def test_normal_quantile_inverts_the_distribution_function():
    x = np.linspace(-8.0, 5.0, 2001)
    p = ndtr(x)
    conditioning = np.maximum(p, 1.0 - p) / np.exp(-0.5 * x * x) * np.sqrt(2 * np.pi)  # dx / dp, times an error of p
    assert (np.abs(quantile(p) - x) < 1e-14 * np.maximum(1.0, np.abs(x)) + 1e-15 * conditioning).all()


def test_normal_quantile_is_odd():
    p = np.arange(1, 2**12) / 2**12  # 1 - p is exact
    assert (quantile(p) == -quantile(1.0 - p)).all()


# ---------------------------------------------------------------- order


def neighbourhood(center, width=1e-9, n=20_001):
    return np.unique(center + np.linspace(-width, width, n) * max(abs(center), 1.0))


@pytest.mark.parametrize("center", [-20.5, -0.5, 0.0, 0.5, 1.5, 100.5])
def test_exp2_rises_over_the_joints_of_its_pieces(center):
    x = np.sort(np.concatenate((neighbourhood(center), np.linspace(center - 3.0, center + 3.0, 20_001))))
    assert (np.diff(exp2(x)) >= 0.0).all()


@pytest.mark.parametrize("center", [2**-0.5, 1.0, 2**0.5, 2.0, 2**10.5])
def test_log2_rises_over_the_joints_of_its_pieces(center):
    x = np.sort(np.concatenate((neighbourhood(center), np.linspace(center / 4.0, center * 4.0, 20_001))))
    assert (np.diff(log2(x)) >= 0.0).all()


@pytest.mark.parametrize("center", [0.075, 0.5, 0.925, float(np.exp(-25.0))])
def test_the_normal_quantile_rises_over_the_joints_of_its_pieces(center):
    p = np.unique(center * (1.0 + np.linspace(-1e-6, 1e-6, 20_001)))
    assert (np.diff(quantile(p)) >= 0.0).all()


def test_functions_rise_over_their_whole_range():
    x = np.linspace(-1021.0, 1023.0, 100_001)
    assert (np.diff(exp2(x)) > 0.0).all()
    assert (np.diff(log2(exp2(x))) > 0.0).all()
    assert (np.diff(quantile(np.linspace(1e-6, 1.0 - 1e-6, 100_001))) > 0.0).all()


# ---------------------------------------------------------------- the same bits everywhere

FUNCTIONS = {
    "exp2": (exp2, elementary.exp2, lambda random, n: random.uniform(-1030.0, 100.0, n)),
    "log2": (log2, elementary.log2, lambda random, n: 10.0 ** random.uniform(-310.0, 300.0, n)),
    "exp": (exp, elementary.exp, lambda random, n: random.uniform(-720.0, 100.0, n)),
    "log": (log, elementary.log, lambda random, n: 10.0 ** random.uniform(-310.0, 300.0, n)),
    "normal_quantile": (quantile, normal_quantile, lambda random, n: 10.0 ** random.uniform(-16.0, 0.0, n)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vector_body_and_remainder_agree_with_single_elements(name, random):
    """Loops of 1 to 33 elements, from every offset: each element lands in every lane, and in the remainder."""
    loop, _, sample = FUNCTIONS[name]
    x = sample(random, 64)
    alone = np.concatenate([loop(x[i : i + 1]) for i in range(64)])
    for n, offset in itertools.product(range(34), range(17)):
        assert (loop(x[offset : offset + n]).view(np.int64) == alone[offset : offset + n].view(np.int64)).all()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_compiled_and_interpreted_give_the_same_bits(name, random):
    loop, function, sample = FUNCTIONS[name]
    x = sample(random, 500)
    interpreted = np.array([function.py_func(value) for value in x])
    assert (interpreted.view(np.int64) == loop(x).view(np.int64)).all()
