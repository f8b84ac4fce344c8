"""Self-consistent rates: those of Brunel's network, and all solutions where there are several, with their stability.

For one population the fixed points are the sign changes of Phi(r) - r along the axis of rates: between two stable ones
lies an unstable one, and they alternate.
"""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from distsim.core.errors import DistsimError, InputError
from distsim.theory.lif_mean_field import MeanField, drift_and_diffusion, nu_theta

NEURON = {"tau_m": 20.0, "t_ref": 2.0, "V_th": 20.0, "V_reset": 0.0}


def brunel(eta: float, g: float, **changes: object) -> MeanField:
    """Brunel's network: 1000 excitatory inputs of 0.1 mV, 250 inhibitory ones, and eta nu_theta per external input."""
    mean, variance = drift_and_diffusion(1000.0, 0.1, 20.0)
    rate = eta * nu_theta(20.0, 0.1, 1000.0, 20.0)
    values = {"K": [[1000.0, 250.0]] * 2, "J": [[0.1, -0.1 * g]] * 2, "mu_ext": mean * rate, "var_ext": variance * rate}
    return MeanField(**(values | NEURON | changes))


@pytest.mark.parametrize(
    ("eta", "g", "rate"),
    [  # NEST 3.10 (siegert_neuron), NNMT 1.3.0 and mpmath agree on these digits
        (1.5, 4.5, 28.4773641327), (1.5, 5.0, 20.5809253694), (1.5, 6.0, 13.1729278161),
        (2.0, 4.5, 43.4165221563), (2.0, 5.0, 32.0331145039), (2.0, 6.0, 20.8687235846),
        (3.0, 4.5, 70.4353594566), (3.0, 5.0, 53.1952554156), (3.0, 6.0, 35.3144711919),
    ],
)  # fmt: skip
def test_rates_of_brunels_network(eta, g, rate):
    point = brunel(eta, g).fixed_point()
    assert_allclose(point.rates, rate, rtol=5e-12)
    assert point.rates[0] == pytest.approx(point.rates[1], rel=1e-14)
    (only,) = brunel(eta, g).fixed_points()
    assert_allclose(only.rates, rate, rtol=5e-12)
    assert only.stable


def test_working_point_of_brunels_network():
    mean_field = brunel(2.0, 5.0)
    assert_allclose(mean_field.working_point([32.0331145038683403] * 2)[0], 23.9834427481, rtol=1e-11)
    assert_allclose(mean_field.working_point([32.0331145038683403] * 2)[1], 7.1026766807, rtol=1e-10)
    assert nu_theta(20.0, 0.1, 1000.0, 20.0) == 10.0


@pytest.mark.parametrize(("eta", "g", "number"), [(0.5, 3.0, 3), (0.8, 2.0, 3), (0.9, 3.0, 1), (0.5, 5.0, 1)])
def test_quiescent_and_active_state_beside_each_other(eta, g, number):
    """Where excitation dominates and external input is weak, silence and high activity are both stable."""
    points = brunel(eta, g).fixed_points()
    assert len(points) == number
    assert [point.stable for point in points] == [True, False, True][:number]
    assert [point.rates.mean() for point in points] == sorted(point.rates.mean() for point in points)
    for point in points:
        assert_allclose(brunel(eta, g).phi(point.rates), point.rates, rtol=1e-9)
    assert brunel(eta, g).fixed_point().rates[0] == pytest.approx(points[0].rates[0], rel=1e-9)
    assert brunel(eta, g).fixed_point(500.0).rates[0] == pytest.approx(points[-1].rates[0], rel=1e-9)


def sign_changes(mean_field: MeanField) -> int:
    """Number of fixed points of one population, by a scan along its rate."""
    rates = np.concatenate([np.logspace(-12, -1, 20_000), np.linspace(0.1, 500.0, 50_000)])[:, None]
    return int(np.count_nonzero(np.diff(np.sign(mean_field.phi(rates) - rates)[:, 0])))


@pytest.mark.parametrize("case", range(12))
def test_all_fixed_points_of_one_population_are_found(case):
    generator = np.random.default_rng(case)
    K, J = generator.integers(50, 3000), generator.uniform(0.02, 0.3)
    mean, spread = generator.uniform(5.0, 19.0), generator.uniform(0.5, 6.0)
    mean_field = MeanField(K=K, J=J, mu_ext=mean, var_ext=spread**2, **NEURON)
    points = mean_field.fixed_points()
    visible = [point for point in points if point.rates[0] > 1e-12]
    assert len(visible) == sign_changes(mean_field)
    assert [point.stable for point in points] == [k % 2 == 0 for k in range(len(points))]


def test_three_populations_with_different_parameters():
    mean_field = MeanField(
        K=[[400, 100, 50], [400, 100, 0], [0, 200, 80]],
        J=[[0.1, -0.6, 0.2], [0.12, -0.5, 0.0], [0.0, -0.3, 0.15]],
        tau_m=[20.0, 10.0, 15.0], t_ref=[2.0, 1.0, 0.5], V_th=[20.0, 15.0, 18.0], V_reset=[0.0, 10.0, -5.0],
        tau_syn=[0.0, 0.5, 2.0], mu_ext=[19.0, 14.0, 22.0], var_ext=[9.0, 16.0, 4.0],
    )  # fmt: skip
    point = mean_field.fixed_point()
    assert_allclose(mean_field.phi(point.rates), point.rates, rtol=1e-12)
    assert any(np.allclose(point.rates, other.rates) for other in mean_field.fixed_points())
    assert point.stable


@pytest.mark.parametrize("sigma", [0.0, 1e-3, 0.05, 4.0])
@pytest.mark.parametrize("mu", [10.0, 19.99, 20.5, 40.0])
def test_jacobian_is_the_derivative(mu, sigma):
    mean_field = MeanField(
        K=[[10, 20], [5, 8]], J=[[0.1, -0.2], [0.3, -0.05]], mu_ext=mu, var_ext=sigma**2, tau_syn=[0.0, 1.0], **NEURON
    )
    rates, step = np.array([5.0, 3.0]), 1e-4
    ends = [(mean_field.phi(rates + step * e), mean_field.phi(rates - step * e)) for e in np.eye(2)]
    expected = np.array([(high - low) / (2.0 * step) for high, low in ends]).T - np.eye(2)
    assert_allclose(mean_field.jacobian(rates), expected, rtol=1e-5, atol=1e-7)


def test_derivatives_without_any_noise():
    """1 / rate = t_ref + tau_m ln((mu - V_reset) / (mu - V_th)): dPhi / dmu = rate^2 tau_m V_th / (mu (mu - V_th))."""
    mean_field = MeanField(K=100, J=0.0, mu_ext=25.0, **NEURON)
    rate = 1000.0 / (2.0 + 20.0 * math.log(5.0))
    assert mean_field.fixed_point().rates[0] == pytest.approx(rate, rel=1e-13)
    by_mu, _ = mean_field._derivatives(np.array([25.0]), np.array([0.0]), np.array([rate]))
    assert by_mu[0] == pytest.approx(rate**2 / 1000.0 * 20.0 * 20.0 / (25.0 * 5.0), rel=1e-12)


@pytest.mark.parametrize("case", range(10))
def test_every_network_with_refractory_neurons_has_a_fixed_point(case):
    """Rates lie between 0 and 1 / t_ref, and Phi is continuous: there is one (Brouwer), however strong the coupling."""
    generator = np.random.default_rng(case)
    n = generator.integers(1, 4)
    J = generator.choice([-1, 1], n) * 10.0 ** generator.uniform(-2.0, 0.3, n)
    mean_field = MeanField(
        K=generator.integers(0, 3000, (n, n)), J=np.tile(J, (n, 1)), tau_m=generator.uniform(5.0, 30.0, n),
        t_ref=generator.choice([0.5, 2.0, 5.0]), V_th=generator.uniform(5.0, 25.0, n), V_reset=0.0,
        mu_ext=generator.uniform(-5.0, 40.0, n), var_ext=generator.uniform(0.0, 50.0, n),
    )  # fmt: skip
    points = mean_field.fixed_points()
    assert points
    for point in points:
        assert_allclose(mean_field.phi(point.rates), point.rates, rtol=1e-8, atol=1e-15)


def test_rates_without_bound_are_an_error():
    with pytest.raises(DistsimError, match="no fixed point was found"):
        MeanField(K=1000, J=0.5, mu_ext=30.0, **(NEURON | {"t_ref": 0.0})).fixed_point()


def test_silence_without_input():
    points = MeanField(K=100, J=0.1, **NEURON).fixed_points()
    assert points[0].rates[0] == 0.0
    assert points[0].stable
    assert points[0].eigenvalues[0] == -1.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"K": [[1.0, 2.0, 3.0]] * 2}, r"K must hold numbers and have shape \(2, 2\)"),
        ({"J": "strong"}, "J must hold numbers"),
        ({"K": [[-1.0, 2.0]] * 2}, "K must be at least 0, got -1"),
        ({"mu_ext": [math.inf, 0.0]}, "mu_ext must be finite"),
        ({"tau_m": -20.0}, "tau_m must be larger than 0"),
        ({"V_reset": 30.0}, "V_reset must be below V_th"),
        ({"tau_mem": 20.0}, "unknown parameter 'tau_mem'; did you mean 'tau_m'?"),
    ],
)
def test_wrong_input(changes, message):
    with pytest.raises(InputError, match=message):
        brunel(2.0, 5.0, **changes)


def test_threshold_rate_needs_positive_numbers():
    with pytest.raises(InputError, match="nu_theta: J must be larger than 0"):
        nu_theta(20.0, 0.0, 1000.0, 20.0)
