"""Binary networks as users simulate them: statistics, recordings, files, wrong input. On one rank."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI

from distsim import AllToAll, BinaryNetwork, BinarySimulation, EdgeList, FixedIndegree, InputError, Network, OneToOne
from distsim.analysis.activity_plots import states_at
from distsim.analysis.read import read_activity, read_binary_states, read_flips, read_parameters
from distsim.binary.couplings import build_couplings, exact_unit
from tests.binary_reference import build, published

NAN = float("nan")
EXACT_E, EXACT_I = (0.649769, 0.002688), (0.367361, 0.001796)
"""Mean and standard deviation over 20 seeds of the activity in t = 5..10: an exact integer replica of NNMT's script in
which equality gives 0."""


def simulate(network: BinaryNetwork, T: float, seed: int = 1, **options: object) -> BinarySimulation:
    simulation = BinarySimulation(network, MPI.COMM_WORLD, seed, **options)
    simulation.run(T)
    return simulation


def published_network(**changes: object) -> BinaryNetwork:
    network = build(published(**changes))
    for population in network.populations:
        network.record_activity(population)
    return network


# ---------------------------------------------------------------- statistics


@pytest.fixture(scope="module")
def runs():
    """Mean activities of E and I, and the number of updates, for 20 seeds of the published network."""
    results = []
    for seed in range(20):
        done = simulate(published_network(), 10.0, seed)
        results.append([*(done.activity(name).mean(5.0, 10.0) for name in ("P0", "P1")), done.update_count()])
    return np.array(results)


@pytest.mark.parametrize(("column", "reference"), [(0, EXACT_E), (1, EXACT_I)])
def test_mean_activity_over_20_seeds(runs, column, reference):
    """Within 3 standard errors of the difference of the means of 20 runs each."""
    mean, sd = runs[:, column].mean(), runs[:, column].std(ddof=1)
    assert abs(mean - reference[0]) < 3.0 * np.hypot(sd, reference[1]) / np.sqrt(20)


def test_the_number_of_updates_is_poisson(runs):
    """Mean N T / tau = 20,000 and the same variance: over 20 runs, within 4 standard errors of each."""
    updates = runs[:, 2]
    assert abs(updates.mean() - 20_000) < 4.0 * np.sqrt(20_000 / 20)
    assert abs(updates.var(ddof=1) / 20_000 - 1.0) < 4.0 * np.sqrt(2.0 / 19)


def test_intervals_between_updates_are_exponential():
    """Neurons that turn themselves over flip at every update: Kolmogorov-Smirnov test, and no correlation."""
    from scipy.stats import kstest

    network = BinaryNetwork()
    network.population("A", 200, theta=-0.5, tau=2.0)
    network.connect("A", "A", OneToOne(), J=-1.0)
    network.record_flips("A")
    done = simulate(network, 200.0)
    flips = done.flips("A")
    assert len(flips.time) == done.update_count() == done.flip_count()
    order = np.lexsort((flips.time, flips.neuron))
    time, neuron = flips.time[order], flips.neuron[order]
    intervals = np.diff(time)[np.diff(neuron) == 0]
    assert kstest(intervals, "expon", args=(0, 2.0)).pvalue > 0.01
    assert abs(np.corrcoef(intervals[:-1], intervals[1:])[0, 1]) < 4.0 / np.sqrt(intervals.size)


# ---------------------------------------------------------------- exact inputs and ties


def test_equality_gives_0_however_inputs_add_up():
    """Ten inputs of 0.1 are 1, which is no sum of doubles; at a threshold of 1 the neuron stays inactive."""
    for theta, active in ((1.0, 0), (1.0 + 5e-10, 0), (1.0 - 5e-10, 0), (1.0 - 2e-9, 1), (0.9999, 1)):
        network = BinaryNetwork()
        network.population("on", 10, theta=-1.0, m_0=1.0)
        network.population("A", 3, theta=theta)
        network.connect("on", "A", AllToAll(), J=0.1)
        assert simulate(network, 20.0).states("A").tolist() == [active] * 3


def test_inputs_are_sums_of_decimal_numbers():
    done = simulate(published_network(), 3.0)
    states = np.concatenate([done.states("P0"), done.states("P1")])
    couplings = build_couplings(done.network, MPI.COMM_WORLD, 1)
    assert couplings.unit == couplings.unit.__class__(1, 10)
    assert couplings.input_type is np.int16
    expected = np.zeros(2000)
    offsets = couplings.offsets.reshape(-1)
    for gid in np.flatnonzero(states):
        for k in range(2):
            segment = couplings.targets[offsets[2 * gid + k] : offsets[2 * gid + k + 1]]
            place = couplings.base[2 * (gid >= 1000) + k] + segment.astype(int)
            np.add.at(expected, place, 0.05 * couplings.strength[2 * (gid >= 1000) + k])
    found = np.concatenate([done.inputs("P0"), done.inputs("P1")])
    assert found == pytest.approx(expected, abs=1e-9)
    assert (found * 10 == np.rint(found * 10)).all()


def test_units_of_couplings():
    assert exact_unit([0.1, -0.2, 0.75], 10.0)[0] == pytest.approx(0.05)
    assert exact_unit([3.0, -6.0], 300.0) == (3, np.int16)
    assert exact_unit([0.001, 1.0], 100.0) == (pytest.approx(0.001), np.int32)
    assert exact_unit([1e-9, 1.0], 100.0)[1] is np.int64
    assert exact_unit([], 0.0)[0] == 1
    for strengths in ([1e-12, 1e12], [None, 0.1]):  # beyond 62 bits, or drawn: a power of two
        unit, kind = exact_unit(strengths, 1e15)
        assert kind is np.int64
        assert unit.numerator & (unit.numerator - 1) == 0
        assert 1e15 / unit < 2**60


# ---------------------------------------------------------------- recordings


def test_recordings_agree_with_each_other():
    network = build(published(0.5))
    network.record_activity("P0")
    network.record_activity("P1", interval=0.25)
    done = simulate(network, 3.0)
    flips = done.flips("P0")
    activity = done.activity("P0")
    assert activity.time[0] == 0.0
    assert (activity.time[1:] == flips.time).all()
    for t in (0.0, 0.7, 3.0):
        states = states_at(done.initial_states("P0"), flips, t)
        assert states.mean() == activity.value[np.searchsorted(activity.time, t, side="right") - 1]
    assert (states == done.states("P0")).all()
    sampled = done.activity("P1")
    assert sampled.time.tolist() == [0.25 * k for k in range(13)]
    for t, value in zip(sampled.time, sampled.value, strict=True):
        assert states_at(done.initial_states("P1"), done.flips("P1"), t).mean() == value


def test_the_mean_of_a_step_function():
    network = BinaryNetwork()
    network.population("A", 1, theta=-0.5)
    network.record_activity("A")
    done = simulate(network, 10.0)
    (_, t), (off, on) = done.activity("A").time, done.activity("A").value
    assert (off, on) == (0.0, 1.0)
    assert done.activity("A").mean(0.0, 10.0) == pytest.approx(1.0 - t / 10.0)
    assert done.activity("A").sd(0.0, 10.0) == pytest.approx(np.sqrt(t / 10.0 * (1.0 - t / 10.0)))


def test_the_file_of_a_run(tmp_path):
    path = tmp_path / "run.h5"
    network = published_network()
    with BinarySimulation(network, MPI.COMM_WORLD, 5, file=path) as simulation:
        simulation.run(1.0)
        simulation.run(0.5)
        flips, activity = simulation.flips("P1"), simulation.activity("P1")
        states = simulation.states("P1")
    kept = simulate(published_network(), 1.5, seed=5)
    for stored, own, other in zip(read_flips(path, "P1"), flips, kept.flips("P1"), strict=True):
        assert (stored == own).all()
        assert (stored == other).all()
    in_memory, in_file = kept.activity("P1"), read_activity(path, "P1")
    for stored, name in zip(in_file, ("time", "value"), strict=True):
        assert (stored == getattr(activity, name)).all()
        assert (stored == getattr(in_memory, name)).all()
    assert activity.stop == in_memory.stop == 1.5
    initial, final = read_binary_states(path, "P1")
    assert (states_at(initial, read_flips(path, "P1"), 1.5) == final).all()
    assert (final == states).all()
    about = read_parameters(path)
    assert (about["T"], about["seed"], about["network"]["projections"][1]["J"]) == (1.5, 5, -0.2)
    with pytest.raises(InputError, match="exists already"):
        BinarySimulation(network, MPI.COMM_WORLD, 5, file=path)
    for call in (lambda: simulation.run(1.0), lambda: simulation.flips("P1"), lambda: simulation.activity("P1")):
        with pytest.raises(InputError, match="the simulation is closed"):
            call()


def test_memory_is_linear_in_synapses():
    """2 bytes for each coupling, and 8 for each pair of neuron and projection from it."""
    network = build(published(3.0))
    couplings = build_couplings(network, MPI.COMM_WORLD, 1)
    assert couplings.targets.dtype == np.uint16
    assert len(couplings.targets) == 3000 * 900
    assert couplings.offsets.nbytes == 8 * (6000 * 2 + 1)
    assert couplings.each.size == 0


def test_progress_and_counts():
    told: list[float] = []
    simulation = BinarySimulation(published_network(), MPI.COMM_WORLD, 1)
    simulation.run(2.0, told.append)
    assert told[-1] == 2.0
    assert simulation.coupling_count() == 900_000
    assert set(simulation.phase_times()) == {
        "connect", "draw", "speculate", "exchange", "correct", "settle", "record", "other",
    }  # fmt: skip
    simulation.forget_times()
    assert simulation.sim_time == simulation.phase_times()["settle"]["max"] == 0.0 < simulation.build_time
    assert simulation.time == 2.0


def test_networks_of_nothing():
    empty = BinaryNetwork()
    assert simulate(empty, 1.0).update_count() == 0
    empty = BinaryNetwork()
    empty.population("A", 0, theta=0.0)
    empty.record_activity("A")
    assert simulate(empty, 1.0).activity("A").value.tolist() == [0.0]


# ---------------------------------------------------------------- wrong input


def two() -> BinaryNetwork:
    network = BinaryNetwork()
    network.population("A", 5, theta=0.0)
    network.population("B", 7, theta=0.0)
    return network


WRONG = [
    (lambda: two().connect("A", "B", FixedIndegree(6, multapses=False), 1.0), ["'A->B'", "indegree = 6", "at most 5"]),
    (lambda: two().connect("A", "A", FixedIndegree(5, False, False), 1.0), ["'A->A'", "at most 4"]),
    (lambda: two().connect("A", "B", FixedIndegree(2), NAN), ["'A->B'", "J", "finite"]),
    (lambda: two().connect("A", "B", FixedIndegree(2), np.ones((7, 3))), ["J", "(7, 3)", "(7, 2)"]),
    (lambda: two().connect("A", "B", EdgeList([0], [9]), 1.0), ["target[0] = 9"]),
    (lambda: two().connect("A", "C", AllToAll(), 1.0), ["unknown population 'C'"]),
    (lambda: two().connect("A", "B", 7, 1.0), ["7", "not a connection rule"]),
    (lambda: two().population("A", 5, theta=0.0), ["already", "'A'"]),
    (lambda: two().population("C", 5, theta=[0.0, 1.0]), ["theta", "(2,)", "(5,)"]),
    (lambda: two().population("C", 5, theta=NAN), ["theta", "finite"]),
    (lambda: two().population("C", 5, theta=0.0, tau=0.0), ["tau", "larger than 0"]),
    (lambda: two().population("C", 5, theta=0.0, tau=[1.0, 1.0, -1.0, 1.0, 1.0]), ["tau[2]", "larger than 0"]),
    (lambda: two().population("C", 5, theta=0.0, m_0=1.5), ["m_0", "at most 1"]),
    (lambda: two().population("C", -5, theta=0.0), ["size", "at least 0"]),
    (lambda: two().record_activity("A", interval=0.0), ["interval", "larger than 0"]),
    (lambda: BinarySimulation(Network(), MPI.COMM_WORLD), ["BinaryNetwork", "Network"]),
    (lambda: BinarySimulation(two(), MPI.COMM_WORLD, window=0.0), ["window", "at least 1e-06"]),
    (lambda: BinarySimulation(two(), MPI.COMM_WORLD).run(NAN), ["duration", "finite"]),
    (lambda: BinarySimulation(two(), MPI.COMM_WORLD).flips("A"), ["not recorded", "record_flips('A')"]),
    (lambda: BinarySimulation(two(), MPI.COMM_WORLD).activity("B"), ["not recorded", "record_activity('B')"]),
]


@pytest.mark.parametrize(("call", "words"), WRONG)
def test_wrong_input(call, words):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_simulated_network_is_closed():
    network = two()
    simulate(network, 1.0)
    with pytest.raises(InputError, match="frozen"):
        network.population("C", 1, theta=0.0)
