"""``run`` and the harness simulate a model in the same way: the same hashes and statistics for the same parameters."""

from __future__ import annotations

import pytest
from mpi4py import MPI

from distsim.core.errors import InputError
from distsim.models import registry
from distsim.models.run import run
from distsim.parallel.progress import silent
from distsim.scaling.options import parse
from distsim.scaling.plan import make_plan
from distsim.scaling.point import Task, run_point

COMM = MPI.COMM_SELF
SAME = ("n_synapses", "n_spikes", "spike_hash", "weight_hash")


def one_point(folder, *arguments):
    """The record of the only point of an experiment."""
    plan = make_plan(parse([*arguments, "--no-plot", "--out", str(folder / "out")]), 1, 1)
    (point,) = plan.points
    return run_point(COMM, Task(plan.experiment, point, plan.parameters_of(point)), silent)


def compare(record, summary, parameters):
    assert {name: record[name] for name in SAME} == {name: summary[name] for name in SAME}
    assert record["rates"] == {name: found["rate"] for name, found in summary["populations"].items()}
    assert record["parameters"] == parameters.as_dict()
    for name, of_record in (("precision", "precision"), ("presimulation", "presimulation_ms"), ("time", "T_ms")):
        assert record[of_record] == summary[name]


MODELS = [
    ("two_population", {"N": 100, "K": 20, "neuron_model": "iaf_psc_alpha"}, ["--sizes", "100", "--indegree", "20"]),
    ("two_population", {"N": 100, "K": 20, "neuron_model": "ignore_and_fire"}, ["--sizes", "100", "--indegree", "20"]),
    ("brunel", {"order": 20, "presimulation": 20.0, "T_mean_field": 1.0}, ["--sizes", "100", "--indegree", "10"]),
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
