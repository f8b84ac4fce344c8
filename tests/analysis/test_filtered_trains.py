"""Convolved spike trains, distances of states and of trains: closed forms, quadrature, numpy; wrong and empty input."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from distsim import InputError
from distsim.analysis import filtered_trains, liquid_distances
from distsim.analysis.filtered_trains import exponential_filter, gaussian_filter, liquid_states
from distsim.analysis.liquid_distances import sampled_distance, state_distance, train_distance
from distsim.analysis.liquid_plots import STYLES, plot_state_distances

SPIKES = np.array([31.0, 3.0, 3.0, 180.5])  # neither sorted nor different
AT = np.array([200.0, 3.0, 2.9, 0.0, 31.0, 45.0])


def direct(times, at, kernel):
    """The sum over spikes of ``kernel`` of the time since each."""
    return kernel(np.asarray(at)[:, None] - np.asarray(times)).sum(axis=1)


# ---------------------------------------------------------------- convolution


def test_one_spike_decays_exponentially():
    np.testing.assert_allclose(exponential_filter([10.0], [9.9, 10.0, 40.0], 30.0), [0.0, 1.0, math.exp(-1.0)])
    np.testing.assert_allclose(gaussian_filter([10.0], [5.0, 10.0, 20.0], 5.0), [math.exp(-1), 1.0, math.exp(-4)])


def test_times_in_any_order_add_up():
    found = exponential_filter(SPIKES, AT, 30.0)
    np.testing.assert_allclose(found, direct(SPIKES, AT, lambda lag: np.where(lag >= 0, np.exp(-lag / 30.0), 0.0)))
    assert found[[1, 2, 3]].tolist() == [2.0, 0.0, 0.0]
    np.testing.assert_allclose(
        gaussian_filter(SPIKES, AT, 5.0), direct(SPIKES, AT, lambda lag: np.exp(-((lag / 5.0) ** 2))), atol=1e-15
    )


def test_a_long_train_reaches_its_mean():
    """Regular spikes every 2 ms: the sum of a geometric series at a spike, and tau sqrt(pi) / 2 on average."""
    times = np.arange(0.0, 4000.0, 2.0)
    assert exponential_filter(times, [3998.0], 30.0)[0] == pytest.approx(1.0 / (1.0 - math.exp(-2.0 / 30.0)), 1e-13)
    middle = gaussian_filter(times, np.arange(1000.0, 1002.0, 0.1), 5.0).mean()
    assert middle == pytest.approx(5.0 * math.sqrt(math.pi) / 2.0, 1e-12)


def test_a_gaussian_beyond_its_reach_is_0_to_the_last_bit():
    assert gaussian_filter([0.0], [134.9, 135.1], 5.0).tolist() == [0.0, 0.0]


@pytest.mark.parametrize(("kernel", "of_train"), [("exponential", exponential_filter), ("gaussian", gaussian_filter)])
def test_states_are_the_trains_of_all_neurons(kernel, of_train):
    neurons = np.array([2, 0, 2, 0])
    states = liquid_states(SPIKES, neurons, 4, AT, 7.0, kernel)
    assert states.shape == (4, 6)
    for neuron in range(4):
        assert states[neuron].tolist() == of_train(SPIKES[neurons == neuron], AT, 7.0).tolist()
    assert not states[[1, 3]].any()


def test_kernels_are_what_their_source_says():
    for kernel in (*filtered_trains.KERNELS.values(), liquid_distances.distance_of_trains):
        compiled, plain = np.zeros((1, 6)), np.zeros((1, 6))
        begin, times = np.array([0, 4]), np.sort(SPIKES)
        for function, result in ((kernel, compiled), (kernel.py_func, plain)):
            if kernel is liquid_distances.distance_of_trains:
                result[:] = function(times, np.sort(AT), 200.0, 5.0)
            else:
                function(times, begin, np.sort(AT), 5.0, result)
        assert compiled.tolist() == plain.tolist()
        assert compiled.any()


def test_no_spikes_and_no_times():
    assert liquid_states([], [], 3, AT).tolist() == np.zeros((3, 6)).tolist()
    assert liquid_states(SPIKES, [0] * 4, 3, []).shape == (3, 0)
    assert gaussian_filter([], []).shape == exponential_filter(SPIKES, []).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, math.nan], [0, 0], 1, [1.0]), "times must be finite, but number 1 is nan; leave it out"),
        (([1.0], [0], 1, [1.0, math.inf]), "at must be finite, but number 1 is inf"),
        (([[1.0]], [0], 1, [1.0]), r"times must be an array of one dimension, got shape \(1, 1\)"),
        ((["a"], [0], 1, [1.0]), "times must be times in ms"),
        (([1.0], [1], 1, [1.0]), "neurons must lie between 0 and 0"),
        (([1.0], [0.5], 1, [1.0]), "neurons must be integers"),
        (([1.0], [0, 0], 1, [1.0]), "arrays of one length"),
        (([1.0], [0], 0, [1.0]), "size must be at least 1"),
        (([1.0], [0], 1, [1.0], 0.0), "tau must be larger than 0"),
        (([1.0], [0], 1, [1.0], 5.0, "gauss"), "unknown kernel 'gauss'; did you mean 'gaussian'"),
    ],
)
def test_wrong_input(arguments, message):
    with pytest.raises(InputError, match=message):
        liquid_states(*arguments)


# ---------------------------------------------------------------- distances


def test_distance_of_states_is_the_mean_squared_difference():
    u, v = np.random.default_rng(1).normal(size=(2, 5, 7))
    np.testing.assert_allclose(state_distance(u, v), ((u - v) ** 2).mean(axis=0))
    assert state_distance([[3.0, 0.0]], [[0.0, 0.0]]).tolist() == [9.0, 0.0]
    assert state_distance(np.zeros((2, 0)), np.zeros((2, 0))).shape == (0,)


def test_nan_is_nan_where_it_enters():
    assert np.isnan(state_distance([[1.0, math.nan], [2.0, 3.0]], np.zeros((2, 2)))).tolist() == [False, True]
    assert math.isnan(sampled_distance([1.0, math.nan], [0.0, 0.0], 0.1))


def integral(u, v, T, tau):
    """Integral over 0 .. T of the squared difference of the convolved trains, divided by T, by quadrature."""
    points = np.arange(0.0, T + 0.01, 0.02)
    difference = gaussian_filter(u, points, tau) - gaussian_filter(v, points, tau)
    return integrate.simpson(difference**2, x=points) / T


def test_distance_of_trains_is_the_integral_that_defines_it():
    """Also for spikes at the ends, whose kernels are cut, beyond them, and in any order."""
    u, v = np.array([20.0, 0.0, 3.0, 59.9, 62.0, -1.0]), np.array([1.5, 19.0, 58.0])
    assert train_distance(u, v, 60.0) == pytest.approx(integral(u, v, 60.0, 5.0), abs=2e-6)
    assert train_distance(v, u, 60.0) == pytest.approx(train_distance(u, v, 60.0), rel=1e-14)
    assert train_distance(u, u[::-1], 60.0) == pytest.approx(0.0, abs=1e-12)
    assert train_distance([], [], 60.0) == 0.0


def test_distance_of_one_spike_in_closed_form():
    """From none: sqrt(pi / 2) tau / T; from one at distance x: twice that times 1 - exp(-x^2 / (2 tau^2))."""
    norm = math.sqrt(math.pi / 2.0) * 5.0 / 500.0
    assert train_distance([250.0], [], 500.0) == pytest.approx(norm, rel=1e-14)
    expected = 2.0 * norm * (1.0 - math.exp(-(3.0**2) / 50.0))
    assert train_distance([250.0], [253.0], 500.0) == pytest.approx(expected, rel=1e-13)


def test_sampled_trains_approach_the_integral():
    u, v = [12.0, 40.0], [45.0]
    at = np.arange(0.0, 100.0, 0.1)
    sampled = sampled_distance(gaussian_filter(u, at), gaussian_filter(v, at), 0.1) / 100.0
    assert sampled == pytest.approx(train_distance(u, v, 100.0), rel=1e-4)
    assert sampled_distance([1.0, 3.0], [0.0, 1.0], 0.5) == 2.5
    assert sampled_distance([], [], 0.1) == 0.0


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (state_distance, ([[1.0]], [[1.0, 2.0]]), r"two arrays of one shape, got \(1, 1\) and \(1, 2\)"),
        (state_distance, ([1.0], [1.0]), r"shape \(neurons, times\), got \(1,\)"),
        (state_distance, (np.zeros((0, 3)), np.zeros((0, 3))), r"shape \(neurons, times\), got \(0, 3\)"),
        (state_distance, ([["a"]], [[1.0]]), "two arrays of numbers"),
        (sampled_distance, ([[1.0]], [[1.0]], 0.1), r"shape \(times,\), got \(1, 1\)"),
        (sampled_distance, ([1.0], [1.0], 0.0), "dt must be larger than 0"),
        (train_distance, ([math.nan], [1.0], 10.0), "train_distance: u must be finite"),
        (train_distance, ([1.0], [1.0], 0.0), "duration must be larger than 0"),
        (train_distance, ([1.0], [1.0], 10.0, -5.0), "tau must be larger than 0"),
    ],
)
def test_wrong_input_of_distances(function, arguments, message):
    with pytest.raises(InputError, match=message):
        function(*arguments)


# ---------------------------------------------------------------- the figure


@pytest.mark.parametrize(("distances", "styles"), [((0.4, 0.2, 0.1, 0.0), 4), ((0.6, 0.5, 0.4, 0.2, 0.1, 0.0), 6)])
def test_figure_tells_distances_apart(distances, styles):
    """The published line styles for as many as were published, colours for more; errors that are NaN are left out."""
    curves = np.random.default_rng(1).random((len(distances), 100))
    figure = plot_state_distances(np.arange(1.0, 101.0), curves, distances, np.full(curves.shape, np.nan))
    lines = figure.axes[0].get_lines()
    assert len({(str(line._unscaled_dash_pattern), str(line.get_color())) for line in lines}) == styles
    assert (lines[-1].get_linestyle(), lines[-1].get_color()) == ("-", "black")
    assert all(line.get_color() == "black" for line in lines) == (styles == len(STYLES) + 1)
    legend = figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == [f"d(u,v) = {d:g}" for d in distances]


def test_figure_of_arrays_that_do_not_fit():
    with pytest.raises(InputError, match=r"4 distances at 3 times need arrays of that shape, got \(4, 2\)"):
        plot_state_distances([1.0, 2.0, 3.0], np.zeros((4, 2)), (0.3, 0.2, 0.1, 0.0))
