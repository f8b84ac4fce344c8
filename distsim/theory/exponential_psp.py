"""The postsynaptic potential (PSP) of a synapse with exponentially decaying current (PSC) on a leaky membrane.

A current I(t) = exp(-t / tau_s) of amplitude 1 pA charges the membrane, C_m dV/dt = -C_m V / tau_m + I. At its maximum
dV/dt = 0, so V = tau_m / C_m exp(-t / tau_s), and the maximum is at t = tau_s ln(tau_s / tau_m) / (tau_s / tau_m - 1).
"""

from __future__ import annotations

from distsim.core.accurate import exp, log1p
from distsim.core.units import check_number


def exponential_psp_amplitude(tau_m: float, tau_s: float, C_m: float) -> float:
    """Largest membrane potential (mV) that an exponential PSC of amplitude 1 pA evokes; ms, ms, pF.

    A PSP of J mV thus needs a synapse of weight J / exponential_psp_amplitude(...) pA.
    Raises InputError unless all three are positive.
    """
    check_number(C_m, "C_m", above=0.0)
    delta = 1.0 - check_number(tau_s, "tau_s", above=0.0) / check_number(tau_m, "tau_m", above=0.0)
    exponent = log1p(-delta) / delta if delta else -1.0
    return tau_m / C_m * exp(exponent)
