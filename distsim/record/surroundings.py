"""Where, with what and how something was run: what it takes to repeat it, or to explain its times."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from distsim.parallel import mpi_library
from distsim.parallel.lone_rank import is_lone

NAME = 64  # bytes of the name of a host
PACKAGES = ("distsim", "numpy", "numba", "h5py", "mpi4py")
LAUNCHERS = (
    "mpirun", "mpiexec", "mpiexec.hydra", "prterun", "prted", "orterun", "hydra_pmi_proxy", "srun", "slurmstepd",
)  # fmt: skip
ENVIRONMENT = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_", "DISTSIM_", "OMPI_MCA_", "PRTE_MCA_",
    "MPICH_", "UCX_", "FI_PROVIDER", "SLURM_JOB_ID", "SLURM_JOB_NODELIST", "SLURM_NNODES", "SLURM_NTASKS",
    "SLURM_CPUS_PER_TASK", "SLURM_CPU_BIND", "SLURM_MEM_PER_NODE", "MALLOC_", "LD_PRELOAD", "PYTHONOPTIMIZE",
)  # fmt: skip
"""Variables that change speed or results; a name that ends in an underscore stands for all that begin with it."""
INTERNAL = ("OMPI_MCA_PREFIXES", "OMPI_MCA_initial_wdir", "OMPI_MCA_num_procs", "OMPI_MCA_cpu_type")
"""What Open MPI tells its ranks of itself."""


def collect(comm: Any) -> dict[str, Any]:
    """What is the same for all that a job does; collective, complete on rank 0, empty on the others."""
    import numpy as np

    from distsim.parallel.array_collectives import gather_array
    from distsim.parallel.communicator import largest

    name = np.frombuffer(platform.node().encode()[:NAME].ljust(NAME), np.uint8)
    every = gather_array(name, comm, everywhere=is_lone(comm))
    fewest = -int(largest(comm, [-len(affinity())])[0])
    if comm.rank != 0 and not is_lone(comm):
        return {}
    hosts, ranks = np.unique(every.view(f"S{NAME}"), return_counts=True)
    return {
        "versions": versions(),
        "git_commit": git_commit(),
        "hosts": {host.decode().rstrip(): n for host, n in zip(hosts.tolist(), ranks.tolist(), strict=True)},
        "cpu_model": cpu_model(),
        "cores": os.cpu_count(),
        "cores_per_rank": fewest,
        "platform": platform.platform(),
        "mpi_library": mpi_library(),
        "launch_line": launch_line(),
        "environment": environment(os.environ),
    }


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that results depend on; None for one that runs without being installed."""
    from importlib import metadata  # 20 ms, mostly for the parts of e-mails

    found: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = None
    return found


def now() -> str:
    """Date and time (UTC) as ISO 8601 has them, to the second."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def git_commit() -> str | None:
    """The commit of the checkout that holds this file, with ``-dirty`` where it was changed; None outside of one."""
    import subprocess

    here = Path(__file__).resolve()
    try:
        # An installed copy may lie within the checkout of something else: only a tracked file counts.
        _git(here.parent, "ls-files", "--error-unmatch", here.name)
        return _git(here.parent, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    except (OSError, subprocess.SubprocessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    import subprocess

    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10, stdin=subprocess.DEVNULL)
    return done.stdout.strip()


def cpu_model() -> str:
    """The processor's name; what platform knows of it where there is no /proc/cpuinfo."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def affinity() -> list[int]:
    """The cores that this rank may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def launch_line() -> str:
    """The command as typed: the launcher's line where one started this rank, else that of Python."""
    own = shlex.join(sys.orig_argv)
    try:
        words = Path(f"/proc/{os.getppid()}/cmdline").read_bytes().decode(errors="replace").split("\0")[:-1]
    except OSError:
        return own
    if not words or Path(words[0]).name not in LAUNCHERS:
        return own
    words[0] = "mpirun" if Path(words[0]).name == "prterun" else words[0]  # what the mpirun of Open MPI becomes
    line = shlex.join(words)
    # A daemon on a remote node was not given the program: its line says nothing about what was started.
    return line if set(sys.orig_argv[1:]) <= set(words) else own


def environment(variables: Any) -> dict[str, str]:
    """Those of the environment ``variables`` that change speed or results."""
    return {name: variables[name] for name in sorted(variables) if name not in INTERNAL and _is_known(name)}


def _is_known(name: str) -> bool:
    return any(name == known or (known.endswith("_") and name.startswith(known)) for known in ENVIRONMENT)
