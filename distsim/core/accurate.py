"""Exponential, logarithm and their kin, right to about one unit in the last place, with the same bits everywhere.

Propagators, weights and distributions are computed with these and not with those of the C library or of numpy, whose
last bits differ between versions, machines and processors. Only additions, multiplications and divisions of doubles,
in a fixed order, and exact operations (frexp, ldexp, floor) are used. All is plain Python; ``core.jit`` lets kernels
call it, too. In loops over neurons or synapses those of ``core.elementary`` are faster and nearly as exact.

Reductions of arguments: Cody & Waite 1980; what they round away is carried along, as in fdlibm.
"""

from __future__ import annotations

import math

LN_2 = 0.6931471805599453
LOG2_E = 1.4426950408889634
HALF_LOG_2_PI = 0.9189385332046728
_LN_2_HIGH = 0.6931471803691238  # its last 20 bits are 0: a product with an exponent is exact
_LN_2_LOW = 1.9082149292705877e-10  # the rest of ln 2
_SQRT_HALF = 0.7071067811865476
_LARGEST = 709.782712893384  # of which the exponential is finite
_SMALLEST = -745.1332191019411  # of which it is not 0
_MINUS_ONE = -40.0  # below it expm1 is -1
_STIRLING = 10.0  # from here on Stirling's series has all digits


def _reduce(x: float) -> tuple[int, float, float]:
    """(k, p, q): exp(x) = 2**k (1 + p + q), with -0.3 < p < 0.42 and q what p rounds away."""
    k = math.floor(x * LOG2_E + 0.5)
    high = x - k * _LN_2_HIGH
    low = k * _LN_2_LOW
    r = high - low
    lost = (high - r) - low
    t = 1.0 / 3628800.0 + r * (1.0 / 39916800.0 + r * (1.0 / 479001600.0 + r * (1.0 / 6227020800.0)))
    t = 1.0 / 720.0 + r * (1.0 / 5040.0 + r * (1.0 / 40320.0 + r * (1.0 / 362880.0 + r * t)))
    t = r * r * (0.5 + r * (1.0 / 6.0 + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * t))))
    t += lost + r * lost
    p = r + t
    return k, p, t - (p - r)


def exp(x: float) -> float:
    """e**x; infinity where that overflows."""
    if x > _LARGEST:
        return math.inf
    if x < _SMALLEST:
        return 0.0
    k, p, q = _reduce(x)
    total = 1.0 + p
    return math.ldexp(total + (((1.0 - total) + p) + q), k)


def expm1(x: float) -> float:
    """e**x - 1; infinity where that overflows."""
    if x > _LARGEST:
        return math.inf
    if x < _MINUS_ONE:
        return -1.0
    k, p, q = _reduce(x)
    if k == 0:
        return p + q
    one = 1.0 - math.ldexp(1.0, -k)
    total = one + p
    part = total - one
    return math.ldexp(total + (((one - (total - part)) + (p - part)) + q), k)


def _log(f: float, k: int, lost: float) -> float:
    """ln(2**k (1 + f)) + lost, for sqrt(1/2) <= 1 + f < sqrt(2): 2 artanh(s) with s = f / (2 + f)."""
    s = f / (2.0 + f)
    z = s * s
    t = 2.0 / 15.0 + z * (2.0 / 17.0 + z * (2.0 / 19.0 + z * (2.0 / 21.0 + z * (2.0 / 23.0))))
    t = 2.0 / 7.0 + z * (2.0 / 9.0 + z * (2.0 / 11.0 + z * (2.0 / 13.0 + z * t)))
    t = z * (2.0 / 3.0 + z * (2.0 / 5.0 + z * t))
    half_square = 0.5 * f * f
    return k * _LN_2_HIGH - ((half_square - (s * (half_square + t) + (k * _LN_2_LOW + lost))) - f)


def _split(x: float) -> tuple[float, int]:
    """(f, k): x = 2**k (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2)."""
    m, k = math.frexp(x)
    return (2.0 * m - 1.0, k - 1) if m < _SQRT_HALF else (m - 1.0, k)


def log(x: float) -> float:
    """ln x for x >= 0."""
    if x <= 0.0:
        return -math.inf
    f, k = _split(x)
    return _log(f, k, 0.0)


def log1p(x: float) -> float:
    """ln(1 + x) for x >= -1."""
    if x <= -1.0:
        return -math.inf
    if -0.29 < x < 0.41:
        return _log(x, 0, 0.0)
    total = 1.0 + x
    lost = 1.0 - (total - x) if x >= 1.0 else x - (total - 1.0)
    f, k = _split(total)
    return _log(f, k, lost / total)


def log2(x: float) -> float:
    """Logarithm of x >= 0 to base 2; exact for powers of two."""
    if x <= 0.0:
        return -math.inf
    f, k = _split(x)
    return k + _log(f, 0, 0.0) * LOG2_E


def stirling_error(x: float) -> float:
    """What Stirling's formula lacks: ln Gamma(x + 1) - ((x + 1/2) ln x - x + ln(2 pi) / 2), for x > 0.

    Its asymptotic series from 10 on; below, the difference of its values at x and x + 1 is known.
    """
    total = 0.0
    while x < _STIRLING:
        total += (x + 0.5) * log1p(1.0 / x) - 1.0
        x += 1.0
    z = 1.0 / (x * x)
    t = 1.0 / 1260.0 - z * (1.0 / 1680.0 - z * (1.0 / 1188.0 - z * (691.0 / 360360.0 - z * (1.0 / 156.0))))
    return total + (1.0 / 12.0 - z * (1.0 / 360.0 - z * t)) / x


def log_gamma(x: float) -> float:
    """ln Gamma(x) for x > 0, to 1e-14 of it or of 1."""
    product = 1.0
    while x < _STIRLING:
        product *= x
        x += 1.0
    return (x - 0.5) * log(x) - x + HALF_LOG_2_PI + stirling_error(x) - log(product)


FUNCTIONS = (_reduce, exp, expm1, _log, _split, log, log1p, log2, stirling_error, log_gamma)
"""All of them, for the compiler."""
