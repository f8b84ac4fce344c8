"""Points as jobs of their own: isolated from each other, whatever becomes of one of them."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from distsim.core.errors import InputError
from distsim.scaling import process
from distsim.scaling.__main__ import main
from distsim.scaling.jobs import SPOKEN, command, heard, listener
from tests.mpi import launcher
from tests.scaling.test_run import HARNESS, finish, kill, read, start

LAUNCHER = f"{' '.join(launcher())} -n {{ranks}}"
SERIAL = "sh -c 'exec \"$@\"' {ranks}"
"""Starts the job of a point on one rank, without MPI's launcher."""
SLEEP = "sh -c 'sleep 600; true' {ranks}"
STRONG = [
    *HARNESS, "--kind", "strong", "--sizes", "1250", "--indegree", "100", "--time", "50", "--out", "out", "--no-plot",
    "--vary", "neuron_model=iaf_psc_alpha", "--launcher", LAUNCHER,
]  # fmt: skip


def failed(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "out" / "failed.jsonl").read_text(encoding="utf-8").splitlines()]


def workers(folder: Path) -> dict[int, int]:
    """Processes of the point that is running in ``folder``, by rank."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            variables = dict(v.split(b"=", 1) for v in (entry / "environ").read_bytes().split(b"\0") if b"=" in v)
            here = Path(os.readlink(entry / "cwd")) == folder
        except OSError:
            continue
        if here and b"distsim.scaling.jobs" in words and b"PMIX_RANK" in variables:
            found[int(variables[b"PMIX_RANK"])] = int(entry.name)
    return found


def test_one_launch_per_point(tmp_path):
    """Strong scaling from one plain command: equal hashes, records as from within a job, and how it was launched."""
    finish(start([*STRONG, "--ranks", "1", "3"], tmp_path))
    rows = read(tmp_path / "out")
    assert [row["ranks"] for row in rows] == [1, 3]
    assert len({(row["spike_hash"], row["weight_hash"], row["n_synapses"]) for row in rows}) == 1
    assert [row["launcher"].endswith(f"-n {row['ranks']}") for row in rows] == [True] * 2
    assert all("--launcher" in row["launch_line"] for row in rows)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"experiment.json", "runs.jsonl"}


def test_a_killed_rank_fails_its_point_alone(tmp_path):
    """A rank of the first point is killed while it simulates; the second point is done, and the first on --resume."""
    arguments = [*STRONG, "--ranks", "2", "--time", "200000", "--timeout", "100s"]
    job = start(arguments, tmp_path)
    while job.poll() is None and len(found := workers(tmp_path)) < 2:
        time.sleep(0.02)
    time.sleep(1.0)
    os.kill(found[1], signal.SIGKILL)
    printed = finish(job, code=1)
    assert "2 ranks: FAILED: exit code" in printed
    assert "1 of 1 points failed; --resume tries them again" in printed
    assert len(failed(tmp_path)) == 1
    assert workers(tmp_path) == {}


def test_a_failing_point_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    """The launcher refuses the first point; the second is done; what failed is tried again on --resume."""
    script = tmp_path / "picky"
    script.write_text('#!/bin/sh\n[ -e fixed ] || { touch fixed; echo no >&2; exit 7; }\nshift; exec "$@"\n',
                      encoding="utf-8")  # fmt: skip
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    arguments = [*STRONG[2:], "--ranks", "1", "--seeds", "1", "2", "--launcher", f"{script} {{ranks}}"]
    assert main(arguments) == 1
    assert "[1/2] iaf_psc_alpha, N = 1250, seed 1, 1 rank: FAILED: exit code 7" in capsys.readouterr().out
    assert [row["seed"] for row in read(tmp_path / "out")] == [2]
    assert failed(tmp_path)[0]["reason"] == "exit code 7\nno"
    assert main([*arguments, "--resume"]) == 0
    assert [row["seed"] for row in read(tmp_path / "out")] == [2, 1]


def test_a_point_that_takes_too_long_is_ended(tmp_path):
    printed = finish(start([*STRONG, "--ranks", "2", "--time", "500000", "--timeout", "3s"], tmp_path), code=1)
    assert printed.count("FAILED: timed out after 3 s") == 1
    assert workers(tmp_path) == {}


def test_the_budget_ends_a_point_that_is_left_for_later(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([*STRONG[2:], "--ranks", "1", "2", "--launcher", SLEEP, "--budget", "1s"]) == 3
    assert "2 of 2 points left: the budget is spent" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"experiment.json"}


def test_ranks_end_with_the_command_that_launched_them(tmp_path, monkeypatch):
    """Kill -9 of the command alone: its point ends as well, and --resume is not hindered."""
    arguments = [*STRONG, "--ranks", "2", "--time", "500000"]
    job = start(arguments, tmp_path)
    while job.poll() is None and len(workers(tmp_path)) < 2:
        time.sleep(0.02)
    job.kill()
    job.communicate()
    deadline = time.monotonic() + 30
    while workers(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers(tmp_path) == {}
    monkeypatch.chdir(tmp_path)
    assert main([*arguments[2:], "--resume", "--launcher", SLEEP, "--budget", "0.5s"]) == 3
    assert list((tmp_path / "out").glob(".point-*")) == []
    assert "the job ended while it ran" in failed(tmp_path)[0]["reason"]


def test_wrong_launchers_are_named(tmp_path):
    with pytest.raises(InputError, match=r"'mpirun -n 2' does not contain \{ranks\}"):
        command("mpirun -n 2", 2)
    with pytest.raises(InputError, match="there is no program 'mpirum'"):
        command("mpirum -n {ranks}", 2)
    assert command(f"{sys.executable} -n {{ranks}}", 3) == [sys.executable, "-n", "3"]


# Processes and progress


def test_how_a_command_ended():
    def ended(code: str, limit: float | None = None) -> process.Ended:
        return process.run([sys.executable, "-c", code], limit, os.environ, lines.append)

    lines: list[str] = []
    assert ended("print(1); print(2)") == process.Ended(0, "")
    assert lines == ["1\n", "2\n"]
    assert ended("import sys; sys.exit('why')").reason(None) == "exit code 1\nwhy"
    assert ended("import os; os.kill(os.getpid(), 9)").reason(None) == "killed by SIGKILL"
    assert ended("import time; time.sleep(60)", 0.5).reason(0.5) == "timed out after 0.5 s"


def test_progress_is_told_and_heard():
    shown = []

    class Bar:
        def __init__(self, label, total, unit="ms"):
            self.label = label

        def __enter__(self):
            return lambda done: shown.append((self.label, done))

        def __exit__(self, *error):
            shown.append((self.label, "end"))

    with listener(Bar) as hear:
        hear(SPOKEN + '["build", 0, 0]\n')
        hear("something else\n")
        hear(SPOKEN + '["simulate", 100, 0]\n')
        hear(SPOKEN + '["simulate", 100, 50]\n')
    assert shown == [
        ("build", 0), ("build", "end"), ("simulate", 0), ("simulate", 50), ("simulate", "end"),
    ]  # fmt: skip
    assert heard(SPOKEN + '["sim') is None


def test_resume_of_launched_points_after_a_kill(tmp_path, monkeypatch):
    arguments = [*STRONG, "--ranks", "1", "--seeds", "1", "2", "3", "--launcher", SERIAL, "--resume"]
    job = start(arguments, tmp_path)
    while job.poll() is None and not (tmp_path / "out" / "runs.jsonl").exists():
        time.sleep(0.02)
    kill(job)
    monkeypatch.chdir(tmp_path)
    assert main(arguments[2:]) == 0
    assert sorted(row["seed"] for row in read(tmp_path / "out")) == [1, 2, 3]
