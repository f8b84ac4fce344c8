"""iaf_psc_alpha against the tables of NEST's own tests, against theory and against a solution by matrix exponential."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm
from scipy.special import lambertw

from distsim import (
    ConstantCurrent,
    EdgeList,
    IafPscAlpha,
    Network,
    OneToOne,
    Poisson,
    SpikeTrains,
    Static,
)
from tests.simulating import potential, simulate, spike_times

SIX_DIGITS = 1e-6  # NEST's tables are printed to six digits


def one_neuron(dt=0.1, interval=None, **parameters):
    network = Network(dt=dt)
    network.population("A", 1, IafPscAlpha(**parameters))
    network.record_spikes("A")
    network.record_states("A", "V_m", interval=interval)
    return network


# ---------------------------------------------------------------- NEST's tables (test_iaf_psc_alpha*.py)


def test_injected_current():
    network = one_neuron()
    network.stimulate("A", ConstantCurrent(1000.0))
    simulation = simulate(network, 8.0)
    rise = [-70.0, -70.0, -69.602, -69.2079, -68.8178, -68.4316, -68.0492, -67.6706, -67.2958, -66.9247]
    assert potential(simulation, "A")[:10] == pytest.approx(rise, rel=SIX_DIGITS)
    to_threshold = potential(simulation, "A", 4.5, 4.6, 4.7, 4.8, 4.9)
    assert to_threshold == pytest.approx([-56.0204, -55.7615, -55.5051, -55.2513, -55.0001], rel=SIX_DIGITS)
    assert potential(simulation, "A")[49:70] == [-70.0] * 21  # at the spike and while refractory, 5.0 to 7.0 ms
    assert potential(simulation, "A", 7.1) == pytest.approx([-69.602], rel=SIX_DIGITS)
    assert spike_times(simulation, "A") == [[5.0]]


def test_current_of_its_own_acts_at_once():
    simulation = simulate(one_neuron(I_e=1000.0), 6.0)
    assert potential(simulation, "A", 0.1) == pytest.approx([-69.602], rel=SIX_DIGITS)
    assert spike_times(simulation, "A") == [[4.8]]


@pytest.mark.parametrize("dt", [0.1, 0.2, 0.5, 1.0])
def test_exact_at_every_resolution(dt):
    simulation = simulate(one_neuron(dt=dt, I_e=1450.0), 6.0)
    assert spike_times(simulation, "A") == [[3.0]]
    table = {
        0.1: -69.4229,
        1.0: -64.4806,
        2.0: -59.4864,
        2.9: -55.3993,
        3.0: -70.0,
        4.0: -70.0,
        5.0: -70.0,
        5.1: -69.4229,
    }
    on_grid = {time: v for time, v in table.items() if abs(round(time / dt) * dt - time) < 1e-9}
    assert potential(simulation, "A", *on_grid) == pytest.approx(list(on_grid.values()), rel=SIX_DIGITS)


def test_current_stops():
    network = one_neuron()
    network.stimulate("A", ConstantCurrent(1000.0, start=1.0, stop=1.2))
    voltage = potential(simulate(network, 3.0), "A")
    assert voltage[:11] == [-70.0] * 11
    assert voltage[12] == pytest.approx(-69.2079, rel=SIX_DIGITS)
    assert voltage[13] - -70.0 == pytest.approx((voltage[12] - -70.0) * math.exp(-0.01), rel=1e-12)


def one_to_two(dt=0.1):
    network = Network(dt=dt)
    network.population("source", 1, IafPscAlpha(I_e=1450.0))
    network.population("target", 1, IafPscAlpha())
    network.connect("source", "target", OneToOne(), Static(weight=100.0, delay=1.0))
    network.record_spikes("source")
    network.record_states("target")
    return network


def alpha_psp(t, C_m=250.0, tau_m=10.0, tau_syn=2.0, weight=1.0):
    """Potential (mV) at ``t`` (ms) after an alpha current of peak ``weight`` (pA) began, tau_m unlike tau_syn."""
    b = 1.0 / tau_syn - 1.0 / tau_m
    t = np.maximum(t, 0.0)
    shape = (np.exp(-t / tau_m) - np.exp(-t / tau_syn)) / b - t * np.exp(-t / tau_syn)
    return weight * math.e / (tau_syn * C_m * b) * shape


def test_one_neuron_drives_another():
    simulation = simulate(one_to_two(), 10.0)
    assert spike_times(simulation, "source") == [[3.0, 8.0]]
    assert potential(simulation, "target", 4.1, 5.0, 5.7) == pytest.approx(
        [-69.9974, -69.8108, -69.5732], rel=SIX_DIGITS
    )
    time = 0.1 * simulation.states("target").step
    expected = -70.0 + alpha_psp(time - 4.0, weight=100.0) + alpha_psp(time - 9.0, weight=100.0)
    np.testing.assert_allclose(potential(simulation, "target"), expected, rtol=1e-12)


def alpha_current(t, weight, tau_syn=2.0):
    """An alpha current of peak ``weight`` (pA) at ``t`` (ms) after its begin."""
    return weight * math.e * t / tau_syn * math.exp(-t / tau_syn)


MIN_DELAY_TABLE = [-70.0, -70.0, -66.55725, -63.07837, -59.93054, -57.08227, -70.0, -70.0, -69.60199, -65.83337]


@pytest.mark.parametrize("interval", [None, 0.1, 0.3, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("runs", [[10.0], [0.5] * 21, [0.1, 3.7, 6.2]])
def test_result_does_not_depend_on_interval_or_runs(interval, runs):
    network = one_neuron(interval=1.0)
    network.stimulate("A", ConstantCurrent(1000.0, delay=2.0))
    network.connect("A", "A", OneToOne(), Static(weight=0.0, delay=2.0))
    simulation = simulate(network, *runs, interval=interval)
    assert potential(simulation, "A")[:10] == pytest.approx(MIN_DELAY_TABLE, abs=5e-6)


def test_amplitude_and_time_of_a_psp():
    C_m, tau_m, tau_syn, dt = 250.0, 20.0, 0.5, 0.1
    a, b = tau_m / tau_syn, 1.0 / tau_syn - 1.0 / tau_m
    t_max = (-lambertw(-math.exp(-1.0 / a) / a, k=-1).real - 1.0 / a) / b
    weight = 1.0 / float(alpha_psp(t_max, C_m, tau_m, tau_syn))
    network = one_neuron(dt, C_m=C_m, tau_m=tau_m, tau_syn_ex=tau_syn, tau_syn_in=tau_syn)
    network.stimulate("A", SpikeTrains([[dt]], weight=weight, delay=dt))
    voltage = np.array(potential(simulate(network, 10.0), "A")) + 70.0
    assert voltage.max() == pytest.approx(1.0, abs=1e-4)
    assert (voltage.argmax() + 1) * dt == pytest.approx(t_max + 2 * dt, abs=dt / 2)


def test_many_short_runs_equal_a_long_one():
    whole = simulate(one_neuron(I_e=376.0, interval=10.0), 10_000.0)
    parts = simulate(one_neuron(I_e=376.0, interval=10.0), *[100.0] * 100)
    assert len(spike_times(whole, "A")[0]) == 163
    assert parts.spike_hash() == whole.spike_hash()
    assert potential(parts, "A") == potential(whole, "A")


def test_regular_firing():
    network = one_neuron(tau_m=20.0, E_L=0.0, V_th=20.0, V_reset=0.0, I_e=300.0)
    simulation = simulate(network, 270.0)
    assert spike_times(simulation, "A") == [[35.9, 73.8, 111.7, 149.6, 187.5, 225.4, 263.3]]


# ---------------------------------------------------------------- theory


def exact_potential(train, dt, n_steps, C_m, tau_m, tau_syn_ex, tau_syn_in):
    """V_m above E_L (mV) after every step, by one matrix exponential: (dI, I) of both inputs, then V."""
    matrix = np.zeros((5, 5))
    for k, tau in enumerate((tau_syn_ex, tau_syn_in)):
        matrix[2 * k : 2 * k + 2, 2 * k : 2 * k + 2] = [[-1.0 / tau, 0.0], [1.0, -1.0 / tau]]
        matrix[4, 2 * k + 1] = 1.0 / C_m
    matrix[4, 4] = -1.0 / tau_m
    step = expm(matrix * dt)
    state, voltage = np.zeros(5), []
    for n in range(1, n_steps + 1):
        state = step @ state
        voltage.append(state[4])
        for arrival, weight in train:
            if arrival == n:
                k, tau = (0, tau_syn_ex) if weight >= 0.0 else (2, tau_syn_in)
                state[k] += weight * math.e / tau
    return np.array(voltage)


def driven_neuron(train, dt=0.1, **parameters):
    """A neuron that never fires, with input (step of arrival, weight) by ``train``."""
    network = one_neuron(dt, **{"E_L": 0.0, "V_reset": 0.0, "V_th": 1e6, **parameters})
    network.population("X", len(train), SpikeTrains([[(arrival - 1) * dt] for arrival, _ in train]))
    every = EdgeList(np.arange(len(train)), np.zeros(len(train), np.int64))
    network.connect("X", "A", every, Static(weight=[weight for _, weight in train], delay=dt))
    return network


def random_train(n=60, last_step=350):
    generator = np.random.default_rng(7)
    steps = generator.integers(2, last_step, n)
    return list(zip(steps.tolist(), generator.normal(0.0, 300.0, n).tolist(), strict=True))


@pytest.mark.parametrize(
    ("tau_m", "tau_syn_ex", "tau_syn_in"), [(10.0, 0.5, 5.0), (5.0, 8.0, 0.3), (20.0, 2.0, 2.0), (10.0, 10.0, 2.0)]
)
def test_two_synaptic_time_constants(tau_m, tau_syn_ex, tau_syn_in):
    times = {"tau_m": tau_m, "tau_syn_ex": tau_syn_ex, "tau_syn_in": tau_syn_in}
    train = random_train()
    simulation = simulate(driven_neuron(train, C_m=150.0, **times), 40.0)
    expected = exact_potential(train, 0.1, 400, 150.0, **times)
    np.testing.assert_allclose(potential(simulation, "A"), expected, rtol=0.0, atol=1e-12 * np.abs(expected).max())


@pytest.mark.parametrize("difference", [0.0, 1e-14, 1e-9, 1e-6, 1e-3, 0.01, 0.09, 0.11, 0.3, -1e-9, -0.05, -0.3])
def test_equal_time_constants_are_a_limit_like_any_other(difference):
    # the series takes over from the closed form where dt times the difference of the rates is 1e-3: at 0.1 here
    tau_syn = 10.0 * (1.0 + difference)
    train = [(2, 500.0), (31, -200.0)]
    simulation = simulate(driven_neuron(train, tau_m=10.0, tau_syn_ex=tau_syn, tau_syn_in=tau_syn), 40.0)
    expected = exact_potential(train, 0.1, 400, 250.0, 10.0, tau_syn, tau_syn)
    np.testing.assert_allclose(potential(simulation, "A"), expected, rtol=0.0, atol=1e-12 * np.abs(expected).max())


def test_refractory_neuron_keeps_its_potential_but_not_its_currents():
    network = one_neuron(E_L=0.0, V_reset=5.0, V_th=15.0, t_ref=1.0)
    network.stimulate("A", SpikeTrains([[0.1]], weight=9000.0, delay=0.1))
    simulation = simulate(network, 10.0)
    (first, *_), voltage = spike_times(simulation, "A")[0], potential(simulation, "A")
    fired = round(first / 0.1)
    assert voltage[fired - 1 : fired + 10] == [5.0] * 11
    begin = first + 1.0 - 0.2  # of the step that ends refractoriness, after the arrival of the spike
    charge, _ = quad(lambda u: math.exp((u - 0.1) / 10.0) * alpha_current(begin + u, 9000.0), 0.0, 0.1)
    assert voltage[fired + 10] == pytest.approx(5.0 * math.exp(-0.01) + charge / 250.0, rel=1e-9)


def test_mean_potential_under_poisson_input_follows_campbell():
    # test_poisson_generator_campbell_alpha.py: mean V = rate * weight * tau_m * e * tau_syn / C_m
    tau_m, tau_syn, weight, mean = 5.0, 0.5, 0.01, 20.0
    network = Network(dt=0.1)
    model = IafPscAlpha(tau_m=tau_m, C_m=1.0, tau_syn_ex=tau_syn, tau_syn_in=tau_syn, E_L=0.0, V_reset=0.0, V_th=999.0)
    network.population("A", 1000, model)
    network.stimulate("A", Poisson(rate=1000.0 * mean / (weight * tau_m * math.e * tau_syn), weight=weight))
    network.record_states("A", "V_m", interval=200.0)
    voltage = simulate(network, 200.0).states("A").value[0]
    assert voltage.mean() == pytest.approx(mean, abs=0.05)
    # variance: rate times the integral of the squared PSP of one event
    time = np.arange(0.0, 100.0, 0.001)
    variance = network.stimulations[0].stimulus.rate / 1000.0 * 0.001 * np.sum(
        alpha_psp(time, 1.0, tau_m, tau_syn, weight) ** 2
    )  # fmt: skip
    assert voltage.var() == pytest.approx(variance, rel=0.2)  # four standard errors of 1000 samples


def test_every_neuron_has_its_own_parameters():
    amplitudes = np.array([0.0, 376.0, 1000.0, 1450.0])
    network = Network(dt=0.1)
    network.population("A", 4, IafPscAlpha(I_e=amplitudes))
    network.record_spikes("A")
    together = spike_times(simulate(network, 100.0), "A")
    assert together == [spike_times(simulate(one_neuron(I_e=I_e), 100.0), "A")[0] for I_e in amplitudes]
