"""Mean field of binary networks: published values, silent and saturated states, stability, wrong input."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import InputError
from distsim.core.errors import DistsimError
from distsim.theory.binary_mean_field import BinaryMeanField, activity, balanced_threshold

K, J = [[150, 200], [350, 200]], [[0.1, -0.2], [0.1, -0.2]]
PUBLISHED = BinaryMeanField(K, J, [-5.500000000000001, 8.499999999999998])
BISTABLE = BinaryMeanField([[200, 50], [200, 50]], [[0.1, -0.1], [0.1, -0.1]], [7.5, 7.5])
SILENT = BinaryMeanField([[100, 80], [120, 60]], [[0.05, -0.25], [0.08, -0.15]], [1.5, 2.25])


@pytest.mark.parametrize(
    ("expected", "theta", "m"),
    [
        ([0.7, 0.4], [-5.5, 8.5], [0.6444985885, 0.3654516850]),
        ([0.3, 0.2], [-3.5, 2.5], [0.2799811408, 0.2111251340]),
        ([0.5, 0.5], [-12.5, -2.5], [0.5, 0.5]),
    ],
)
def test_values_of_the_published_network(expected, theta, m):
    """NNMT 1.1.0, which 30-digit fixed points (mpmath) confirm to all digits."""
    found = balanced_threshold(K, J, expected)
    assert found == pytest.approx(theta, abs=1e-12)
    assert BinaryMeanField(K, J, found).fixed_point() == pytest.approx(m, abs=1e-9)


def test_input_at_given_activities():
    """NNMT's fixtures for mean and standard deviation of the input, and the activity that they give."""
    m = [0.64449859, 0.36545168]
    assert PUBLISHED.mean_input(m) == pytest.approx([-4.95058835, 7.93938345], abs=1e-8)
    assert np.sqrt(PUBLISHED.variance_input(m)) == pytest.approx([1.48285341, 1.63005968], abs=1e-8)
    assert PUBLISHED.mean_input(0.5) == pytest.approx([-12.5, -2.5], abs=1e-12)
    assert np.sqrt(PUBLISHED.variance_input(0.5)) == pytest.approx([1.5411035, 1.6955825], abs=1e-7)
    mu, sigma = [-4.95058857, 7.9393832], [1.48285341, 1.63005968]
    assert activity(mu, sigma, [-5.5, 8.5]) == pytest.approx([0.64449859, 0.36545169], abs=1e-8)
    assert activity(mu, sigma, -10.0) == pytest.approx([0.99966942, 1.0], abs=1e-8)


def test_stability_and_trajectory_of_the_published_network():
    (only,) = PUBLISHED.fixed_points()
    assert only.stable
    assert only.eigenvalues == pytest.approx([-3.696801 + 6.281176j, -3.696801 - 6.281176j], abs=1e-6)
    course = PUBLISHED.trajectory([0.0, 0.5, 1.0, 1.5, 2.0, 60.0])
    expected = [[0.0, 0.0], [0.3935, 0.1210], [0.6254, 0.3235], [0.6475, 0.3709], [0.6440, 0.3646]]
    assert course[:-1] == pytest.approx(np.array(expected), abs=6e-5)
    assert course[-1] == pytest.approx(only.m, abs=1e-9)


def test_the_jacobian_is_the_derivative():
    m, step = np.array([0.3, 0.6]), 1e-6
    columns = [(PUBLISHED.response(m + d) - PUBLISHED.response(m - d)) / (2 * step) for d in step * np.eye(2)]
    assert PUBLISHED.jacobian(m) == pytest.approx(np.array(columns).T, abs=1e-8)


def test_all_fixed_points_of_a_bistable_network():
    points = BISTABLE.fixed_points()
    assert [point.m.tolist() for point in points] == [[0.0, 0.0], pytest.approx([0.5, 0.5], abs=1e-12), [1.0, 1.0]]
    assert [point.stable for point in points] == [True, False, True]
    assert points[1].eigenvalues.real.max() == pytest.approx(6.569, abs=1e-3)


@pytest.mark.parametrize(
    ("start", "end"), [(0, 0), (0.25, 0), (0.49, 0), (0.51, 1), (0.75, 1), (0.9, 1), (0.99, 1), (1, 1)]
)
def test_the_start_decides_where_a_bistable_network_comes_to_rest(start, end):
    """0.9 and 0.99 too, where NNMT takes the root of a negative variance; silent and saturated states are exact."""
    assert BISTABLE.fixed_point(start).tolist() == [end, end]


def test_a_silent_network():
    assert SILENT.fixed_point().tolist() == [0.0, 0.0]
    assert SILENT.response(0.0).tolist() == [0.0, 0.0]
    assert [(point.m.tolist(), point.stable) for point in SILENT.fixed_points()] == [([0.0, 0.0], True)]
    assert activity([1.0, 1.0 + 1e-10, 1.0 + 1e-8], 0.0, 1.0).tolist() == [0.0, 0.0, 1.0]


def test_one_population_three_populations_and_seven():
    """Inhibition alone: one stable point. Populations without inputs follow their thresholds."""
    one = BinaryMeanField([[100]], [[-1.0]], [-20.0])
    (point,) = one.fixed_points()
    assert one.response(point.m) == pytest.approx(point.m, abs=1e-12)
    three = BinaryMeanField(
        np.full((3, 3), 50), np.tile([0.2, -0.3, -0.1], (3, 1)), [-2.0, -3.0, -4.0], [1.0, 2.0, 0.5]
    )
    assert [p.m for p in three.fixed_points()] == [pytest.approx(three.fixed_point(0.3), abs=1e-9)]
    idle = BinaryMeanField(np.zeros((7, 7)), np.zeros((7, 7)), [-1.0, 1.0, 0.0, -1.0, -1.0, 1.0, 1.0])
    assert [p.m.tolist() for p in idle.fixed_points()] == [[1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0]]


def test_external_populations_count_as_populations_of_fixed_activity():
    """A population without inputs whose activity is put in by hand gives the same input to the others."""
    m = np.array([0.3, 0.4])
    whole = BinaryMeanField([[100, 50], [0, 0]], [[0.2, -0.3], [0.0, 0.0]], [0.0, 0.0])
    outer = BinaryMeanField([[100]], [[0.2]], [0.0], K_ext=[[50]], J_ext=[[-0.3]], m_ext=[0.4])
    assert outer.mean_input(m[:1]) == pytest.approx(whole.mean_input(m)[:1], abs=1e-12)
    assert outer.variance_input(m[:1]) == pytest.approx(whole.variance_input(m)[:1], abs=1e-12)
    threshold = balanced_threshold([[100]], [[0.2]], [0.3], K_ext=[[50]], J_ext=[[-0.3]], m_ext=[0.4])
    assert threshold == pytest.approx(whole.mean_input(m)[:1], abs=1e-12)


def test_a_network_that_oscillates_has_no_resting_activity(monkeypatch):
    """Strong excitation of an inhibitory population that is ten times slower: the fixed point is an unstable focus."""
    monkeypatch.setattr("distsim.theory.binary_mean_field.PATIENCE", 100.0)
    slow = BinaryMeanField([[100, 100], [100, 100]], [[0.6, -0.8], [0.6, 0.0]], [-10.0, 30.0], tau=[1.0, 10.0])
    assert not any(point.stable for point in slow.fixed_points())
    with pytest.raises(DistsimError, match="does not come to rest"):
        slow.fixed_point(0.2)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: BinaryMeanField([[1.0, 2.0]], [[1.0, 2.0]], [0.0]), ["K", "columns"]),
        (lambda: BinaryMeanField(K, [[0.1, -0.2]], [0.0, 0.0]), ["K", "(2, 2)", "J", "(1, 2)"]),
        (lambda: BinaryMeanField(K, J, [0.0, 0.0, 0.0]), ["theta", "(3,)", "(2,)"]),
        (lambda: BinaryMeanField(K, J, [0.0, np.nan]), ["theta", "finite", "nan"]),
        (lambda: BinaryMeanField(K, J, 0.0, tau=0.0), ["tau", "larger than 0"]),
        (lambda: BinaryMeanField([[-1.0]], [[1.0]], 0.0), ["K", "at least 0"]),
        (lambda: BinaryMeanField([[1], [2, 3]], J, 0.0), ["K", "rows of equal length"]),
        (lambda: BinaryMeanField(K, J, 0.0, K_ext=[[1.0], [1.0]]), ["K_ext", "m_ext", "together"]),
        (lambda: BinaryMeanField(K, J, 0.0, K_ext=[[1], [1]], J_ext=[[1], [1]], m_ext=1.5), ["m_ext", "0 and 1"]),
        (lambda: balanced_threshold(K, J, [0.5, 1.5]), ["m", "0 and 1"]),
        (lambda: PUBLISHED.fixed_point([0.5, -0.1]), ["m_0", "0 and 1"]),
        (lambda: PUBLISHED.trajectory([1.0, 0.0]), ["times", "ascending"]),
        (lambda: activity(0.0, -1.0, 0.0), ["sd", "not negative"]),
    ],
)
def test_wrong_input(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert all(word in str(caught.value) for word in words), str(caught.value)
