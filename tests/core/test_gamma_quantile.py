"""The inverse of the gamma distribution function, of small, moderate and large shapes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammainc, gammaincc, gammaincinv

from distsim.core import gamma_quantile
from distsim.core.gamma_quantile import LARGE, to_gamma


def probabilities():
    random = np.random.default_rng(1)
    low = 10.0 ** random.uniform(-15.9, -1.0, 200)
    return np.concatenate((random.uniform(0.0, 1.0, 600), low, 1.0 - low))


def quantiles(shape, p):
    x = p.copy()
    to_gamma(shape, x)
    return x


@pytest.mark.parametrize("shape", [1e-3, 0.01, 0.3, 0.99, 1.5, 9.99, 10.0, 50.0, LARGE - 1e-9, LARGE, 1e3, 1e5])
def test_quantiles_are_those_of_scipy(shape):
    p = probabilities()
    x, expected = quantiles(shape, p), gammaincinv(shape, p)
    here = expected > 1e-280
    assert here.any()
    assert np.abs(x[here] / expected[here] - 1.0).max() < (1e-11 if shape < 0.1 else 5e-14)


@pytest.mark.parametrize("shape", [1e7, 1e9, 1e12])
def test_quantiles_of_large_shapes_invert_the_distribution_function(shape):
    """scipy's inverse loses digits here; its distribution function has all of them up to 4.5 standard deviations."""
    p = np.clip(probabilities(), 1e-5, 1.0 - 1e-5)
    x = quantiles(shape, p)
    resolution = 4.0 * np.spacing(1.0) * np.sqrt(shape)  # an ulp of x, as a change of p
    assert np.abs(gammainc(shape, x) - p).max() < resolution + 1e-12
    assert np.abs(gammaincc(shape, x) - (1.0 - p)).max() < resolution + 1e-12


@pytest.mark.parametrize("shape", [0.2, 0.9, 3.0, 60.0, 499.0, 500.0, 1e6])
def test_quantiles_rise(shape):
    grid = np.concatenate((np.linspace(1e-6, 1.0 - 1e-6, 3001), 0.5 + np.linspace(-1e-6, 1e-6, 1001)))
    assert (np.diff(quantiles(shape, np.unique(grid))) >= 0.0).all()


def test_both_methods_agree_where_they_meet():
    ratio, orders = gamma_quantile.expansion()
    for p in (1e-15, 1e-4, 0.3, 0.5, 0.8, 1.0 - 1e-13):
        large = gamma_quantile.quantile_of_large(LARGE, p, ratio, orders)
        assert large == pytest.approx(gamma_quantile.quantile_of_moderate(LARGE, p), rel=1e-14)


def test_compiled_and_interpreted_give_the_same_bits():
    ratio, orders = gamma_quantile.expansion()
    for p in probabilities()[::40]:
        for function, given in (
            (gamma_quantile.quantile_of_large, (700.0, p, ratio, orders)),
            (gamma_quantile.quantile_of_moderate, (0.7, p)),
            (gamma_quantile.quantile_of_moderate, (31.0, p)),
        ):
            assert function(*given) == function.py_func(*given)
