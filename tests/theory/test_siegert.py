"""Siegert's function: values in 30-digit arithmetic, published ones, limits, and its shape over the whole plane.

Without noise a neuron above threshold charges exponentially, 1 / rate = t_ref + tau_m ln((mu - V_reset) / (mu - V_th)).
Strong noise saturates it, rate = 1 / t_ref; far below threshold it decays like exp(-y^2), y = (V_th - mu) / sigma.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from distsim.core.errors import InputError
from distsim.theory import siegert as module
from distsim.theory.siegert import ALPHA, fill_rates, log1p, siegert

NEURON = {"tau_m": 20.0, "t_ref": 2.0, "V_th": 20.0, "V_reset": 0.0}
STORED = json.loads((Path(__file__).parents[1] / "data" / "theory" / "siegert.json").read_text())


def stored_columns() -> dict[str, np.ndarray]:
    return dict(zip(STORED["columns"], np.array(STORED["rows"]).T, strict=True))


def test_values_of_high_precision_are_met_wherever_the_rate_is_a_double():
    columns = stored_columns()
    expected = columns.pop("rate")
    rates = siegert(**columns)
    tiny = expected < 1e-300
    assert_allclose(rates[~tiny], expected[~tiny], rtol=1e-12)
    assert_allclose(rates[tiny], expected[tiny], atol=1e-304)
    assert tiny.sum() < len(expected) / 4


@pytest.mark.parametrize(
    ("mu", "sigma", "rate"),
    [  # NEST 3.10, testsuite/pytests/neurons/test_siegert_neuron.py, and runs of NEST's siegert_neuron
        (15.0, math.sqrt(1.5), 27.1095934379),
        (22.5, 0.0, 77.0052777),
        (13.5, 0.0, 0.0),
        (10.0, 15.0, 55.78375623),
        (-5.0, 22.5, 34.35728713),
        (22.5, 0.015, 77.00533048),
        (12.0, 4.0, 21.64954019),
        (20.0, 3.0, 65.87438314),
    ],
)
def test_values_of_nest(mu, sigma, rate):
    assert siegert(mu, sigma, tau_m=10.0, t_ref=2.0, V_th=15.0, V_reset=0.0) == pytest.approx(rate, rel=2e-9)


NNMT = [  # INM-6/nnmt, tests/fixtures/unit/data: mu, sigma (mV); delta, exponential by shift, by Taylor (1/s)
    ([2, 3, 4, 5], [30, 30, 40, 50], [51.87482358, 54.06743221, 77.79709378, 99.13760526],
     [32.3098618, 34.11912413, 51.81399758, 68.31813372], [30.53926646, 32.447319, 50.48120159, 67.43623108]),
    ([12, 13, 14, 15], [2, 2.4, 2.3, 2.9], [2.45427697e-5, 0.0309211613, 0.147705924, 3.75848087],
     [1.75997693e-6, 0.00467968106, 0.0279462546, 1.4239711],
     [-3.74166125e-5, -0.0238518098, -0.0802098594, 0.59502396]),
    ([22, 25, 30, 40], [30, 30, 40, 50], [98.80397094, 105.97510391, 132.91457859, 165.17535855],
     [75.29510956, 82.46455632, 105.35409532, 135.25440273], [75.3062832, 82.65390844, 105.98100921, 136.48519173]),
    ([22, 25, 30, 40], [0.5, 0.4, 0.3, 0.9], [38.71368683, 55.31250321, 77.01713033, 112.01115668],
     [37.6203647, 54.67299649, 76.62940973, 111.08838721], [37.63647796, 54.6756202, 76.62999219, 111.09095979]),
]  # fmt: skip


@pytest.mark.parametrize(("mu", "sigma", "delta", "shift", "taylor"), NNMT)
def test_values_of_nnmt(mu, sigma, delta, shift, taylor):
    neuron = {"tau_m": 10.0, "t_ref": 2.0, "V_th": 20.0, "V_reset": 0.0}
    assert_allclose(siegert(mu, sigma, **neuron), delta, rtol=5e-9)
    assert_allclose(siegert(mu, sigma, tau_syn=1.0, **neuron), shift, rtol=5e-9)
    assert_allclose(siegert(mu, sigma, tau_syn=1.0, form="taylor", **neuron), taylor, rtol=1e-8)


@pytest.mark.parametrize(
    ("V_reset", "t_ref", "tau_syn", "delta", "shift", "taylor"),
    [
        ([0.0, 0.1, 0.2, 0.3], [2.0, 3.0, 1.5, 1.0], [1.0, 2.0, 3.0, 0.5],
         [51.87482358, 31.58937808, 79.61100919, 137.18453001], [32.3098618, 15.91988666, 43.79717697, 103.6593416],
         [30.53926646, 13.59013444, 40.40963701, 102.49697928]),
        (0.0, 2.0, 1.0,
         [51.87482358, 32.55221056, 75.86929476, 119.39546854], [32.3098618, 20.33536587, 55.8157211, 82.25517311],
         [30.53926646, 19.01583276, 55.11941849, 81.78932262]),
    ],
)  # fmt: skip
def test_neurons_of_their_own_each(V_reset, t_ref, tau_syn, delta, shift, taylor):
    mu, sigma = [2, 3, 4, 5], [30, 30, 40, 50]
    neuron = {"V_reset": V_reset, "t_ref": t_ref, "V_th": [20, 25, 15, 18], "tau_m": [10, 12, 15, 9]}
    assert_allclose(siegert(mu, sigma, **neuron), delta, rtol=5e-9)
    assert_allclose(siegert(mu, sigma, tau_syn=tau_syn, **neuron), shift, rtol=5e-9)
    assert_allclose(siegert(mu, sigma, tau_syn=tau_syn, form="taylor", **neuron), taylor, rtol=5e-9)


def test_alpha_is_that_of_fourcaud_and_brunel():
    """zeta(1/2) = eta(1/2) / (1 - 2^(1/2)); eta, the alternating series, summed by repeated averages (Euler)."""
    sums = np.cumsum([(-1) ** n / math.sqrt(n + 1) for n in range(60)])
    while len(sums) > 1:
        sums = 0.5 * (sums[1:] + sums[:-1])
    assert pytest.approx(math.sqrt(2.0) * abs(sums[0] / (1.0 - math.sqrt(2.0))), rel=1e-14) == ALPHA


# ---------------------------------------------------------------- limits


def test_a_million_points_give_a_rate_each():
    """No failure, no NaN, nothing negative or above saturation, from no noise to one that swamps everything."""
    mu = np.concatenate([-np.logspace(9, -9, 250), np.logspace(-9, 9, 250), np.linspace(-100.0, 100.0, 500)])
    sigma = np.concatenate([[0.0], np.logspace(-12, 12, 999)])
    rates = siegert(mu[:, None], sigma, **NEURON)
    assert rates.shape == (1000, 1000)
    assert np.isfinite(rates).all()
    assert rates.min() == 0.0
    assert rates.max() <= 500.0 * (1.0 + 1e-15)
    assert (np.diff(rates[np.argsort(mu)], axis=0) >= -1e-12 * rates[np.argsort(mu)][1:]).all()


@pytest.mark.parametrize("mu", [20.0000001, 20.1, 24.0, 1e3, 1e8])
def test_weak_noise_above_threshold_approaches_regular_firing(mu):
    regular = 1000.0 / (2.0 + 20.0 * math.log1p(20.0 / (mu - 20.0)))
    assert siegert(mu, 0.0, **NEURON) == pytest.approx(regular, rel=1e-9)
    assert siegert(mu, 1e-12 * (mu - 20.0), **NEURON) == siegert(mu, 0.0, **NEURON)
    deviations = [abs(siegert(mu, s * (mu - 20.0), **NEURON) / regular - 1.0) for s in (1e-2, 1e-3, 1e-4)]
    assert deviations[0] > deviations[1] > deviations[2]
    assert deviations[2] < 1e-8


def test_without_noise_there_is_no_spike_up_to_threshold():
    assert_array_equal(siegert([-1e9, 0.0, 19.9, 20.0], 0.0, **NEURON), np.zeros(4))
    assert siegert(20.0, 1e-320, **NEURON) > 0.0
    assert siegert(np.nextafter(20.0, 21.0), 0.0, **NEURON) > siegert(20.0, 0.0, **NEURON)


def test_far_below_threshold_the_rate_underflows_smoothly():
    """ln(rate) is concave and falls like -y^2, until the rate is no double any more and 0."""
    y = np.linspace(4.0, 30.0, 2601)
    rates = siegert(20.0 - 3.0 * y, 3.0, **NEURON)
    assert (np.diff(rates) <= 0.0).all()
    positive = np.log(rates[rates > 1e-300])
    assert (np.diff(positive, 2) < 0.0).all()
    assert_allclose(np.diff(positive)[-1] / 0.01, -2.0 * y[len(positive) - 1], rtol=2e-3)
    assert rates[len(positive) :].max() < 1e-300
    assert rates[-1] == 0.0


def test_far_above_threshold_the_rate_saturates():
    assert_allclose(siegert([1e12, 1e300, 1.7e308], [1.0, 1e-300, 1e308], **NEURON), 500.0, rtol=1e-9)
    assert siegert(0.0, 1e12, **NEURON) == pytest.approx(500.0, rel=1e-9)


def test_midway_between_reset_and_threshold():
    """There y_r = -y_th: the integral of erfcx from b to a has no length. The rate goes through it smoothly."""
    rates = siegert(10.0 + np.array([-1e-3, -1e-8, -1e-15, 0.0, 1e-15, 1e-8, 1e-3]), 5.0, **NEURON)
    assert rates[3] == pytest.approx(0.8558266415283576, rel=1e-13)
    assert (np.diff(rates) >= 0.0).all()
    assert rates[4] - rates[2] < 1e-14


@given(
    mu=st.floats(-1e3, 1e3),
    step=st.floats(1e-9, 1e2),
    sigma=st.floats(0.0, 1e3),
    tau_m=st.floats(0.1, 100.0),
    t_ref=st.floats(0.0, 10.0),
    V_th=st.floats(-60.0, 60.0),
    height=st.floats(1e-3, 100.0),
    tau_syn=st.floats(0.0, 10.0),
)
def test_more_input_never_means_fewer_spikes(mu, step, sigma, tau_m, t_ref, V_th, height, tau_syn):
    neuron = {"tau_m": tau_m, "t_ref": t_ref, "V_th": V_th, "V_reset": V_th - height, "tau_syn": tau_syn}
    low, high = siegert([mu, mu + step], sigma, **neuron)
    assert 0.0 <= low <= high * (1.0 + 1e-11)
    assert high <= 1000.0 / max(t_ref, 1e-300) * (1.0 + 1e-12)


# ---------------------------------------------------------------- the parts of the integral, and the kernel


def test_quadrature_and_antiderivative_are_what_they_say():
    nodes, weights = np.polynomial.legendre.leggauss(len(module._NODES))
    assert_allclose(module._NODES, (1.0 + nodes) / 2.0, rtol=1e-14)
    assert_allclose(module._WEIGHTS, weights / 2.0, rtol=2e-13)
    from scipy.special import erfcx

    x = np.concatenate([[0.0], np.logspace(-3, 4, 60)])
    t = (x - 2.0) / (x + 2.0)
    slope_of_t = 4.0 / (x + 2.0) ** 2
    polynomial = np.polynomial.Polynomial(module._R)
    derivative = 1.0 / (1.0 + math.sqrt(math.pi) * x) + polynomial.deriv()(t) * slope_of_t
    assert_allclose(derivative, erfcx(x), rtol=1e-13)


@pytest.mark.parametrize("x", [0.0, 1e-300, 1e-17, 3e-9, 0.5, 1e5, 1e305])
def test_log1p(x):
    assert log1p(x) == pytest.approx(math.log1p(x), rel=2e-15)


def test_the_bits_of_a_rate_do_not_depend_on_its_place():
    """In vector body and remainder of the loops, compiled and as plain Python."""
    columns = stored_columns()
    names = ("mu", "sigma", "V_th", "width", "tau_m", "t_ref", "shift")
    columns |= {"width": columns["V_th"] - columns["V_reset"], "shift": np.full(len(columns["mu"]), 0.2)}
    arguments = [columns[name] for name in names]
    whole = np.empty(len(columns["mu"]))
    fill_rates(*arguments, whole)
    for begin in (1, 2, 5, 63, 64, 70):
        part = np.empty(len(whole) - begin)
        fill_rates(*(values[begin:].copy() for values in arguments), part)
        assert_array_equal(part, whole[begin:])
    python = np.empty(12)
    with np.errstate(all="ignore"):
        fill_rates.py_func(*(values[:12] for values in arguments), python)
    assert_array_equal(python, whole[:12])


def test_shapes_and_types():
    assert isinstance(siegert(24.0, 7.0, **NEURON), float)
    assert siegert(np.zeros((3, 1)), np.ones(2), **NEURON).shape == (3, 2)
    assert siegert([], 1.0, **NEURON).shape == (0,)
    assert siegert(24, 7, **NEURON) == siegert(24.0, 7.0, **NEURON)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sigma": -1.0}, "sigma must be at least 0, got -1"),
        ({"mu": math.nan}, "mu must be finite, got nan"),
        ({"mu": "much"}, "mu must hold numbers, got 'much'"),
        ({"tau_m": 0.0}, "tau_m must be larger than 0, got 0"),
        ({"t_ref": [2.0, -1.0]}, "t_ref must be at least 0, got -1"),
        ({"V_reset": 20.0}, "V_reset must be below V_th"),
        ({"form": "tailor"}, "unknown form 'tailor'; did you mean 'taylor'?"),
        ({"mu": [1.0, 2.0], "sigma": [1.0, 2.0, 3.0]}, r"do not go together: mu \(2,\), sigma \(3,\)"),
    ],
)
def test_wrong_input(changes, message):
    with pytest.raises(InputError, match=message):
        siegert(**({"mu": 24.0, "sigma": 7.0} | NEURON | changes))
