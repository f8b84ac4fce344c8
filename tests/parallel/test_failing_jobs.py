"""Wrong input to a simulation is refused on all ranks, in one voice; a fault on one rank ends the whole job."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys

import pytest
from mpi4py import MPI

from distsim import AllToAll, IafPscAlpha, InputError, Network, Simulation, Static
from distsim.analysis.read import read_parameters, read_spikes
from distsim.parallel import signals
from distsim.parallel.signals import WORDS
from distsim.scaling.process import kill, session
from distsim.spiking.choices import LOOPS
from tests.mpi import JOB_ENVIRONMENT, launcher, outside_of_any_job


def refused(call, *words):
    """Assert that ``call`` raises InputError with a message that holds all ``words``."""
    with pytest.raises(InputError) as caught:
        call()
    for word in words:
        assert word in str(caught.value)


def connected():
    network = Network(dt=0.1)
    network.population("A", 5, IafPscAlpha())
    network.connect("A", "A", AllToAll(), Static(weight=1.0, delay=1.0))
    return network


SIMULATIONS = [
    ({"precision": "dubble"}, ["precision 'dubble'", "'double'"]),
    ({"exchange": "gather"}, ["exchange plan 'gather'", "'allgather'"]),
    ({"interval": 1.1}, ["interval = 1.1 ms", "minimum delay of 1 ms"]),
    ({"interval": 0.25}, ["interval = 0.25 ms", "dt = 0.1 ms", "0.2 or 0.3"]),
    ({"interval": 0.0}, ["interval = 0 ms", "at least 0.1 ms"]),
    ({"seed": 1.5}, ["seed", "whole number"]),
    ({"presicion": "double"}, ["Simulation", "unknown parameter 'presicion'", "'precision'"]),
]


@pytest.mark.parametrize(("options", "words"), SIMULATIONS)
def test_simulations(options, words):
    refused(lambda: Simulation(connected(), **{"comm": MPI.COMM_WORLD, **options}), *words)


def test_durations():
    simulation = Simulation(connected(), comm=MPI.COMM_WORLD)
    refused(lambda: simulation.run(0.25), "duration = 0.25 ms", "dt = 0.1 ms", "0.2 or 0.3")
    refused(lambda: simulation.run(-1.0), "duration = -1 ms", "at least 0 ms")
    refused(lambda: simulation.run(float("nan")), "duration", "finite")
    refused(lambda: simulation.run(1e12), "duration = 1e+12 ms", "2147483647 steps")
    assert simulation.step == 0


# ---------------------------------------------------------------- jobs of several ranks


@pytest.fixture(params=LOOPS)
def loop(request, monkeypatch):
    """What runs the intervals of a job."""
    monkeypatch.setenv("LOOP", request.param)


@pytest.fixture
def failing(mpirun, pytestconfig):
    def run(*arguments):
        program = ["-m", "tests.programs.failing", *arguments]
        return mpirun(3, program, timeout=60, check=False, cwd=pytestconfig.rootpath)

    return run


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("misspelt", "IafPscAlpha: unknown parameter 'C_mm'; did you mean 'C_m'?"),
        ("too_long_interval", "interval = 1.5 ms is longer than the minimum delay of 1 ms"),
        ("existing_file", "exists already; remove it or choose another file"),
        ("input_of_one_rank", "only rank 1 sees this"),
    ],
)
def test_wrong_input_is_told_once(failing, tmp_path, case, message):
    existing = tmp_path / "run.h5"
    existing.write_text("years of work")
    job = failing(case, str(existing))
    assert job.returncode == 2
    assert job.stderr.count(message) == 1
    assert len(re.findall("^distsim: error: ", job.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in job.stderr
    assert existing.read_text() == "years of work"


def test_a_full_disk_is_told_once(failing, tmp_path):
    job = failing("full_disk", str(tmp_path / "run.h5"))
    assert job.returncode == 4
    assert len(re.findall(r"^distsim: error: .*File too large.* complete up to \d+ ms", job.stderr, re.MULTILINE)) == 1
    assert "Traceback" not in job.stderr
    assert read_parameters(tmp_path / "run.h5")["T"] > 0.0


@pytest.mark.parametrize(
    ("case", "rank", "cause"),
    [
        ("fault_of_compiling", 1, "OSError: no room for kernels"),
        ("fault_on_root", 0, "OSError: the disk cannot be read"),
    ],
)
def test_a_fault_on_one_rank_ends_the_job(failing, case, rank, cause):
    job = failing(case)
    assert job.returncode not in (0, 2)
    assert f"distsim: rank {rank} of 3 failed: {cause}\nTraceback" in job.stderr
    assert job.stderr.count("distsim: ") == 1
    assert job.stderr.count("Traceback") == 1
    assert f"raise {cause.split(':')[0]}(" in job.stderr  # where it was raised


@pytest.mark.usefixtures("loop")
@pytest.mark.parametrize(
    ("case", "rank", "cause"),
    [
        ("fault_of_one_rank", 1, "OSError: the disk of rank 1 is full"),
        ("fault_of_progress", 0, "ZeroDivisionError: no progress"),
    ],
)
def test_a_fault_in_a_run_ends_the_job(failing, case, rank, cause):
    job = failing(case)
    assert job.returncode not in (0, 2)
    assert f"distsim: rank {rank} of 3 failed: {cause}\nTraceback" in job.stderr
    assert job.stderr.count("distsim: ") == 1
    assert job.stderr.count("Traceback") == 1


# ---------------------------------------------------------------- scripts of users, without run_main


@pytest.fixture
def script(mpirun, pytestconfig):
    def run(*arguments):
        return mpirun(
            3, ["-m", "tests.programs.script", *arguments], timeout=120, check=False, cwd=pytestconfig.rootpath
        )

    return run


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ("misspelt", "distsim: error: IafPscAlpha: unknown parameter 'C_mm'; did you mean 'C_m'?"),
        ("other_seed", "distsim: error: Simulation: the ranks are not given the same: seed is 1 on rank 0, but 2 on"),
        ("input", "distsim: error: rank 1 of 3: only rank 1 sees this"),
    ],
)
def test_wrong_input_of_a_script_is_told_once(script, case, message):
    job = script(case)
    assert job.returncode == 2
    assert job.stderr.count(message) == 1
    assert job.stderr.count("distsim: ") == 1
    assert "Traceback" not in job.stderr


def test_wrong_input_before_mpi_runs_is_told_once(mpirun):
    """Ranks that begin earlier than rank 0 let it speak; those that are ended meanwhile say nothing."""
    program = """
import os, time
if os.environ.get("PMIX_RANK", os.environ.get("PMI_RANK")) == "0":
    time.sleep(1.5)
from distsim import Network
Network(dt=-1.0)
"""
    job = mpirun(3, ["-c", program], timeout=60, check=False)
    assert job.returncode == 2
    assert re.findall("^.*(?:distsim:|Traceback|excepthook).*", job.stderr, re.MULTILINE) == [
        "distsim: error: Network: dt must be larger than 0, got -1"
    ]


@pytest.mark.parametrize(
    ("case", "rank", "cause"), [("fault", 1, "nobody catches this"), ("fault_of_all", 0, "my own mistake")]
)
def test_a_fault_of_a_script_ends_the_job(script, case, rank, cause):
    job = script(case)
    assert job.returncode == 1
    assert f"distsim: rank {rank} of 3 failed: ValueError: {cause}\nTraceback" in job.stderr
    assert job.stderr.count("Traceback") == 1


def test_a_script_without_a_launcher_has_the_usual_traceback():
    environment = outside_of_any_job(os.environ)
    program = "from distsim import Network\nNetwork(dt=-1.0)"
    job = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=60)
    assert job.returncode == 1
    assert job.stderr.startswith("Traceback")
    assert "InputError: Network: dt" in job.stderr


# ---------------------------------------------------------------- Ctrl-C, SIGTERM, SIGUSR1


class Running:
    """A job of two ranks that would run for hours; ``pids`` are those of its ranks."""

    def __init__(self, *program):
        environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT}
        command = [*launcher(), "-n", "2", sys.executable, *program]
        self.job = subprocess.Popen(
            command, env=environment, text=True, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        lines = [self.job.stdout.readline().split() for _ in range(2)]
        self.pids = {int(rank): int(pid) for _, rank, pid in lines}

    def ended(self):
        """Exit code of the launcher, and what was said; no rank is left."""
        try:
            _, said = self.job.communicate(timeout=60)
        finally:
            for process in session(self.job.pid):
                kill(process)
        return self.job.returncode, said


PROGRAMS = {"script": ["-m", "tests.programs.script", "running"], "run_main": ["-m", "tests.programs.failing", "runs"]}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_ranks_of_a_script_ends_the_job_with_one_sentence(number):
    assert ended_by(number, PROGRAMS["script"]) == (128 + number, [f"distsim: {WORDS[number]}"])


def ended_by(number, program):
    """Exit code and sentences of a job whose ranks get a signal."""
    job = Running(*program)
    for pid in job.pids.values():
        os.kill(pid, number)
    code, said = job.ended()
    assert "Traceback" not in said
    return code, re.findall("^distsim: .*", said, re.MULTILINE)


ENDS = {
    "a rank is killed": ("killed", {9, 128 + signal.SIGKILL}, []),
    "a kernel raises": (
        "fault_of_a_kernel", {1}, ["distsim: rank 1 of 2 failed: ValueError: a neuron of rank 1 broke down"],
    ),
    "Ctrl-C": (signal.SIGINT, {128 + signal.SIGINT}, ["distsim: interrupted"]),
    "SIGTERM": (signal.SIGTERM, {128 + signal.SIGTERM}, ["distsim: stopped by SIGTERM"]),
    "the budget is spent": (
        "spent_budget", {3}, ["2 of 2 points left: the budget is spent; --resume goes on with them"],
    ),
}  # fmt: skip
"""What ends a job: a case of ``failing`` or a signal; exit codes that launchers give then, and all that is said."""


@pytest.mark.parametrize("how", ENDS)
def test_a_job_ends_alike_under_both_loops(how, mpirun, pytestconfig, monkeypatch, tmp_path):
    case, codes, said = ENDS[how]
    ends = []
    for loop in LOOPS:
        monkeypatch.setenv("LOOP", loop)
        if isinstance(case, signal.Signals):
            ends.append(ended_by(case, PROGRAMS["run_main"]))
            continue
        program = ["-m", "tests.programs.failing", case, str(tmp_path / loop)]
        job = mpirun(2, program, timeout=60, check=False, cwd=pytestconfig.rootpath)
        lines = re.findall("^distsim: .*|^.* points left.*", job.stdout + job.stderr, re.MULTILINE)
        if case == "killed":  # the launcher's SIGTERM, which the other rank may still speak of
            lines = [line for line in lines if line != f"distsim: {WORDS[signal.SIGTERM]}"]
        ends.append((job.returncode, lines))
    assert ends[0] == ends[1]
    assert ends[0][0] in codes
    assert ends[0][1] == said


def test_ctrl_c_at_the_launcher_ends_the_job_with_one_sentence():
    """Open MPI sends its ranks SIGTERM, says no more, and ends with a code of its own."""
    job = Running(*PROGRAMS["script"])
    job.job.send_signal(signal.SIGINT)
    code, said = job.ended()
    assert code != 0
    assert len(re.findall("^distsim: .*", said, re.MULTILINE)) == 1
    assert "Traceback" not in said


def test_a_warning_that_the_launcher_passes_on_ends_the_job_with_one_sentence():
    job = Running(*PROGRAMS["run_main"])
    job.job.send_signal(signal.SIGUSR1)
    code, said = job.ended()
    assert code == 128 + signal.SIGUSR1
    assert re.findall("^distsim: .*", said, re.MULTILINE) == ["distsim: stopped by SIGUSR1"]
    assert "Traceback" not in said


def test_ctrl_c_on_a_terminal_is_called_so(tmp_path):
    """Open MPI makes SIGTERM of it for its ranks; the sentence goes to the terminal, with nothing beside it."""
    ours, theirs = os.openpty()
    environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT}
    command = [*launcher(), "-n", "2", sys.executable, *PROGRAMS["run_main"]]
    job = subprocess.Popen(command, env=environment, start_new_session=True, stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    for _ in range(2):
        job.stdout.readline()
    job.send_signal(signal.SIGINT)
    assert job.wait(timeout=60) != 0
    said = os.read(ours, 65536).decode()
    os.close(ours)
    job.stdout.close()
    assert said.split() == ["distsim:", "interrupted"]


def test_the_sentence_says_what_can_be_gone_on_with():
    with signals.remarked(lambda: "3 of 5 points are done"):
        assert str(signals.Stopped(signal.SIGINT)) == "interrupted; 3 of 5 points are done"
    assert str(signals.Stopped(signal.SIGINT)) == "interrupted"


def test_what_was_kept_is_told_in_a_file(tmp_path):
    """The launcher writes to it at a place of its own, over what a rank has added."""
    program = """
from distsim.parallel import run_main, world
from distsim.parallel.signals import SuspendedError

def main(comm):
    raise SuspendedError("the run is kept")

raise SystemExit(run_main(main, world()))
"""
    command = [*launcher(), "-n", "2", sys.executable, "-c", program]
    environment = outside_of_any_job(os.environ) | JOB_ENVIRONMENT
    with (tmp_path / "log").open("w") as log:
        done = subprocess.run(command, stderr=log, timeout=60, env=environment, check=False)
    assert done.returncode == 3
    assert "distsim: the run is kept\n" in (tmp_path / "log").read_text()


def test_a_handler_that_a_script_sets_itself_is_its_own(mpirun):
    program = """
import os, signal, time, distsim
distsim.Network
signal.signal(signal.SIGUSR1, lambda number, frame: print("mine", flush=True))
os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.5)
"""
    assert mpirun(2, ["-c", program]).stdout.splitlines() == ["mine"] * 2


@pytest.mark.parametrize("number", WORDS)
def test_a_signal_to_one_process_alone(number):
    environment = outside_of_any_job(os.environ)
    command = [sys.executable, *PROGRAMS["run_main"]]
    job = subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    job.stdout.readline()
    job.send_signal(number)
    _, said = job.communicate(timeout=60)
    assert (job.returncode, said) == (128 + number, f"distsim: {WORDS[number]}\n")


def test_what_was_recorded_before_a_signal_can_be_read(tmp_path):
    path = tmp_path / "run.h5"
    job = Running(*PROGRAMS["script"], str(path))
    for pid in job.pids.values():
        os.kill(pid, signal.SIGTERM)
    assert job.ended()[0] == 143
    times, _ = read_spikes(path, "A")
    assert len(times) == 0  # nobody fires; the file is whole
