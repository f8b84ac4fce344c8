"""The postsynaptic potential of an alpha-shaped current against the membrane equation itself."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distsim.core.errors import InputError
from distsim.theory.psp import lambert_w, psp_peak_time, unit_psp, unit_psp_amplitude


def integrate_membrane(tau_m: float, tau_s: float, C_m: float):
    """Time (ms) and size (mV) of the maximum of V for C_m dV/dt = -C_m V / tau_m + e t / tau_s exp(-t / tau_s).

    The differential equation itself, solved step by step from V(0) = 0; the maximum is where dV/dt crosses 0.
    """
    from scipy.integrate import solve_ivp

    def slope(t, v):
        return -v / tau_m + math.e * t / tau_s * math.exp(-t / tau_s) / C_m

    def at_peak(t, v):
        return slope(t, v)[0] if t > 1e-3 * tau_s else 1.0

    at_peak.direction = -1
    solution = solve_ivp(
        slope, (0.0, 12.0 * max(tau_m, tau_s)), [0.0], method="DOP853", rtol=1e-13, atol=1e-18, events=at_peak
    )
    return float(solution.t_events[0][0]), float(solution.y_events[0][0, 0])


@pytest.mark.parametrize(
    ("tau_m", "tau_s"),
    [(20.0, 2.0), (10.0, 0.5), (10.0, 8.9), (10.0, 9.1), (10.0, 9.999), (10.0, 10.0), (10.0, 10.5), (5.0, 20.0)],
)
def test_psp_peak_is_the_maximum_of_the_integrated_membrane_equation(tau_m, tau_s):
    time, size = integrate_membrane(tau_m, tau_s, 250.0)
    assert psp_peak_time(tau_m, tau_s) == pytest.approx(time, rel=1e-8)
    assert unit_psp_amplitude(tau_m, tau_s, 250.0) == pytest.approx(size, rel=1e-9)


@pytest.mark.parametrize("time", [0.1, 1.0, 3.0, 8.0, 30.0, 200.0])
@pytest.mark.parametrize("tau_s", [2.0, 19.0, 20.0, 45.0])
def test_psp_is_the_convolution_of_current_and_membrane(time, tau_s):
    """V(t) = integral of I(s) exp(-(t - s) / tau_m) / C_m over s."""
    from scipy.integrate import quad

    def integrand(s):
        return math.e * s / tau_s * math.exp(-s / tau_s) * math.exp(-(time - s) / 20.0) / 250.0

    expected, _ = quad(integrand, 0.0, time, epsabs=0.0, epsrel=1e-12, limit=200)
    assert unit_psp(time, 20.0, tau_s, 250.0) == pytest.approx(expected, rel=1e-10)


def test_psp_of_equal_time_constants_has_its_closed_form():
    """I = e t / tau exp(-t / tau) gives V = e t**2 / (2 C_m tau) exp(-t / tau), largest at 2 tau: 2 tau / (e C_m)."""
    assert psp_peak_time(7.0, 7.0) == pytest.approx(14.0, rel=1e-14)
    assert unit_psp_amplitude(7.0, 7.0, 100.0) == pytest.approx(14.0 / (100.0 * math.e), rel=1e-14)


def test_psp_holds_at_the_limits():
    assert unit_psp(0.0, 20.0, 2.0, 250.0) == 0.0
    assert unit_psp(-1.0, 20.0, 2.0, 250.0) == 0.0
    assert unit_psp(5000.0, 20.0, 2.0, 250.0) == pytest.approx(0.0, abs=1e-90)
    # a membrane that forgets at once: V follows I, whose maximum of 1 pA is at tau_s; V = I tau_m / C_m
    assert psp_peak_time(1e-4, 20.0) == pytest.approx(20.0, rel=1e-4)
    assert unit_psp_amplitude(1e-4, 20.0, 250.0) == pytest.approx(1e-4 / 250.0, rel=1e-4)
    # a current much shorter than the membrane time constant: V = area / C_m
    assert unit_psp_amplitude(1e6, 1.0, 250.0) == pytest.approx(math.e / 250.0, rel=1e-4)


def test_lambert_w_is_that_of_scipy():
    from scipy.special import lambertw

    for z in -np.logspace(-300.0, math.log10(0.3678), 400):
        for branch in (0, -1):
            near_branch_point = 1.0 + math.e * z  # where an error of z grows as 1 / sqrt(1 + e z)
            tolerance = 4e-16 / math.sqrt(near_branch_point)
            assert lambert_w(float(z), branch) == pytest.approx(lambertw(z, branch).real, rel=tolerance)


@given(st.floats(1.0, 700.0))
def test_lambert_w_inverts_w_exp_w(minus_w):
    z = -minus_w * math.exp(-minus_w)
    w = lambert_w(max(z, -1.0 / math.e), -1)
    assert w * math.exp(w) == pytest.approx(z, rel=1e-13, abs=1e-320)


@pytest.mark.parametrize(("z", "branch"), [(-0.4, -1), (0.1, 0), (0.0, -1), (math.nan, 0), (-0.1, 1)])
def test_lambert_w_refuses_what_has_no_real_value(z, branch):
    with pytest.raises(InputError):
        lambert_w(z, branch)
