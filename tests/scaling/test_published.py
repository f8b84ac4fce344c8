"""The published experiment by name, and the harness on 64 ranks."""

from __future__ import annotations

import json
import os
import sys

import pytest

from distsim.core.errors import InputError
from distsim.models import registry
from distsim.scaling import store
from distsim.scaling.experiment import points_of, read_experiment
from distsim.scaling.options import PUBLISHED, parse
from distsim.scaling.plan import make_plan
from distsim.scaling.session import run
from tests.documents import ROOT
from tests.threads import on_ranks

SHORT = ["--published", "--sizes", "200", "--indegree", "40", "--time", "30", "--no-plot"]


def test_it_is_the_published_one():
    """Sizes, in-degree, models, time, time step, seed, and by default every parameter of the network."""
    plan = make_plan(parse(["--published", "--no-plot"]), 64, 64)
    sizes = list(range(1250, 15000, 1250))
    assert [(p.size, dict(p.variant)["neuron_model"], p.indegree, p.seed, p.ranks) for p in plan.points] == [
        (size, model, 1250, 1, 64) for size in sizes for model in ("iaf_psc_alpha", "ignore_and_fire")
    ]
    assert (plan.experiment.time, plan.experiment.presimulation) == (10000.0, 0.0)
    own = registry.find("two_population").load({"N": sizes[0]}).as_dict()
    differing = {n for p in plan.networks.values() for n, value in p.as_dict().items() if value != own[n]}
    assert differing <= {"neuron_model", "N", "N_E", "N_I", "T", "tau_minus"}  # the last follows from the neuron model


def test_the_file_of_three_seeds_is_the_same_experiment():
    ours, _ = read_experiment(ROOT / "scaling" / "network_size.toml", {})
    published, _ = read_experiment(PUBLISHED, {"seeds": [1, 2, 3]})
    assert points_of(ours, 1) == points_of(published, 1)
    assert {**ours.settings(), "presimulation": 0.0} == published.settings()


def test_options_override_it_and_a_file_excludes_it():
    options = parse(["--published", "--time", "20"])
    assert (options.file, str(options.out)) == (PUBLISHED, "published-results")
    assert make_plan(options, 1, 1).experiment.time == 20.0
    with pytest.raises(InputError, match=r"--published is an experiment of its own; give either it or 'a\.toml'"):
        parse(["a.toml", "--published"])


def results(folder):
    return [(record["N"], record["variant"], *(record[name] for name in SAME)) for record in store.read(folder)]


SAME = ("n_spikes", "n_synapses", "n_events", "spike_hash", "weight_hash", "rates", "weight_mean", "plastic_weight_sd")


@pytest.fixture(scope="module")
def on_one_rank(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    assert on_ranks(1, lambda comm: run(comm, [*SHORT, "--out", str(folder / "out")])) == [0]
    return results(folder / "out")


def test_the_harness_on_64_ranks_as_threads(on_one_rank, tmp_path):
    """All of a rank but its process: some have no neuron of one population."""
    assert set(on_ranks(64, lambda comm: run(comm, [*SHORT, "--out", str(tmp_path / "out")]))) == {0}
    assert {record["ranks"] for record in store.read(tmp_path / "out")} == {64}
    assert results(tmp_path / "out") == on_one_rank


@pytest.mark.slow  # 64 processes import numba
@pytest.mark.skipif((os.cpu_count() or 1) < 8, reason="64 ranks on so few cores take minutes to start")
def test_the_harness_on_64_ranks(on_one_rank, mpirun, tmp_path):
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    mpirun(64, ["-m", "distsim.scaling", *SHORT, "--out", "out"], cwd=tmp_path, timeout=600.0, env=environment)
    assert results(tmp_path / "out") == on_one_rank
    assert json.loads((tmp_path / "out" / "experiment.json").read_text(encoding="utf-8"))["settings"]["ranks"] == [64]
