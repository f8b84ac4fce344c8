"""The neuron with held synaptic currents: its equations step by step, refractoriness, inputs, wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    ConstantCurrent,
    InputError,
    LifMultisynapse,
    Network,
    OneToOne,
    Poisson,
    SpikeTrains,
    Static,
    Uniform,
)
from distsim.spiking.neurons.lif_multisynapse import stimulus_propagator
from tests.simulating import simulate, spike_times

DT = 0.1


def driven(model, *inputs, T=30.0, current=0.0):
    """A neuron that gets a spike of given weight on each of ``inputs``: (receptor, time of arrival, weight)."""
    network = Network(dt=DT)
    network.population("n", 1, model, V_m=10.0)
    for k, (receptor, time, weight) in enumerate(inputs):
        network.population(f"s{k}", 1, SpikeTrains([[round(time - DT, 1)]]))
        network.connect(f"s{k}", "n", OneToOne(), Static(weight=weight, delay=DT, receptor=receptor))
    if current:
        network.stimulate("n", ConstantCurrent(current))
    for variable in model.state_variables:
        network.record_states("n", variable)
    network.record_spikes("n")
    return simulate(network, T)


def test_membrane_and_currents_follow_the_stated_rule():
    """Step by step as the module says: held currents after their decay, the stimulus from its value at the start."""
    model = LifMultisynapse(tau_m=20.0, R_m=0.002, V_th=1e9, I_e=4000.0, tau_syn=(2.0, 5.0), tau_stimulus=4.0)
    simulation = driven(model, (0, 3.0, 6000.0), (1, 4.0, -3000.0), ("stimulus", 5.0, 9000.0))
    I, stimulus, V = [0.0, 0.0], 0.0, 10.0
    recorded = {name: simulation.states("n", name).value[:, 0] for name in model.state_variables}
    for step in range(1, 301):
        I = [value * np.exp(-DT / tau) for value, tau in zip(I, (2.0, 5.0), strict=True)]
        V_inf = 0.002 * (4000.0 + sum(I))
        from_stimulus = 0.002 * 4.0 / (4.0 - 20.0) * (np.exp(-DT / 4.0) - np.exp(-DT / 20.0)) * stimulus
        V = V_inf + (V - V_inf) * np.exp(-DT / 20.0) + from_stimulus
        stimulus *= np.exp(-DT / 4.0)
        I[0] += 6000.0 * (step == 30)
        I[1] += -3000.0 * (step == 40)
        stimulus += 9000.0 * (step == 50)
        expected = {"V_m": V, "I_syn_0": I[0], "I_syn_1": I[1], "I_stimulus": stimulus}
        for name, value in expected.items():
            assert recorded[name][step - 1] == pytest.approx(value, abs=1e-9), (name, step)


def test_refractory_time_counts_from_the_spike():
    """V moves again in step n + t_ref / dt: with a constant current, the period is t_ref plus the time from reset."""
    model = LifMultisynapse(tau_m=30.0, R_m=0.001, V_th=15.0, V_reset=13.5, I_e=20_000.0, t_ref=3.0)
    times = np.array(spike_times(driven(model, T=100.0), "n")[0])
    rise = 30.0 * np.log((20.0 - 13.5) / (20.0 - 15.0))
    period = 3.0 - DT + np.ceil(rise / DT) * DT
    assert np.diff(times) == pytest.approx(period)


def test_at_the_threshold_it_does_not_fire():
    """V rests at 15 mV exactly: at, not above."""
    model = LifMultisynapse(V_th=10.0, V_reset=0.0, E_L=10.0)
    assert spike_times(driven(model), "n") == [[]]


def test_stimulus_propagator_is_smooth_where_time_constants_meet():
    near = [stimulus_propagator(DT, 20.0, 1.0, 20.0 * (1.0 + e)) for e in (0.0, 1e-12, 1e-6, 0.19, 0.21)]
    exact = [DT / 20.0 * np.exp(-DT / 20.0)]
    for e in (0.19, 0.21):
        tau = 20.0 * (1.0 + e)
        exact.append(tau / (tau - 20.0) * (np.exp(-DT / tau) - np.exp(-DT / 20.0)))
    assert near[0] == pytest.approx(exact[0], rel=1e-14)
    assert near[1:3] == pytest.approx([exact[0]] * 2, rel=1e-5)
    assert near[3:] == pytest.approx(exact[1:], rel=1e-12)
    assert stimulus_propagator(DT, np.array([20.0, 30.0]), 0.5, 20.0)[0] == 0.5 * near[0]


def test_signs_choose_receptors_where_none_is_named():
    model = LifMultisynapse(V_th=1e9)
    simulation = driven(model, (None, 3.0, 100.0), (None, 3.0, -40.0))
    assert simulation.states("n", "I_syn_0").value[29, 0] == pytest.approx(100.0)
    assert simulation.states("n", "I_syn_1").value[29, 0] == pytest.approx(-40.0)
    assert LifMultisynapse(tau_syn=3.0).input_of(negative=True) == 0


def test_equal_parameters_given_one_by_one_change_nothing():
    """Parameters as arrays and Poisson input: another form of the kernel, the same bits."""
    runs = []
    for V_th in (15.0, np.full(40, 15.0)):
        network = Network(dt=DT)
        network.population("n", 40, LifMultisynapse(I_e=13_500.0, V_th=V_th), V_m=Uniform(13.5, 15.0))
        network.stimulate("n", Poisson(rate=2000.0, weight=900.0))
        network.stimulate("n", Poisson(rate=2000.0, weight=-200.0))
        network.record_spikes("n")
        runs.append(simulate(network, 100.0))
    assert runs[0].spike_count() > 40
    assert runs[0].spike_hash() == runs[1].spike_hash()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau_m": 0.0}, "tau_m must be larger than 0"),
        ({"tau_stimulus": -1.0}, "tau_stimulus must be larger than 0"),
        ({"tau_syn": (3.0, 0.0)}, r"tau_syn\[1\] must be larger than 0"),
        ({"tau_syn": ()}, "one time constant"),
        ({"R_m": 0.0}, "R_m must be larger than 0"),
        ({"V_reset": 20.0}, "V_reset = 20 mV must be below V_th"),
        ({"tau_mem": 20.0}, "unknown parameter 'tau_mem'; did you mean 'tau_m'"),
    ],
)
def test_wrong_parameters(changes, message):
    with pytest.raises(InputError, match=message):
        LifMultisynapse(**changes)


def test_refractory_time_off_the_grid():
    with pytest.raises(InputError, match=r"t_ref = 0\.25 ms is not a whole multiple"):
        Network(dt=DT).population("n", 1, LifMultisynapse(t_ref=0.25))
