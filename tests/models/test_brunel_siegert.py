"""The mean field of Brunel's network by itself: what the command prints and writes, and its form of many neurons."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from mpi4py import MPI
from numpy.testing import assert_allclose, assert_array_equal

from distsim import InputError, RateSimulation, read_rates
from distsim.__main__ import main
from distsim.models import registry
from distsim.models.brunel.parameters import Parameters as OfBrunel
from distsim.models.brunel.parameters import load as load_brunel
from distsim.models.brunel_siegert.network import build_network
from distsim.models.brunel_siegert.parameters import DEFAULTS, SHARED, load
from distsim.models.run import run
from distsim.parallel.progress import silent

MODEL = registry.find("brunel_siegert")
PUBLISHED = 32.0331145038683403  # mpmath; NEST 3.10 to 1e-10


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """The summary of a run as published but for what is recorded, and the folder of its files."""
    folder = tmp_path_factory.mktemp("siegert") / "out"
    assert main(["run", "brunel_siegert", "--record", "rates=E,I@0.5", "--out", str(folder)]) == 0
    return json.loads((folder / "summary.json").read_text()), folder


def test_parameters_are_those_of_the_spiking_network():
    siegert, spiking = load(), load_brunel()
    for name in (*SHARED, "N_E", "N_I", "C_E", "C_I", "J_E", "J_I", "nu_theta", "nu_X"):
        assert getattr(siegert, name) == getattr(spiking, name)
    assert all(DEFAULTS[name] is OfBrunel.DEFAULTS[name] for name in SHARED)
    assert siegert.T == spiking.T_mean_field == 50.0
    for overrides, message in (
        ({"delay": 1.5}, "brunel_siegert: unknown parameter 'delay'"),
        ({"V_reset": 20.0}, "brunel_siegert: V_reset = 20 mV must be below theta = 20 mV"),
        ({"stands_for": "network"}, "stands_for must be one of population, neuron"),
        ({"epsilon": 0.01, "order": 20}, "brunel_siegert: epsilon = 0.01 of 80 excitatory neurons is less than one"),
    ):
        with pytest.raises(InputError, match=message):
            load(overrides)


def test_rates_and_fixed_points_are_those_of_nest(result):
    summary, _ = result
    for name in "EI":
        assert_allclose(summary["populations"][name]["rate"], PUBLISHED, rtol=1e-12)
    (point,) = summary["fixed_points"]
    assert point["stable"]
    assert_allclose(point["rates"], [PUBLISHED] * 2, rtol=1e-12)
    tables = {table["title"]: table for table in summary["tables"]}
    assert list(tables) == ["rates", "trajectory", "self-consistent rates", "run"]
    assert tables["trajectory"]["rows"][-1] == pytest.approx([50.0, PUBLISHED, PUBLISHED])
    assert len(tables["trajectory"]["rows"]) == 10


def test_the_trajectory_is_written_at_the_recorded_times(result):
    """In HDF5 and as CSV, as the simulation gives it step by step."""
    _, folder = result
    simulation = RateSimulation(build_network(), MPI.COMM_SELF)
    simulation.run(50.0)
    with (folder / "rates.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    for name in "EI":
        every = simulation.rates(name)
        stored = read_rates(folder / "rates.h5", name)
        assert_array_equal(stored.time, np.arange(1, 101) * 0.5)
        assert_array_equal(stored.value, every.value[4::5])
        rows = [row for row in table if row["population"] == name]
        assert [(float(row["time_ms"]), float(row["rate_per_s"])) for row in rows] == list(
            zip(stored.time.tolist(), stored.value[:, 0].tolist(), strict=True)
        )
    for kind in ("png", "pdf"):
        assert (folder / f"rates.{kind}").stat().st_size > 1000


def test_a_summary_repeats_the_run(result, capsys):
    summary, folder = result
    assert main(["run", "brunel_siegert", "--from", str(folder / "summary.json")]) == 0
    assert summary["rate_hash"] in capsys.readouterr().out


def test_time_and_step_are_chosen_and_nothing_need_be_recorded(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["run", "brunel_siegert", "--dt", "0.05", "--time", "2", "--record", "none", "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "trajectory" not in printed
    assert not (out / "rates.csv").exists()
    summary = json.loads((out / "summary.json").read_text())
    assert (summary["parameters"]["dt"], summary["time"]) == (0.05, 2.0)
    assert main(["run", "brunel_siegert", "--record", "spikes"]) == 2
    assert "a RateNetwork has no spikes to record; it has rates" in capsys.readouterr().err


def test_a_rate_neuron_for_each_neuron_settles_at_the_same_rate():
    """All have the same input if all fire alike, whoever projects to whom."""
    found = MODEL.load({**MODEL.resized(500, 50), "T": 60.0})
    network = MODEL.build_network(found)
    assert [(p.name, p.size) for p in network.populations] == [("E", 400), ("I", 100), ("X", 1)]
    outcome = run(MODEL, MPI.COMM_SELF, found, None, silent)
    (point,) = outcome.summary["fixed_points"]
    assert outcome.summary["n_synapses"] == 500 * 50 + 500
    for name in "EI":
        assert_allclose(outcome.summary["populations"][name]["rate"], point["rates"][0], rtol=1e-10)
        assert outcome.summary["populations"][name]["rate_sd"] < 1e-9


def test_several_fixed_points_are_told():
    outcome = run(MODEL, MPI.COMM_SELF, MODEL.load({"g": 3.0, "eta": 0.8}), None, silent)
    assert [point["stable"] for point in outcome.summary["fixed_points"]] == [True, False, True]
    labels = [text.get_text() for text in outcome.figures["rates"]().legends[0].get_texts()]
    assert labels == ["E", "I", "fixed point 0.003911 /s"]
