"""Networks of Siegert rate neurons: fixed points, NEST's trajectories, equal bits on any number of ranks.

A source of constant rate r relaxes as r (1 - exp(-t / tau)). The other neurons approach the fixed points of the
self-consistency equations, which know nothing of time steps.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from numpy.testing import assert_allclose, assert_array_equal

from distsim import (
    AllToAll,
    ConstantRate,
    DiffusionConnection,
    FixedIndegree,
    InputError,
    Network,
    Normal,
    OneToOne,
    PairwiseBernoulli,
    RateNetwork,
    RateSimulation,
    SiegertNeuron,
    Simulation,
)
from distsim.analysis.read import read_parameters, read_rates
from distsim.models.brunel.mean_field import equations, mean_field
from distsim.models.brunel.parameters import load
from distsim.rates.afferents import add_common, add_equal, add_weighted
from distsim.theory.lif_mean_field import drift_and_diffusion
from distsim.theory.siegert import siegert
from tests.on_ranks import found_alone
from tests.programs import rate_network

NEST = json.loads((Path(__file__).parents[1] / "data" / "nest" / "siegert_rates.json").read_text())["rows"]


def simulate(network: RateNetwork, *durations: float, **options: Any) -> RateSimulation:
    simulation = RateSimulation(network, comm=MPI.COMM_WORLD, **options)
    for duration in durations:
        simulation.run(duration)
    return simulation


# ---------------------------------------------------------------- Brunel's mean field


@pytest.mark.parametrize(
    ("eta", "g", "rate"),
    [  # NEST 3.10, NNMT 1.3.0, mpmath
        (1.5, 4.5, 28.4773641327), (1.5, 5.0, 20.5809253694), (1.5, 6.0, 13.1729278161),
        (2.0, 4.5, 43.4165221563), (2.0, 5.0, 32.0331145038683403), (2.0, 6.0, 20.8687235846),
        (3.0, 4.5, 70.4353594566), (3.0, 5.0, 53.1952554156), (3.0, 6.0, 35.3144711919),
    ],
)  # fmt: skip
def test_rates_settle_at_the_published_fixed_points(eta, g, rate):
    simulation = simulate(mean_field(load({"eta": eta, "g": g})), 100.0)
    assert_allclose(simulation.current_rates("E"), rate, rtol=5e-12)
    assert_array_equal(simulation.rates("E").value, simulation.rates("I").value)
    assert_allclose(simulation.current_rates("E"), equations(load({"eta": eta, "g": g})).fixed_point().rates[0])


RESIDUES = {6.0: 6e-6, 8.0: 4e-5}
"""Distance (1/s) of NEST's trajectory from the exact one by g, where it is larger than 2e-6 (see below)."""


@pytest.mark.parametrize("row", NEST, ids=lambda row: f"g={row['g']:g}, eta={row['eta']:g}")
def test_trajectories_of_nest(row):
    simulation = simulate(mean_field(load({"eta": row["eta"], "g": row["g"]})), row["t"][-1])
    rates = simulation.rates("E")
    assert_allclose(rates.times(0.1), row["t"], atol=1e-9)
    assert_allclose(rates.value[:, 0], row["rate_ex"], rtol=0.0, atol=RESIDUES.get(row["g"], 2e-6))
    if row["g"] < 8.0:
        assert_allclose(rates.value[-1], row["rate_final"], rtol=2e-13)


@pytest.mark.parametrize("row", [row for row in NEST if row["g"] < 8.0], ids=lambda row: f"g={row['g']:g}")
def test_what_is_left_is_that_of_nests_waveform_relaxation(row):
    """NEST's very numbers come out where its blocks of 1 ms are gone through as it does, with our Siegert function.

    In every attempt the neurons see what all did in the attempt before (first: their last rates), until no rate changes
    by 1e-4 /s; then once more. What then is left is 1e-4 /s less what one more attempt takes off it.
    """
    drift, diffusion = drift_and_diffusion([1000.0, 250.0, 1.0], [0.1, -0.1 * row["g"], 0.1], 20.0)
    neuron = {"tau_m": 20.0, "t_ref": 2.0, "V_th": 20.0, "V_reset": 0.0}
    decay, steps = np.exp(-0.1), 10
    rates, trajectory = np.zeros(3), []  # of E, I and X
    while len(trajectory) < len(row["t"]):
        attempt, settled = np.tile(rates, (steps, 1)), False
        while True:
            seen = np.concatenate([rates[None], attempt[:-1]])
            answer = np.zeros((steps, 3))
            answer[:, :2] = siegert(seen @ drift, np.sqrt(seen @ diffusion), **neuron)[:, None]
            new, state = np.empty((steps, 3)), rates
            for step in range(steps):
                new[step] = state = decay * state + (1.0 - decay) * (answer[step] + [0.0, 0.0, row["p_rate"]])
            change, attempt = np.abs(new - attempt).max(), new
            if settled:
                break
            settled = change < 1e-4
        rates = attempt[-1]
        trajectory += list(attempt[:, 0])
    assert_allclose(trajectory[: len(row["t"])], row["rate_ex"], rtol=0.0, atol=1e-10)


def test_the_drive_relaxes_with_its_time_constant():
    network = RateNetwork(dt=0.1)
    network.population("X", 2, ConstantRate(mean=[100.0, 30.0], tau=2.0), rate=[0.0, 30.0])
    network.record_rates("X", interval=0.5)
    rates = simulate(network, 4.0).rates("X")
    assert_allclose(rates.value[:, 0], 100.0 * (1.0 - np.exp(-rates.times(0.1) / 2.0)), rtol=1e-13)
    assert_array_equal(rates.value[:, 1], 30.0)


# ---------------------------------------------------------------- networks of many neurons


def random_network(size: int, indegree: int) -> RateNetwork:
    """Brunel's mean field spread over ``size`` neurons, each with ``indegree`` inputs, a fifth of them inhibitory."""
    network = RateNetwork(dt=0.1)
    neuron = SiegertNeuron(tau_m=20.0, t_ref=2.0, V_th=20.0, V_reset=0.0)
    network.population("E", 4 * size // 5, neuron)
    network.population("I", size // 5, neuron)
    network.population("X", 1, ConstantRate(mean=20000.0))
    for target in "EI":
        for source, number, weight in (("E", 4 * indegree // 5, 0.1), ("I", indegree // 5, -0.5)):
            drift, diffusion = drift_and_diffusion(1250.0 / indegree, weight, 20.0)
            connection = DiffusionConnection(drift_factor=float(drift), diffusion_factor=float(diffusion))
            network.connect(source, target, FixedIndegree(number), connection)
        network.connect("X", target, AllToAll(), DiffusionConnection(0.002, 0.0002))
    return network


@pytest.mark.parametrize(("size", "indegree"), [(5000, 250), (1000, 1000)])
def test_thousands_of_equal_neurons_share_the_rate_of_the_mean_field(size, indegree):
    """All have the same input if all fire alike, whoever projects to whom: the fixed point of two neurons is theirs."""
    network = random_network(size, indegree)
    simulation = simulate(network, 40.0)
    rates = simulation.current_rates("E")
    assert simulation.connection_count() == size * indegree + size
    assert_allclose(rates, 32.0331145038683403, rtol=1e-11)


def test_input_is_the_sum_over_the_connections():
    """One step from given rates, beside the product with the matrix of factors (targets, sources)."""
    size = 300
    start = np.random.default_rng(2).uniform(1.0, 50.0, size)
    matrix = np.random.default_rng(3).uniform(-0.02, 0.05, (size, size))
    network = RateNetwork(dt=0.1)
    network.population("A", size, SiegertNeuron(tau_m=20.0, V_th=20.0), rate=start)
    network.connect("A", "A", AllToAll(), DiffusionConnection(matrix, np.abs(matrix)))
    network.record_rates("A")
    after = simulate(network, 0.1).rates("A").value[0]
    answer = siegert(matrix @ start, np.sqrt(np.abs(matrix) @ start), tau_m=20.0, t_ref=2.0, V_th=20.0, V_reset=0.0)
    assert_allclose(after, np.exp(-0.1) * start + (1.0 - np.exp(-0.1)) * answer, rtol=1e-10)


@pytest.mark.parametrize("autapses", [True, False])
def test_one_sum_for_all_targets_is_the_sum_of_each(autapses):
    """All to all with one factor, and with an array of that factor made unequal by a connection without effect."""
    start = np.random.default_rng(4).uniform(1.0, 50.0, 40)
    factors = np.full((40, 40), 0.01)
    if not autapses:
        np.fill_diagonal(factors, 0.0)
    after = []
    for rule, drift, diffusion in (
        (AllToAll(autapses=autapses), 0.01, 0.02),
        (
            AllToAll(),
            factors if not autapses else np.where(np.arange(1600).reshape(40, 40), 0.01, 0.010000000000000002),
            2.0 * factors,
        ),
    ):
        network = RateNetwork()
        network.population("A", 40, SiegertNeuron(), rate=start)
        network.connect("A", "A", rule, DiffusionConnection(drift, diffusion))
        after.append(simulate(network, 0.1).current_rates("A"))
    assert_allclose(after[0], after[1], rtol=1e-12)


def test_kernels_give_the_same_bits_as_plain_python():
    random = np.random.default_rng(5)
    offsets, source = np.array([0, 3, 3, 20, 37]), random.integers(0, 50, 37).astype(np.int32)
    rates, drift, diffusion = random.uniform(0.0, 50.0, 50), random.normal(size=37), random.uniform(size=37)
    own = np.array([1, 2, 3, 4], np.int32)
    for kernel, arguments in (
        (add_equal, (offsets, source, rates, 0.3, 0.1)),
        (add_weighted, (offsets, source, rates, drift, diffusion)),
        (add_common, (source, own, rates, 0.3, 0.1)),
    ):
        results = []
        for function in (kernel, kernel.py_func):
            results.append((np.ones(4), np.ones(4)))
            function(*arguments, *results[-1])
        assert_array_equal(results[0], results[1])
        assert not np.array_equal(results[0][0], np.ones(4))


def test_several_runs_equal_one():
    hashes = {simulate(random_network(200, 20), *durations).rate_hash() for durations in ([3.0], [1.0, 0.1, 1.9])}
    assert len(hashes) == 1


def test_the_file_of_a_run(tmp_path):
    path, durations = tmp_path / "run.h5", (1.0, 201.0)
    kept = simulate(mean_field(), *durations).rates("E")
    with simulate(mean_field(), file=path) as simulation:
        for duration in durations:
            simulation.run(duration)
        rates = simulation.rates("E")
    stored = read_rates(path, "E")
    assert_array_equal(rates.step, np.arange(1, 2021))
    for found, steps in ((rates, rates.step), (stored, np.rint(stored.time / 0.1))):
        assert_array_equal(found.value, kept.value)
        assert_array_equal(steps, kept.step)
        assert_array_equal(found.neuron, kept.neuron)
    about = read_parameters(path)
    assert (about["T"], about["dt"], about["seed"]) == (202.0, 0.1, 1)
    assert about["network"]["populations"][0]["name"] == "E"
    for call in (lambda: simulation.run(1.0), lambda: simulation.rates("E")):
        with pytest.raises(InputError, match="the simulation is closed"):
            call()
    with pytest.raises(InputError, match="exists already"):
        simulate(mean_field(), file=path)
    with pytest.raises(InputError, match="has no rates of 'F'"):
        read_rates(path, "F")


def test_times_and_memory():
    told: list[float] = []
    simulation = simulate(mean_field())
    simulation.run(1.0, told.append)
    assert told[-1] == 1.0
    assert set(simulation.phase_times()) == {"communicate", "update", "record", "other"}
    assert simulation.memory()[0]["peak"] >= simulation.memory()[0]["built"] >= 0
    assert simulation.slowest()["sim_time"] >= simulation.sim_time > 0.0


CASES = [
    {"E": 2000, "I": 500},
    {"E": 2000, "I": 500, "runs": [1.0, 4.0]},
    {"E": 2000, "I": 500, "seed": 2},
    {"E": 5, "I": 1},  # fewer neurons than ranks in some populations
]
BRUNEL = {"order": 100, "T": 100.0}


@pytest.mark.mpi(min_size=2)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_same_bits_on_any_number_of_ranks(comm, case):
    assert rate_network.simulate(comm, case) == found_alone(comm, rate_network.simulate, case)


@pytest.mark.mpi(min_size=2)
def test_brunels_network_in_both_forms_on_any_number_of_ranks(comm):
    assert rate_network.simulate_brunel(comm, BRUNEL) == found_alone(comm, rate_network.simulate_brunel, BRUNEL)


def test_the_cases_differ():
    found = [rate_network.simulate(MPI.COMM_SELF, case) for case in CASES]
    assert len({result["rate_hash"] for result in found}) == len(CASES) - 1
    assert found[0]["rate_hash"] == found[1]["rate_hash"]
    assert all(result["sd"] > 0.0 and result["mean"] > 1.0 for result in found)
    assert rate_network.simulate_brunel(MPI.COMM_SELF, BRUNEL)["spikes"] > 100


# ---------------------------------------------------------------- wrong input


def small() -> RateNetwork:
    network = RateNetwork()
    network.population("E", 3, SiegertNeuron())
    network.population("X", 1, ConstantRate(mean=10.0))
    return network


@pytest.mark.parametrize(
    ("action", "message"),
    [
        (lambda n: SiegertNeuron(tau_m=-1.0), "SiegertNeuron: tau_m must be larger than 0, got -1"),
        (lambda n: SiegertNeuron(V_reset=20.0), "V_reset = 20 mV must be below V_th = 15 mV"),
        (lambda n: SiegertNeuron(V_th=Normal(15.0, 1.0)), "V_reset = 0 mV must be below V_th = -inf mV"),
        (lambda n: SiegertNeuron(tau_mm=1.0), "unknown parameter 'tau_mm'; did you mean 'tau_m'?"),
        (lambda n: ConstantRate(mean=-5.0), "ConstantRate: mean must be at least 0, got -5"),
        (lambda n: DiffusionConnection(0.1, -0.1), "diffusion_factor must be at least 0, got -0.1"),
        (lambda n: n.population("E", 2, SiegertNeuron()), "there already is a population 'E'"),
        (lambda n: n.population("Y", 2, SiegertNeuron), "is not a rate neuron; give e.g. SiegertNeuron"),
        (lambda n: n.population("Y", 2, SiegertNeuron(tau=[1.0, 2.0, 3.0])), r"tau has shape \(3,\)"),
        (lambda n: n.population("Y", 2, SiegertNeuron(), rate=-1.0), "rate must be at least 0"),
        (lambda n: n.connect("E", "X", AllToAll(), DiffusionConnection(1.0, 1.0)), "'X' is a source of constant rate"),
        (lambda n: n.connect("E", "F", AllToAll(), DiffusionConnection(1.0, 1.0)), "unknown population 'F'"),
        (lambda n: n.connect("X", "E", OneToOne(), DiffusionConnection(1.0, 1.0)), "both must have the same size"),
        (lambda n: n.connect("X", "E", AllToAll(), 0.1), "rate neurons are coupled by a DiffusionConnection"),
        (lambda n: n.connect("X", "E", "all", DiffusionConnection(1.0, 1.0)), "is not a connection rule"),
        (lambda n: n.connect("E", "E", PairwiseBernoulli(0.1), DiffusionConnection([1.0], 1.0)), "drift_factor: this"),
        (lambda n: n.connect("E", "E", AllToAll(), DiffusionConnection([1.0], 1.0)), r"drift_factor has shape \(1,\)"),
        (lambda n: n.record_rates("E", neurons=[3]), "neuron 3 is out of range; 'E' has neurons 0 to 2"),
        (lambda n: n.record_rates("E", interval=0.05), "interval = 0.05 ms is not a whole multiple of dt"),
        (lambda n: simulate(n).rates("E"), r"the rates of 'E' are not recorded; call network.record_rates\('E'\)"),
        (lambda n: simulate(n, 0.25), "duration = 0.25 ms is not a whole multiple"),
        (lambda n: RateSimulation(Network(), comm=MPI.COMM_WORLD), "needs a RateNetwork"),
    ],
)
def test_wrong_input(action, message):
    with pytest.raises(InputError, match=message):
        action(small())


def test_a_network_is_frozen_once_simulated():
    network = small()
    simulate(network)
    with pytest.raises(InputError, match="the network is frozen"):
        network.record_rates("E")
    with pytest.raises(InputError, match="needs a Network, got RateNetwork of 4 neurons"):
        Simulation(network, comm=MPI.COMM_WORLD)


def test_description_is_ready_for_json():
    described = json.loads(json.dumps(mean_field().description()))
    assert [p["name"] for p in described["populations"]] == ["E", "I", "X"]
    assert described["projections"][1]["connection"] == {
        "class": "DiffusionConnection",
        "drift_factor": pytest.approx(-2.5),
        "diffusion_factor": pytest.approx(1.25),
    }
