"""Sources of Poisson spikes that targets share: their statistics, when they fire, and that ranks do not matter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import AllToAll, IafPscExp, InputError, Network, PoissonSource, Static
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.sources import poisson_source
from tests.simulating import simulate


def network_of(model, n=400, dt=0.5):
    network = Network(dt=dt)
    network.population("X", n, model)
    network.record_spikes("X")
    return network


@pytest.mark.parametrize("rate", [50.0, 3000.0, 50_000.0])
def test_counts_are_poisson_distributed(rate):
    """Counts of one source in one step, 400 sources and 400 steps: mean and variance, and a chi-squared test."""
    spikes = simulate(network_of(PoissonSource(rate)), 200.0).spikes("X")
    counts = np.zeros((400, 400), np.int64)
    np.add.at(counts, (spikes.step - 1, spikes.neuron), 1)
    mean = rate * 0.5e-3
    assert counts.mean() == pytest.approx(mean, abs=4.0 * np.sqrt(mean / counts.size))
    assert counts.var() == pytest.approx(mean, rel=4.0 * np.sqrt((2.0 + 1.0 / mean) / counts.size))
    k = np.arange(int(stats.poisson.isf(1e-4, mean)) + 1)
    expected = np.append(stats.poisson.pmf(k, mean), stats.poisson.sf(k[-1], mean)) * counts.size
    observed = np.bincount(np.minimum(counts, k[-1] + 1).ravel(), minlength=len(expected))
    usable = expected > 5.0
    scaled = expected[usable] * observed[usable].sum() / expected[usable].sum()
    assert stats.chisquare(observed[usable], scaled).pvalue > 0.01


def test_sources_fire_after_start_and_not_after_stop():
    steps = simulate(network_of(PoissonSource(2000.0, start=3.0, stop=5.0)), 2.0, 1.5, 6.5).spikes("X").step
    assert np.unique(steps).tolist() == [7, 8, 9, 10]


def test_sources_fire_independently():
    counts = np.zeros((400, 400))
    spikes = simulate(network_of(PoissonSource(1000.0)), 200.0).spikes("X")
    np.add.at(counts, (spikes.step - 1, spikes.neuron), 1)
    for other in (np.roll(counts, 1, axis=0), np.roll(counts, 1, axis=1)):
        assert abs(np.corrcoef(counts.ravel(), other.ravel())[0, 1]) < 4.0 / 400


def test_targets_share_the_spikes_of_a_source():
    network = Network(dt=0.1)
    network.population("X", 3, PoissonSource(500.0))
    network.population("N", 5, IafPscExp(V_th=1e6, V_reset=0.0, E_L=0.0), V_m=0.0)
    network.connect("X", "N", AllToAll(), Static(weight=10.0, delay=1.0))
    network.record_states("N", "V_m")
    states = simulate(network, 50.0).states("N", "V_m").value
    assert (states == states[:, :1]).all()
    assert states.max() > 0.0


def test_the_kernel_gives_the_same_spikes_interpreted():
    population = network_of(PoissonSource(2000.0), n=20).find("X")
    sources = population.model.group([PopulationShare(population, np.arange(20), 0, 1, 0.5)])
    arguments = *sources.own, 1, 10, (), 1.0, np.zeros((1, 10)), ()
    index, stamp = np.zeros((2, 2000), np.int32), np.zeros((2, 2000), np.int64)
    n = poisson_source.emit_counts(*arguments, index[0], stamp[0])
    with np.errstate(over="ignore"):
        assert poisson_source.emit_counts.py_func(*arguments, index[1], stamp[1]) == n > 0
    assert (index[0] == index[1]).all()
    assert (stamp[0] == stamp[1]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PoissonSource(-1.0), "rate must be at least 0"),
        (lambda: network_of(PoissonSource(1.0, start=5.0, stop=1.0)), "stop = 1 ms is before start = 5 ms"),
        (lambda: network_of(PoissonSource(1.0, start=0.3)), "start = 0.3 ms is not a whole multiple of dt"),
        (lambda: network_of(PoissonSource(1e9)), "more than 1000 spikes per step"),
        (lambda: PoissonSource(1.0, begin=3.0), "unknown parameter 'begin'"),
    ],
)
def test_wrong_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
