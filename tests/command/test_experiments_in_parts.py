"""Experiments of their own on the command line: stopped between two parts, they go on to the same bits."""

from __future__ import annotations

import json
import signal

import h5py
import pytest
from mpi4py import MPI

from distsim.command.going_on import CHECKPOINT, RUN
from distsim.command.request import parse
from distsim.command.run_command import run
from distsim.core.errors import InputError
from distsim.models import course
from distsim.parallel.signals import SuspendedError, watched
from tests.threads import on_ranks

LIQUID = ["pairs=3", "T=60", "distances=[0.3,0.2,0.1]", "d_tolerance=0.05", "batch=2"]
BINARY = ["N=[30,20]", "K=[[6,5],[7,5]]", "T=12", "T_transient=4", "keep=csv,couplings", "state_times=[0.5,11.0]"]
EXPERIMENTS = {
    "liquid_state": ([*LIQUID, "keep=curves,spikes"], "liquid.h5", "distance_hash", "130ms"),
    "binary_ei": (BINARY, "activity.h5", "flip_hash", "2.5ms"),
}


def command(name, folder, *more, every=None):
    words, _, _, often = EXPERIMENTS[name]
    return parse(["run", name, "--set", *words, "--out", str(folder), "--checkpoint", every or often, *more])


def stopped(name, folder, monkeypatch):
    """Run until the second part has been simulated; a signal is noted then."""
    with watched() as watch:
        between = course.Course._between
        calls = []

        def note(self, simulation, ending=False):
            calls.append(simulation.time)
            watch.number = signal.SIGUSR1 if len(calls) == 3 else 0
            between(self, simulation, ending)

        monkeypatch.setattr(course.Course, "_between", note)
        with pytest.raises(SuspendedError, match=r"stopped by SIGUSR1; the run is kept as it was at [\d.]+ ms; the sa"):
            on_ranks(1, lambda comm: run(comm, command(name, folder)))
        monkeypatch.setattr(course.Course, "_between", between)
    return calls[-1]


def results(name, folder):
    """All that is written, apart from costs."""
    _, file, digest, _ = EXPERIMENTS[name]
    summary = json.loads((folder / "summary.json").read_text())
    tables = [t for t in summary["tables"] if not t["title"].startswith("times")]
    with h5py.File(folder / file) as held:
        columns = {}
        held.visititems(lambda n, d: columns.update({n: d[()].tobytes()}) if isinstance(d, h5py.Dataset) else None)
    texts = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".csv"}
    return summary[digest], tables, columns, texts


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_an_experiment_that_was_stopped_goes_on(name, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(course, "CHANGE", 1.0)
    monkeypatch.setattr("distsim.command.run_command.FORMATS", ())
    at = stopped(name, tmp_path / "parts", monkeypatch)
    assert {CHECKPOINT, RUN} < {path.name for path in (tmp_path / "parts").iterdir()}
    with pytest.raises(InputError, match="seed is 1 there, but 2 here"):
        run(MPI.COMM_SELF, command(name, tmp_path / "parts", "--resume", "--set", "seed=2"))
    on_ranks(3, lambda comm: run(comm, command(name, tmp_path / "parts", "--resume", every="1h")))
    run(MPI.COMM_SELF, parse(["run", name, "--set", *EXPERIMENTS[name][0], "--out", str(tmp_path / "whole")]))
    assert results(name, tmp_path / "parts") == results(name, tmp_path / "whole")
    parts = json.loads((tmp_path / "parts" / "summary.json").read_text())["parts"]
    assert [(part["ranks"], part["from"], part["to"]) for part in parts][:1] == [(1, 0.0, at)]
    assert (parts[1]["ranks"], parts[1]["from"]) == (3, at)
    assert not {CHECKPOINT, RUN} & {path.name for path in (tmp_path / "parts").iterdir()}
    run(MPI.COMM_SELF, command(name, tmp_path / "parts", "--resume"))
    assert "is done, nothing is left of it" in capsys.readouterr().out
