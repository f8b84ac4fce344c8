"""Rates and currents that change in steps, and when stimuli begin and end."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import (
    ConstantCurrent,
    IafPscAlpha,
    InputError,
    Network,
    NeuronModel,
    OneToOne,
    Poisson,
    PoissonSource,
    Simulation,
    SpikeTrains,
    State,
    Static,
)
from distsim.parallel.communicator import alone
from tests.threads import on_ranks


class Sum(NeuronModel):
    """Keeps what arrives in the last step, and the current in it."""

    states = (State("x", "pA", 0.0), State("I", "pA", 0.0))

    @staticmethod
    def step(state, arrived, injected, constants):
        return (arrived[0], injected), False


def input_of(*stimuli, comm=None, part=slice(None), duration=40.0) -> tuple[np.ndarray, np.ndarray]:
    """What arrives at 5 neurons in every step (steps, 5): events and current."""
    network = Network(dt=0.5)
    population = network.population("A", 5, Sum())
    for stimulus in stimuli:
        network.stimulate(population[part], stimulus)
    network.record_states("A", ["x", "I"])
    with Simulation(network, comm or alone(), seed=4) as simulation:
        simulation.run(duration / 4)
        simulation.run(duration * 3 / 4)
        return simulation.states("A", "x").value, simulation.states("A", "I").value


@pytest.mark.parametrize("part", [slice(None), [0, 3]])
def test_a_rate_in_steps_is_each_rate_in_its_time(part):
    changing = Poisson(rate=[3000.0, 0.0, 8000.0], times=[5.0, 15.0, 20.5], weight=2.0, delay=1.0)
    x, _ = input_of(changing, part=part)
    low, high = (input_of(Poisson(rate=rate, weight=2.0, delay=1.0), part=part)[0] for rate in (3000.0, 8000.0))
    expected = np.zeros_like(x)  # row k is step k + 1; an event is sent 2 steps before
    expected[12:32] = low[12:32]
    expected[43:] = high[43:]
    assert (x == expected).all()
    assert x[12:32, 0].any()
    ranks = on_ranks(3, lambda comm: input_of(changing, comm=comm, part=part)[0])
    assert all((other == x).all() for other in ranks)


def test_start_and_stop_of_poisson_input():
    always, _ = input_of(Poisson(rate=5000.0, weight=1.0))
    within, _ = input_of(Poisson(rate=5000.0, weight=1.0, start=10.0, stop=20.0))
    late, _ = input_of(Poisson(rate=[100.0, 5000.0], times=[0.0, 5.0], weight=1.0, start=10.0, stop=20.0))
    assert (within[21:41] == always[21:41]).all()
    assert not within[:21].any()
    assert not within[41:].any()
    assert (late == within).all()


def test_a_current_in_steps_is_the_sum_of_currents():
    _, in_steps = input_of(ConstantCurrent(amplitude=[10.0, -3.0], times=[5.0, 20.0], stop=30.0, delay=1.0))
    _, apart = input_of(ConstantCurrent(10.0, 5.0, 20.0, 1.0), ConstantCurrent(-3.0, 20.0, 30.0, 1.0))
    assert (in_steps == apart).all()
    assert {*in_steps[:, 0]} == {0.0, 10.0, -3.0}


def sources(comm, model, duration=40.0):
    network = Network(dt=0.5)
    network.population("S", 6, model)
    network.population("A", 6, IafPscAlpha())
    network.connect("S", "A", OneToOne(), Static(1.0, 1.0))
    network.record_spikes("S")
    with Simulation(network, comm, seed=4) as simulation:
        simulation.run(duration)
        spikes = simulation.spikes("S")
        return list(zip(spikes.step.tolist(), spikes.neuron.tolist(), strict=True))


def test_sources_in_steps_are_recorded():
    model = PoissonSource(rate=[900.0, 90.0], times=[4.0, 20.0], stop=35.0)
    (one,), three = on_ranks(1, lambda comm: sources(comm, model)), on_ranks(3, lambda comm: sources(comm, model))
    high, low = (sources(alone(), PoissonSource(rate=rate)) for rate in (900.0, 90.0))
    assert one == [s for s in high if 8 < s[0] <= 40] + [s for s in low if 40 < s[0] <= 70]
    assert three == [one] * 3


def test_spike_trains_of_a_stimulus_are_recorded():
    network = Network(dt=0.5)
    network.population("A", 2, IafPscAlpha())
    network.stimulate("A", SpikeTrains([[3.0, 4.5], [4.5]], weight=1.0, delay=1.0))
    name = network.populations[-1].name
    network.record_spikes(name)
    with Simulation(network, alone()) as simulation:
        simulation.run(10.0)
        assert simulation.spikes(name).times(0.5).tolist() == [3.0, 4.5, 4.5]


def test_descriptions_of_stimuli_without_pieces_are_as_they_were():
    network = Network(dt=0.5)
    network.population("A", 2, IafPscAlpha())
    network.stimulate("A", Poisson(rate=10.0, weight=1.0))
    network.stimulate("A", Poisson(rate=[10.0], times=[1.0], weight=1.0, stop=3.0))
    plain, pieces = (entry["stimulus"] for entry in network.description()["stimuli"])
    assert plain == {"class": "Poisson", "rate": 10.0, "weight": 1.0, "delay": None}
    assert pieces == {**plain, "rate": [10.0], "times": [1.0], "stop": 3.0}


@pytest.mark.parametrize(
    ("stimulus", "message"),
    [
        ({"rate": [1.0, 2.0]}, "Poisson rate: a sequence of values has times"),
        ({"rate": 1.0, "times": [1.0]}, "Poisson rate: times need values"),
        ({"rate": [1.0, 2.0], "times": [1.0]}, "2 values need as many times"),
        ({"rate": [1.0, 2.0], "times": [1.0, 1.0]}, r"times\[1\] = 1 ms must be later than 1 ms"),
        ({"rate": [1.0, 2.0], "times": [1.0, 2.2]}, r"times\[1\] = 2.2 ms"),
        ({"rate": [1.0, -2.0], "times": [1.0, 2.0]}, r"Poisson: rate\[1\] must be at least 0"),
        ({"rate": []}, "Poisson: rate must hold at least one number"),
        ({"rate": 1.0, "start": 4.0, "stop": 2.0}, "stop = 2 ms is before start = 4 ms"),
    ],
)
def test_what_is_refused(stimulus, message):
    with pytest.raises(InputError, match=message):
        input_of(Poisson(weight=1.0, **stimulus))
