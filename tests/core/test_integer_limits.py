"""What the integers of the engine can hold: longer times, larger numbers are held or refused, never cut."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import (
    BinaryNetwork,
    BinarySimulation,
    Clipped,
    ConstantRate,
    FixedIndegree,
    Gamma,
    IafPscDelta,
    IafPscExp,
    IgnoreAndFire,
    InputError,
    LogNormal,
    Network,
    Normal,
    RateNetwork,
    Redrawn,
    Replaced,
    SpikeTrains,
    Static,
    Uniform,
)
from distsim.binary.window_course import LENGTH
from distsim.core.units import LONGEST_DELAY, MAX_NEURONS, to_steps
from distsim.parallel import machine
from distsim.parallel.gather import spike_keys
from distsim.spiking.synapses.synapse_checks import longest_drawn
from tests.simulating import simulate


def with_delay(delay, dt=0.001, n=4):
    network = Network(dt)
    network.population("S", 1, SpikeTrains([[dt]]))
    network.population("E", n, IafPscDelta())
    network.connect("S", "E", FixedIndegree(1), Static(20.0, delay))
    network.record_spikes("E")
    return network


# ---------------------------------------------------------------- delays


@pytest.mark.parametrize(
    "delay",
    [
        Clipped(Normal(100.0, 1.0), low=1.0),
        Redrawn(Normal(100.0, 1.0), low=1.0),
        Clipped(LogNormal(4.6, 0.01), low=1.0),
        Replaced(Normal(100.0, 1.0), by=120.0, low=1.0),
        Uniform(90.0, 110.0),
        np.array([[90.0], [97.5], [100.001], [110.0]]),
    ],
)
def test_delays_of_more_than_65535_steps(delay):
    simulation = simulate(with_delay(delay), 130.0)
    delays = simulation.weights("S", "E").delay
    assert ((delays > 65.535) & (delays < 130.0)).all()
    assert len(np.unique(delays)) == 4
    arrivals = simulation.spikes("E").step[np.argsort(simulation.spikes("E").neuron)]
    assert arrivals.tolist() == np.round(delays / 0.001 + 1).astype(int).tolist()


def test_a_long_delay_does_not_make_the_interval_long():
    simulation = simulate(with_delay(100.0), 101.0)
    assert simulation.interval < 100.0
    assert simulation.spikes("E").step.tolist() == [100_001] * 4


@pytest.mark.parametrize(
    "delay",
    [
        1e5,
        np.array([[1.0], [1.0], [1e5], [1.0]]),
        Clipped(Normal(1e5, 1.0), low=1.0),
        Clipped(LogNormal(0.0, 3.0), low=1.0),
    ],
)
def test_delays_that_are_too_long_are_refused(delay):
    with pytest.raises(InputError, match=rf"'S->E': delay.* 16777\.2 ms \({LONGEST_DELAY} steps\)"):
        with_delay(delay)


def test_longest_drawn_is_what_the_largest_uniform_number_gives():
    assert longest_drawn(Uniform(1.0, 3.0)) <= 3.0
    assert 8.1 < longest_drawn(Normal(0.0, 1.0)) < 8.3
    assert longest_drawn(Clipped(Normal(0.0, 1.0), high=2.0)) == 2.0
    assert longest_drawn(Clipped(Normal(0.0, 1.0), low=9.0)) == 9.0
    assert longest_drawn(Replaced(Uniform(-1.0, 1.0), by=7.0)) == 7.0
    assert 36.0 < longest_drawn(Gamma(1.0, 1.0)) < 37.5


def test_delays_whose_input_does_not_fit_the_memory_are_refused(monkeypatch):
    monkeypatch.setattr(machine, "available_bytes", lambda: 10**6)
    simulate(with_delay(0.999), 0.1)
    with pytest.raises(InputError, match=r"needs about .* of memory, but this machine has 1 MB free"):
        simulate(with_delay(LONGEST_DELAY * 0.001))


# ---------------------------------------------------------------- clocks


def clock(rate, dt=0.1, n=4, phase=1.0):
    network = Network(dt)
    network.population("E", n, IgnoreAndFire(rate, phase))
    network.record_spikes("E")
    return network


@pytest.mark.parametrize("rate", [1e-12, np.array([1.0, 1e-12, 1.0, 1.0])])
def test_given_periods_that_no_counter_holds_are_refused(rate):
    with pytest.raises(InputError, match=r"rate = .* /s means a period of more than 2\^62 steps"):
        clock(rate, dt=1e-4)


def test_a_period_is_one_step_at_least():
    simulation = simulate(clock(2.5e6, dt=0.0004, n=1), 0.04)
    assert simulation.spikes("E").step.tolist() == list(range(1, 101))[-len(simulation.spikes("E").step) :]
    assert simulation.spike_count() in (99, 100)


@pytest.mark.parametrize("rate", [Clipped(Gamma(0.05, 10.0), high=100.0), Uniform(1e-300, 2e-300)])
def test_drawn_periods_that_no_counter_holds_are_never_over(rate):
    simulation = simulate(clock(rate, n=200), 50.0, 50.0)
    spikes = simulation.spikes("E")
    assert len(spikes.step) == 0 or (spikes.step.min() > 0 and spikes.step.max() <= 1000)
    assert simulation.spike_count() < 2000


def test_a_clock_may_fire_once_at_the_start():
    simulation = simulate(clock(Uniform(1e-300, 2e-300), phase=0.0), 10.0)
    assert simulation.spikes("E").step.tolist() == [1] * 4


# ---------------------------------------------------------------- numbers of neurons, steps


@pytest.mark.parametrize("network", [Network(), BinaryNetwork(), RateNetwork()], ids=lambda n: type(n).__name__)
def test_a_network_has_no_more_neurons_than_32_bits_count(network):
    model = {Network: (IafPscExp(),), BinaryNetwork: (0.0,), RateNetwork: (ConstantRate(1.0),)}[type(network)]
    network.population("half", MAX_NEURONS // 2, *model)
    with pytest.raises(InputError, match=r"'rest': with size = .* neurons; 2147483647 is the most"):
        network.population("rest", MAX_NEURONS // 2 + 2, *model)


@pytest.mark.parametrize(("step", "gid"), [(2**32 + 5, 2), (-1, 2), (1, 2**32)])
def test_spikes_that_would_be_sorted_like_others_are_refused(step, gid):
    with pytest.raises(InputError, match="of a spike must be from 0 to 4294967295"):
        spike_keys(np.array([step]), np.array([gid]))


@pytest.mark.parametrize("time", [1e8 + 0.04, 5e7 + 0.03, 123_456_789.05])
def test_a_long_time_must_be_on_the_grid_too(time):
    with pytest.raises(InputError, match=r"is not a whole multiple of dt = 0\.1 ms"):
        to_steps(time, 0.1, "time")
    with pytest.raises(InputError, match=r"is not a whole multiple of dt = 0\.1 ms"):
        Network(0.1).population("S", 1, SpikeTrains([[time]]))


def test_every_step_of_the_grid_is_on_it():
    for dt in (0.1, 0.25, 1.0 / 3.0, 0.001):
        for step in (1, 3, 10**6 + 1, 10**9 + 7, 2**31 - 1):
            assert to_steps(step * dt, dt, "time") == step


@pytest.mark.parametrize(("time", "dt"), [(1e12, 1e-12), (2**31, 1.0), (1e12, 0.1)])
def test_times_beyond_the_last_step(time, dt):
    with pytest.raises(InputError, match="is more than 2147483647 steps"):
        to_steps(time, dt, "time")
    with pytest.raises(InputError, match="is more than 2147483647 steps"):
        Network(dt).population("S", 1, SpikeTrains([[time]]))


# ---------------------------------------------------------------- binary networks


def binary():
    network = BinaryNetwork()
    network.population("E", 2, theta=0.5, tau=1e3)
    return network


def test_windows_shorter_than_the_resolution_of_time_come_to_an_end():
    simulation = BinarySimulation(binary(), MPI.COMM_SELF)
    simulation.run(1000.0)
    simulation._loop.windows.times[LENGTH] = 1e-18  # what many rounds of corrections may have made of it
    end = float(np.nextafter(np.nextafter(1000.0, 2000.0), 2000.0))
    simulation.run(end - 1000.0)
    assert simulation.time == end


def test_a_window_that_would_never_come_to_an_end_is_refused():
    with pytest.raises(InputError, match="window must be at least 1e-06"):
        BinarySimulation(binary(), MPI.COMM_SELF, window=1e-7)
