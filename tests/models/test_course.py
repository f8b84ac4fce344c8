"""Runs that end between two of their parts and go on, on other ranks: the same results, and times that are added up."""

from __future__ import annotations

import json
import signal

import h5py
import pytest
from mpi4py import MPI

from distsim.core.durations import Every
from distsim.core.errors import InputError
from distsim.models import course, registry
from distsim.models.course import Keeping
from distsim.models.recording import Recording
from distsim.models.run import simulate
from distsim.parallel.progress import silent
from distsim.parallel.signals import SuspendedError, watched
from distsim.record.checkpoint_files import before_it, read_head, remove
from distsim.scaling import session
from distsim.scaling.store import CHECKPOINTS
from tests.threads import on_ranks

OFTEN = Every(simulated=7.0)
SPIKING = ("two_population", {"N": 100, "K": 20}, {"presimulation": 15.0, "time": 40.0}, ["spikes=E"])
RUNS = {
    "spiking": SPIKING,
    "plastic weights": (*SPIKING[:3], ["spikes=E", "connectivity"]),
    "rates": ("brunel_siegert", {"order": 10, "stands_for": "neuron"}, {"time": 40.0}, ["rates=E,I@1"]),
    "binary": (None, {}, {"presimulation": 3.3, "time": 30.0}, ["flips", "activity=A@1.5"]),
}  # fmt: skip


BINARY = """
import numpy as np
from distsim import BinaryNetwork, FixedIndegree, Uniform

def build_network(N: int = 60):
    network = BinaryNetwork()
    network.population("A", N, theta=-0.5, tau=Uniform(2.0, 5.0), m_0=0.4)
    network.connect("A", "A", FixedIndegree(10), J=-0.25)
    network.record_updates()
    network.record_states(np.arange(0.0, 33.0, 0.7), "A", range(0, N, 7))
    return network
"""


@pytest.fixture(autouse=True)
def own_binary_network(tmp_path_factory, monkeypatch):
    """A network of binary neurons is that of a user's file."""
    path = tmp_path_factory.mktemp("own") / "mine.py"
    path.write_text(BINARY, encoding="utf-8")
    monkeypatch.setitem(RUNS, "binary", (str(path), *RUNS["binary"][1:]))


@pytest.fixture(autouse=True)
def parts_of_known_length(monkeypatch):
    """Runs are cut where they are saved, however fast this machine is now."""
    monkeypatch.setattr(course, "FIRST", 1e6)
    monkeypatch.setattr(course, "CHANGE", 1.0)


class EnoughError(Exception):
    """The run is to end here."""


def run(comm, name, folder, keeping=None, check=None):
    """Totals of a run, on rank 0 what its file holds as well."""
    model, given, settings, words = RUNS[name]
    found = registry.find(model)
    parameters = found.load(given)
    overrides, rest = found.divided(settings)
    parameters = found.load({**given, **overrides})
    chosen = found.settings_of(parameters, rest)
    with simulate(
        found, parameters, comm, chosen, silent,
        folder=folder, recording=Recording.of(words), keeping=keeping, check=check,
    ) as measured:  # fmt: skip
        totals, file = measured.totals, folder / measured.wing.file
        summary = measured.activity.summary()
    if comm.rank > 0:
        return totals
    with h5py.File(file) as held:
        columns: dict[str, bytes] = {}
        held.visititems(lambda n, d: columns.update({n: d[()].tobytes()}) if isinstance(d, h5py.Dataset) else None)
    hashes = {name: value for name, value in totals.items() if "hash" in name or name.startswith("n_")}
    return totals, hashes, columns, json.dumps(summary, default=str)


def after(parts):
    """A check that ends the run after so many parts."""
    left = [parts]

    def check():
        left[0] -= 1
        if left[0] < 0:
            raise EnoughError

    return check


def in_parts(name, folder, path, ranks, parts, every=OFTEN):
    """As ``run``, on the numbers of ``ranks`` one after the other; all but the last end after so many ``parts``."""
    for k, n in enumerate(ranks):
        last = k == len(ranks) - 1
        keeping = Keeping(path, every, resume=k > 0)

        def part(comm, keeping=keeping, last=last):
            try:
                return run(comm, name, folder, keeping, None if last else after(parts))
            except EnoughError:
                return None

        found = on_ranks(n, part)[0]
    return found


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize(("ranks", "parts"), [((1, 3), 3), ((3, 2, 1), 2)])
def test_a_run_goes_on_to_the_same_bits(name, ranks, parts, tmp_path):
    (undisturbed,) = on_ranks(1, lambda comm: run(comm, name, tmp_path))
    (tmp_path / "parts").mkdir()
    totals, *results = in_parts(name, tmp_path / "parts", tmp_path / "run.checkpoint", ranks, parts)
    assert results == list(undisturbed[1:])
    assert [part["ranks"] for part in totals["parts"]] == list(ranks)
    assert totals["sim_time"] == sum(part["sim_time"] for part in totals["parts"])
    assert totals["build_time"] == totals["parts"][-1]["build_time"]
    assert totals["phase_times"].keys() == undisturbed[0]["phase_times"].keys()


def test_checkpoints_by_wall_time(tmp_path, monkeypatch):
    """So often that each part is saved, of which there are 3 and 8."""
    monkeypatch.setattr(course, "FIRST", 5.0)
    undisturbed, kept = (
        on_ranks(1, lambda comm, keeping=keeping, folder=folder: run(comm, "spiking", folder, keeping))[0]
        for folder, keeping in (
            (tmp_path / "a", None), (tmp_path / "b", Keeping(tmp_path / "run.checkpoint", Every(wall=1e-9))),
        )
        if folder.mkdir() is None
    )  # fmt: skip
    assert undisturbed[1:] == kept[1:]
    assert kept[0]["parts"][0]["checkpoints"] == 11
    remove(tmp_path / "run.checkpoint")
    assert {path.name for path in tmp_path.iterdir()} == {"a", "b"}


def test_a_signal_to_any_rank_ends_the_run_on_all_at_the_same_place(tmp_path):
    """Ranks of threads share their signals: that one rank alone has heard of it is said beforehand."""
    path = tmp_path / "run.checkpoint"

    def stopped(comm):
        with pytest.raises(SuspendedError) as stop:
            run(comm, "spiking", tmp_path, Keeping(path, OFTEN))
        return str(stop.value)

    with watched() as watch:
        watch.number = signal.SIGUSR1
        sentences = on_ranks(3, stopped)
    assert len(set(sentences)) == 1
    assert sentences[0].startswith("stopped by SIGUSR1; nothing was saved yet; the same command line with --resume")
    (tmp_path / "again").mkdir()
    with watched() as watch:
        check = after(4)

        def note():
            try:
                check()
            except EnoughError:
                watch.number = signal.SIGTERM

        with pytest.raises(SuspendedError, match="stopped by SIGTERM; the run is kept as it was at 28 ms; the same"):
            on_ranks(1, lambda comm: run(comm, "spiking", tmp_path / "again", Keeping(path, OFTEN), note))
    assert read_head(path)["time"] > 0.0


@pytest.mark.mpi(min_size=2)
def test_ranks_agree_on_a_signal_that_one_of_them_heard(comm, tmp_path):
    path = comm.bcast(tmp_path)
    with watched() as watch:
        watch.number = signal.SIGUSR1 if comm.rank == comm.size - 1 else 0
        with pytest.raises(SuspendedError):
            run(comm, "spiking", path, Keeping(path / "run.checkpoint", OFTEN))


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path):
    path = tmp_path / "run.checkpoint"
    assert in_parts("spiking", tmp_path, path, (1,), 0)[0]["parts"][0]["checkpoints"] > 2
    later, earlier = (read_head(each)["time"] for each in (path, before_it(path)))
    assert later > earlier
    damaged = bytearray(path.read_bytes())
    for place in range(2000, len(damaged) - 20_000, 500):
        damaged[place] ^= 0xFF
    path.write_bytes(damaged)
    (again,) = on_ranks(1, lambda comm: run(comm, "spiking", tmp_path, Keeping(path, OFTEN, resume=True)))
    assert again[0]["parts"][-1]["from"] == earlier
    path.write_bytes(b"nothing")
    before_it(path).write_bytes(b"nothing")
    with pytest.raises(InputError, match="is no checkpoint, or it is damaged"):
        on_ranks(1, lambda comm: run(comm, "spiking", tmp_path, Keeping(path, OFTEN, resume=True)))


def test_another_run_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "run.checkpoint"
    in_parts("spiking", tmp_path, path, (1,), 0)
    model, given, settings, words = SPIKING
    for other, sentence in (
        ((model, {**given, "g": 3.0}, settings, words), "parameters.g is 10.0 there, but 3.0 here"),
        ((model, given, {**settings, "seed": 5}, words), "parameters.seed is 1 there, but 5 here"),
        ((model, given, {**settings, "precision": "single"}, words), "precision is 'double' there, but 'single' here"),
        ((model, given, settings, ["spikes=I"]), "record is .'spikes=E'. there, but .'spikes=I'. here"),
    ):
        monkeypatch.setitem(RUNS, "spiking", other)
        with pytest.raises(InputError, match=sentence):
            on_ranks(1, lambda comm: run(comm, "spiking", tmp_path, Keeping(path, OFTEN, resume=True)))


ARGUMENTS = [
    "--sizes",
    "60",
    "80",
    "--indegree",
    "20",
    "--time",
    "40",
    "--vary",
    "neuron_model=iaf_psc_alpha",
    "--no-plot",
]


def records(folder):
    return [json.loads(line) for line in (folder / "runs.jsonl").read_text().splitlines()]


def test_a_point_goes_on_in_the_middle(tmp_path, monkeypatch, capsys):
    """Its spikes, too; what was saved goes when it is done; without checkpoints nothing of all that is there."""
    out, keeping = tmp_path / "kept", ["--checkpoint", "10ms", "--keep", "spikes"]
    save = course.Course._save

    def saved_once(self, simulation):
        save(self, simulation)
        self._watch.number = signal.SIGUSR1

    monkeypatch.setattr(course.Course, "_save", saved_once)
    assert session.run(MPI.COMM_SELF, [*ARGUMENTS, *keeping, "--out", str(out)]) == session.POINTS_LEFT
    assert (
        "2 of 2 points left: stopped by SIGUSR1; the run is kept as it was at 20 ms; --resume"
        in capsys.readouterr().out
    )
    assert (out / CHECKPOINTS).is_dir()
    monkeypatch.undo()
    assert session.run(MPI.COMM_SELF, [*ARGUMENTS, *keeping, "--out", str(out), "--resume"]) == session.DONE
    assert session.run(MPI.COMM_SELF, [*ARGUMENTS, "--out", str(tmp_path / "not kept")]) == session.DONE
    first, second = records(out)
    assert [(part["from"], part["to"]) for part in first["parts"]] == [(0.0, 20.0), (20.0, 40.0)]
    assert len(second["parts"]) == 1
    assert first["wall_time"] > sum(part["wall_time"] for part in first["parts"])
    others = records(tmp_path / "not kept")
    for name in ("spike_hash", "weight_hash", "network", "n_spikes"):
        assert [row[name] for row in (first, second)] == [row[name] for row in others]
    assert not (out / CHECKPOINTS).exists()
    for folder in (out / "points").iterdir():
        with h5py.File(folder / "spikes.h5") as held:
            assert held.attrs["T"] == 40.0
