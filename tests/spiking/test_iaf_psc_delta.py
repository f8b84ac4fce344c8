"""iaf_psc_delta against NEST's tables, against theory, and with parameters of each neuron."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim import ConstantCurrent, IafPscDelta, Network, Poisson, SpikeTrains
from tests.simulating import potential, simulate, spike_times

PLAIN = {"C_m": 250.0, "tau_m": 20.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 0.0, "t_ref": 2.0}


def one_neuron(dt=0.1, V_m=None, **parameters):
    network = Network(dt=dt)
    network.population("A", 1, IafPscDelta(**parameters), **({} if V_m is None else {"V_m": V_m}))
    network.record_spikes("A")
    network.record_states("A", "V_m")
    return network


def driven(arrivals, weight, **parameters):
    """A neuron at rest at 0 mV that gets ``weight`` (mV) at each of the times ``arrivals`` (ms)."""
    network = one_neuron(**PLAIN | parameters)
    network.stimulate("A", SpikeTrains([np.round(np.array(arrivals) - 0.1, 9)], weight=weight, delay=0.1))
    return network


# ---------------------------------------------------------------- NEST's tables


def test_first_spike_under_a_train():
    # recording/test_compare_delta.py
    network = Network(dt=0.01)
    neuron = IafPscDelta(E_L=-49.0, V_th=-50.0, V_reset=-60.0, C_m=200.0, tau_m=20.0, t_ref=5.0)
    network.population("A", 1, neuron, V_m=-60.0)
    network.record_spikes("A")
    network.stimulate("A", SpikeTrains([[1.0, 2.0, 3.0, 4.0, 5.0, 10.5, 12.0]], weight=2.5, delay=0.1))
    assert spike_times(simulate(network, 8.0), "A")[0] == [4.1]


def test_jumps_decay_and_spike():
    simulation = simulate(driven([2.0, 3.0, 11.0], 15.0), 15.0)
    assert spike_times(simulation, "A") == [[3.0]]
    expected = {2.0: 15.0, 2.1: 14.9251872, 2.9: 14.3399622, 11.0: 15.0, 12.0: 14.2684414, 14.9: 12.3425199}
    assert potential(simulation, "A", *expected) == pytest.approx(list(expected.values()), abs=1e-7)


def test_regular_firing():
    simulation = simulate(one_neuron(**PLAIN, I_e=300.0), 270.0)
    assert spike_times(simulation, "A") == [[35.9, 73.8, 111.7, 149.6, 187.5, 225.4, 263.3]]


def test_injected_current_acts_as_in_other_neurons():
    network = one_neuron(**PLAIN)
    network.stimulate("A", ConstantCurrent(1000.0))
    voltage = potential(simulate(network, 1.0), "A")
    assert voltage[:2] == [0.0, 0.0]
    assert voltage[2] == pytest.approx(1000.0 / 250.0 * 20.0 * -math.expm1(-0.005), rel=1e-12)


# ---------------------------------------------------------------- input while refractory


def test_input_while_refractory_is_lost():
    simulation = simulate(driven([2.0, 3.0, 3.5, 4.9, 5.0, 6.0], 15.0), 8.0)
    voltage = dict(zip(np.round(np.arange(1, 81) * 0.1, 1).tolist(), potential(simulation, "A"), strict=True))
    assert spike_times(simulation, "A") == [[3.0]]
    assert [voltage[t] for t in (3.0, 3.5, 4.9, 5.0)] == [0.0] * 4
    assert voltage[6.0] == pytest.approx(15.0)


def test_input_while_refractory_is_kept_if_wanted():
    # NEST: w exp(-(refractory steps left) dt / tau_m) is added in the first step after the refractory time 3.0 .. 5.0
    network = driven([3.5, 4.0], 4.0, refractory_input=True)
    network.stimulate("A", SpikeTrains([[2.9]], weight=25.0, delay=0.1))
    simulation = simulate(network, 6.0)
    assert spike_times(simulation, "A") == [[3.0]]
    assert potential(simulation, "A", 4.0, 5.0) == [0.0, 0.0]
    kept = 4.0 * (math.exp(-1.6 / 20.0) + math.exp(-1.1 / 20.0))
    assert potential(simulation, "A", 5.1) == pytest.approx([kept], rel=1e-12)
    assert potential(simulation, "A", 5.2) == pytest.approx([kept * math.exp(-0.005)], rel=1e-12)


# ---------------------------------------------------------------- theory


def test_mean_and_variance_under_poisson_input_follow_campbell():
    """Mean rate w tau_m, variance rate w^2 tau_m / 2 (shot noise through an exponential kernel), without threshold."""
    tau_m, weight, rate, n = 10.0, 0.1, 20_000.0, 4000
    network = Network(dt=0.1)
    network.population("A", n, IafPscDelta(tau_m=tau_m, E_L=0.0, V_reset=0.0, V_th=1e9))
    network.stimulate("A", Poisson(rate=rate, weight=weight))
    network.record_states("A", "V_m", interval=100.0)
    voltage = simulate(network, 100.0).states("A").value[0]
    decay = math.exp(-0.1 / tau_m)  # the input of a step arrives at its end
    mean, variance = rate / 1e4 * weight / (1.0 - decay), rate / 1e4 * weight**2 / (1.0 - decay**2)
    assert voltage.mean() == pytest.approx(mean, abs=4.0 * math.sqrt(variance / n))
    assert voltage.var() == pytest.approx(variance, rel=4.0 * math.sqrt(2.0 / n))
