"""ignore_and_fire against NEST's tables and against the rule in exact arithmetic; the option to integrate its input."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distsim import IafPscAlpha, IgnoreAndFire, Network, OneToOne, Poisson, SpikeTrains, Static, Uniform
from tests.simulating import simulate, spike_times


def clockwork(size=1, dt=0.125, **parameters):
    network = Network(dt=dt)
    network.population("A", size, IgnoreAndFire(**parameters))
    network.record_spikes("A")
    return network


@pytest.mark.parametrize(
    ("rate", "phase", "times"),
    [
        (5.0, 0.4, [80.125, 280.125, 480.125, 680.125, 880.125]),
        (1.3, 0.01, [7.875, 777.125]),
        (7.77, 1.0, [128.875, 257.625, 386.375, 515.125, 643.875, 772.625, 901.375]),
        (5.0, 0.0, [0.125, 200.125, 400.125, 600.125, 800.125]),
    ],
)
def test_spike_times_of_nest(rate, phase, times):
    assert spike_times(simulate(clockwork(rate=rate, phase=phase), 1000.0), "A") == [times]


def steps_up(time, dt):
    """An exact time (ms) in steps: to the nearest microsecond, then up (NEST 3.10: Time::ms, then get_steps)."""
    microseconds = math.floor(1000 * time + Fraction(1, 2))
    return math.ceil(microseconds / (1000 * Fraction(dt).limit_denominator(1000)))


def fire_steps(rate, phase, dt, n_steps):
    """Steps at whose end the neuron fires, by the counter of the model's description."""
    period, counter = (steps_up(Fraction(part) * 1000 / Fraction(rate), dt) for part in (1.0, phase))
    steps = []
    for step in range(1, n_steps + 1):
        if counter == 0:
            steps.append(step)
            counter = period - 1
        else:
            counter -= 1
    return steps


@settings(max_examples=40)
@given(
    dt=st.sampled_from([0.1, 0.125, 0.2, 0.5, 1.0]),
    clocks=st.lists(st.tuples(st.floats(1.0, 900.0), st.floats(0.01, 1.0)), min_size=1, max_size=4),
    run=st.integers(1, 40),
)
def test_period_and_phase_in_whole_steps(dt, clocks, run):
    rates, phases = zip(*clocks, strict=True)
    network = clockwork(len(clocks), dt, rate=np.array(rates), phase=np.array(phases))
    simulation = simulate(network, *[run * dt] * 10)
    spikes = simulation.spikes("A")
    found = [spikes.step[spikes.neuron == n].tolist() for n in range(len(clocks))]
    assert found == [fire_steps(*clock, dt, 10 * run) for clock in clocks]


def test_drawn_rates_and_phases():
    simulation = simulate(clockwork(300, rate=Uniform(5.0, 15.0), phase=Uniform(0.01, 1.0)), 1000.0)
    first, periods = [], []
    for times in spike_times(simulation, "A"):
        intervals = np.unique(np.diff(times))
        assert np.ptp(intervals) < 1e-9
        first.append(times[0])
        periods.append(intervals[0])
    assert min(periods) >= 1000.0 / 15.0 - 0.125
    assert max(periods) <= 200.0
    assert np.mean(1000.0 / np.array(periods)) == pytest.approx(10.0, abs=4 * 10.0 / math.sqrt(12 * 300))
    assert np.mean(np.array(first) / periods) == pytest.approx(0.5, abs=4 / math.sqrt(12 * 300))
    assert all(begin <= period + 0.125 for begin, period in zip(first, periods, strict=True))


def test_phase_counter_can_be_recorded():
    network = clockwork(rate=500.0, phase=0.5)  # period 16 steps, phase 8
    network.record_states("A", "phase_steps", interval=0.25)
    states = simulate(network, 4.0).states("A", "phase_steps")
    assert states.step.tolist() == list(range(2, 33, 2))
    assert states.value[:, 0].tolist() == [6, 4, 2, 0, 14, 12, 10, 8, 6, 4, 2, 0, 14, 12, 10, 8]


def driven(model, size=5):
    network = Network(dt=0.125)
    network.population("A", size, model, **({"V_m": Uniform(-70.0, -55.0)} if "V_m" in model.initial_states else {}))
    network.population("X", size, SpikeTrains([[0.5 * (n + 1), 7.0, 20.0] for n in range(size)]))
    network.connect("X", "A", OneToOne(), Static(weight=[400.0, -400.0, 1e6, -1e6, 0.0][:size], delay=1.5))
    network.stimulate("A", Poisson(rate=8000.0, weight=60.0, delay=1.5))
    network.record_spikes("A")
    return network


INTEGRATED = {"C_m": 200.0, "tau_m": 20.0, "tau_syn_ex": 0.5, "tau_syn_in": 3.0, "I_e": 100.0}
CLOCK = {"rate": np.array([5.0, 10.0, 20.0, 40.0, 80.0]), "phase": 0.3}


def test_input_does_not_change_when_it_fires():
    alone = spike_times(simulate(clockwork(5, **CLOCK), 200.0), "A")
    assert [len(times) for times in alone] == [1, 2, 4, 8, 16]
    for integrate in (None, IafPscAlpha(**INTEGRATED), IafPscAlpha(**INTEGRATED, V_th=-69.0)):
        assert spike_times(simulate(driven(IgnoreAndFire(**CLOCK, integrate=integrate)), 200.0), "A") == alone


def test_integrates_as_a_neuron_that_never_fires():
    potentials, currents = [], []
    unreachable = IafPscAlpha(**INTEGRATED, V_th=1e12)
    for model in (IgnoreAndFire(**CLOCK, integrate=IafPscAlpha(**INTEGRATED)), unreachable):
        network = driven(model)
        network.record_states("A", ["V_m", "I_syn_in"])
        simulation = simulate(network, 100.0)
        potentials.append(simulation.states("A", "V_m").value)
        currents.append(simulation.states("A", "I_syn_in").value)
    assert np.ptp(potentials[0]) > 100.0
    assert (potentials[0] == potentials[1]).all()
    assert (currents[0] == currents[1]).all()
