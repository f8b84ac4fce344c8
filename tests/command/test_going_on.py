"""Runs that are killed or stopped, and go on from what they saved, to the bits of a run that nothing happened to."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from functools import partial

import h5py
import pytest

from distsim.command import request
from distsim.command.going_on import CHECKPOINT, RUN
from distsim.core.durations import Every
from distsim.core.errors import InputError
from distsim.parallel.job import SUSPENDED
from distsim.record.checkpoint_files import aside, read_head
from distsim.scaling.process import kill, session
from distsim.scaling.store import CHECKPOINTS
from tests.mpi import JOB_ENVIRONMENT, launcher, outside_of_any_job

ENVIRONMENT = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, "PYTHONPATH": os.pathsep.join(sys.path)}
EVERY = 1000.0  # ms
RUN_MODEL = [
    sys.executable,
    "-m",
    "distsim",
    "run",
    "two_population",
    "--set",
    "N=100",
    "K=20",
    "--presimulation",
    "50",
]
HASHES = ("spike_hash", "weight_hash", "n_spikes")


def command(folder, duration, *more, ranks=1):
    words = [*launcher(), "-n", str(ranks)] if ranks > 1 else []
    given = ["--time", str(duration), "--out", str(folder), "--checkpoint", f"{EVERY:g}ms", *more]
    return [*words, *RUN_MODEL, *given]


class Begun:
    """A run that begins or goes on in ``folder``, in a session of its own, by which nothing of it is left."""

    def __init__(self, folder, duration, *more, ranks=1):
        self.job = subprocess.Popen(
            command(folder, duration, *more, ranks=ranks), env=ENVIRONMENT, text=True, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def wait_until(self, so, look=5e-3):
        """Wait until ``so()``, looked at every ``look`` s; whether it came to that while the job ran."""
        while self.job.poll() is None:
            if so():
                return True
            time.sleep(look)
        return False

    def kill(self):
        for process in session(self.job.pid):
            kill(process)
        self.job.communicate()

    def ended(self):
        said = self.job.communicate(timeout=120)
        return self.job.returncode, *said


def kept(folder):
    """The time (ms) of the newest checkpoint."""
    return read_head(folder / CHECKPOINT)["time"] if (folder / CHECKPOINT).exists() else 0.0


def results(folder):
    """Hashes of a run that came to its end, and all that its file of spikes holds."""
    summary = json.loads((folder / "summary.json").read_text())
    with h5py.File(folder / "spikes.h5") as file:
        columns = {
            f"{name}/{kind}": file["spikes"][name][kind][()].tobytes() for name in "EI" for kind in file["spikes/E"]
        }
    return {name: summary[name] for name in HASHES}, columns


def killed_again_and_again(folder, duration, kills, numbers):
    """Kill a run ``kills`` times, every second time while it writes a checkpoint, and let it come to its end.

    Returns how often it was killed, and how often while it wrote.
    """
    while_writing = n = 0
    for number in range(kills):
        before = kept(folder)
        ranks = 2 if number % 5 == 4 else 1
        run = Begun(folder, duration, "--resume", ranks=ranks)
        writes = number % 2 == 0
        began = run.wait_until(partial(kept_later, folder, before))
        if writes:
            run.wait_until((aside(folder / CHECKPOINT)).exists, look=1e-4)
        elif began:
            time.sleep(numbers.uniform(0.0, 0.1))
        n += run.job.poll() is None
        run.kill()
        if (folder / "summary.json").exists():
            break
        while_writing += aside(folder / CHECKPOINT).exists()
        with h5py.File(folder / "spikes.h5") as file:
            assert 0.0 <= file.attrs["T"] - kept(folder) <= EVERY
    code, _, errors = Begun(folder, duration, "--resume").ended()
    assert code == 0, errors
    return n, while_writing


def kept_later(folder, before):
    """Whether a checkpoint later than ``before`` is there, which another may replace just now."""
    try:
        return kept(folder) > before
    except InputError:
        return False


@pytest.mark.slow  # starts Python 22 times, and MPI four times
def test_a_run_that_is_killed_at_twenty_moments_goes_on_to_the_same_bits(tmp_path):
    duration, kills, folder = 120_000, 20, tmp_path / "killed"
    n, while_writing = killed_again_and_again(folder, duration, kills, random.Random(1))
    assert n == kills
    assert while_writing >= 8
    assert Begun(tmp_path / "undisturbed", duration).ended()[0] == 0
    assert results(folder) == results(tmp_path / "undisturbed")
    assert not [path.name for path in folder.iterdir() if CHECKPOINT in path.name or path.name in (RUN, "lock")]
    parts = json.loads((folder / "summary.json").read_text())["parts"]
    assert [part["from"] for part in parts] == [0.0, *(part["to"] for part in parts[:-1])]
    assert len(parts) == kills + 1


def test_a_signal_saves_the_run_and_ends_it_with_one_sentence(tmp_path):
    folder = tmp_path / "out"
    run = Begun(folder, 100_000, ranks=2)
    assert run.wait_until((folder / CHECKPOINT).exists)
    run.job.send_signal(signal.SIGUSR1)
    code, printed, errors = run.ended()
    assert code == SUSPENDED
    (said,) = (line for line in errors.splitlines() if line.startswith("distsim: "))
    assert said == (
        f"distsim: stopped by SIGUSR1; the run is kept as it was at {kept(folder):g} ms; "
        "the same command line with --resume goes on"
    )
    assert "real-time" not in printed
    code, _, errors = Begun(folder, 100_000, "--resume", "--seed", "2").ended()
    assert (code, errors) == (
        2,
        f"distsim: error: output folder '{folder}' is of another run: parameters.seed is 1 there, but 2 here; "
        "take another --out\n",
    )


HARNESS = [sys.executable, "-m", "distsim.scaling", "--sizes", "500", "--indegree", "50"]
KEEPING = ["--time", "1000000", "--checkpoint", "1000ms", "--loop", "python"]


@pytest.mark.parametrize(
    ("words", "number", "said"),
    [(RUN_MODEL, signal.SIGINT, "interrupted"), (HARNESS, signal.SIGTERM, "stopped by SIGTERM")],
    ids=["run", "harness"],
)
def test_a_signal_to_a_process_without_a_launcher(words, number, said, tmp_path):
    """Where Python runs the intervals; under the compiled loop: above, by SIGUSR1."""
    folder = tmp_path / "out"
    job = [*words, *KEEPING, "--out", str(folder)]
    process = subprocess.Popen(
        job, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    where = folder if words is RUN_MODEL else folder / CHECKPOINTS
    while process.poll() is None and not any(path.suffix == ".before" for path in where.glob("*")):
        time.sleep(0.02)
    process.send_signal(number)
    printed, errors = process.communicate(timeout=120)
    assert process.returncode == SUSPENDED
    (sentence,) = re.findall(f"{said}; the run is kept as it was at .* ms; .*--resume", printed + errors)
    (time_kept,) = re.findall(r"at ([\d.]+) ms", sentence)
    newest = next(path for path in where.glob("*") if path.with_name(f"{path.name}.before").exists())
    assert read_head(newest)["time"] == float(time_kept)
    assert "Traceback" not in errors


def test_ctrl_c_at_the_launcher_says_what_was_kept(tmp_path):
    """Open MPI ends its ranks at once, whatever they save: the checkpoint before is there."""
    folder = tmp_path / "out"
    run = Begun(folder, 1_000_000, ranks=2)
    assert run.wait_until((folder / CHECKPOINT).exists)
    run.job.send_signal(signal.SIGINT)
    code, _, errors = run.ended()
    assert code != 0
    said = [line for line in errors.splitlines() if line.startswith("distsim: ")]
    assert said[0].startswith("distsim: stopped by SIGTERM; the run is kept as it was at ")
    assert said[0].endswith("; the same command line with --resume goes on")
    assert "Traceback" not in errors
    assert kept(folder) > 0.0


def parsed(*words):
    return request.parse(["run", "two_population", *words])


def test_options():
    asked = parsed("--checkpoint", "60s", "--out", "results")
    assert (asked.every, asked.resume) == (Every(wall=60.0), False)
    assert parsed("--checkpoint", "500ms", "--out", "results").every == Every(simulated=500.0)
    assert parsed("--resume", "--out", "results").every == Every(wall=600.0)
    assert parsed("--out", "results").every is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--checkpoint", "60s"], "--checkpoint: checkpoints are in the output folder; name it by --out FOLDER"),
        (["--resume"], "--resume: checkpoints are in the output folder; name it by --out FOLDER"),
        (["--checkpoint", "soon", "--out", "x"], "checkpoint must be a duration: 60s, 10m .* got 'soon'"),
        (["--checkpoint", "0ms", "--out", "x"], "checkpoint must be"),
    ],
)
def test_wrong_options(words, message):
    with pytest.raises(InputError, match=message):
        parsed(*words)


def test_a_run_that_is_done_is_left_alone(tmp_path):
    folder = tmp_path / "out"
    assert Begun(folder, 100).ended()[0] == 0
    before = (folder / "summary.json").stat().st_mtime_ns
    code, said, _ = Begun(folder, 100, "--resume").ended()
    assert (code, said) == (0, f"the run in {folder} is done, nothing is left of it\n")
    assert (folder / "summary.json").stat().st_mtime_ns == before


EARLY = """
import os, signal, sys
from {program} import __main__ as program
world = program.world

def begins():
    if "{rank}" in (os.environ.get("OMPI_COMM_WORLD_RANK"), "any"):
        os.kill(os.getpid(), signal.SIGUSR1)
    return world()

program.world = begins
sys.exit(program.main(sys.argv[1:]))
"""
NOTHING = "stopped by SIGUSR1; nothing was saved yet; the same command line with --resume goes on"
POINTS = "2 of 2 points left: stopped by SIGUSR1; --resume goes on with them"


@pytest.mark.parametrize(
    ("program", "words", "rank", "said"),
    [
        ("distsim", RUN_MODEL[3:], "any", NOTHING),
        ("distsim", RUN_MODEL[3:], "1", NOTHING),
        (
            "distsim.scaling",
            ["--sizes", "500", "1000", "--indegree", "50", "--vary", "neuron_model=ignore_and_fire"],
            "any",
            POINTS,
        ),
    ],
    ids=["run", "second of two ranks", "harness"],
)
def test_a_signal_before_anything_is_simulated(program, words, rank, said, tmp_path):
    """Before MPI begins: nothing is built, nothing is saved, and the same line with --resume begins."""
    folder = tmp_path / "out"
    ranks = [*launcher(), "-n", "2"] if rank == "1" else []
    script = EARLY.format(program=program, rank=rank)
    job = [*ranks, sys.executable, "-c", script, *words, "--time", "100", "--checkpoint", "60s", "--out", str(folder)]
    ended = subprocess.run(job, env=ENVIRONMENT, text=True, capture_output=True, timeout=120, check=False)
    assert (ended.returncode, (ended.stdout + ended.stderr).count(said)) == (SUSPENDED, 1)
    assert "Traceback" not in ended.stderr
    assert not list(folder.glob("*checkpoint"))
