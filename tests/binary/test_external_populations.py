"""External populations, simulated, beside the theory that has them: mean, variance and effect of their input."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy.stats import binom

from distsim import BinaryNetwork, BinarySimulation, FixedIndegree, Uniform
from distsim.theory.binary_mean_field import BinaryMeanField, balanced_threshold

SEEDS = 12
K_EXT, J_EXT, M_EXT, THETA = 60, 0.1, 0.3, 1.75


def close(values: np.ndarray, expected: float, beyond: float = 0.0) -> bool:
    """Whether the mean over seeds lies within 4 of its standard errors of what is expected, and ``beyond`` more."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return bool(abs(values.mean() - expected) < 4.0 * error + beyond)


@pytest.fixture(scope="module")
def driven():
    """Of each seed: activity of neurons that X alone drives, of X, mean and variance of the input over neurons."""
    found = []
    for seed in range(SEEDS):
        network = BinaryNetwork()
        network.external_population("X", 6000, m=M_EXT)
        network.population("A", 2000, theta=THETA, m_0=0.5)
        network.connect("X", "A", FixedIndegree(K_EXT, multapses=False), J=J_EXT)
        for name in "AX":
            network.record_activity(name, interval=0.5)
        with BinarySimulation(network, MPI.COMM_SELF, seed) as simulation:
            simulation.run(15.0)
            h = simulation.inputs("A")
            later = [simulation.activity(name).value[10:].mean() for name in "AX"]
        found.append([*later, h.mean(), h.var()])
    return np.array(found)


def test_input_has_the_mean_and_variance_of_the_theory(driven):
    field = BinaryMeanField([[0]], [[0.0]], [THETA], K_ext=[[K_EXT]], J_ext=[[J_EXT]], m_ext=[M_EXT])
    mu, variance = field.mean_input(0.0)[0], field.variance_input(0.0)[0]
    assert (mu, variance) == pytest.approx((1.8, 0.126))
    assert close(driven[:, 1], M_EXT)
    assert close(driven[:, 2], mu)
    assert close(driven[:, 3], variance)


def test_activity_is_that_of_a_binomial_input_which_the_theory_takes_as_gaussian(driven):
    """The Gaussian costs 0.0074 here: 60 inputs are few."""
    exact = binom.sf(17.5, K_EXT, M_EXT)  # more than 17.5 active inputs lie above the threshold
    assert close(driven[:, 0], exact)
    field = BinaryMeanField([[0]], [[0.0]], [THETA], K_ext=[[K_EXT]], J_ext=[[J_EXT]], m_ext=[M_EXT])
    assert field.fixed_point()[0] == pytest.approx(exact, abs=0.008)


def test_a_recurrent_network_with_external_input_rests_where_the_mean_field_does():
    """To 0.004 beyond statistical errors (8 seeds): the mean field neglects correlations, and inputs are no Gaussian.

    Without the external input it predicts other activities by far.
    """
    K, J, K_ext, J_ext = [[100, 80], [120, 80]], [[0.1, -0.25], [0.1, -0.25]], [[60], [40]], [[0.1], [0.1]]
    theta = np.round(balanced_threshold(K, J, [0.4, 0.3], K_ext, J_ext, [M_EXT]), 2) + 0.05
    resting = BinaryMeanField(K, J, theta, 1.0, K_ext, J_ext, [M_EXT]).fixed_point(0.2)
    assert np.abs(BinaryMeanField(K, J, theta).fixed_point(0.2) - resting).max() > 0.1
    found = []
    for seed in range(8):
        network = BinaryNetwork()
        for k, name in enumerate("EI"):
            network.population(name, 2000, theta=theta[k], m_0=0.3)
            network.record_activity(name, interval=0.25)
        network.external_population("X", 2000, m=M_EXT)
        for i, target in enumerate("EI"):
            for j, source in enumerate("EI"):
                rule = FixedIndegree(K[i][j], autapses=False, multapses=False)
                network.connect(source, target, rule, J=J[i][j])
            network.connect("X", target, FixedIndegree(K_ext[i][0], multapses=False), J=J_ext[i][0])
        with BinarySimulation(network, MPI.COMM_SELF, seed) as simulation:
            simulation.run(25.0)
            found.append([simulation.activity(name).value[20:].mean() for name in "EI"])
    activity = np.array(found)
    assert close(activity[:, 0], resting[0], beyond=0.004)
    assert close(activity[:, 1], resting[1], beyond=0.004)


def test_probabilities_of_each_neuron():
    """Each neuron keeps its own: after every update it is active with that chance, independently of before."""
    m = np.repeat([0.0, 0.2, 0.9, 1.0], 50)
    network = BinaryNetwork()
    network.external_population("X", 200, m=m, tau=0.5)
    network.external_population("Y", 300, m=Uniform(0.0, 1.0))
    network.external_population("late", 50, m=1.0, m_0=0.0, tau=1e6)
    times = np.arange(0.0, 400.0, 5.0)  # ten intervals between updates: next to independent
    network.record_states(times, "X")
    network.record_states([0.0, 100.0], "Y")
    with BinarySimulation(network, MPI.COMM_SELF, 3) as simulation:
        simulation.run(400.0)
        value = simulation.recorded_states("X").value.astype(float)
        start, later = simulation.recorded_states("Y").value
        assert simulation.states("late").sum() == 0
    means = value.reshape(len(times), 4, 50).mean(axis=(0, 2))
    assert means[[0, 3]].tolist() == [0.0, 1.0]
    assert means[1:3] == pytest.approx([0.2, 0.9], abs=4.0 * 0.4 / np.sqrt(50 * len(times)))
    assert abs(value[0].mean() - m.mean()) < 4.0 * np.sqrt((m * (1.0 - m)).mean() / 200)  # stationary from the start
    varied = value[:, 50:150]
    correlation = np.corrcoef((varied[:-1] - m[50:150]).ravel(), (varied[1:] - m[50:150]).ravel())[0, 1]
    assert abs(correlation) < 4.0 / np.sqrt(varied[1:].size)
    # 1/3 of pairs of numbers below one uniform number are both below, both above: states go with their neuron
    assert (start == later).mean() == pytest.approx(2.0 / 3.0, abs=4.0 * np.sqrt(2.0 / 9.0 / 300))
