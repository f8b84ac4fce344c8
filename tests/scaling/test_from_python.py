"""What the harness does, as Python functions: a point run and returned, records as a table."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Records, load_records, read_spikes, run_point
from distsim.core.errors import InputError
from distsim.models import course
from distsim.scaling.record_fields import check_record
from distsim.scaling.session import run
from distsim.scaling.store import Folder
from tests.scaling_records import make_experiment, make_record, strong_records
from tests.threads import on_ranks

IAF = {"neuron_model": "iaf_psc_alpha"}
SAME = ("network", "n_spikes", "n_synapses", "n_events", "spike_hash", "weight_hash", "rates", "plastic_weight_median")


@pytest.mark.parametrize("ranks", [1, 3])
def test_a_point_is_that_of_the_harness(ranks, tmp_path):
    """The same record on every rank, as the command line stores it."""
    arguments = ["--sizes", "60", "--indegree", "20", "--time", "30", "--set", "neuron_model=iaf_psc_alpha"]
    run(MPI.COMM_SELF, [*arguments, "--seeds", "4", "--no-plot", "--out", str(tmp_path / "out")])
    (stored,) = load_records(tmp_path / "out")
    found = on_ranks(
        ranks, lambda comm: run_point("two_population", 60, indegree=20, seed=4, parameters=IAF, time=30.0, comm=comm)
    )
    assert found == [found[0]] * ranks
    check_record(found[0], "run_point")
    assert {name: found[0][name] for name in SAME} == {name: stored[name] for name in SAME}
    assert set(found[0]) == set(stored)


def test_what_is_left_out_is_the_models_own():
    record = run_point("microcircuit", 300, time=1.0, presimulation=0.0, comm=MPI.COMM_SELF)
    assert (record["precision"], record["indegree"], record["seed"]) == ("single", None, 1)


def test_a_point_that_is_saved_goes_on(tmp_path, monkeypatch):
    given = {"indegree": 20, "parameters": IAF, "time": 30.0, "record": ["spikes"], "keep": ["spikes"]}
    whole = run_point("two_population", 60, **given, folder=tmp_path / "whole", comm=MPI.COMM_SELF)
    kept = {"checkpoint": "10ms", "checkpoint_file": tmp_path / "point.checkpoint", "folder": tmp_path / "parts"}

    def stop(self, simulation, ending=False):
        between(self, simulation, ending)
        if simulation.time >= 20.0:
            raise InputError("the time of the job is over")

    between = course.Course._between
    monkeypatch.setattr(course.Course, "_between", stop)
    with pytest.raises(InputError, match="over"):
        run_point("two_population", 60, **given, **kept, comm=MPI.COMM_SELF)
    monkeypatch.setattr(course.Course, "_between", between)
    (found, *_) = on_ranks(2, lambda comm: run_point("two_population", 60, **given, **kept, comm=comm))
    assert {name: found[name] for name in SAME} == {name: whole[name] for name in SAME}
    assert [(part["from"], part["to"]) for part in found["parts"]] == [(0.0, 20.0), (20.0, 30.0)]
    assert not (tmp_path / "point.checkpoint").exists()
    spikes = [read_spikes(tmp_path / name / "spikes.h5", "E") for name in ("whole", "parts")]
    assert all(map(np.array_equal, *spikes))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"checkpoint": "10m"}, "checkpoint says how often the point is saved, checkpoint_file where; give both"),
        ({"model": "two_populations"}, r"run_point: model: .*did you mean 'two_population'"),
        ({"size": 0}, r"run_point: sizes: sizes\[0\] must be at least 1, got 0"),
        ({"parameters": {"gg": 3}}, "run_point: parameters: .*'gg'"),
        ({"time": -1.0}, "run_point: time: time must be"),
        ({"record": "spikes"}, r'record: record must be a list, as in \["spikes=E\[:100\]", .*, got .spikes'),
        ({"keep": "spikes"}, r"run_point: keep: keep must be a list, as in \["),
        ({"size": 500, "indegree": None}, "indegree = 1250, that of two_population where none is given, is above"),
        ({"indegree": 100}, "run_point: indegree: indegree = 100 is above the 60 neurons"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_arguments(arguments, message):
    given = {"model": "two_population", "size": 60, "indegree": 20, **arguments}
    with pytest.raises(InputError, match=message):
        run_point(given.pop("model"), given.pop("size"), comm=MPI.COMM_SELF, **given)


def saved(path, records):
    folder = Folder(path, make_experiment().identity(), make_experiment().settings(), resume=False)
    for record in records:
        folder.add(record)
    folder.close()
    return path


def test_records_of_several_folders_by_columns(tmp_path):
    """Entries of tables have names of their own, speed-up is that beside all records; what is missing is None."""
    records = strong_records()
    folders = [saved(tmp_path / "a", records[::2]), saved(tmp_path / "b", [*records[1::2], make_record(more=7)])]
    loaded = load_records(*folders)
    columns = loaded.columns()
    assert len(loaded) == 13
    assert all(len(column) == 13 for column in columns.values())
    assert columns["rates.E"] == [1.0] * 13
    assert columns["more"] == [None] * 12 + [7]
    speedup = {record["ranks"]: record["speedup"] for record in loaded if record["kind"] == "strong"}
    assert speedup == pytest.approx({1: 1.0, 2: 1.0 / 0.6, 4: 2.0})
    assert isinstance(Records(loaded[:2]).columns()["ranks"], list)


def test_a_folder_without_records(tmp_path):
    with pytest.raises(InputError, match="no point is done yet"):
        load_records(saved(tmp_path / "a", []))
    with pytest.raises(InputError, match="is no output folder of the harness"):
        load_records(tmp_path)


def test_a_data_frame_where_pandas_is_installed(monkeypatch):
    table = Records([make_record()])
    monkeypatch.setitem(sys.modules, "pandas", types.SimpleNamespace(DataFrame=lambda columns: ("frame", columns)))
    assert table.to_pandas() == ("frame", table.columns())
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    with pytest.raises(InputError, match=r"pandas is not installed; install it .* or use columns"):
        table.to_pandas()
