"""Start one benchmarked run in a fresh process, on given cores, and describe the machine it ran on."""

import datetime
import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent


class BenchmarkError(Exception):
    """The benchmark cannot be run as asked; the message says why."""


@dataclass(frozen=True)
class Work:
    """One piece of work, given to both simulators in the same words. Time in ms."""

    case: str
    model: str
    neuron_model: str
    nest_poisson: bool
    size: int
    indegree: int
    time: float
    seed: int
    cores: tuple[int, ...]
    precision: str

    def options(self, time: float | None = None) -> list[str]:
        """Command-line options of the simulators' scripts; `time` replaces the simulated time."""
        return [
            f"--model={self.model}",
            f"--neuron-model={self.neuron_model}",
            f"--size={self.size}",
            f"--indegree={self.indegree}",
            f"--time={self.time if time is None else time}",
            f"--seed={self.seed}",
            "--cores",
            *map(str, self.cores),
        ]


def check_nest(python: str) -> None:
    """Raise BenchmarkError unless the interpreter exists and has NEST."""
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('nest') is None)"
    try:
        found = subprocess.run([python, "-c", look], env=_environment(python), check=False).returncode == 0
    except OSError as error:
        raise BenchmarkError(f"--nest-python: {python} cannot be run ({error.strerror})") from error
    if not found:
        raise BenchmarkError(
            f"{python} has no module nest: install the extra 'benchmark', or name an interpreter with --nest-python, "
            "or leave NEST out with --distsim-only"
        )


def run_nest(work: Work, python: str, time: float | None = None) -> dict[str, Any]:
    """One run of NEST with as many threads as cores, in a fresh process."""
    command = [python, str(HERE / f"nest_{work.model}.py"), *work.options(time)]
    if not work.nest_poisson:
        command.append("--no-poisson")
    environment = _environment(python)
    environment |= {"OMP_NUM_THREADS": str(len(work.cores)), "OMP_PROC_BIND": "true"}
    environment["OMP_PLACES"] = ",".join(f"{{{core}}}" for core in work.cores)
    return _record(command, environment)


def run_distsim(work: Work, time: float | None = None) -> dict[str, Any]:
    """One run of distsim with as many ranks as cores, in fresh processes; one rank is started without a launcher."""
    command = [sys.executable, str(HERE / "distsim_model.py"), *work.options(time)]
    command.append(f"--precision={work.precision}")
    ranks = len(work.cores)
    if ranks > 1:
        command = [launcher(), "-n", str(ranks), *command]
    environment = _environment(sys.executable)
    # The tree that this file belongs to is measured, not some other version that is installed.
    inherited = [part for part in (os.environ.get("PYTHONPATH"),) if part]
    environment |= {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *inherited])
    return _record(command, environment)


def launcher() -> str:
    """The MPI launcher: the one beside the running interpreter, else the first on PATH."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which("mpirun", path=path) or shutil.which("mpiexec", path=path)
    if found is None:
        raise BenchmarkError("no mpirun found: it is needed for more than one rank")
    return found


def check_launcher() -> None:
    """Raise BenchmarkError unless the MPI launcher starts a process (Open MPI refuses root unless told twice)."""
    command = [launcher(), "-n", "1", sys.executable, "-c", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkError(f"{command[0]} does not start processes; it says:\n{(done.stderr or done.stdout).strip()}")


def _environment(python: str) -> dict[str, str]:
    """The environment without what ties it to the running interpreter, where another one is meant."""
    environment = dict(os.environ)
    if python != sys.executable:
        for name in ("PYTHONPATH", "PYTHONHOME"):
            environment.pop(name, None)
    return environment


def _record(command: list[str], environment: dict[str, str]) -> dict[str, Any]:
    """Run the command; its last line of output is the record."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-20:])
        raise BenchmarkError(f"a run ended with exit code {done.returncode}: {' '.join(command)}\n{last}")
    try:
        record = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise BenchmarkError(f"a run printed no record: {' '.join(command)}\n{done.stdout[-1000:]}") from error
    return dict(record)


def machine() -> dict[str, Any]:
    """What a reader must know about the machine and the moment of the measurement."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "cpu": _field("/proc/cpuinfo", "model name"),
        "cpu_family_model": "/".join(
            str(_field("/proc/cpuinfo", name)) for name in ("cpu family", "model", "stepping")
        ),
        "cores": os.cpu_count(),
        "cores_allowed": sorted(os.sched_getaffinity(0)),
        "memory": _field("/proc/meminfo", "MemTotal"),
        "transparent_hugepages": _text("/sys/kernel/mm/transparent_hugepage/enabled"),
        "load_average": os.getloadavg(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "commit": _commit(),
    }


def _text(path: str) -> str | None:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return None


def _field(path: str, name: str) -> str | None:
    for line in (_text(path) or "").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return None


def _commit() -> str | None:
    """Commit of the measured tree, with "+" where files differ from it; None outside git."""
    git = shutil.which("git")
    if git is None:
        return None

    def ask(*words: str) -> str | None:
        done = subprocess.run([git, "-C", str(HERE), *words], capture_output=True, text=True, check=False)
        return None if done.returncode else done.stdout.strip()

    commit = ask("rev-parse", "HEAD")
    return commit and commit + ("+" if ask("status", "--porcelain", "--untracked-files=no") else "")
