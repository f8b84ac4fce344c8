"""The harness when something goes wrong around it: signals, exhausted memory, closed or poor output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from distsim.core.errors import InputError
from distsim.parallel.signals import WORDS
from distsim.scaling import jobs, process
from distsim.scaling.__main__ import main
from distsim.scaling.options import parse
from distsim.scaling.session import Session
from distsim.scaling.store import Folder
from tests.scaling.test_report import save
from tests.scaling.test_run import ENVIRONMENT, HARNESS, start
from tests.scaling_records import make_experiment, make_record, strong_records

SMALL = ["--sizes", "60", "80", "--indegree", "20", "--time", "20"]
TINY = [*SMALL, "--vary", "neuron_model=iaf_psc_alpha", "--out", "out"]


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


# Points that end their job


def test_a_point_that_ends_its_job_is_recorded_and_comes_last(tmp_path):
    """As where the system kills a rank that takes all memory: nobody is left who could tell."""
    options = parse([*TINY, "--no-plot", "--out", str(tmp_path / "out"), "--resume"])
    for ended in (["running.json"], [], []):
        with Session(None, options, 1, 1) as session:
            order = [point.size for point in session._missing]
            if ended:
                session._folder.begin(session.plan.points[0])
    assert order == [80, 60]
    failure = json.loads(lines(tmp_path / "out" / "failed.jsonl")[0])
    assert (failure["size"], "the job ended while it ran" in failure["reason"]) == (60, True)
    assert len(lines(tmp_path / "out" / "failed.jsonl")) == 1
    assert main(["show", str(tmp_path / "out")]) == 3


def test_memory_exhausted_on_one_rank_of_two(tmp_path, mpirun):
    """The point is told as failed; --resume does the others first."""
    code = f"""
import sys
import distsim.scaling.session as harness
from distsim.scaling.__main__ import main
from tests.scaling_records import make_experiment, make_record
def run_point(comm, task, progress, check):
    comm.barrier()
    if task.point.size == 60:
        if comm.rank == 1:
            raise MemoryError
        comm.barrier()
    return make_record(task.point)
harness.run_point = run_point
sys.exit(main({[*TINY, "--no-plot", "--resume"]!r}))
"""
    for points in ([], [80]):
        done = mpirun(2, ["-c", code], cwd=tmp_path, env=ENVIRONMENT, check=False)
        assert done.returncode != 0
        assert [json.loads(line)["size"] for line in lines(tmp_path / "out" / "runs.jsonl")] == points
    assert main(["show", str(tmp_path / "out")]) == 3
    assert len(lines(tmp_path / "out" / "failed.jsonl")) == 1


def test_old_records_are_refused_before_any_work(tmp_path):
    record = make_record()
    del record["kind"]
    folder = Folder(tmp_path / "out", make_experiment().identity(), make_experiment().settings(), resume=False)
    folder.add(record)
    folder.close()
    with pytest.raises(InputError, match="line 1: the record lacks the field 'kind': another version"):
        Folder(tmp_path / "out", make_experiment().identity(), make_experiment().settings(), resume=True)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"experiment.json", "runs.jsonl"}


# Signals and launchers

SLEEPING = ["--sizes", "60", "--launcher", "sh -c 'sleep 600; true' {ranks}", "--no-plot"]
AS_A_CHILD = ["--time", "500000", "--launcher", "sh -c 'shift; \"$@\"; true' sh {ranks}", "--no-plot"]


def processes(folder: Path) -> set[int]:
    """All that runs in ``folder``, but for the harness itself."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            if Path(os.readlink(entry / "cwd")) == folder and b"distsim.scaling" not in words and words != [b""]:
                found.add(int(entry.name))
        except OSError:
            continue
    return found


def left_over(folder: Path) -> set[int]:
    """What still runs in ``folder`` although it has had time: what is killed is gone only a moment later."""
    deadline = time.monotonic() + 60
    while processes(folder) and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes(folder)


@pytest.mark.parametrize("number", WORDS)
def test_signals_end_an_experiment_with_one_sentence(number, tmp_path):
    job = start([*HARNESS, *TINY, *SLEEPING], tmp_path)
    while job.poll() is None and not processes(tmp_path):
        time.sleep(0.02)
    job.send_signal(number)
    _, stderr = job.communicate(timeout=60)
    assert job.returncode == 128 + number
    assert stderr == f"distsim: {WORDS[number]}; 0 of 1 points are done, --resume goes on with the others\n"
    assert left_over(tmp_path) == set()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"experiment.json"}


def test_a_worker_behind_a_shell_ends_with_the_harness(tmp_path):
    """The system tells the shell alone that the harness was killed; the worker learns it from its input."""
    job = start([*HARNESS, *TINY, *AS_A_CHILD], tmp_path)
    while job.poll() is None and len(processes(tmp_path)) < 2:
        time.sleep(0.02)
    job.kill()
    job.communicate()
    assert left_over(tmp_path) == set()


def test_a_process_watches_its_parent_and_its_input():
    """It ends when either is gone, but not with an input that nobody has announced."""
    watching = "from distsim.scaling.process import end_with_parent; import time; end_with_parent(); "
    cases = [
        ("time.sleep(60)", b"distsim-harness-waits\n", 143),
        ("time.sleep(1.5)", b"", 0),
        ("time.sleep(1.5)", b"something else\n", 0),
    ]
    jobs = [subprocess.Popen([sys.executable, "-c", watching + text], stdin=subprocess.PIPE) for text, _, _ in cases]
    for job, (_, input_, _) in zip(jobs, cases, strict=True):
        job.stdin.write(input_)
        job.stdin.close()
    assert [job.wait(50) for job in jobs] == [code for _, _, code in cases]
    child = watching + "print(flush=True); time.sleep(60)"
    parent = f"""
import subprocess, sys
p = subprocess.Popen([sys.executable, "-c", {child!r}], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
p.stdout.readline()
print(p.pid, flush=True)
"""
    with subprocess.Popen([sys.executable, "-W", "ignore", "-c", parent], stdout=subprocess.PIPE, text=True) as job:
        watched = Path("/proc", job.stdout.readline().strip())
    deadline = time.monotonic() + 30
    while watched.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not watched.exists()


@pytest.mark.parametrize(
    ("launcher", "message"),
    [
        ("'{ranks}", '"\'{ranks}" is no command line: No closing quotation'),
        ("{ranks}", "there is no program '1'"),
        ("a\0b {ranks}", "is no command line|there is no program"),
        ("mpirun", r"does not contain \{ranks\}"),
    ],
)
def test_launchers_that_are_no_command_lines(launcher, message, tmp_path):
    with pytest.raises(InputError, match=message):
        jobs.launch(parse([*TINY, "--launcher", launcher, "--out", str(tmp_path / "out")]))
    assert list(tmp_path.iterdir()) == []


def test_a_launcher_that_starts_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "broken").write_bytes(b"\x7fELF no program")
    (tmp_path / "broken").chmod(0o755)
    for line, reason in [("true {ranks}", "no record, though the exit code is 0"), ("./broken {ranks}", "Exec format")]:
        out = f"out-{line.split()[0].strip('./')}"
        assert main([*TINY, "--no-plot", "--launcher", line, "--out", out]) == 1
        assert all(reason in json.loads(failure)["reason"] for failure in lines(tmp_path / out / "failed.jsonl"))


def test_any_amount_of_output_takes_little_memory():
    """100 MB of errors and 20 MB in one line: what is kept is their end."""
    code = (
        "import sys; [sys.stderr.write('x' * 999 + '\\n') for _ in range(100000)]; print('y' * 20_000_000); print('z')"
    )
    heard: list[str] = []
    ended = process.run([sys.executable, "-c", code], None, os.environ, heard.append)
    assert ended.code == 0
    assert len(ended.errors) == process.KEPT
    assert heard == ["z\n"]
    assert process.signal_name(15) == "SIGTERM"
    assert process.signal_name(40) == "signal 40"


# Output that nobody reads, or that knows few signs


@pytest.fixture(scope="module")
def results(tmp_path_factory) -> str:
    records = [{**r, "sim_time": r["sim_time"] * (1 + 0.1 * r["seed"])} for r in strong_records()]
    settings = make_experiment(sizes=(1250, 2500), ranks=(1,)).settings()
    return save(tmp_path_factory.mktemp("output") / "out", records, settings)


@pytest.mark.parametrize("redirection", ["2>&-", ">&-", ">&- 2>&-", "<&-", "| head -1", "> /dev/full", "2> /dev/full"])
def test_closed_and_full_output(redirection, results, tmp_path):
    command = f"{sys.executable} -m distsim.scaling show {results} {redirection}"
    line = f"{command}; echo ${{PIPESTATUS[0]}} > {tmp_path / 'code'}"
    done = subprocess.run(
        ["bash", "-c", line], env={**os.environ, **ENVIRONMENT}, capture_output=True, text=True, check=False, timeout=60
    )
    assert (tmp_path / "code").read_text(encoding="utf-8") == "3\n"  # points are missing
    assert done.stderr == ""


def test_output_in_ascii(results):
    words = [sys.executable, "-m", "distsim.scaling", "compare", results, results]
    environment = {**os.environ, **ENVIRONMENT, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(words, env=environment, capture_output=True, check=True, timeout=60)
    assert "1.000 (x/ 1.000)" in done.stdout.decode("ascii")
