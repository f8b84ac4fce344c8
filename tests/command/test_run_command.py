"""``python -m distsim run`` as a user starts it: results, files, ranks, wrong input, terminal and batch log."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time

import numpy as np
import pytest
from mpi4py import MPI

from distsim.analysis import read
from distsim.analysis import spike_statistics as rates
from distsim.command import going_on, run_command
from distsim.core import jit, kernel_cache
from distsim.core.errors import InputError
from distsim.core.units import beside_real_time
from distsim.parallel import progress
from tests.mpi import JOB_ENVIRONMENT, launcher, outside_of_any_job

COMM = MPI.COMM_SELF
SMALL = ["--set", "N=500", "K=50", "--time", "100"]
COMMAND = ["-m", "distsim", "run", "two_population"]
PATH = {"PYTHONPATH": os.pathsep.join(sys.path)}
ENVIRONMENT = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, **PATH}


def run(*arguments, cwd, check=True):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=300
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def one_rank(tmp_path_factory):
    """A run of a small network on one rank: its folder, its summary and what it printed."""
    folder = tmp_path_factory.mktemp("run")
    done = run(*COMMAND, *SMALL, "--out", "out", cwd=folder)
    summary = json.loads((folder / "out" / "summary.json").read_text(encoding="utf-8"))
    return folder / "out", summary, done


def test_files_and_tables(one_rank):
    folder, summary, done = one_rank
    figures = {f"{stem}.{kind}" for stem in ("raster", "distributions", "weights") for kind in ("png", "pdf")}
    assert {path.name for path in folder.iterdir()} == {"summary.json", "spikes.h5", *figures}
    assert done.stderr == ""
    for shown in ("CV of ISI", "real-time factor", "plastic weights", summary["spike_hash"], summary["weight_hash"]):
        assert shown in done.stdout
    assert (folder / "raster.png").read_bytes().startswith(b"\x89PNG")


def test_summary_holds_what_the_file_of_spikes_gives(one_rank):
    folder, summary, _ = one_rank
    assert summary["n_spikes"] == sum(population["spikes"] for population in summary["populations"].values())
    assert summary["n_synapses"] == 500 * 50
    for name, found in summary["populations"].items():
        times, neurons = read.read_spikes(folder / "spikes.h5", name)
        size = found["neurons"]
        assert found["spikes"] == len(times)
        assert found["rate"] == rates.mean_rate(times, size, 0.0, 100.0)
        assert found["rate_sd"] == pytest.approx(rates.neuron_rates(times, neurons, size, 0.0, 100.0).std(), rel=1e-13)
        assert found["synchrony"] == rates.synchrony(times, 0.0, 100.0)
    assert summary["tables"][0]["rows"][0][:3] == ["E", 400, summary["populations"]["E"]["rate"]]
    assert summary["parameters"]["N_E"] == 400
    assert summary["versions"]["numpy"] == np.__version__
    assert "run two_population" in summary["launch_line"]
    assert {"git_commit", "date", "hosts", "mpi_library", "phase_times", "memory_peak"} <= set(summary)


def test_a_run_is_repeated_from_its_summary_on_other_ranks(one_rank, tmp_path, mpirun):
    """The same bits on two ranks, told once; without --out nothing is written."""
    folder, summary, done = one_rank
    again = mpirun(2, [*COMMAND, "--from", str(folder / "summary.json")], cwd=tmp_path, env=PATH)
    assert again.stdout.count(summary["spike_hash"]) == 1
    assert again.stdout.count(summary["weight_hash"]) == 1
    activity = done.stdout.split("plastic weights")[0]
    assert activity in again.stdout
    assert list(tmp_path.iterdir()) == []
    assert "%|" not in again.stderr + again.stdout  # no bar: this is no terminal


def test_wrong_input_is_told_once_and_leaves_nothing(tmp_path, mpirun):
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine", encoding="utf-8")
    for arguments, message in [
        (["run", "two_popul"], "did you mean 'two_population'?"),
        (["run", "two_population", "--out", "new", "--set", "g=-1"], "g must be at least 0, got -1"),
        (["run", "two_population", "--out", "used"], "output folder 'used' is not empty, it holds notes.txt"),
    ]:
        done = mpirun(2, ["-m", "distsim", *arguments], cwd=tmp_path, check=False, env=PATH)
        assert done.returncode == 2
        assert done.stderr.count(message) == 1, done.stderr
        assert done.stderr.count("distsim: error:") == 1
        assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == ["used"]


def test_wrong_input_on_one_rank_without_mpi(tmp_path):
    for arguments, message in [
        (["rum"], "unknown command 'rum'; did you mean 'run'?"),
        ([*COMMAND[2:], "--set", "beat=1"], "two_population: unknown parameter 'beat'; did you mean 'beta'?"),
        ([*COMMAND[2:], "--set", "N=50", "allow_multapses=false", "--out", "new"], "reduce K or increase N"),
    ]:
        done = run("-m", "distsim", *arguments, cwd=tmp_path, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert message in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_two_runs_do_not_share_a_folder(tmp_path):
    with run_command.output_folder(COMM, tmp_path / "out"):
        with (
            pytest.raises(InputError, match=rf"another job works in output folder .* \(process {os.getpid()} on "),
            run_command.output_folder(COMM, tmp_path / "out"),
        ):
            pass
        assert going_on.files_in(tmp_path / "out") == []
    assert list((tmp_path / "out").iterdir()) == []
    with run_command.output_folder(COMM, tmp_path / "out"):
        pass


def end_in_an_error(folder, *files):
    with run_command.output_folder(COMM, folder):
        for name in files:
            (folder / name).touch()
        raise InputError("too late")


def test_a_folder_that_came_to_no_use_is_removed(tmp_path):
    for name, files in [("empty", []), ("holds", ["spikes.h5"])]:
        with pytest.raises(InputError, match="too late"):
            end_in_an_error(tmp_path / name, *files)
        assert (tmp_path / name).exists() == bool(files)
    for path, message in [
        ("holds", r"it holds spikes\.h5; give --out another folder"),
        ("holds/spikes.h5", "cannot be read: Not a directory"),
    ]:
        with pytest.raises(InputError, match=message), run_command.output_folder(COMM, tmp_path / path):
            pass
    with run_command.output_folder(COMM, None):
        pass


def test_texts_are_told_once_on_several_ranks(mpirun, tmp_path):
    done = mpirun(2, ["-m", "distsim", "list"], cwd=tmp_path, env=PATH)
    assert done.stdout.count("two_population") == 1


# ---------------------------------------------------------------- terminal


def on_terminal(command, cwd):
    """What ``command`` shows on a pseudo terminal of 100 columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    job = subprocess.Popen(command, cwd=cwd, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 65536):
            shown += piece
    except OSError:  # the terminal was left by all
        pass
    os.close(ours)
    assert job.wait(timeout=60) == 0, shown.decode()
    return shown.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="looks for the terminal of the launcher as Linux has it")
@pytest.mark.parametrize("ranks", [None, 2])
def test_a_terminal_shows_progress(tmp_path, ranks):
    """A bar that goes away: label, simulated time; also where the terminal is mpirun's."""
    command = [sys.executable] if ranks is None else [*launcher(), "-n", str(ranks), sys.executable]
    shown = on_terminal([*command, *COMMAND, *SMALL], tmp_path)
    assert "build ..." in shown
    assert "simulate:   0%|" in shown
    assert "0/100 ms" in shown
    assert shown.count("activity") == 1


def test_kernels_that_are_compiled_are_named_on_a_terminal(monkeypatch, tmp_path):
    """One line for each kernel that numba compiles, none for those that become part of it."""
    if not jit.COMPILED:
        pytest.skip("nothing is compiled")
    stream = io.StringIO()
    monkeypatch.setattr(progress, "_terminal", lambda: stream)
    monkeypatch.setattr(kernel_cache, "store", kernel_cache.Store())
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    @jit.jit
    def part(x):
        return 2 * x

    @jit.jit
    def kernel(x):
        return part(x) + 1

    class Comm:
        rank = 0

    with progress.compilation_shown(Comm()):
        assert kernel(3) == 7
        assert kernel(4) == 9
    assert stream.getvalue().count("compiling kernel (0 kernels compiled before") == 1
    assert "compiling part" not in stream.getvalue()


def test_a_bar_tells_real_time_factor_and_remaining_time(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(progress, "_columns", lambda stream: 100)
    with progress._bar(stream, "simulate", 1000.0) as tell:
        bar = stream.getvalue
        assert "real time" not in bar()
        time.sleep(0.15)
        tell(500.0)
    assert "simulate:  50%|" in bar()
    assert "500/1000 ms, " in bar()
    assert re.search(r" times (slower|faster) than real time, ", bar())
    assert bar().rstrip(" \r").endswith("left")
    stream = io.StringIO()
    with progress._bar(stream, "chain", 20.0, "pairs") as tell:
        time.sleep(0.15)
        tell(5.0)
    assert "5/20 pairs, " in stream.getvalue()
    assert "real time" not in stream.getvalue()


@pytest.mark.parametrize("rank", [0, 1])
def test_a_log_has_a_line_each_tenth_of_a_long_run(rank, monkeypatch, capsys):
    """On rank 0, without a terminal; none of work that takes seconds, nor two within ten seconds."""
    clock = iter([0.0, 4.0, 8.0, 30.0, 35.0, 45.0, 90.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress, "_terminal", lambda: None)

    class Comm:
        pass

    comm = Comm()
    comm.rank = rank
    with progress.bars(comm)("simulate", 1000.0) as tell:
        for done in (0.0, 50.0, 300.0, 399.0, 450.0, 1000.0):
            tell(done)
    lines = [
        "simulate: 30 %, 300 of 1000 ms after 00:30, 100 times slower than real time, 01:10 left",
        "simulate: 45 %, 450 of 1000 ms after 00:45, 100 times slower than real time, 00:55 left",
        "simulate: 100 %, 1000 of 1000 ms after 01:30, 90 times slower than real time",
    ]
    assert capsys.readouterr().err.splitlines() == ([] if rank else lines)


def test_words_beside_the_factor_say_which_way_it_goes():
    words = {0.02: "50 times faster", 0.5: "2 times faster", 2.5: "2.5 times slower", 3200.0: "3,200 times slower"}
    for factor, said in words.items():
        assert beside_real_time(factor) == f"{said} than real time"
    assert beside_real_time(0.999) == beside_real_time(1.001) == "as fast as real time"
