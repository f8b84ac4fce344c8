"""Rates, irregularity, synchrony and weight statistics against known numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distsim.analysis import spike_statistics as rates
from distsim.analysis import weight_statistics as weights
from distsim.analysis.correlation import count_correlations
from distsim.analysis.layer_plots import plot_layers
from distsim.core.errors import InputError

# ---------------------------------------------------------------- rates


def test_rates_count_spikes_after_start_up_to_stop():
    times = [0.0, 0.1, 50.0, 100.0, 100.1, 200.0]
    assert rates.mean_rate(times, 2, 0.0, 100.0) == 15.0  # 3 spikes of 2 neurons in 0.1 s
    assert rates.mean_rate(times, 2, 100.0, 200.0) == 10.0
    assert rates.mean_rate([], 5, 0.0, 1.0) == 0.0


def test_neuron_rates():
    found = rates.neuron_rates([1.0, 2.0, 3.0, 500.0, 501.0], [0, 0, 3, 3, 1], 4, 0.0, 500.0)
    assert found.tolist() == [4.0, 0.0, 0.0, 4.0]
    assert found.mean() == rates.mean_rate([1.0, 2.0, 3.0, 500.0, 501.0], 4, 0.0, 500.0)


def test_cv_of_known_intervals():
    """Intervals 1, 3 ms: mean 2, standard deviation 1, CV 0.5; neuron 1 is regular, neuron 2 has two spikes only."""
    times = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 3.0, 9.0]
    neurons = [0, 0, 0, 1, 1, 1, 1, 2, 2]
    order = np.argsort(times)
    cv = rates.interval_cv(np.array(times)[order], np.array(neurons)[order], 4)
    assert cv[:2].tolist() == [0.5, 0.0]
    assert np.isnan(cv[2:]).all()
    assert rates.mean_cv(times, neurons, 4) == 0.25
    assert math.isnan(rates.mean_cv([1.0, 2.0], [0, 1], 2))
    assert rates.mean_cv(times, neurons, 4, start=1.0) == 0.0  # neuron 0 is left with two spikes


def test_cv_of_gamma_processes():
    """The CV of a gamma process of order k is 1 / sqrt(k); the CV of 2000 intervals has a standard error near 1.5 %."""
    generator = np.random.default_rng(5)
    for order in (1, 4, 16):
        intervals = generator.gamma(order, 10.0 / order, (20, 2000))
        times = intervals.cumsum(axis=1)
        neurons = np.repeat(np.arange(20), 2000)
        assert rates.mean_cv(times.ravel(), neurons, 20) == pytest.approx(order**-0.5, rel=0.015)


def test_counts_in_bins_closed_at_their_end():
    """On the grid of 0.1 ms, where times carry rounding errors, every time belongs to the bin that it ends."""
    times = np.arange(1, 101) * 0.1
    assert rates.spike_counts(times, 0.0, 10.0, 0.5).tolist() == [5] * 20
    assert rates.spike_counts(times, 0.3, 10.0, 0.1).tolist() == [1] * 97
    assert rates.spike_counts([3.0, 6.0, 9.0, 9.9], 0.0, 10.0, 3.0).tolist() == [1, 1, 1]
    assert rates.spike_counts([], 0.0, 10.0, 5.0).tolist() == [0, 0]


def test_synchrony_of_known_counts():
    """Counts 4, 0, 4, 0: mean 2, variance 4."""
    times = [1.0, 1.0, 2.0, 3.0, 7.0, 7.0, 8.0, 9.0]
    assert rates.synchrony(times, 0.0, 12.0) == 2.0
    assert math.isnan(rates.synchrony([], 0.0, 12.0))


def test_synchrony_of_poisson_processes_is_one():
    """Counts of mean m have variance m; over 20,000 bins the ratio has the standard error sqrt(2 / 20,000) = 0.01."""
    generator = np.random.default_rng(6)
    times = generator.uniform(0.0, 60_000.0, generator.poisson(300_000))
    assert rates.synchrony(times, 0.0, 60_000.0) == pytest.approx(1.0, abs=0.04)
    copies = np.repeat(times[::10], 10)  # ten neurons that always fire together: counts are 10 times a Poisson number
    assert rates.synchrony(copies, 0.0, 60_000.0) == pytest.approx(10.0, abs=0.4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rates.mean_rate([1.0], 0, 0.0, 1.0), "size must be at least 1"),
        (lambda: rates.mean_rate([1.0], 1, 1.0, 1.0), "stop = 1 ms must be after start = 1 ms"),
        (lambda: rates.mean_rate([1.0], 1, 0.0, math.inf), "stop must be finite"),
        (lambda: rates.neuron_rates([1.0], [0, 1], 2, 0.0, 1.0), "arrays of one length"),
        (lambda: rates.neuron_rates([1.0], [5], 2, 0.0, 1.0), "between 0 and 1, got 5 to 5"),
        (lambda: rates.neuron_rates([1.0], [0.5], 2, 0.0, 1.0), "neurons must be integers"),
        (lambda: rates.spike_counts([1.0], 0.0, 1.0, 2.0), "shorter than a bin"),
        (lambda: rates.spike_counts([1.0], 0.0, 1.0, 0.0), "bin_width must be larger than 0"),
    ],
)
def test_rates_refuse_wrong_input(call, message):
    with pytest.raises(InputError, match=message):
        call()


# ---------------------------------------------------------------- correlation


def test_correlation_of_known_counts():
    """Counts in bins of 2 ms: 1, 0, 1, 0 for neurons 0 and 1; 0, 1, 0, 1 for 2; 3 is silent, 4 always has 1."""
    times = [1.0, 2.0, 5.0, 6.0, 3.0, 8.0, 1.0, 3.0, 5.0, 7.0]
    neurons = [0, 1, 0, 1, 2, 2, 4, 4, 4, 4]
    found = count_correlations(times, neurons, 5, 0.0, 8.0)
    assert found == pytest.approx([1.0, -1.0, -1.0])  # pairs (0, 1), (0, 2), (1, 2)
    assert count_correlations(times, neurons, 5, 0.0, 9.9) == pytest.approx(found)  # the last bin is incomplete
    assert count_correlations(times, neurons, 5, 0.0, 8.0, sample=2) == pytest.approx([1.0])
    assert count_correlations([], [], 5, 0.0, 8.0).size == 0


def test_correlation_is_the_fraction_of_common_input():
    """Spikes of a common Poisson process, each taken with probability p, give counts of correlation p.

    cov = p^2 m and var = p m for m common spikes in a bin. 30 neurons, 435 pairs: their mean has a standard error of
    about 0.003 over 10,000 bins; without what is common it is 0, and 1 / sqrt(bins) the spread of a pair.
    """
    generator = np.random.default_rng(7)
    common = np.sort(generator.uniform(0.0, 20_000.0, 8000))
    taken = generator.random((30, common.size)) < 0.3
    neurons, places = np.nonzero(taken)
    found = count_correlations(common[places], neurons, 30, 0.0, 20_000.0)
    assert found.size == 30 * 29 // 2
    assert found.mean() == pytest.approx(0.3, abs=0.012)
    independent = generator.uniform(0.0, 20_000.0, 72_000), generator.integers(0, 30, 72_000)
    found = count_correlations(*independent, 30, 0.0, 20_000.0)
    assert found.mean() == pytest.approx(0.0, abs=4.0 * 0.01 / math.sqrt(found.size))
    assert found.std() == pytest.approx(0.01, rel=0.15)


def test_correlation_refuses_what_is_too_short():
    with pytest.raises(InputError, match="shorter than two bins of 2 ms"):
        count_correlations([1.0], [0], 1, 0.0, 3.0)
    with pytest.raises(InputError, match="sample must be at least 2"):
        count_correlations([1.0], [0], 1, 0.0, 30.0, sample=1)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 4)), max_size=60), st.booleans())
def test_spikes_are_sorted_by_neuron_then_time(spikes, in_order):
    pairs = sorted(spikes) if in_order else spikes
    times, neurons = np.array([t for t, _ in pairs], np.float64), np.array([n for _, n in pairs], np.int64)
    order = rates.by_neuron(times, neurons, 5)
    assert list(zip(neurons[order], times[order], strict=True)) == sorted(zip(neurons, times, strict=True))


def test_many_neurons_are_sorted_in_two_passes():
    neurons = np.array([70_000, 4464, 65_536, 131_071, 70_000, 0])  # 70,000 and 4464 have the same low 16 bits
    assert rates.by_neuron(np.arange(6.0), neurons, 140_000).tolist() == [5, 1, 2, 0, 4, 3]


# ---------------------------------------------------------------- weights


def test_statistics_of_known_weights():
    assert weights.weight_statistics([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]) == {
        "count": 8,
        "mean": 5.0,
        "sd": 2.0,
        "min": 2.0,
        "max": 9.0,
        "median": 4.5,
    }
    assert weights.weight_statistics([]) is None
    with pytest.raises(InputError, match="not finite"):
        weights.weight_statistics([1.0, math.nan])


@given(st.lists(st.floats(0.0, 1e6), min_size=1, max_size=40), st.randoms())
def test_statistics_do_not_depend_on_order(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert weights.weight_statistics(values) == weights.weight_statistics(shuffled)


def test_histogram_counts_all_weights():
    density, edges = weights.weight_histogram([0.5, 1.5, 1.5, 10.0], [0.0, 1.0, 2.0, 4.0])
    assert density.tolist() == [0.25, 0.5, 0.0]  # three of four lie inside
    assert edges.tolist() == [0.0, 1.0, 2.0, 4.0]
    density, edges = weights.weight_histogram(np.full(10, 31.9))
    assert edges.tolist() == np.arange(0.0, 150.1, 0.5).tolist()  # as published
    assert density[63] == 2.0
    assert density.sum() == 2.0


@pytest.mark.parametrize("edges", [[0.0], [1.0, 0.0], [0.0, 0.0, 1.0]])
def test_histogram_refuses_edges_that_do_not_increase(edges):
    with pytest.raises(InputError, match="increasing"):
        weights.weight_histogram([1.0], edges)


def test_histogram_edges_are_whole_bins():
    assert weights.histogram_edges(0.0, 1.0, 0.1).size == 11
    for first, last, width in ((0.0, 1.0, 0.3), (0.0, 1.0, 0.0), (1.0, 0.0, 0.1)):
        with pytest.raises(InputError, match="whole number of bins"):
            weights.histogram_edges(first, last, width)


def test_connectivity_matrix_sums_multapses():
    source = [0, 0, 7, 7, 3]
    target = [1, 1, 2, 9, 1]
    values = [1.0, 2.0, 4.0, 8.0, 16.0]
    matrix = weights.connectivity_matrix(source, target, values, sources=[7, 0], targets=[1, 2, 5])
    assert matrix.tolist() == [[0.0, 3.0], [4.0, 0.0], [0.0, 0.0]]
    numbers = weights.connectivity_matrix(source, target, None, sources=[7, 0], targets=[1, 2, 5])
    assert numbers.tolist() == [[0.0, 2.0], [1.0, 0.0], [0.0, 0.0]]
    assert weights.connectivity_matrix([], [], [], range(3), range(2)).tolist() == [[0.0] * 3] * 2
    assert weights.connectivity_matrix(source, target, values, [], range(2)).shape == (2, 0)


def test_multapses_as_they_are_wanted():
    source, target = [0, 7, 0, 0, 7], [1, 2, 1, 1, 0]
    values = [1.0, 4.0, 6.0, 2.0, 8.0]
    pairs = [(0, 1), (7, 0), (7, 2)]
    for how, expected in {
        "sum": [9.0, 8.0, 4.0],
        "mean": [3.0, 8.0, 4.0],
        "last": [2.0, 8.0, 4.0],
        "count": [3, 1, 1],
    }.items():
        sources, targets, merged = weights.merge_multapses(source, target, values, how)
        assert list(zip(sources, targets, strict=True)) == pairs
        assert merged.tolist() == expected
        matrix = weights.connectivity_matrix(source, target, values, [0, 7], [0, 1, 2], how)
        assert matrix.tolist() == [[0.0, expected[1]], [expected[0], 0.0], [0.0, expected[2]]]
    assert [len(column) for column in weights.merge_multapses([], [], [])] == [0, 0, 0]
    with pytest.raises(InputError, match="unknown treatment of multapses 'lost'; did you mean 'last'"):
        weights.merge_multapses(source, target, values, "lost")
    with pytest.raises(InputError, match="arrays of one length"):
        weights.merge_multapses(source, target, [1.0])


def test_the_published_choices():
    """The published matrix is filled synapse by synapse, the published histogram is that of numpy."""
    random = np.random.default_rng(4)
    source, target, values = random.integers(0, 9, 200), random.integers(0, 9, 200), random.normal(60.0, 60.0, 200)
    published = np.zeros((9, 9))
    for i in range(200):
        published[target[i], source[i]] = values[i]
    found = weights.connectivity_matrix(source, target, values, range(9), range(9), weights.PUBLISHED_MULTAPSES)
    assert (found == published).all()
    density, edges = weights.weight_histogram(values, density=weights.PUBLISHED_DENSITY)
    assert (density == np.histogram(values, np.arange(0.0, 150.1, 0.5), density=True)[0]).all()
    assert (density * np.diff(edges)).sum() == pytest.approx(1.0)
    inside = ((values >= 0.0) & (values <= 150.0)).mean()
    assert weights.weight_histogram(values)[0] == pytest.approx(density * inside)
    assert not weights.weight_histogram([-1.0], density="inside")[0].any()
    with pytest.raises(InputError, match="unknown density 'insid'; did you mean 'inside'"):
        weights.weight_histogram(values, density="insid")


def test_connectivity_matrix_refuses_what_does_not_fit():
    with pytest.raises(InputError, match="sources has a neuron twice"):
        weights.connectivity_matrix([0], [0], [1.0], [1, 1], [0])
    with pytest.raises(InputError, match="arrays of one length"):
        weights.connectivity_matrix([0], [0], [1.0, 2.0], [1], [0])


# ---------------------------------------------------------------- raster of many populations


def test_layers_show_an_equal_part_of_each_population_and_the_rates_of_all():
    generator = np.random.default_rng(1)
    sizes = {"A": 400, "B": 100}
    spikes = {
        name: (np.sort(generator.uniform(0.0, 100.0, n)), generator.integers(0, n, n)) for name, n in sizes.items()
    }
    figure = plot_layers(spikes, sizes, 20.0, 80.0, part=0.1, bin_width=2.0)
    raster, rates = figure.axes[:2]
    for line, (name, (times, neurons)), base in zip(raster.lines, spikes.items(), (0, 40), strict=True):
        shown = (times > 20.0) & (times <= 80.0) & (neurons < sizes[name] // 10)
        assert line.get_xdata().tolist() == times[shown].tolist()
        assert line.get_ydata().tolist() == (base + neurons[shown]).tolist()
    image = np.asarray(rates.images[0].get_array())
    assert image.shape == (2, 30)
    inside = [((times > 20.0) & (times <= 80.0)).sum() for times, _ in spikes.values()]
    assert image.sum(axis=1) * 2e-3 * np.array([400, 100]) == pytest.approx(inside)
    assert raster.get_ylabel() == "50 of 500 neurons"


@pytest.mark.parametrize(("part", "message"), [(0.0, "part must be larger than 0"), (1.5, "part must be at most 1")])
def test_layers_refuse_a_wrong_part(part, message):
    with pytest.raises(InputError, match=message):
        plot_layers({}, {}, 0.0, 1.0, part=part)


def test_layers_refuse_a_population_without_a_size():
    with pytest.raises(InputError, match="no size is given for population 'A'"):
        plot_layers({"A": ([], [])}, {}, 0.0, 1.0)
