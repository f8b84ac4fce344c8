"""What is kept of single points: their folders, the reports made of them, and that nothing else depends on it."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from mpi4py import MPI

from distsim import read_connections, read_contents, read_parameters, read_spikes, run_point
from distsim.command.request import parse_run
from distsim.core.errors import InputError, StorageError
from distsim.models import registry
from distsim.models.run import run as run_model
from distsim.parallel import gather
from distsim.parallel.progress import silent
from distsim.scaling import store
from distsim.scaling.__main__ import main
from distsim.scaling.experiment import Point
from distsim.scaling.options import parse
from distsim.scaling.plan import make_plan
from distsim.scaling.report import figures
from distsim.scaling.report.command import report
from distsim.scaling.session import Session, run
from distsim.spiking import spike_file
from tests.mpi import JOB_ENVIRONMENT, outside_of_any_job
from tests.threads import on_ranks

SMALL = ["--sizes", "60", "--indegree", "20", "--time", "60", "--set", "neuron_model=iaf_psc_alpha", "--no-plot"]
KEEP = ["--keep", "spikes,connectivity,parameters"]


def run_on(ranks, folder, *arguments):
    """The records of the small experiment on so many ranks (threads)."""
    assert set(on_ranks(ranks, lambda comm: run(comm, [*SMALL, *arguments, "--out", str(folder)]))) == {0}
    return store.read(folder)


def folders(out):
    return sorted((out / "points").iterdir())


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The folder of the only point of an experiment, and its record."""
    out = tmp_path_factory.mktemp("kept") / "out"
    (record,) = run_on(1, out, *KEEP)
    (folder,) = folders(out)
    return folder, record


def everything(folder):
    """All that a file of recordings holds."""
    data = folder / "spikes.h5"
    spikes = [column for name in ("E", "I") for column in read_spikes(data, name)]
    return [*spikes, *(column for t in (0.0, 60.0) for column in read_connections(data, "E", "E", t))]


def test_a_folder_holds_spikes_connectivity_and_parameters(kept):
    folder, record = kept
    assert folder.name.startswith("N=60-seed-1-1-rank-")
    assert sorted(path.name for path in folder.iterdir()) == ["parameters.json", "spikes.h5"]
    assert read_contents(folder / "spikes.h5") == {"spikes": ["E", "I"], "weights": ["E->E"]}
    assert sum(len(read_spikes(folder / "spikes.h5", name)[0]) for name in ("E", "I")) == record["n_spikes"]
    after = read_connections(folder / "spikes.h5", "E", "E").weight
    assert (len(after), after.mean()) == (48 * 16, pytest.approx(record["weight_mean"]))
    assert read_parameters(folder / "spikes.h5")["T"] == 60.0


def test_parameters_repeat_the_point(kept):
    """They are read by ``run --from``, and are those of the record."""
    folder, record = kept
    request = parse_run("two_population", ["--from", str(folder / "parameters.json")])
    assert (request.overrides["N"], request.overrides["K"], request.overrides["T"]) == (60, 20, 60.0)
    parameters = json.loads((folder / "parameters.json").read_text(encoding="utf-8"))["parameters"]
    assert parameters == record["parameters"]
    model = registry.find("two_population")
    again = run_model(model, MPI.COMM_SELF, model.load(request.overrides), None, silent, request.settings).summary
    assert (again["spike_hash"], again["weight_hash"]) == (record["spike_hash"], record["weight_hash"])


def test_files_do_not_depend_on_ranks_and_results_not_on_what_is_kept(kept, tmp_path):
    (three,) = run_on(3, tmp_path / "three", *KEEP)
    (none,) = run_on(1, tmp_path / "none")
    for ours, theirs in zip(everything(kept[0]), everything(folders(tmp_path / "three")[0]), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    same = ("network", "spike_hash", "weight_hash", "rates", "n_events")
    assert {tuple(str(r[name]) for name in same) for r in (kept[1], three, none)} == {
        tuple(str(kept[1][name]) for name in same)
    }
    assert not (tmp_path / "none" / "points").exists()


def test_what_is_recorded_says_more_than_what_is_kept(tmp_path):
    run_on(1, tmp_path / "out", "--record", "spikes=E[:3],I", "states=V_m:E[5,7]@10", "--keep", "spikes")
    (folder,) = folders(tmp_path / "out")
    assert read_contents(folder / "spikes.h5") == {"spikes": ["E", "I"], "states": ["E"]}
    assert set(read_spikes(folder / "spikes.h5", "E")[1]) <= {0, 1, 2}


def test_parameters_alone(tmp_path):
    run_on(1, tmp_path / "out", "--keep", "parameters")
    (folder,) = folders(tmp_path / "out")
    assert [path.name for path in folder.iterdir()] == ["parameters.json"]


def test_nothing(tmp_path):
    run_on(1, tmp_path / "out", "--keep", "none")
    assert not (tmp_path / "out" / "points").exists()


def test_resume_may_keep_other_data(tmp_path):
    """Neither setting tells experiments apart; points that are done are not run again."""
    before = run_on(1, tmp_path / "out", "--keep", "parameters")
    after = run_on(1, tmp_path / "out", "--record", "spikes=E", "--seeds", "1", "2", "--resume")
    assert after[0] == before[0]
    assert [sorted(p.name for p in folder.iterdir()) for folder in folders(tmp_path / "out")] == [
        ["parameters.json"], ["parameters.json", "spikes.h5"],
    ]  # fmt: skip


def test_a_repeated_point_replaces_its_folder(tmp_path):
    """Also where what is there is a link, which is not followed."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "old").touch()
    (tmp_path / "linked").symlink_to(tmp_path / "mine")
    (tmp_path / "filled" / "old").mkdir(parents=True)
    for name in ("linked", "filled", "filled"):
        store.begin_folder(tmp_path / name, {"a": 1})
        assert [path.name for path in (tmp_path / name).iterdir()] == ["parameters.json"]
    assert (tmp_path / "mine" / "old").exists()


def test_a_killed_point_leaves_what_can_be_read_and_is_run_again(tmp_path):
    arguments = [*SMALL, *KEEP, "--time", "1e7", "--sizes", "20", "--indegree", "5", "--out", "out"]
    environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
    job = subprocess.Popen([sys.executable, "-m", "distsim.scaling", *arguments], cwd=tmp_path, env=environment)
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            time.sleep(0.2)
            data = list((tmp_path / "out").glob("points/*/spikes.h5"))
            with contextlib.suppress(InputError):  # it is being made: nothing is in it yet
                if data and read_parameters(data[0]).get("T", 0.0) > 400.0:
                    break
    finally:
        job.kill()
        job.wait()
    times, _ = read_spikes(data[0], "E")
    assert len(times) > 0
    assert len(read_connections(data[0], "E", "E", 0.0).weight) == 16 * 4
    identity = json.loads((tmp_path / "out" / "experiment.json").read_text(encoding="utf-8"))
    assert "keep" not in identity["identity"]
    with Session(None, parse([*arguments[:-1], str(tmp_path / "out"), "--resume"]), 1, 1) as session:
        task = session._on_root(session._next)
        assert task.folder == data[0].parent.absolute()


def test_points_as_jobs_of_their_own_keep_their_data(kept, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    assert main([*SMALL, *KEEP, "--launcher", "env RANKS={ranks}", "--out", str(tmp_path / "out")]) == 0
    (folder,) = folders(tmp_path / "out")
    for ours, theirs in zip(everything(kept[0]), everything(folder), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--keep", "none,spikes"], "option --keep: keep holds 'none' beside other words"),
        (["--keep", "spike"], r"option --keep: keep\[0\] .*did you mean 'spikes'"),
        (["--record", "spike"], r"option --record: .*did you mean 'spikes'"),
        (["--record", "spikes=X"], r"option --record: .*'X'"),
        (["--record", "none", "spikes"], "option --record: record holds 'none' beside other words"),
        (["--model", "brunel", "--sizes", "100", "--keep", "connectivity"], "no projection is plastic"),
    ],
)
def test_wrong_words(arguments, message, tmp_path):
    with pytest.raises(InputError, match=message):
        make_plan(parse([*(SMALL if "brunel" not in arguments else ["--no-plot"]), *arguments]), 1, 1)


def test_a_full_disk_ends_the_experiment(tmp_path, monkeypatch):
    """No later point would find room: it is no failure of this point."""

    def full(path, parameters):
        raise StorageError("no room")

    monkeypatch.setattr("distsim.scaling.point.begin_folder", full)
    for ranks in (1, 2):
        with pytest.raises(StorageError, match="no room"):
            run_on(ranks, tmp_path / str(ranks), *KEEP)
        assert store.read_failures(tmp_path / str(ranks)) == []


# Reports


@pytest.fixture
def no_figures_of_points_together(monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda records, **options: {})


@pytest.mark.usefixtures("no_figures_of_points_together")
def test_figures_and_statistics_of_points(kept, tmp_path, capsys):
    folder, record = kept
    assert report([str(folder.parents[1]), "--points", "--out", str(tmp_path)]) == 0
    made = tmp_path / "points" / "out" / folder.name
    drawn = ("connectivity", "distributions", "raster", "weights")
    assert sorted(p.name for p in made.iterdir()) == sorted(
        ["activity.csv", *(f"{f}.{k}" for f in drawn for k in ("pdf", "png"))]
    )
    with (made / "activity.csv").open(encoding="utf-8") as file:
        rates = {row["population"]: float(row["rate"]) for row in csv.DictReader(file)}
    assert rates == pytest.approx(record["rates"])
    assert str(made / "raster.png") in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["parameters.json", "spikes.h5"]


@pytest.mark.usefixtures("no_figures_of_points_together")
def test_a_report_of_points_without_data(tmp_path):
    run_on(1, tmp_path / "none")
    with pytest.raises(InputError, match="keeps no data of points: give the experiment keep"):
        report([str(tmp_path / "none"), "--points"])
    run_on(1, tmp_path / "parameters", "--keep", "parameters")
    assert report([str(tmp_path / "parameters"), "--points"]) == 0
    (folder,) = folders(tmp_path / "parameters")
    (folder / "parameters.json").write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="is not of a point of the harness"):
        report([str(tmp_path / "parameters"), "--points"])


def test_names_of_folders_hold_no_signs_of_paths():
    point = Point((("model", "../a b/ü"), ("g", 5.5)), 60, None, 1, 1)
    name = store.point_folder(store.Path("out"), point).name
    assert name.startswith("a-b-g=5.5-N=60-seed-1-1-rank-")
    other = Point((("model", "../a b/ö"), ("g", 5.5)), 60, None, 1, 1)
    assert store.point_folder(store.Path("out"), other).name != name


@pytest.mark.usefixtures("no_figures_of_points_together")
@pytest.mark.parametrize(
    ("model", "record", "figure"),
    [("brunel_siegert", "rates=E[:2]@0.1", "rates"), ("binary_ei", "activity=E@0.1", "activity")],
)
def test_networks_that_do_not_spike_keep_data_as_well(model, record, figure, tmp_path):
    arguments = ["--model", model, "--sizes", "1980", "--time", "1", "--record", record, "--no-plot"]
    assert run(MPI.COMM_SELF, [*arguments, "--out", str(tmp_path / "out")]) == 0
    assert report([str(tmp_path / "out"), "--points"]) == 0
    (folder,) = folders(tmp_path / "out")
    assert (folder / f"{figure}.png").stat().st_size > 5_000


# From Python


def test_run_point_keeps_data_where_it_is_told(kept, tmp_path):
    options = {"indegree": 20, "time": 60.0, "parameters": {"neuron_model": "iaf_psc_alpha"}, "comm": MPI.COMM_SELF}
    keep = ["spikes", "connectivity"]
    run_point("two_population", 60, keep=keep, folder=tmp_path / "point", **options)
    for ours, theirs in zip(everything(kept[0]), everything(tmp_path / "point"), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for wrong in ({"keep": keep}, {"folder": tmp_path / "other"}):
        with pytest.raises(InputError, match="give both or neither"):
            run_point("two_population", 60, **wrong, **options)
    with pytest.raises(InputError, match="must be new or empty"):
        run_point("two_population", 60, keep=keep, folder=tmp_path / "point", **options)


# Nothing that is not asked for is gathered


@pytest.mark.parametrize("model", ["two_population", "brunel", "microcircuit"])
def test_no_spikes_are_gathered_where_nothing_is_recorded(model, tmp_path, monkeypatch):
    """Rates, counts, hashes and events come from what each rank has counted."""

    def gathered(*arguments, **options):
        pytest.fail("spikes are gathered")

    monkeypatch.setattr(gather, "gather_spikes", gathered)
    monkeypatch.setattr(spike_file, "spike_pieces", gathered)
    arguments = ["--model", model, "--sizes", "400", "--time", "40", "--presimulation", "10", "--no-plot"]
    sized = ["--indegree", "40"] if model != "microcircuit" else []
    for ranks in (1, 2):
        out = tmp_path / str(ranks)
        on_ranks(ranks, lambda comm, out=out: run(comm, [*arguments, *sized, "--out", str(out)]))
    one, two = (store.read(tmp_path / name) for name in ("1", "2"))
    for name in ("rate", "rates", "n_spikes", "n_events", "spike_hash"):
        assert [record[name] for record in one] == [record[name] for record in two]
    assert one[0]["n_events"] > one[0]["n_spikes"] > 0


@pytest.mark.slow  # two processes that build 12 million synapses
def test_no_rank_has_more_memory_than_another(mpirun, tmp_path):
    """The cortical microcircuit at a fifth of its size, with nothing recorded: rank 0 at its peak is as rank 1.

    A smaller one comes first: if kernels are not there yet, a rank compiles them, which takes memory.
    """
    arguments = ["-m", "distsim.scaling", "--model", "microcircuit", "--no-plot", "--out"]
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    mpirun(2, [*arguments, "small", "--sizes", "1543", "--time", "1"], cwd=tmp_path, env=environment)
    mpirun(2, [*arguments, "out", "--sizes", "15434", "--time", "300"], cwd=tmp_path, env=environment)
    ((first, second),) = (record["memory_peak"] for record in store.read(tmp_path / "out"))
    assert first == pytest.approx(second, rel=0.03)
