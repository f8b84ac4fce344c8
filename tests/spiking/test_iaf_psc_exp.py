"""iaf_psc_exp against theory, against a solution by matrix exponential, and with parameters of each neuron."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.linalg import expm

from distsim import ConstantCurrent, IafPscExp, Network, Poisson, SpikeTrains
from tests.simulating import potential, simulate, spike_times


def one_neuron(dt=0.1, **parameters):
    network = Network(dt=dt)
    network.population("A", 1, IafPscExp(**parameters))
    network.record_spikes("A")
    network.record_states("A", "V_m")
    return network


def exact_potential(train, dt, n_steps, C_m, tau_m, tau_syn_ex, tau_syn_in):
    """V_m above E_L (mV) after every step, by one matrix exponential of (I_ex, I_in, V)."""
    matrix = np.diag([-1.0 / tau_syn_ex, -1.0 / tau_syn_in, -1.0 / tau_m])
    matrix[2, :2] = 1.0 / C_m
    step = expm(matrix * dt)
    state, voltage = np.zeros(3), []
    arriving = dict(train)
    for n in range(1, n_steps + 1):
        state = step @ state
        weight = arriving.get(n, 0.0)
        state[0 if weight > 0.0 else 1] += weight
        voltage.append(state[2])
    return np.array(voltage)


def driven_neuron(train, **parameters):
    network = one_neuron(E_L=0.0, V_reset=0.0, V_th=1e6, **parameters)
    for step, weight in train:
        network.stimulate("A", SpikeTrains([[round((step - 1) * 0.1, 9)]], weight=weight, delay=0.1))
    return network


TRAIN = [(2, 500.0), (3, -120.0), (17, 80.0), (31, -200.0), (32, 310.0)]


@pytest.mark.parametrize(
    ("tau_m", "tau_syn_ex", "tau_syn_in"),
    [(10.0, 0.5, 5.0), (5.0, 8.0, 0.3), (20.0, 2.0, 2.0), (10.0, 10.0, 2.0), (10.0, 10.0 + 1e-9, 9.95)],
)
def test_exact_integration(tau_m, tau_syn_ex, tau_syn_in):
    times = {"tau_m": tau_m, "tau_syn_ex": tau_syn_ex, "tau_syn_in": tau_syn_in}
    simulation = simulate(driven_neuron(TRAIN, C_m=150.0, **times), 10.0)
    expected = exact_potential(TRAIN, 0.1, 100, 150.0, **times)
    np.testing.assert_allclose(potential(simulation, "A"), expected, rtol=0.0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("dt", [0.1, 0.5, 1.0])
def test_constant_current(dt):
    """V = E_L + I tau_m / C_m (1 - exp(-t / tau_m)), as for iaf_psc_alpha: 1450 pA lets it fire at 3.0 ms."""
    simulation = simulate(one_neuron(dt=dt, I_e=1450.0), 6.0)
    assert spike_times(simulation, "A") == [[3.0]]
    assert potential(simulation, "A", 2.0) == pytest.approx([-70.0 - 58.0 * math.expm1(-0.2)], rel=1e-12)
    assert potential(simulation, "A", 3.0, 5.0) == [-70.0, -70.0]
    assert potential(simulation, "A", 5.0 + dt) == pytest.approx([-70.0 - 58.0 * math.expm1(-dt / 10.0)], rel=1e-12)


def test_injected_current_acts_as_in_other_neurons():
    network = one_neuron()
    network.stimulate("A", ConstantCurrent(1000.0))
    assert potential(simulate(network, 0.5), "A")[:3] == pytest.approx([-70.0, -70.0, -69.602], rel=1e-6)


def test_currents_go_on_while_refractory():
    network = one_neuron(E_L=0.0, V_reset=5.0, V_th=15.0, t_ref=1.0)
    network.stimulate("A", SpikeTrains([[0.1]], weight=9000.0, delay=0.1))
    network.record_states("A", "I_syn")
    simulation = simulate(network, 5.0)
    (first, *_), voltage = spike_times(simulation, "A")[0], potential(simulation, "A")
    fired = round(first / 0.1)
    assert voltage[fired - 1 : fired + 10] == [5.0] * 11
    current = simulation.states("A", "I_syn").value[:, 0]
    np.testing.assert_allclose(current[1:], 9000.0 * np.exp(-0.05 * np.arange(49)), rtol=1e-12)


def test_mean_and_variance_under_poisson_input_follow_campbell():
    """Without threshold: mean rate w tau_s R, variance rate integral of the squared PSP; three decades below it."""
    tau_m, tau_s, C_m, weight, rate, n = 10.0, 0.5, 250.0, 87.8, 8000.0, 4000
    network = Network(dt=0.1)
    neuron = IafPscExp(tau_m=tau_m, C_m=C_m, tau_syn_ex=tau_s, tau_syn_in=tau_s, E_L=0.0, V_reset=0.0, V_th=1e9)
    network.population("A", n, neuron)
    network.stimulate("A", Poisson(rate=rate, weight=weight))
    network.record_states("A", "V_m", interval=120.0)
    voltage = simulate(network, 120.0).states("A").value[0]
    time = np.arange(0.0, 150.0, 0.1)  # events arrive at the end of a step
    psp = weight / C_m * tau_m * tau_s / (tau_m - tau_s) * (np.exp(-time / tau_m) - np.exp(-time / tau_s))
    mean, variance = rate / 1e4 * psp.sum(), rate / 1e4 * (psp**2).sum()
    assert voltage.mean() == pytest.approx(mean, abs=4.0 * math.sqrt(variance / n))
    assert voltage.var() == pytest.approx(variance, rel=4.0 * math.sqrt(2.0 / n))
