"""Poisson input: exact probabilities, independent neurons, and the step at which events arrive."""

from __future__ import annotations

import numpy as np
import pytest
from mpi4py import MPI
from scipy import stats

from distsim import IafPscAlpha, InputError, Network, Poisson, Simulation
from distsim.core.poisson_counts import count_table, lane_table
from distsim.core.rng import hashed, mix, streams_of

TAU, DT = 2.0, 0.125
RATES = [0.8, 1600.0, 24_000.0, 400_000.0, 8e6, 8e7]  # 1e-4 to 1e4 events in a step


def probabilities(table):
    """Counts k, their probabilities, and P(count > k), all (n,): whole numbers of 2^-64 as floats."""
    above = [2**64 - 1 - int(t) for t in table.thresholds]
    weights = [b - a for b, a in zip([2**64, *above[:-1]], above, strict=True)]
    k = table.first + np.arange(len(above))
    return k, np.array([w / 2**64 for w in weights]), np.array([a / 2**64 for a in above])


@pytest.mark.parametrize("mean", [1e-4, 0.01, 0.21622, 1.0, 3.7, 20.0, 150.0, 999.5, 1e4])
def test_the_table_is_the_poisson_distribution(mean):
    """Both tails to 1e-19 beside what rounding in scipy's cdf leaves; nothing is cut that a 64-bit number could hit."""
    k, p, above = probabilities(count_table(mean))
    assert p == pytest.approx(stats.poisson.pmf(k, mean), rel=1e-9, abs=2e-19)
    assert above == pytest.approx(stats.poisson.sf(k, mean), rel=1e-9, abs=2e-19)
    assert stats.poisson.cdf(k[0] - 1, mean) < 1.1e-19
    assert (p >= 0.0).all()
    assert (p * k).sum() == pytest.approx(mean, rel=1e-12)
    assert (p * (k - mean) ** 2).sum() == pytest.approx(mean, rel=1e-11)


def test_no_events_for_a_mean_of_zero():
    assert (count_table(0.0).largest, lane_table(0.0).largest) == (0, 0)


@pytest.mark.parametrize("mean", [0.0, 1e-4, 0.01, 0.21622, 1.0, 3.7, 20.0, 150.0, 1e4])
def test_numbers_of_16_bits_give_the_same_probabilities(mean):
    """To 2^-64, in whole numbers: those of ``quick``, and of ``rest`` in the part of 65,536 that is left over."""
    table, lanes = count_table(mean), lane_table(mean)
    n = len(table.thresholds) + 1
    quick = [int(q) for q in lanes.quick] or [0]
    rest = np.diff([0, *(int(t) + 1 for t in lanes.rest), 2**64]).tolist()
    of_quick = np.diff([0, *quick, *[quick[-1]] * n])[:n].tolist()
    found = [q * 2**64 + (2**16 - quick[-1]) * r for q, r in zip(of_quick, rest, strict=True)]
    wanted = np.diff([0, *(int(t) + 1 for t in table.thresholds), 2**64]).tolist()
    assert max(abs(f - 2**16 * w) for f, w in zip(found, wanted, strict=True)) <= 2**16
    assert lanes.first == table.first
    assert 2**16 - quick[-1] < 64 or not len(lanes.quick)


@pytest.mark.parametrize("mean", [1e-12, 1e-4, 0.5, 30.0, 1e6])
def test_tables_ascend(mean):
    table = count_table(mean)
    assert table.thresholds.dtype == np.uint64
    assert (table.thresholds[1:] >= table.thresholds[:-1]).all()
    assert table.first <= mean < table.largest


# ---------------------------------------------------------------- counts that reach neurons


def counts(*stimuli, n=600, steps=400, seed=1, runs=1):
    """Events (steps, n) that arrive in steps 1 .. ``steps``, times 1 pA, inverted from the recorded alpha currents.

    With the current I and its rate of change b: I' = e^-h/tau (I + h b), b' = e^-h/tau b + (e / tau) events.
    """
    network = Network(dt=DT)
    network.population("A", n, IafPscAlpha(tau_syn_ex=TAU, tau_syn_in=TAU, V_th=1e9, C_m=1e9))
    for stimulus in stimuli:
        network.stimulate("A", stimulus)
    network.record_states("A", "I_syn")
    with Simulation(network, comm=MPI.COMM_SELF, seed=seed) as simulation:
        for _ in range(runs):
            simulation.run((steps + 1) * DT / runs)
        current = np.vstack((np.zeros(n), simulation.states("A", "I_syn").value))
    decay = np.exp(-DT / TAU)
    slope = (current[1:] / decay - current[:-1]) / DT  # at the ends of the steps before
    return np.round((slope[1:] - decay * slope[:-1]) * TAU / np.e, 3)


def drawn(mean, keys, salt, counters):
    """Counts (counters, keys) by their definition: bits 16 (s mod 4) .. of number s // 4, or number 2^62 + s."""
    table = lane_table(mean)
    shared, own = ([mix(keys + hashed(salt, c)) for c in which] for which in (counters // 4, counters + 2**62))
    lanes = (np.array(shared) >> np.uint64(16) * (counters % 4).astype(np.uint64)[:, None]) & np.uint64(0xFFFF)
    quick = np.searchsorted(table.quick, lanes.astype(np.uint16), side="right")
    late = quick == len(table.quick)
    return table.first + np.where(late, np.searchsorted(table.rest, own), quick)


def expected_counts(rate, index=0, delay=1, n=600, steps=400, seed=1):
    """An event of step s has counter s and arrives in step s + delay."""
    keys, salt = streams_of(seed, "poisson input", index, np.arange(n))
    late = drawn(rate * DT / 1000.0, keys, salt, np.arange(1, steps - delay + 1))
    return np.vstack((np.zeros((delay, n)), late))


@pytest.mark.parametrize("rate", RATES)
def test_neurons_get_the_counts_of_their_streams(rate):
    assert (counts(Poisson(rate, 1.0, delay=1.5), n=70, steps=60) == expected_counts(rate, 0, 12, 70, 60)).all()


@pytest.mark.parametrize("rate", RATES)
def test_mean_and_variance_of_the_counts(rate):
    """Both are rate times dt; the error of a variance of n Poisson numbers of mean m is sqrt((m + 2 m**2) / n)."""
    c, mean = counts(Poisson(rate, 1.0))[1:], rate * DT / 1000.0
    assert c.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / c.size))
    assert c.var() == pytest.approx(mean, abs=4 * np.sqrt((mean + 2 * mean**2) / c.size))
    assert (c >= 0).all()


@pytest.mark.parametrize("rate", RATES[1:])
def test_distribution_of_the_counts(rate):
    """Chi-squared over classes of 1 % and more."""
    c, mean = counts(Poisson(rate, 1.0), seed=2)[1:], rate * DT / 1000.0
    bounds = np.unique(stats.poisson.ppf(np.linspace(0.01, 0.99, 50), mean))
    share = np.diff(stats.poisson.cdf(bounds, mean), prepend=0.0, append=1.0)
    observed = np.diff((c.ravel()[:, None] <= bounds).sum(axis=0), prepend=0, append=c.size)
    assert stats.chisquare(observed, share * c.size).pvalue > 0.01


@pytest.mark.parametrize("rate", [1600.0, 24_000.0])
def test_neurons_steps_seeds_and_stimuli_are_independent(rate):
    one, other_seed = (counts(Poisson(rate, 1.0), seed=seed)[1:] for seed in (1, 2))
    both = counts(Poisson(rate, 1.0), Poisson(rate, 1.0))[1:]
    pairs = [(one, other_seed), (one, both - one), (one, np.roll(other_seed, 1, axis=1))]
    pairs += [(one[:, :-lag], one[:, lag:]) for lag in (1, 2, 64)]  # neighbouring gids
    pairs += [(one[:-lag], one[lag:]) for lag in (1, 2, 12)]  # steps
    pairs += [(one[:-1, :-1], one[1:, 1:]), (one[1:, :-1], one[:-1, 1:])]
    for x, y in pairs:
        assert abs(np.corrcoef(x.ravel(), y.ravel())[0, 1]) < 4 / np.sqrt(x.size)


def p_of_table(counts, probabilities):
    """p of chi-squared of counts of classes, those that are expected less than ten times together."""
    expected = probabilities * counts.sum()
    rare = expected < 10.0
    observed, wanted = (np.append(x[~rare], x[rare].sum()) for x in (counts, expected))
    observed, wanted = (x[:-1] if wanted[-1] == 0.0 else x for x in (observed, wanted))
    return stats.chisquare(observed, wanted * observed.sum() / wanted.sum()).pvalue


@pytest.mark.parametrize("mean", [0.02, 0.21622, 1.6, 12.0])
def test_steps_that_share_a_number_are_independent(mean):
    """Two million counts: pairs of steps, of the same four and of the next, and the sum of four, as in theory."""
    keys, salt = streams_of(7, "poisson input", 0, np.arange(5000))
    fours = drawn(mean, keys, salt, np.arange(400)).reshape(100, 4, -1)
    k = np.arange(fours.max() + 1)
    p = stats.poisson.pmf(k, mean)
    assert p_of_table(np.bincount(fours.ravel(), minlength=k.size), p) > 0.01
    sums = fours.sum(axis=1).ravel()
    assert p_of_table(np.bincount(sums), stats.poisson.pmf(np.arange(sums.max() + 1), 4 * mean)) > 0.01
    steps = fours.reshape(400, -1)
    pairs = [(fours[:, a], fours[:, b]) for a in range(4) for b in range(a)]
    pairs += [(steps[:-lag], steps[lag:]) for lag in (1, 4, 8)] + [(steps[:, :-1], steps[:, 1:])]
    found = [np.bincount((x * k.size + y).ravel(), minlength=k.size**2) for x, y in pairs]
    assert min(p_of_table(counts, np.outer(p, p).ravel()) for counts in found) > 0.001


# ---------------------------------------------------------------- when, and with which weight


@pytest.mark.parametrize(("delay", "first"), [(None, 2), (0.125, 2), (0.25, 3), (1.5, 13), (10.0, 81)])
def test_nothing_arrives_in_the_first_delay_steps(delay, first):
    """The first events are those of step 1, and take the delay: steps 1 .. delay are empty."""
    c = counts(Poisson(400_000.0, 1.0, delay=delay), n=5, steps=100)
    assert (c[: first - 1] == 0.0).all()
    assert (c[first - 1 :] > 0.0).all()


def test_a_delay_shifts_the_same_events():
    short, long = (counts(Poisson(9000.0, 1.0, delay=d), n=50, steps=100) for d in (0.5, 2.0))
    assert (short[: 100 - 12] == long[12:]).all()


def test_a_rate_of_zero_gives_no_input():
    assert (counts(Poisson(0.0, 1.0), n=50, steps=50) == 0.0).all()
    assert (
        counts(Poisson(0.0, 5.0), Poisson(1600.0, 1.0), n=50, steps=50) == expected_counts(1600.0, 1, 1, 50, 50)
    ).all()


def test_weights_scale_and_stimuli_add():
    excitation, inhibition = Poisson(9000.0, 3.0), Poisson(4000.0, -2.5, delay=0.25)
    c = counts(excitation, inhibition, n=40, steps=60)
    assert (c == 3.0 * expected_counts(9000.0, 0, 1, 40, 60) - 2.5 * expected_counts(4000.0, 1, 2, 40, 60)).all()


def test_runs_that_are_split_draw_the_same_numbers():
    assert (counts(Poisson(9000.0, 1.0), steps=99, runs=1) == counts(Poisson(9000.0, 1.0), steps=99, runs=100)).all()


def test_first_events_come_after_exponential_times():
    """2500 neurons at 100/s, as in NEST's test of its generator."""
    c = counts(Poisson(100.0, 1.0), n=2500, steps=800)[1:]
    first = np.argmax(c > 0, axis=0)[(c > 0).any(axis=0)]
    p = -np.expm1(-100.0 * DT / 1000.0)
    expected = stats.geom(p).cdf(np.arange(1, 800)) / stats.geom(p).cdf(799)
    observed = np.searchsorted(np.sort(first), np.arange(799), side="right") / len(first)
    assert np.abs(observed - expected).max() < 1.36 / np.sqrt(len(first))  # Kolmogorov-Smirnov, p = 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Poisson(-1.0, 1.0), "rate must be at least 0"),
        (lambda: Poisson(float("nan"), 1.0), "rate must be finite"),
        (lambda: Poisson(1.0, float("inf")), "weight must be finite"),
        (lambda: counts(Poisson(1.0, 1.0, delay=0.2)), "delay = 0.2 ms is not a whole multiple of dt = 0.125 ms"),
        (lambda: counts(Poisson(1.0, 1.0, delay=0.0)), "delay = 0 ms must be at least 0.125 ms"),
        (lambda: counts(Poisson(1e12, 1.0)), "more than 1e.08 events per step"),
    ],
)
def test_wrong_input_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()
