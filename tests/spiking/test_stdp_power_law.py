"""Power-law STDP against the rule of Morrison, Aertsen & Diesmann (2007) in plain Python (tests/plasticity.py)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from distsim import AllToAll, IafPscAlpha, Network, RangeError, Static
from tests.on_ranks import found_alone
from tests.plasticity import DT, RULE, network_of_trains, reference
from tests.programs import plasticity as plasticity_program
from tests.simulating import simulate, spike_times

LAST_STEP = 400  # of the random trains


def weights_of(simulation, at="last_spike"):
    """Weights (sources, targets) of an all-to-all projection."""
    edges = simulation.weights("pre", "post", at=at)
    return edges.weight.reshape(edges.source.max() + 1, edges.target.max() + 1)


def one_synapse(pre, post, delay, weight, **rule):
    return network_of_trains([pre], [post], weight, delay, **(rule or RULE))


def transmitted(pre, post, delay, weight, **rule):
    """The weight of one synapse as transmitted at each presynaptic spike."""
    simulation = simulate(one_synapse(pre, post, delay, weight, **rule))
    found = []
    for t in pre:
        simulation.run(t - simulation.time)
        found.append(simulation.weights("pre", "post").weight[0])
    assert spike_times(simulation, "post") == [[t for t in post if t <= pre[-1]]]
    return found


# ---------------------------------------------------------------- cases calculated by hand or by NEST


def test_case_a_of_nest():
    """test_stdp_pl_synapse_hom.py."""
    pre = [1, 5, 6, 7, 9, 11, 12, 13, 14.5, 16.1, 21, 25, 26, 27, 29, 31, 32, 33, 34.5, 36.1]
    post = [2, 3, 4, 8, 9, 10, 12, 12.2, 14.1, 15.4, 22, 23, 24, 28, 29, 30, 32, 33.2, 35.1, 36.4]
    expected = [
        0.5, 0.570620101, 0.4092505364, 0.2968995884, 0.3685211925, 0.5434329423, 0.2611349132, 0.2841432913,
        0.216194667, 0.1502993325, 0.1336311178, 0.2153602882, 0.01945863575, 0.002275683331, 0.01084634003,
        0.01147001968, 0.0, 0.0, 0.0, 0.0,
    ]  # fmt: skip
    train = [t + 1.0 for t in pre], [t + 1.0 for t in post]
    assert transmitted(*train, 1.0, 0.5) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert reference(*train, 1.0, 0.5, **RULE) == pytest.approx(expected, rel=1e-9, abs=1e-12)


def test_case_b_of_nest():
    """Parameters of the two-population network; a weight of 0 stays 0."""
    rule = {"alpha": 0.1, "lambda_": 20.0, "mu": 0.4, "tau_plus": 15.0, "tau_minus": 30.0}
    pre = [11, 111, 181, 301, 421, 501, 651, 801, 961]
    post = [51, 116, 191, 296, 431, 441, 701, 806, 901]
    expected = [31.9, 26.41691874, 54.51192015, 0, 0, 0, 0, 0, 0]
    assert transmitted(pre, post, 1.5, 31.9, **rule) == pytest.approx(expected, rel=1e-9, abs=0.0)


@pytest.mark.parametrize(
    ("post", "potentiates", "depresses"),
    [
        (14.5, True, True),  # arrives at 15.5, between the two
        (19.0, True, False),  # arrives at 20.0, with the second
        (19.1, False, False),  # arrives after it
        (9.0, False, True),  # arrives at 10.0, with the first: counted then
        (9.1, True, True),  # arrives after it
    ],
)
def test_spikes_that_meet_at_the_synapse(post, potentiates, depresses):
    w, K_plus = 7.0, 1.0
    if potentiates:
        w += 0.1 * w**0.4 * K_plus * np.exp((10.0 - (post + 1.0)) / 20.0)
    if depresses:
        w -= 0.1 * w * np.exp((post - 19.0) / 33.7)
    first, second = transmitted([10.0, 20.0], [post], 1.0, 7.0)
    assert first == 7.0
    assert second == pytest.approx(w, rel=1e-14)


def test_two_presynaptic_spikes_in_one_step():
    pre, post = [5.0, 5.0, 9.0, 9.0], [3.0, 4.9, 7.0]
    simulation = simulate(one_synapse(pre, post, 0.5, 3.0), 10.0)
    assert weights_of(simulation)[0, 0] == pytest.approx(reference(pre, post, 0.5, 3.0, **RULE)[-1], rel=1e-13)


def test_nothing_is_learnt_at_rate_zero():
    simulation = simulate(one_synapse([3.0, 8.0, 9.0], [1.0, 4.0, 5.0], 1.0, 3.3, lambda_=0.0), 10.0)
    assert weights_of(simulation)[0, 0] == 3.3
    assert weights_of(simulation, "now")[0, 0] == 3.3


def test_weights_now_include_what_arrived_since_the_last_presynaptic_spike():
    post = [4.0, 6.0, 8.0, 8.5, 9.1]
    simulation = simulate(one_synapse([2.0, 5.0], post, 1.0, 3.0), 9.5)
    last, now = (weights_of(simulation, at)[0, 0] for at in ("last_spike", "now"))
    expected = reference([2.0, 5.0], post, 1.0, 3.0, now=9.5, **RULE)
    assert [last, now] == pytest.approx(expected[1:], rel=1e-13)
    assert now > last
    assert weights_of(simulation, "now")[0, 0] == now  # asking changes nothing
    assert weights_of(simulation)[0, 0] == last
    simulation.run(0.6)  # the spike at 9.1 has arrived by 10.1
    later = reference([2.0, 5.0], post, 1.0, 3.0, now=10.1, **RULE)[-1]
    assert weights_of(simulation, "now")[0, 0] == pytest.approx(later, rel=1e-13)
    assert later > now


def test_weights_of_static_synapses_are_the_same_at_any_time():
    network = Network(dt=DT)
    network.population("A", 2, IafPscAlpha())
    network.connect("A", "A", AllToAll(), Static(weight=2.5, delay=1.0))
    simulation = simulate(network, 5.0)
    for at in ("last_spike", "now"):
        assert simulation.weights("A", "A", at=at).weight.tolist() == [2.5] * 4


# ---------------------------------------------------------------- any trains, delays and weights

trains = st.lists(st.integers(3, LAST_STEP), max_size=30, unique=True).map(
    lambda steps: [DT * n for n in sorted(steps)]
)


@st.composite
def problems(draw, least=0.0, alpha=2.0):
    """Trains of a few sources and targets; weights from ``least`` on and delays of all synapses (targets, sources); a
    rule with at most ``alpha``."""
    pre, post = (draw(st.lists(trains, min_size=1, max_size=3)) for _ in range(2))
    shape = len(post), len(pre)
    each = {"min_size": shape[0] * shape[1], "max_size": shape[0] * shape[1]}
    delays = draw(st.one_of(st.integers(1, 40), st.lists(st.integers(1, 40), **each)))
    weights = draw(st.one_of(st.floats(least, 50.0), st.lists(st.floats(least, 50.0), **each)))
    rule = {
        "alpha": draw(st.floats(0.0, alpha)), "lambda_": draw(st.floats(0.0, 0.3)), "mu": draw(st.floats(0.0, 0.9)),
        "tau_plus": draw(st.floats(1.0, 100.0)), "tau_minus": draw(st.floats(1.0, 100.0)),
    }  # fmt: skip
    delay = np.broadcast_to(np.ravel(delays) * DT, shape[0] * shape[1]).reshape(shape)
    weight = np.broadcast_to(np.ravel(weights), shape[0] * shape[1]).reshape(shape)
    return pre, post, weight, delay, rule


def expected_weights(pre, post, weight, delay, rule, now):
    """Weights (sources, targets) as last transmitted by ``now`` (ms), and brought up to it."""
    last, present = np.empty(weight.T.shape), np.empty(weight.T.shape)
    for (target, source), w in np.ndenumerate(weight):
        so_far = [t for t in pre[source] if t < now + DT / 2]
        fired = [t for t in post[target] if t < now + DT / 2]
        *before, present[source, target] = reference(so_far, fired, delay[target, source], w, now, **rule)
        last[source, target] = before[-1] if before else w
    return last, present


@settings(max_examples=60)
@given(problem=problems(), runs=st.lists(st.integers(1, LAST_STEP), max_size=3), forced=st.booleans())
def test_any_trains(problem, runs, forced):
    pre, post, weight, delay, rule = problem
    simulation = simulate(network_of_trains(pre, post, weight, delay, **rule), interval=DT if forced else None)
    for steps in [*runs, LAST_STEP + 50]:
        simulation.run(steps * DT)
        last, present = expected_weights(pre, post, weight, delay, rule, simulation.time)
        np.testing.assert_allclose(weights_of(simulation), last, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(weights_of(simulation, "now"), present, rtol=1e-10, atol=1e-12)
    np.testing.assert_equal(spike_times(simulation, "post"), [np.round(train, 9).tolist() for train in post])


@settings(max_examples=15)
@given(problem=problems(least=0.1, alpha=0.5))
def test_single_precision(problem):
    """Weights that stay away from 0, where w**mu is so steep that rounding to float32 changes all that follows."""
    pre, post, weight, delay, rule = problem
    along_the_way = [
        min(reference(pre[source], post[target], delay[target, source], w, 50.0, **rule), default=w)
        for (target, source), w in np.ndenumerate(weight)
    ]
    assume(min(along_the_way) > 0.01)
    simulation = simulate(network_of_trains(pre, post, weight, delay, **rule), 50.0, precision="single")
    last, present = expected_weights(pre, post, weight, delay, rule, 50.0)
    np.testing.assert_allclose(weights_of(simulation), last, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(weights_of(simulation, "now"), present, rtol=1e-5, atol=1e-4)


def test_a_weight_of_zero_grows_if_mu_is_zero():
    """0**0 = 1: additive potentiation lifts a weight from 0, found by hypothesis."""
    rule = {**RULE, "mu": 0.0, "alpha": 0.0}
    simulation = simulate(one_synapse([1.0, 5.0], [2.0], 0.5, 0.0, **rule), 6.0)
    expected = reference([1.0, 5.0], [2.0], 0.5, 0.0, now=simulation.time, **rule)
    assert expected[-2] > 0.0
    assert weights_of(simulation)[0, 0] == pytest.approx(expected[-2], rel=1e-10)


# ---------------------------------------------------------------- long histories


@pytest.mark.parametrize("n_post", [7, 8, 9, 16, 17, 40, 300])
@pytest.mark.parametrize("delay", [0.1, 1.5, 25.0])
def test_many_postsynaptic_spikes_between_two_presynaptic_ones(n_post, delay):
    post = [10.0 + 0.3 * n for n in range(n_post)]
    pre = [5.0, 8.0, post[-1] + 2.0, post[-1] + 30.0]
    rule = {**RULE, "lambda_": 0.001}
    simulation = simulate(one_synapse(pre, post, delay, 10.0, **rule), pre[-1] + 1.0)
    expected = reference(pre, post, delay, 10.0, now=simulation.time, **rule)
    assert expected[-2] > 0.0
    assert weights_of(simulation)[0, 0] == pytest.approx(expected[-2], rel=1e-10)
    assert weights_of(simulation, "now")[0, 0] == pytest.approx(expected[-1], rel=1e-10)


def test_a_source_that_falls_silent_beside_one_that_goes_on():
    post = [[2.0 + 1.1 * n for n in range(80)], [50.0], []]
    pre = [[3.0, 4.0], [3.0 * n + 1.0 for n in range(31)], [1.0, 89.0], []]
    rule = {**RULE, "lambda_": 0.01}
    simulation = simulate(network_of_trains(pre, post, 10.0, 1.0, **rule))
    for _ in range(9):
        simulation.run(10.0)
        last, present = expected_weights(pre, post, np.full((3, 4), 10.0), np.full((3, 4), 1.0), rule, simulation.time)
        np.testing.assert_allclose(weights_of(simulation), last, rtol=1e-10)
        np.testing.assert_allclose(weights_of(simulation, "now"), present, rtol=1e-10)


# ---------------------------------------------------------------- what goes wrong


def test_exploding_weights_are_an_error():
    pre, post = ([5.0 * n + offset for n in range(1, 20)] for offset in (0.0, 2.0))
    network = one_synapse(pre, post, 1.0, 30.0, lambda_=1e9, alpha=0.0)
    with pytest.raises(RangeError, match=r"weight of pre->post .* the plasticity is unstable"):
        simulate(network, 100.0)


# ---------------------------------------------------------------- several ranks


@pytest.mark.mpi
def test_weights_do_not_depend_on_ranks_or_interval(comm):
    plain = found_alone(comm, plasticity_program.simulate, 0.05, 0.1)
    assert plain["spikes"] > 100
    assert plain["smallest"] < plain["initial"] < plain["largest"]
    for way in plasticity_program.WAYS:
        assert plasticity_program.simulate(comm, 0.05, 0.1, **way) == plain, way


def test_exploding_weights_end_the_job_on_all_ranks(mpirun, pytestconfig):
    job = mpirun(3, ["-m", "tests.programs.plasticity"], timeout=60, check=False, cwd=pytestconfig.rootpath)
    assert job.returncode not in (0, 2)
    assert "RangeError" in job.stderr
    assert "the plasticity is unstable" in job.stderr
    assert "finished" not in job.stdout
