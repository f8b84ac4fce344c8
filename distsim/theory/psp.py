"""The postsynaptic potential (PSP) of a synapse on a leaky membrane: with alpha-shaped current (PSC), unless said.

A current of amplitude 1 pA, I(t) = e t / tau_s exp(-t / tau_s), charges the membrane, C_m dV/dt = -C_m V / tau_m + I.
With x = t / tau_s and delta = 1 - tau_s / tau_m this gives

    V(t) = e tau_s / C_m * x**2 exp(-x) h(delta x),        h(y) = (exp(y) - 1 - y) / y**2,

which holds for tau_s = tau_m, too, where h = 1/2. Its maximum lies at the root x > 0 of

    tau_s / tau_m * exp(delta x) = tau_s / tau_m + delta x,

which Lambert's function W solves: delta x = -W(-r exp(-r)) - r with r = tau_s / tau_m, on the branch that is not the
trivial root W = -r: branch -1 for r < 1, branch 0 for r > 1.

Source: the model description of NEST's example "two population STDP network model" (there as two formulas, with the
difference 1 / tau_s - 1 / tau_m in the denominator).
"""

from __future__ import annotations

import math

from distsim.core.accurate import exp, log, log1p
from distsim.core.errors import InputError
from distsim.core.units import check_number

_NEAR = 0.1
"""|1 - tau_s / tau_m| below which the peak is found by Newton's method.

There W is taken close to its branch point, and a rounding error of its argument grows as 1 / delta**2."""

_SERIES_BELOW = 1.0
"""|y| below which h(y) is summed as a series: its closed form would cancel."""

_MAX_ITERATIONS = 50


def lambert_w(z: float, branch: int = 0) -> float:
    """Lambert's function: the w with w exp(w) = z, for -1/e <= z < 0, on the real branch 0 (w >= -1) or -1 (w <= -1).

    On branch 0, z may be 0, too.

    Halley's iteration (Corless et al. 1996, Adv. Comput. Math. 5:329, eqs 4.22 and 5.9), in double precision to the
    last bits, apart from the neighbourhood of the branch point -1/e, where w is as uncertain as z allows.
    Raises InputError for another ``branch`` or ``z``.
    """
    if branch not in (0, -1):
        raise InputError(f"lambert_w: branch must be 0 or -1, got {branch!r}")
    if z == 0.0 and branch == 0:
        return 0.0
    if not -1.0 / math.e <= z < 0.0:
        raise InputError(f"lambert_w: z must be at least -1/e and below 0, got {z!r}")
    w = _lambert_start(z, branch)
    for _ in range(_MAX_ITERATIONS):
        exp_w = exp(w)
        residual = w * exp_w - z
        slope = exp_w * (w + 1.0)
        if residual == 0.0 or slope == 0.0:
            break
        change = residual / (slope - (w + 2.0) * residual / (2.0 * w + 2.0))
        w -= change
        if abs(change) <= 2e-16 * abs(w):
            break
    return w


def _lambert_start(z: float, branch: int) -> float:
    """A first guess of W(z): the series about the branch point, or that for small |z|."""
    if z < -0.25:
        p = math.sqrt(max(0.0, 2.0 * (math.e * z + 1.0))) * (1.0 if branch == 0 else -1.0)
        return -1.0 + p - p * p / 3.0 + 11.0 / 72.0 * p * p * p
    if branch == 0:
        return z - z * z
    log_1 = log(-z)
    log_2 = log(-log_1)
    return log_1 - log_2 + log_2 / log_1


def _h(y: float) -> float:
    """(exp(y) - 1 - y) / y**2 by its series, for |y| up to 1."""
    term, total = 0.5, 0.0
    for k in range(3, 20):
        total += term
        term *= y / k
    return total


def _h_slope(y: float) -> float:
    """Derivative of h, by its series, for |y| up to 1."""
    term, total = 1.0 / 6.0, 0.0
    for k in range(1, 20):
        total += k * term
        term *= y / (k + 3)
    return total


def psp_peak_time(tau_m: float, tau_s: float) -> float:
    """Time (ms) from the start of the PSC to the maximum of the PSP; ``tau_m``, ``tau_s`` in ms.

    Twice the time constant where both are equal. Raises InputError unless both are positive.
    """
    check_number(tau_m, "tau_m", above=0.0)
    check_number(tau_s, "tau_s", above=0.0)
    ratio = tau_s / tau_m
    delta = 1.0 - ratio
    if abs(delta) < _NEAR:
        return tau_s * _peak_near_equality(delta)
    branch = -1 if ratio < 1.0 else 0
    return tau_s * (-lambert_w(-ratio * exp(-ratio), branch) - ratio) / delta


def _peak_near_equality(delta: float) -> float:
    """The root x of x h(delta x) = (exp(delta x) - 1) / (delta x) = 1 + delta x h(delta x), by Newton's method."""
    x = 2.0 + 2.0 / 3.0 * delta
    for _ in range(_MAX_ITERATIONS):
        y = delta * x
        value = (1.0 - delta) * x * _h(y) - 1.0
        slope = (1.0 - delta) * (_h(y) + y * _h_slope(y))
        change = value / slope
        x -= change
        if abs(change) <= 4e-16 * x:
            break
    return x


def unit_psp(time: float, tau_m: float, tau_s: float, C_m: float) -> float:
    """Membrane potential (mV) at ``time`` (ms) after the start of a PSC of amplitude 1 pA; 0 before it.

    ``tau_m``, ``tau_s`` in ms, ``C_m`` in pF; all must be positive.
    """
    check_number(C_m, "C_m", above=0.0)
    delta = 1.0 - check_number(tau_s, "tau_s", above=0.0) / check_number(tau_m, "tau_m", above=0.0)
    if time <= 0.0:
        return 0.0
    x = time / tau_s
    y = delta * x
    if abs(y) <= _SERIES_BELOW:
        shape = x * x * exp(-x) * _h(y)
    else:
        shape = (exp(-time / tau_m) - (1.0 + y) * exp(-x)) / (delta * delta)
    return math.e * tau_s / C_m * shape


def unit_psp_amplitude(tau_m: float, tau_s: float, C_m: float) -> float:
    """Largest membrane potential (mV) that a PSC of amplitude 1 pA evokes; ``tau_m``, ``tau_s`` in ms, ``C_m`` in pF.

    A PSP of J mV thus needs a synapse of weight J / unit_psp_amplitude(...) pA.
    Raises InputError unless all three are positive.
    """
    return unit_psp(psp_peak_time(tau_m, tau_s), tau_m, tau_s, C_m)


def exponential_psp_amplitude(tau_m: float, tau_s: float, C_m: float) -> float:
    """Largest membrane potential (mV) that a PSC exp(-t / tau_s) of amplitude 1 pA evokes; ms, ms, pF.

    At the maximum dV/dt = 0, so V = tau_m / C_m exp(-t / tau_s), at t = tau_s ln(tau_s / tau_m) / (tau_s / tau_m - 1).
    A PSP of J mV thus needs a synapse of weight J / exponential_psp_amplitude(...) pA.
    Raises InputError unless all three are positive.
    """
    check_number(C_m, "C_m", above=0.0)
    delta = 1.0 - check_number(tau_s, "tau_s", above=0.0) / check_number(tau_m, "tau_m", above=0.0)
    exponent = log1p(-delta) / delta if delta else -1.0
    return tau_m / C_m * exp(exponent)
