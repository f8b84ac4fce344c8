"""The launcher of the multi-rank tests: a job that hangs or fails is reported, and leaves no process behind."""

import time

import pytest

from tests import mpi

HELLO = "from mpi4py import MPI; c = MPI.COMM_WORLD; print('rank', c.rank, 'of', c.size)"
FAILING = """
import sys
from mpi4py import MPI
if MPI.COMM_WORLD.rank == 0:
    print(6 * 7)
    print(6 * 7 + 1, file=sys.stderr)
    sys.exit(3)
"""
STUBBORN = """
import signal
import time
from mpi4py import MPI
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(f"{MPI.COMM_WORLD.size} ranks stay", flush=True)
while True:
    time.sleep(1.0)
"""


def test_runs_the_ranks_asked_for(mpirun):
    lines = mpirun(3, ["-c", HELLO]).stdout.splitlines()
    assert sorted(lines) == ["rank 0 of 3", "rank 1 of 3", "rank 2 of 3"]


def test_a_job_inside_a_job_is_a_job_of_its_own(mpirun, pytestconfig):
    inner = f"from tests.mpi import mpirun; print(mpirun(3, ['-c', {HELLO!r}]).stdout, end='')"
    lines = mpirun(2, ["-c", inner], cwd=pytestconfig.rootpath).stdout.splitlines()
    assert sorted(lines) == sorted(2 * [f"rank {rank} of 3" for rank in range(3)])


def test_a_failure_is_reported_with_all_output(mpirun):
    # The message quotes the command as well: look for what only its output can hold.
    with pytest.raises(mpi.JobError, match=r"(?s)exit code 3.*stdout\n42\n.*stderr\n.*43"):
        mpirun(2, ["-c", FAILING])
    assert mpirun(2, ["-c", FAILING], check=False).returncode == 3


def test_a_job_out_of_time_is_killed_to_the_last_rank(mpirun, monkeypatch):
    jobs, end = [], mpi.end
    monkeypatch.setattr(mpi, "end", lambda job: jobs.append(job) or end(job))
    with pytest.raises(mpi.JobError, match=r"(?s)still running after 6 s.*2 ranks stay"):
        mpirun(2, ["-c", STUBBORN], timeout=6)
    deadline = time.monotonic() + 5  # for the kernel to take them off its list
    while mpi.session(jobs[0].pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert mpi.session(jobs[0].pid) == []
