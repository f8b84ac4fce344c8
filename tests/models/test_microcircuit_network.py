"""The network that the parameters make: populations, edges of a small version, input, thalamus, resized networks."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from distsim import InputError, Simulation
from distsim.core.distributions import Normal
from distsim.models.microcircuit import MODEL
from distsim.models.microcircuit.network import build_network
from distsim.models.microcircuit.parameters import POPULATIONS, load
from distsim.spiking.drives.poisson import Poisson
from tests.simulating import simulate

SMALL = {"N_scaling": 0.02, "K_scaling": 0.05}


def test_populations_and_their_input():
    p = load({"N_scaling": 0.1, "K_scaling": 0.1})
    network = build_network(p)
    assert {q.name: q.size for q in network.populations} == dict(zip(POPULATIONS, p.N, strict=True))
    for i, population in enumerate(network.populations):
        assert population.model.I_e == p.I_e[i]
        assert population.initial == {"V_m": Normal(p.V_init_mean[i], p.V_init_sd[i])}
    assert [s.stimulus for s in network.stimulations] == [Poisson(8.0 * k, p.weight_ext, 1.5) for k in p.indegree_ext]
    assert len(network.spike_recordings) == 8


def test_constant_input_and_original_potentials():
    network = build_network(load({"input": "dc", "V_init": "original"}))
    assert network.stimulations == []
    assert network.find("L5I").initial == {"V_m": Normal(-58.0, 10.0)}
    assert network.find("L5I").model.I_e == pytest.approx(0.5e-3 * 0.15 * 585.3899568613897 * 1900 * 8.0)


@pytest.fixture(scope="module")
def small() -> Simulation:
    return simulate(build_network(load(SMALL)), 0.0)


def test_every_projection_has_exactly_its_number_of_synapses(small):
    p = load(SMALL)
    for i, target in enumerate(POPULATIONS):
        for j, source in enumerate(POPULATIONS):
            if p.n_synapses[i][j]:
                assert len(small.weights(source, target).weight) == p.n_synapses[i][j], (source, target)
    assert small.synapse_count() == sum(map(sum, p.n_synapses))


def test_targets_and_sources_are_drawn_independently(small):
    """In-degrees of a fixed total are multinomial: variance / mean is 1 - 1 / n, with n - 1 degrees of freedom."""
    found = small.weights("L4E", "L23E")
    for index, n in ((found.source, small.network.find("L4E").size), (found.target, small.network.find("L23E").size)):
        degrees = np.bincount(index, minlength=n)
        assert 0.001 < stats.chi2.sf(((degrees - degrees.mean()) ** 2).sum() / degrees.mean(), n - 1) < 0.999


def test_autapses_and_multapses_occur(small):
    found = small.weights("L23E", "L23E")
    assert (found.source == found.target).any()
    pairs = found.source * 10_000 + found.target
    assert len(np.unique(pairs)) < len(pairs)


@pytest.mark.parametrize(("source", "target"), [("L23E", "L23E"), ("L4E", "L23E"), ("L23I", "L4E"), ("L6I", "L6E")])
def test_weights_and_delays_have_their_distributions(small, source, target):
    p = load(SMALL)
    found = small.weights(source, target)
    mean = p.weight[POPULATIONS.index(target)][POPULATIONS.index(source)]
    assert stats.kstest(found.weight, stats.norm(mean, 0.1 * abs(mean)).cdf).pvalue > 0.001
    delay = p.delay_ex if source.endswith("E") else p.delay_in
    steps = np.rint(found.delay / 0.1)
    assert np.abs(found.delay - 0.1 * steps).max() < 1e-9
    whole = stats.truncnorm((0.05 - delay) / (0.5 * delay), np.inf, delay, 0.5 * delay)
    k = np.arange(1, int(steps.max()) + 2)
    expected = np.diff(whole.cdf(0.1 * np.append(k - 0.5, np.inf))) * len(steps)
    observed = np.bincount(steps.astype(int), minlength=k[-1] + 1)[1:]
    usable = expected > 5.0
    expected, observed = np.append(expected[usable], expected[~usable].sum()), observed[: len(k)]
    observed = np.append(observed[usable], observed[~usable].sum())
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_the_thalamus_fires_for_its_time_and_excites_layer_4():
    changes = {**SMALL, "thalamus": True, "thalamic_start": 20.0, "thalamic_duration": 10.0, "thalamic_rate": 500.0}
    p = load(changes)
    simulation = simulate(build_network(p), 50.0)
    steps = simulation.spikes("thalamus").step
    assert 200 < steps.min() <= 203
    assert 298 <= steps.max() <= 300
    assert len(steps) == pytest.approx(902 * 5.0, abs=4.0 * np.sqrt(902 * 5.0))
    assert len(simulation.weights("thalamus", "L4E").weight) == p.n_thalamic_synapses[2]
    layer_4 = simulation.spikes("L4E").step
    assert ((layer_4 > 210) & (layer_4 <= 320)).sum() > 1.5 * (layer_4 <= 110).sum()


def test_resized_networks():
    for neurons in (1000, 7717, 77_169):
        p = load(MODEL.resized(neurons, None))
        assert sum(p.N) == pytest.approx(neurons, abs=4)
        assert p.K_scaling == pytest.approx(neurons / 77_169)
    assert load(MODEL.resized(77_169, None)) == load()
    p = load(MODEL.resized(10_000, 500))
    assert sum(map(sum, p.n_synapses)) / sum(p.N) == pytest.approx(500, rel=1e-3)
    assert load(MODEL.resized(154_338, None)).K_scaling == 1.0
    for neurons, indegree in ((50, None), (1000, 0)):
        with pytest.raises(InputError, match="microcircuit: needs"):
            MODEL.resized(neurons, indegree)
