"""Functions that take the place of the C library's: right to a unit in the last place, compiled or not."""

from __future__ import annotations

import decimal
import itertools
import math

import numpy as np
import pytest
from numba import njit
from scipy.special import gammaln

import distsim.core.compiler  # noqa: F401 # lets compiled functions call those of accurate
from distsim.core import accurate

EXACT = decimal.Context(prec=60, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
ONE = decimal.Decimal(1)
SAMPLES = 2000


def both_signs(exponents):
    return np.concatenate((10.0**exponents, -(10.0**exponents)))


def minus_one(value):
    return EXACT.subtract(EXACT.exp(value), ONE)


def of_sum(value):
    return EXACT.ln(EXACT.add(ONE, value))


def binary(value):
    return EXACT.divide(EXACT.ln(value), EXACT.ln(2))


CASES = {
    "exp": (EXACT.exp, 0.7, [(-700.0, 700.0), (-2.0, 2.0)], (-18.0, 2.0)),
    "expm1": (minus_one, 1.0, [(-39.0, 700.0), (-2.0, 2.0)], (-18.0, 1.5)),
    "log": (EXACT.ln, 0.9, [(1e-3, 1e3), (0.5, 2.0)], None),
    "log1p": (of_sum, 0.9, [(-0.9999, 2.0), (-0.3, 0.5)], (-16.0, -0.01)),
    "log2": (binary, 2.0, [(1e-3, 1e3), (0.5, 2.0)], None),
}
"""Exact function, units in the last place allowed, ranges, and exponents of ten of small arguments."""


def arguments(name):
    _, _, ranges, small = CASES[name]
    random = np.random.default_rng(1)
    parts = [random.uniform(low, high, SAMPLES) for low, high in ranges]
    parts.append(
        both_signs(random.uniform(*small, SAMPLES)) if small else 10.0 ** random.uniform(-307.0, 307.0, SAMPLES)
    )
    return np.concatenate(parts)


@pytest.mark.parametrize("name", CASES)
def test_values_are_right_to_a_unit_in_the_last_place(name):
    exact, bound, *_ = CASES[name]
    for x in map(float, arguments(name)):
        value, expected = getattr(accurate, name)(x), exact(decimal.Decimal(x))
        error = abs(EXACT.subtract(decimal.Decimal(value), expected)) / decimal.Decimal(math.ulp(float(expected)))
        assert error < bound, x


def test_log_gamma_and_stirlings_error():
    x = 10.0 ** np.random.default_rng(1).uniform(-6.0, 8.0, SAMPLES)
    values = np.array([accurate.log_gamma(float(one)) for one in x])
    assert (np.abs(values - gammaln(x)) < 1e-14 * np.maximum(1.0, np.abs(gammaln(x)))).all()
    factorial = decimal.Decimal(1)
    tau = decimal.Decimal("6.28318530717958647692528676655900576839433879875021164194989")
    for n in range(1, 60):
        factorial = EXACT.multiply(factorial, decimal.Decimal(n))
        formula = EXACT.subtract(EXACT.multiply(EXACT.ln(n), EXACT.add(decimal.Decimal(n), decimal.Decimal("0.5"))), n)
        formula = EXACT.add(formula, EXACT.divide(EXACT.ln(tau), 2))
        exact = float(EXACT.subtract(EXACT.ln(factorial), formula))
        assert abs(accurate.stirling_error(float(n)) - exact) < 3e-15


def test_limits():
    assert accurate.exp(709.8) == accurate.expm1(709.8) == math.inf
    assert math.isfinite(accurate.exp(709.78))
    assert math.isfinite(accurate.expm1(709.78))
    assert accurate.exp(-746.0) == 0.0 < accurate.exp(-745.0)
    assert accurate.expm1(-1e300) == -1.0
    assert accurate.log(0.0) == accurate.log1p(-1.0) == accurate.log2(0.0) == -math.inf
    assert (accurate.exp(0.0), accurate.expm1(0.0), accurate.log(1.0), accurate.log1p(0.0)) == (1.0, 0.0, 0.0, 0.0)
    assert [accurate.log2(math.ldexp(1.0, k)) for k in range(-1074, 1024)] == list(range(-1074, 1024))
    assert accurate.log(5e-324) == pytest.approx(-744.4400719213812, rel=1e-15)


def test_functions_rise_over_the_joints_of_their_pieces():
    for name, centers in {
        "exp": (0.34657, -0.34657),
        "expm1": (0.34657, -0.34657, 1.03972),
        "log": (0.70711, 1.41421),
    }.items():
        for center in centers:
            values = [getattr(accurate, name)(center + 1e-9 * k) for k in range(-20_000, 20_000, 7)]
            assert all(a <= b for a, b in itertools.pairwise(values)), (name, center)


@pytest.mark.parametrize("name", [*CASES, "log_gamma", "stirling_error"])
def test_compiled_and_interpreted_give_the_same_bits(name):
    function = getattr(accurate, name)

    @njit(error_model="numpy")
    def loop(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    x = arguments(name) if name in CASES else 10.0 ** np.random.default_rng(1).uniform(-6.0, 8.0, SAMPLES)
    compiled = np.empty(len(x))
    loop(x, compiled)
    assert (compiled.view(np.int64) == np.array([function(float(one)) for one in x]).view(np.int64)).all()
