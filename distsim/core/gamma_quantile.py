"""Inverse of the gamma distribution function, with the same bits everywhere: the x with P(a, x) = p.

Newton's method for ln x as a function of ln P, or of ln (1 - P) where p is above 1/2. As the logarithm of a gamma
number has a log-concave density, both are concave, and the method converges from anywhere. P is its series below a + 1
and the continued fraction of 1 - P above.

For a large shape a these take long, and Temme's uniform expansion (1979; DLMF 8.12) is used instead: with
eta^2 / 2 = x / a - 1 - ln(x / a), z the normal quantile of p and w = eta sqrt(a),

    (Phi(w) - Phi(z)) / phi(w) = (c_0(eta) + c_1(eta) / a + c_2(eta) / a^2 + ...) / sqrt(a)

The left side is a power series in w - z, which is small; Phi and phi are the normal distribution function and density.
Relative errors are below 1e-14 for shapes from 1 on, below 1e-11 for those from 1e-3 on.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from distsim.core.accurate import exp, expm1, log, log1p, log_gamma, stirling_error
from distsim.core.distributions import normal_quantile
from distsim.core.jit import inline, jit

FloatArray = npt.NDArray[np.float64]
LARGE = 500.0  # shapes from here on are expanded
_POWERS = 24  # of eta; |eta| < 0.38 where a number is below 2^-54 of all
_ORDERS = 6  # of 1 / a
_TERMS = 16  # of the power series in w - z
_MOST_TERMS = 10_000
_LOG_2_PI = 1.8378770664093453


@cache
def expansion() -> tuple[FloatArray, FloatArray]:
    """Coefficients of x / a (_POWERS,) and of c_0, c_1, ... (_ORDERS, _POWERS) as power series in eta."""
    n = _POWERS + 2 * _ORDERS + 2
    ratio = [Fraction(1), Fraction(1)]
    for k in range(2, n):
        products = sum((j * ratio[j] * ratio[k - j + 1] for j in range(2, k)), Fraction(0))
        ratio.append((ratio[k - 1] - products) / (k + 1))
    inverse = [Fraction(1)]  # of (x / a - 1) / eta
    for k in range(1, n - 1):
        inverse.append(-sum((ratio[j + 1] * inverse[k - j] for j in range(1, k + 1)), Fraction(0)))
    first = inverse[1:]
    orders = [first]
    for _ in range(1, _ORDERS):
        c = orders[-1]
        orders.append([(k + 2) * c[k + 2] - c[1] * first[k] for k in range(len(c) - 2)])
    return (
        np.array([float(r) for r in ratio[:_POWERS]]),
        np.array([[float(c[k]) for k in range(_POWERS)] for c in orders]),
    )


@inline
def polynomial(coefficients, x):  # type: ignore[no-untyped-def]
    """Sum of coefficients[k] x**k."""
    total = 0.0
    for k in range(coefficients.size - 1, -1, -1):
        total = total * x + coefficients[k]
    return total


@jit
def quantile_of_large(a, p, ratio, orders):  # type: ignore[no-untyped-def]
    """The quantile for a shape from ``LARGE`` on; ``ratio`` and ``orders`` as ``expansion`` has them."""
    root = np.sqrt(a)
    z = normal_quantile(p)
    shift = 0.0
    for _ in range(50):
        w = z + shift
        right = 0.0
        for k in range(orders.shape[0] - 1, -1, -1):
            right = right / a + polynomial(orders[k], w / root)
        left, power, term, before = 0.0, shift, 1.0, 0.0  # integral of exp(w s - s^2 / 2) for s from 0 to shift
        for n in range(_TERMS):
            left += term * power / (n + 1)
            term, before = (w * term - before) / (n + 1), term
            power *= shift
        change = right / root - left
        shift += change
        if abs(change) <= 1e-17:
            break
    return a * polynomial(ratio, (z + shift) / root)


@jit
def log_weight(a, y):  # type: ignore[no-untyped-def]
    """ln(x**a exp(-x) / Gamma(a)) with x = exp(y)."""
    x = exp(y)
    if a < 10.0:
        return a * y - x - log_gamma(a)
    mu = (x - a) / a
    return 0.5 * (log(a) - _LOG_2_PI) + a * (log1p(mu) - mu) - stirling_error(a)


@jit
def log_tail(a, y, upper):  # type: ignore[no-untyped-def]
    """(ln P(a, exp(y)), its derivative by y), or of ln (1 - P) where ``upper``."""
    x = exp(y)
    weight = log_weight(a, y)
    if x < a + 1.0:
        term = total = 1.0
        for n in range(1, _MOST_TERMS):
            term *= x / (a + n)
            total += term
            if term < 1e-17 * total:
                break
        low = weight + log(total) - log(a)
        if not upper:
            return low, a / total
        return log(-expm1(low)), exp(weight) / expm1(low)
    b = x + 1.0 - a  # the continued fraction by Lentz's method
    c, d = 1e300, 1.0 / b
    total = d
    for n in range(1, _MOST_TERMS):
        part = -n * (n - a)
        b += 2.0
        d = 1.0 / (part * d + b)
        c = b + part / c
        total *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    high = weight + log(total)
    if upper:
        return high, -1.0 / total
    return log(-expm1(high)), -exp(weight) / expm1(high)


@jit
def quantile_of_moderate(a, p):  # type: ignore[no-untyped-def]
    """The quantile for a shape below ``LARGE``."""
    upper = p > 0.5
    wanted = log1p(-p) if upper else log(p)
    y = (log(p) + log_gamma(a + 1.0)) / a  # x**a / Gamma(a + 1) is the first term of P
    if a >= 1.0:
        root = 1.0 - 1.0 / (9.0 * a) + normal_quantile(p) / (3.0 * np.sqrt(a))  # Wilson & Hilferty 1931
        y = max(y, log(a * root * root * root)) if root > 0.0 else y
    for _ in range(100):
        value, slope = log_tail(a, y, upper)
        change = (wanted - value) / slope
        y += change
        if abs(change) < 1e-9:
            break
    return exp(y)


@jit
def fill_quantiles(a, p, ratio, orders):  # type: ignore[no-untyped-def]
    """p[i] (n,), 0 < p[i] < 1, becomes the x with P(a, x) = p[i]."""
    for i in range(p.size):
        p[i] = quantile_of_large(a, p[i], ratio, orders) if a >= LARGE else quantile_of_moderate(a, p[i])


def to_gamma(shape: float, p: FloatArray) -> None:
    """Turn uniform numbers p (n,), 0 < p < 1, into gamma numbers of ``shape`` and scale 1, in place."""
    fill_quantiles(float(shape), p, *expansion())
