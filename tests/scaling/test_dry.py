"""``python -m distsim.scaling dry``: ranks of a job of any size, one by one, from the command line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mpi4py import MPI

from distsim import Simulation
from distsim.core.errors import InputError
from distsim.models import registry
from distsim.scaling import dry_command
from distsim.scaling.__main__ import main
from distsim.scaling.dry import dry_run
from distsim.scaling.experiment import read_experiment
from distsim.scaling.plan import plan_of

ALPHA = ["--sizes", "120", "--indegree", "30", "--set", "neuron_model=iaf_psc_alpha"]
IGNORING = ["--sizes", "120", "--indegree", "30", "--set", "neuron_model=ignore_and_fire"]


def record(path, seed=1, T=40.0):
    """The file of a run of the network of ALPHA."""
    model = registry.find("two_population")
    network = model.build_network(model.load({"N": 120, "K": 30, "neuron_model": "iaf_psc_alpha"}))
    network.record_nothing()
    for population in network.populations:
        network.record_spikes(population)
    with Simulation(network, MPI.COMM_SELF, seed, file=path) as simulation:
        simulation.run(T)
        return simulation.spike_count(), simulation.synapse_count()


def test_ranks_one_by_one(tmp_path, capsys):
    """Each in a process of its own; together they have all synapses and spikes."""
    spikes, synapses = record(tmp_path / "spikes.h5")
    words = ["--ranks", "3", "--rank", "0,1", "2", "--spikes", str(tmp_path / "spikes.h5"), "--time", "40"]
    assert main(["dry", *ALPHA, *words, "--out", str(tmp_path / "dry.json")]) == 0
    shown = capsys.readouterr().out
    assert shown.count("27 intervals, all spikes as they must be") == 3
    assert "0 of 27" in shown
    written = json.loads((tmp_path / "dry.json").read_text())
    found = written["dry"]
    assert [each["rank"] for each in found] == [0, 1, 2]
    assert (sum(each["synapses"] for each in found), sum(each["spikes"] for each in found)) == (synapses, spikes)
    assert all(each["memory"] > 0 and each["loop"] == "compiled" and each["ranks"] == 3 for each in found)
    assert set(found[0]["known"].values()) == {"recording"}
    assert written["versions"]
    assert written["replayed"].endswith("spikes.h5")


def plan(*settings):
    return plan_of(*read_experiment(None, dict(settings)), 4, 4)


def test_counts_in_intervals(tmp_path):
    """Pre-simulation is replayed, too, and in no count; what comes is what all neurons sent."""
    made = plan(
        ("sizes", [120]), ("indegree", 30), ("parameters", {"neuron_model": "ignore_and_fire"}), ("time", 300.0),
        ("presimulation", 15.0), ("vary", {}), ("exchange", "allgather"),
    )  # fmt: skip
    found = [dry_run(made.experiment, made.points[0], rank) for rank in range(4)]
    assert {result.intervals for result in found} == {210}
    assert {len(result.events) for result in found} == {200}
    assert {int(result.received.sum()) for result in found} == {sum(result.spikes for result in found)}
    assert sum(result.events.sum() for result in found) == pytest.approx(30 * found[0].received.sum(), rel=0.1)
    assert np.all(found[0].targeted <= found[0].received)
    assert all(result.per_interval("update") > 0.0 and result.real_time_factor > 0.0 for result in found)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--ranks", "4", "--rank", "4"], "option --rank: 4 is beyond the last of 4 ranks, which is 3"),
        (["--ranks", "0", "--rank", "0"], "option --ranks must be"),
        (["--ranks", "4", "--rank", "x"], "option --rank must be"),
        (["--rank", "0"], "required: --ranks"),
        (["--ranks", "4", "--rank", "0", "--spikse", "f"], "unknown option '--spikse'; did you mean '--spikes'"),
        (["--ranks", "4", "--rank", "0", "--keep", "spikes"], "unknown option '--keep'"),
    ],
    ids=["beyond", "no ranks", "no number", "missing", "misspelt", "left out"],
)
def test_wrong_words(words, sentence):
    with pytest.raises(InputError, match=sentence):
        dry_command.parse([*ALPHA, *words])


def test_what_cannot_be_run_dry(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(dry_command, "dry_runs", in_this_process)
    record(tmp_path / "spikes.h5", seed=2, T=5.0)
    one = ["--ranks", "4", "--rank", "0", "--time", "5", "--out", str(tmp_path / "dry.json")]
    for words, sentence in {
        ("dry", *ALPHA, *one): "the spikes of 'E' are in no recording, and cannot be computed",
        ("dry", *ALPHA, *one, "--spikes", str(tmp_path / "spikes.h5")): "of another run: seed is 2 there, but 1 here",
        ("dry", "--model", "binary_ei", "--sizes", "40", *one): "'binary_ei' has binary neurons",
        ("dry", *IGNORING, *one[:4], "--out", str(tmp_path / "spikes.h5")): "spikes.h5 exists already",
    }.items():
        assert main(list(words)) == 2
        assert sentence in capsys.readouterr().err
    assert not (tmp_path / "dry.json").exists()


def test_wrong_intervals_are_told(tmp_path, capsys, monkeypatch):
    """The exit code says so, and the record in how many."""
    monkeypatch.setattr(dry_command, "dry_runs", in_this_process)
    silent = {name: (np.zeros(0), np.zeros(0, np.int64)) for name in ("E", "I")}
    monkeypatch.setattr(dry_command, "parse", lambda words: with_spikes(words, silent))
    words = ["--ranks", "4", "--rank", "1", "--time", "100", "--out", str(tmp_path / "dry.json")]
    assert main(["dry", *IGNORING, *words]) == dry_command.WRONG
    shown = capsys.readouterr().out
    (found,) = json.loads((tmp_path / "dry.json").read_text())["dry"]
    assert found["wrong"] > 0
    assert (
        f"WRONG in {found['wrong']} of 67 intervals, first in that which ends at {found['first_wrong']:g} ms" in shown
    )


parse = dry_command.parse


def with_spikes(words, spikes):
    options = parse(words)
    object.__setattr__(options.common, "spikes", spikes)
    return options


def in_this_process(experiment, points, ranks, spikes):
    return ((point, dry_run(experiment, point, rank, spikes)) for point in points for rank in ranks)
