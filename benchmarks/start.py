"""What a rank costs before its first step: processor time, memory, names that it looks for in the file system.

    python benchmarks/start.py --ranks 1 64

starts jobs of so many ranks, each of which does what ``python -m distsim run two_population`` does, and prints a
table of the least of the repetitions. CPU (s) and resident memory (MB; own: not shared with the libraries' files) are
those of the last rank after each phase; wall is the time (s) from the command to the first step of all ranks. With
strace installed, look-ups counts the system calls of the last rank that name a file, beyond those by which a process
starts Python and MPI. Linux only; kernels are compiled beforehand.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PHASES = ("interpreter", "MPI", "imports", "first kernel", "first step")


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    found.add_argument("--ranks", type=int, nargs="+", default=[1, 64])
    found.add_argument("--repetitions", type=int, default=3)
    found.add_argument("--launcher", default="mpirun --oversubscribe -n {ranks}", help="default: %(default)s")
    found.add_argument("--begun", type=float, help=argparse.SUPPRESS)  # a rank: when the command was given
    return found


def now() -> tuple[float, float, float]:
    """CPU (s), resident and own memory (MB) of this process."""
    lines = (line.split(":") for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines())
    status = {name: value.split() for name, value in lines}
    return time.process_time(), int(status["VmRSS"][0]) / 1024, int(status["RssAnon"][0]) / 1024


def as_a_rank(begun: float) -> None:
    """What a rank of a run does, and what it costs; the last one prints it."""
    costs = {"interpreter": now()}
    from distsim.__main__ import NEEDED
    from distsim.parallel import world
    from distsim.parallel.shared_modules import import_together

    comm = world()
    costs["MPI"] = now()
    import_together(comm, [*NEEDED, "distsim.models.two_population.network"])
    from distsim.models import registry
    from distsim.spiking.simulation import Simulation

    model = registry.find("two_population")
    network = model.build_network(model.load({"N": 1250, "K": 125}))
    costs["imports"] = now()
    first_kernel(lambda: costs.setdefault("first kernel", now()))
    simulation = Simulation(network, comm)
    comm.Barrier()
    costs["first step"] = now()
    simulation.run(1.5)
    if comm.rank == comm.size - 1:
        print(json.dumps({"wall": time.time() - begun, "costs": costs}), flush=True)


def first_kernel(told: Callable[[], object]) -> None:
    """Have ``told`` be called as soon as a kernel is loaded."""
    from distsim.core.jit import Kernel

    load = Kernel.code

    def loaded(self: Any, *arguments: Any) -> Any:
        found = load(self, *arguments)
        told()
        return found

    Kernel.code = loaded  # type: ignore[method-assign]


def run(command: list[str]) -> str:
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def measured(launcher: list[str]) -> dict[str, Any]:
    """What a job's last rank tells."""
    return json.loads(run([*launcher, sys.executable, __file__, "--begun", repr(time.time())]))


def look_ups(launcher: list[str], last: int) -> int:
    """Names that the last rank of a run looks for, beyond those of a program that starts MPI and does nothing."""
    run_of_model = ["-m", "distsim", "run", "two_population", "--set", "N=1250", "K=125", "--time", "1.5"]
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        trace = f'exec strace -qq -f -e trace=file -o "{folder}/${{OMPI_COMM_WORLD_RANK:-${{PMI_RANK:-0}}}}" "$@"'
        for program in (run_of_model, ["-c", "from mpi4py import MPI"]):
            run([*launcher, "sh", "-c", trace, "sh", sys.executable, *program])
            lines = Path(folder, str(last)).read_text(encoding="utf-8", errors="replace").splitlines()
            counts.append(sum("(" in line and "AT_EMPTY_PATH" not in line for line in lines))
    return counts[0] - counts[1]


def main() -> None:
    arguments = parser().parse_args()
    if arguments.begun is not None:
        as_a_rank(arguments.begun)
        return
    from tabulate import tabulate

    os.environ.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")  # ranks that outnumber the cores
    rows = []
    for ranks in arguments.ranks:
        launcher = arguments.launcher.format(ranks=ranks).split()
        runs = [measured(launcher) for _ in range(arguments.repetitions + 1)][1:]
        found = look_ups(launcher, ranks - 1) if shutil.which("strace") else None
        for phase in PHASES:
            cpu, resident, own = (min(run["costs"][phase][k] for run in runs) for k in range(3))
            rows.append([ranks, phase, f"{cpu:.2f}", f"{resident:.0f}", f"{own:.0f}", None, None])
        rows[-1][-2:] = [f"{min(run['wall'] for run in runs):.2f}", found]
    print(tabulate(rows, ["ranks", "after", "CPU (s)", "resident (MB)", "own (MB)", "wall (s)", "look-ups"]))


if __name__ == "__main__":
    main()
