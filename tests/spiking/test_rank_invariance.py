"""One network, any number of ranks, the same bits: spikes, states, connections and weights."""

from __future__ import annotations

import json
import os

import pytest

from distsim import Simulation
from distsim.models.two_population import parameters
from distsim.models.two_population.network import build_network
from tests.threads import on_ranks

PUBLISHED = [
    {"neuron_model": model, "N": size, "K": 1250, "T": 200.0}
    for model in ("iaf_psc_alpha", "ignore_and_fire")
    for size in (1250, 2501)
]
SEVEN_NEURONS = [
    {"neuron_model": model, "N": 7, "K": 4, "beta": 0.72, "T": 200.0} for model in ("iaf_psc_alpha", "ignore_and_fire")
]
SMALL = {"N": 500, "K": 100, "T": 100.0}
OPTIONS = [
    {"interval": 0.125},
    {"interval": 0.5},
    {"interval": 1.5},
    {"exchange": "allgather"},
    {"exchange": "allgatherv"},
    {"exchange": "alltoallv"},
    {"exchange": "alltoallv", "interval": 0.125},
]
PRECISIONS = [{**SMALL, "options": {"precision": precision}} for precision in ("double", "single")]


@pytest.fixture(scope="module")
def simulate(mpirun, pytestconfig):
    """``simulate(ranks, cases, program)``: the fingerprint of every case."""

    def run(ranks, cases, program="two_population_hashes", timeout=120.0, env=None):
        arguments = ["-m", f"tests.programs.{program}", json.dumps(cases)]
        results = json.loads(mpirun(ranks, arguments, cwd=pytestconfig.rootpath, timeout=timeout, env=env).stdout)
        assert len(results) == len(cases)
        return results

    return run


@pytest.fixture(scope="module")
def one_rank(simulate):
    return simulate(1, PUBLISHED + SEVEN_NEURONS)


@pytest.fixture(scope="module")
def mixed_network_on_one_rank(simulate):
    return simulate(1, [{"precision": precision} for precision in ("double", "single")], "mixed_network")


def test_one_rank_simulates_what_it_should(one_rank):
    """The counts that the parameters imply, and four runs that differ, so that equal hashes mean something."""
    assert [r["synapses"] for r in one_rank[:4]] == [1250 * 1250, 2501 * 1250, 1250 * 1250, 2501 * 1250]
    for size, alpha, fire in ((1250, *one_rank[:4:2]), (2501, *one_rank[1:4:2])):
        assert 0.2 < alpha["spikes"] / size / 0.2 < 5.0  # it begins with a burst of a size that depends on the seed
        assert 0.9 < fire["spikes"] / size / 0.2 < 1.1
    assert all(r["spikes"] > 0 and r["plastic_weights"]["sd"] > 0 for r in one_rank)
    for name in ("spike_hash", "weight_hash", "edge_hash"):
        assert len({r[name] for r in one_rank}) == len(one_rank)


@pytest.mark.parametrize("ranks", [2, 3, 4, 7])
def test_the_two_population_network_does_not_depend_on_ranks(simulate, one_rank, ranks):
    """7 neurons on 7 ranks are one each; the excitatory ones are on the first ranks only."""
    assert simulate(ranks, PUBLISHED + SEVEN_NEURONS) == one_rank


@pytest.mark.slow  # 16 ranks take turns on few cores: their imports alone take seconds
def test_16_ranks_and_more_ranks_than_neurons(simulate, one_rank):
    assert simulate(16, [PUBLISHED[0], *SEVEN_NEURONS]) == [one_rank[0], *one_rank[4:]]


@pytest.mark.parametrize("neuron_model", ["iaf_psc_alpha", "ignore_and_fire"])
def test_64_ranks_as_threads(neuron_model):
    """All of a rank but its process; the other tests have real ones."""
    p = parameters.load({"neuron_model": neuron_model, "N": 1250, "K": 250})
    network = build_network(p)

    def hashes(comm):
        with Simulation(network, comm, p.seed) as simulation:
            simulation.run(60.0)
            return simulation.spike_hash(), simulation.weight_hash(), simulation.spike_count()

    (alone,) = on_ranks(1, hashes)
    assert alone[2] > 20
    assert on_ranks(64, hashes) == [alone] * 64


@pytest.mark.slow  # 64 processes import numba
@pytest.mark.skipif((os.cpu_count() or 1) < 8, reason="64 ranks on so few cores take minutes to start")
def test_64_ranks(simulate):
    case = [{"neuron_model": "iaf_psc_alpha", "N": 1250, "K": 1250, "T": 200.0}]
    assert simulate(64, case, timeout=600.0) == simulate(1, case)


@pytest.mark.parametrize("ranks", [1, 3])
def test_intervals_and_plans_of_exchange_change_nothing(simulate, ranks):
    reference, *others = simulate(ranks, [SMALL, *({**SMALL, "options": options} for options in OPTIONS)])
    assert reference["spikes"] > 50
    for options, result in zip(OPTIONS, others, strict=True):
        assert result == reference, options


def test_each_precision_is_invariant(simulate):
    one = simulate(1, PRECISIONS)
    assert one[0]["edge_hash"] != one[1]["edge_hash"]
    assert simulate(2, PRECISIONS) == simulate(5, PRECISIONS) == one


@pytest.mark.parametrize("ranks", [1, 2])
def test_ten_runs_equal_one(simulate, ranks):
    """100 ms are no whole number of exchange intervals of 1.5 ms, so that every run ends within one."""
    case = {"N": 500, "K": 100, "T": 1000.0}
    whole, tenths = simulate(ranks, [case, {**case, "runs": 10}])
    assert whole["spikes"] > 200
    assert tenths == whole


@pytest.mark.parametrize("ranks", [2, 3, 5])
def test_a_network_of_everything_does_not_depend_on_ranks(simulate, mixed_network_on_one_rank, ranks):
    """All rules, stimuli and kinds of values, an empty population and one of a single neuron: tests/programs."""
    ways = [{}, {"precision": "single"}, {"exchange": "alltoallv"}]
    results = simulate(ranks, ways, "mixed_network")
    assert results[:2] == mixed_network_on_one_rank
    assert results[2] == results[0]


def test_a_network_of_everything_does_not_depend_on_intervals_and_runs(simulate, mixed_network_on_one_rank):
    ways = [{"interval": 0.125}, {"interval": 0.25}, {"runs": [0.125, 49.875, 0.0, 100.0]}, {"runs": [1.0] * 150}]
    assert all(result == mixed_network_on_one_rank[0] for result in simulate(1, ways, "mixed_network"))
    assert all(result == mixed_network_on_one_rank[0] for result in simulate(2, ways[::2], "mixed_network"))


@pytest.mark.slow  # compiles every kernel anew, with a check of every index
def test_kernels_stay_within_their_arrays(simulate, mixed_network_on_one_rank, tmp_path):
    """On 3 ranks, two of which have no neuron of one population: tables without synapses, rows of a single target.

    In single precision, in which some groups and tables have the narrow types and others the wide ones.
    """
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    results = simulate(3, [{"precision": "single"}], "mixed_network", timeout=300.0, env=checked)
    assert results == mixed_network_on_one_rank[1:]
