"""``run`` and the harness simulate a model in the same way: the same hashes and statistics for the same parameters."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from distsim import BinarySimulation
from distsim.core.errors import InputError
from distsim.models import registry
from distsim.models.run import run
from distsim.parallel.progress import silent
from distsim.scaling.options import parse
from distsim.scaling.plan import make_plan
from distsim.scaling.point import Task, run_point
from distsim.scaling.report.summary import SAME

COMM = MPI.COMM_SELF


def one_point(folder, *arguments):
    """The record of the only point of an experiment."""
    plan = make_plan(parse([*arguments, "--no-plot", "--out", str(folder / "out")]), 1, 1)
    (point,) = plan.points
    return run_point(COMM, Task(plan.experiment, point, plan.parameters_of(point)), silent)


def compare(record, summary, parameters):
    assert {name: record[name] for name in SAME} == {name: summary.get(name) for name in SAME}
    assert record["rates"] == {name: found["rate"] for name, found in summary["populations"].items()}
    assert record["parameters"] == parameters.as_dict()
    for name, of_record in (("precision", "precision"), ("presimulation", "presimulation_ms"), ("time", "T_ms")):
        assert record[of_record] == summary.get(name)


MODELS = [
    ("two_population", {"N": 100, "K": 20, "neuron_model": "iaf_psc_alpha"}, ["--sizes", "100", "--indegree", "20"]),
    ("two_population", {"N": 100, "K": 20, "neuron_model": "ignore_and_fire"}, ["--sizes", "100", "--indegree", "20"]),
    ("brunel", {"order": 20, "presimulation": 20.0, "T_mean_field": 1.0}, ["--sizes", "100", "--indegree", "10"]),
    ("brunel_siegert", {"order": 20, "stands_for": "neuron"}, ["--sizes", "100", "--indegree", "10"]),
    ("microcircuit", {"N_scaling": 200 / 77169, "K_scaling": 200 / 77169, "T_presim": 500.0}, ["--sizes", "200"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "parameters", "point"), MODELS)
@pytest.mark.parametrize("seed", [1, 5])
def test_both_doors_give_the_same(name, parameters, point, seed, tmp_path):
    """The pre-simulation and precision of the microcircuit are its own: 500 ms, single."""
    model = registry.find(name)
    given = model.load({**parameters, "T": 30.0, "seed": seed})
    chosen = [f"{n}={v}" for n, v in parameters.items() if n in ("neuron_model", "T_mean_field")]
    settings = ["--presimulation", "20"] if name == "brunel" else []
    arguments = ["--model", name, *point, "--time", "30", "--seeds", str(seed), *settings]
    record = one_point(tmp_path, *arguments, *(["--set", *chosen] if chosen else []))
    compare(record, run(model, COMM, given, None, silent).summary, given)


def test_a_setting_takes_the_place_of_what_the_model_has(tmp_path):
    """The same by option of ``run``, by parameter, and by setting of an experiment."""
    model = registry.find("microcircuit")
    sizes = {"N_scaling": 200 / 77169, "K_scaling": 200 / 77169, "T": 20.0}
    arguments = ["--model", "microcircuit", "--sizes", "200", "--time", "20", "--presimulation", "10"]
    record = one_point(tmp_path, *arguments, "--precision", "double", "--interval", "0.1", "--exchange", "allgather")
    assert (record["presimulation_ms"], record["precision"]) == (10.0, "double")
    assert record["parameters"]["T_presim"] == 10.0
    given = model.load({**sizes, "T_presim": 10.0})
    settings = {"precision": "double", "interval": 0.1, "exchange": "allgather"}
    compare(record, run(model, COMM, given, None, silent, settings).summary, given)


@pytest.mark.parametrize(("name", "parameter"), [("microcircuit", "T_presim"), ("brunel", "presimulation")])
def test_a_parameter_that_a_setting_stands_for_is_refused(name, parameter, tmp_path):
    for option, table in (("--set", "parameters"), ("--vary", "vary")):
        with pytest.raises(InputError, match=f"{table}: '{parameter}' is set by presimulation"):
            one_point(tmp_path, "--model", name, "--sizes", "2000", option, f"{parameter}=77")
    with pytest.raises(InputError, match=r"option --presimulation: .*presim.* = 0.25 ms is not a whole multiple"):
        one_point(tmp_path, "--model", name, "--sizes", "2000", "--presimulation", "0.25")


def test_the_seed_of_a_point_is_that_of_the_parameters(tmp_path):
    """Of a liquid, for instance, whose positions and stimulus are drawn with it."""
    records = [
        one_point(
            tmp_path / str(seed), "--model", "liquid_state", "--sizes", "45", "--time", "20", "--seeds", str(seed)
        )
        for seed in (1, 2)
    ]
    assert [record["parameters"]["seed"] for record in records] == [1, 2]
    assert records[0]["network"] != records[1]["network"]
    assert records[0]["n_synapses"] != records[1]["n_synapses"]


def test_binary_neurons_are_counted_as_the_run_goes(tmp_path):
    """With nothing recorded a point tells what a recording of all flips does, the transient left out."""
    record = one_point(tmp_path, "--model", "binary_ei", "--sizes", "200", "--time", "4", "--presimulation", "3")
    model = registry.find("binary_ei")
    given = {name: record["parameters"][name] for name in model.parameters.DEFAULTS}
    network = model.build_network(model.load(given))
    with BinarySimulation(network, COMM, seed=1) as simulation:
        simulation.run(3.0)
        before = simulation.flip_count()
        simulation.run(4.0)
        activities = {name: simulation.activity(name).mean(3.0, 7.0) for name in "EI"}
        assert record["flip_hash"] == simulation.flip_hash()
        assert record["n_flips"] == simulation.flip_count() - before
    assert record["activities"] == pytest.approx(activities, rel=1e-6)
    assert record["activity"] == pytest.approx(sum(activities.values()) / 2.0, rel=1e-6)
    assert record["rate"] is record["spike_hash"] is record["n_spikes"] is record["dt_ms"] is None


OWN = """
from distsim import {names}

def build_network(N: int = 30):
    network = {network}
    {rest}
    return network

def resized(neurons, indegree):
    return {{"N": neurons}}
"""
RATES = OWN.format(
    names="ConstantRate, DiffusionConnection, AllToAll, RateNetwork, SiegertNeuron",
    network="RateNetwork()",
    rest="""network.population("A", N, SiegertNeuron())
    network.population("X", 1, ConstantRate(mean=9000.0))
    network.connect("X", "A", AllToAll(), DiffusionConnection(0.002, 0.0002))""",
)
BINARY = OWN.format(
    names="AllToAll, BinaryNetwork",
    network="BinaryNetwork()",
    rest="""network.population("A", N, theta=-0.1)
    network.connect("A", "A", AllToAll(), J=-0.01)""",
)


@pytest.mark.parametrize(("source", "of_hash"), [(RATES, "rate_hash"), (BINARY, "flip_hash")], ids=["rates", "binary"])
def test_networks_of_ones_own_are_of_any_neurons(source, of_hash, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(source, encoding="utf-8")
    model = registry.find(str(path))
    record = one_point(tmp_path, "--model", str(path), "--sizes", "50", "--time", "10")
    outcome = run(model, COMM, model.load({"N": 50}), None, silent, {"time": 10.0})
    assert record["N"] == 50
    assert record[of_hash] == outcome.summary[of_hash]
    assert [table.title for table in outcome.tables][-1] == "run"
    with pytest.raises(InputError, match="precision = 'single' is of spikes"):
        run(model, COMM, model.load(), None, silent, {"precision": "single"})
