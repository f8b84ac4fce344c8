"""One network, any number of ranks, the same bits: spikes, states, connections and weights."""

from __future__ import annotations

import json
import os

import pytest
from mpi4py import MPI

from distsim import Simulation
from distsim.models.two_population import parameters
from distsim.models.two_population.network import build_network
from distsim.parallel.nodes import VARIABLE
from tests.on_ranks import found_alone
from tests.programs import mixed_network, two_population_hashes
from tests.threads import on_ranks

FEW_CORES = (os.cpu_count() or 1) < 4 and "DISTSIM_LONG_TESTS" not in os.environ

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
    {"exchange": "alltoall"},
    {"exchange": "window"},
    {"exchange": "window", "interval": 0.125},
    {"exchange": "nodes"},
    {"exchange": "nodes_directed"},
    {"precision": "single"},
]
THOUSAND_MS = {"N": 500, "K": 100, "T": 1000.0}
MIXED = [{}, {"precision": "single"}]


def test_one_rank_simulates_what_it_should():
    """The counts that the parameters imply, and four runs that differ, so that equal hashes mean something."""
    found = [two_population_hashes.simulate(MPI.COMM_SELF, case) for case in PUBLISHED + SEVEN_NEURONS]
    assert [r["synapses"] for r in found[:4]] == [1250 * 1250, 2501 * 1250, 1250 * 1250, 2501 * 1250]
    for size, alpha, fire in ((1250, *found[:4:2]), (2501, *found[1:4:2])):
        assert 0.2 < alpha["spikes"] / size / 0.2 < 5.0  # it begins with a burst of a size that depends on the seed
        assert 0.9 < fire["spikes"] / size / 0.2 < 1.1
    assert all(r["spikes"] > 0 and r["plastic_weights"]["sd"] > 0 for r in found)
    for name in ("spike_hash", "weight_hash", "edge_hash"):
        assert len({r[name] for r in found}) == len(found)


@pytest.mark.mpi(min_size=2, also=(7,))
@pytest.mark.parametrize("case", PUBLISHED + SEVEN_NEURONS, ids=str)
def test_the_two_population_network_does_not_depend_on_ranks(comm, case):
    """7 neurons on 7 ranks are one each; the excitatory ones are on the first ranks only."""
    assert two_population_hashes.simulate(comm, case) == found_alone(comm, two_population_hashes.simulate, case)


@pytest.mark.mpi
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_intervals_and_plans_of_exchange_change_nothing(comm, options):
    case = {**SMALL, "options": {"precision": "single"}} if "precision" in options else SMALL
    reference = found_alone(comm, two_population_hashes.simulate, case)
    assert reference["spikes"] > 50
    assert two_population_hashes.simulate(comm, {**SMALL, "options": options}) == reference


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("ranks_per_node", [1, 2])
@pytest.mark.parametrize("plan", ["auto", "nodes", "nodes_directed"])
def test_nodes_change_nothing(comm, plan, ranks_per_node, monkeypatch):
    reference = found_alone(comm, two_population_hashes.simulate, SMALL)
    monkeypatch.setenv(VARIABLE, str(ranks_per_node))
    assert two_population_hashes.simulate(comm, {**SMALL, "options": {"exchange": plan}}) == reference


@pytest.mark.mpi
def test_ten_runs_equal_one(comm):
    """100 ms are no whole number of exchange intervals of 1.5 ms, so that every run ends within one."""
    whole = found_alone(comm, two_population_hashes.simulate, THOUSAND_MS)
    assert whole["spikes"] > 200
    assert two_population_hashes.simulate(comm, {**THOUSAND_MS, "runs": 10}) == whole


@pytest.mark.mpi
@pytest.mark.parametrize(
    "options", [*MIXED, {"exchange": "alltoallv"}, {"interval": 0.125}, {"interval": 0.25}], ids=str
)
def test_a_network_of_everything_does_not_depend_on_ranks(comm, options):
    """All rules, stimuli and kinds of values, an empty population and one of a single neuron: tests/programs."""
    reference = found_alone(comm, mixed_network.simulate, MIXED[options == MIXED[1]])
    assert mixed_network.simulate(comm, options) == reference


@pytest.mark.parametrize("runs", [[0.125, 49.875, 0.0, 100.0], [1.0] * 150], ids=["four", "many"])
def test_a_network_of_everything_does_not_depend_on_runs(runs):
    reference = found_alone(MPI.COMM_SELF, mixed_network.simulate, MIXED[0])
    assert mixed_network.simulate(MPI.COMM_SELF, {"runs": runs}) == reference


def test_each_precision_has_results_of_its_own():
    double, single = (found_alone(MPI.COMM_SELF, mixed_network.simulate, options) for options in MIXED)
    assert double["edge_hash"] != single["edge_hash"]


@pytest.mark.parametrize("ranks", [16, 64])
@pytest.mark.parametrize("neuron_model", ["iaf_psc_alpha", "ignore_and_fire"])
def test_many_ranks_as_threads(neuron_model, ranks):
    """All of a rank but its process; the other tests have real ones."""
    p = parameters.load({"neuron_model": neuron_model, "N": 1250, "K": 250})
    network = build_network(p)

    def hashes(comm):
        with Simulation(network, comm, p.seed) as simulation:
            simulation.run(60.0)
            return simulation.spike_hash(), simulation.weight_hash(), simulation.spike_count()

    (alone,) = on_ranks(1, hashes)
    assert alone[2] > 20
    assert on_ranks(ranks, hashes) == [alone] * ranks


@pytest.mark.parametrize(
    ("plan", "ranks_per_node"),
    [("window", 0), ("alltoall", 1), ("nodes", 1), ("nodes", 3), ("nodes_directed", 2)],
)
def test_sixteen_ranks_on_nodes_as_threads(plan, ranks_per_node, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(ranks_per_node))
    p = parameters.load({"N": 250, "K": 50})
    network = build_network(p)

    def hashes(comm):
        with Simulation(network, comm, p.seed, exchange=plan) as simulation:
            simulation.run(60.0)
            return simulation.spike_hash(), simulation.weight_hash(), simulation.spike_count()

    (alone,) = on_ranks(1, hashes)
    assert alone[2] > 20
    assert on_ranks(16, hashes) == [alone] * 16


@pytest.mark.slow  # 64 processes import numba
@pytest.mark.skipif((os.cpu_count() or 1) < 8, reason="64 ranks on so few cores take minutes to start")
def test_64_ranks(mpirun, pytestconfig):
    case = {"neuron_model": "iaf_psc_alpha", "N": 1250, "K": 1250, "T": 200.0}
    program = ["-m", "tests.programs.two_population_hashes", json.dumps([case])]
    done = mpirun(64, program, cwd=pytestconfig.rootpath, timeout=600.0)
    assert json.loads(done.stdout) == [two_population_hashes.simulate(MPI.COMM_SELF, case)]


@pytest.mark.slow  # compiles every kernel with a check of every index, where that was not done before
@pytest.mark.skipif(FEW_CORES, reason="a minute of compilation on few cores: set DISTSIM_LONG_TESTS=1")
def test_kernels_stay_within_their_arrays(mpirun, pytestconfig):
    """On 3 ranks, two of which have no neuron of one population: tables without synapses, rows of a single target.

    In single precision, in which some groups and tables have the narrow types and others the wide ones. And they give
    the same bits on the least processor of this kind, for which they are compiled without vector instructions.
    """
    checked = {"NUMBA_BOUNDSCHECK": "1", "NUMBA_OPT": "1", "NUMBA_CPU_NAME": "generic"}
    program = ["-m", "tests.programs.mixed_network", json.dumps([MIXED[1]])]
    done = mpirun(3, program, cwd=pytestconfig.rootpath, timeout=600.0, env=checked)
    assert json.loads(done.stdout) == [mixed_network.simulate(MPI.COMM_SELF, MIXED[1])]
