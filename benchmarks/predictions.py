"""Predictions beside what is then measured: real-time factor and memory of a rank, on one rank and on all cores.

    python benchmarks/predictions.py [--ranks 1 2] [--networks brunel ...] [--scale 0.4] [--repeat 3]

The machine is measured under mpirun, as `python -m distsim.scaling machine` does it. Each network is simulated once on
one rank, with all spikes recorded; then, in turn, a job on so many ranks is predicted from this recording, and run by
the harness, each rank bound to a core. Prints a table of medians; the exit code is 1 where a prediction is further off
than 15 % of the real-time factor, or 3 % of the memory.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dry import MEGABYTE, NETWORKS, scaled, wait
from dry import start as start_dry
from launch import launcher
from measure import pin
from tabulate import tabulate

LIMITS = {"factor": 0.15, "memory": 0.03}
"""By how much of what is measured predictions may be off."""


def main() -> int:
    """Compare, or, started by itself, predict or measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=0.4, help="of the numbers of neurons, and inputs that are given")
    parser.add_argument("--machine", help="machine.toml, if it is measured already")
    parser.add_argument("--part", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        of_one(*options.part)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        machine = options.machine or str(Path(folder) / "machine.toml")
        if not options.machine:
            line = [*bound(os.cpu_count() or 1), "-m", "distsim.scaling", "machine", "--out", machine]
            subprocess.run(line, check=True)
        rows = [row for name in options.networks for row in compared(name, machine, Path(folder), options)]
    header = [
        "network",
        "ranks",
        "predicted\nfactor",
        "measured",
        "ratio",
        "predicted\nMB of a rank",
        "measured",
        "ratio",
    ]
    print(tabulate(rows, header, floatfmt=("", "", ".3f", ".3f", ".3f", ".1f", ".1f", ".3f")))
    return int(any(abs(row[4] - 1) > LIMITS["factor"] or abs(row[7] - 1) > LIMITS["memory"] for row in rows))


def bound(ranks: int) -> list[str]:
    """What starts Python on so many ranks, each bound to a core."""
    return [launcher(), "-n", str(ranks), "--bind-to", "core", sys.executable]


def compared(name: str, machine: str, folder: Path, options: argparse.Namespace) -> list[list[Any]]:
    """A row for each number of ranks."""
    scale, recording = str(options.scale), str(folder / f"{name}.h5")
    wait([start_dry(name, scale, recording, "record", 1, 0)])
    rows = []
    for ranks in options.ranks:
        found: dict[str, list[dict[str, Any]]] = {"predicted": [], "measured": []}
        for _ in range(options.repeat):
            for part, told in found.items():
                launcher = [sys.executable] if part == "predicted" else bound(ranks)
                line = [*launcher, __file__, "--part", name, scale, recording, part, machine, str(ranks)]
                told += wait([subprocess.Popen(line, stdout=subprocess.PIPE, text=True)])
        print(json.dumps({"network": name, "ranks": ranks, **found}), file=sys.stderr)
        row: list[Any] = [name, ranks]
        for what, unit in (("factor", 1.0), ("memory", MEGABYTE)):
            predicted, measured = (statistics.median(t[what] for t in told) / unit for told in found.values())
            row += [predicted, measured, predicted / measured]
        rows.append(row)
    return rows


def of_one(name: str, scale: str, recording: str, part: str, machine: str, ranks: str) -> None:
    """Predict a job, or be a rank of it, and print what is told of it."""
    from distsim.parallel import world
    from distsim.parallel.progress import silent
    from distsim.scaling.experiment import read_experiment
    from distsim.scaling.machine_file import read_machine
    from distsim.scaling.plan import plan_of
    from distsim.scaling.point import Task, run_point
    from distsim.scaling.predict import Assumptions, Node, predict, this_machine

    settings = scaled(NETWORKS[name], float(scale)) | {"ranks": [int(ranks)]}
    plan = plan_of(*read_experiment(None, settings), int(ranks), int(ranks))
    (point,) = plan.points
    if part == "measured":
        comm = world()
        record = run_point(comm, Task(plan.experiment, point, plan.parameters_of(point)), silent)
        if comm.rank == 0:
            told = {"factor": record["real_time_factor"], "memory": max(record["memory_peak"])}
            phases = {phase: taken["mean"] for phase, taken in record["phase_times"].items()}
            sys.stdout.write(json.dumps({"rank": 0, **told, "seconds": phases}) + "\n")
        return
    pin([min(os.sched_getaffinity(0))])  # and with it the processes that it starts
    there = read_machine(Path(machine))
    node = Node(os.cpu_count() or 1, float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    found = predict(plan.experiment, point, Assumptions(node, there, this_machine(there.neurons), recording))
    told = {"factor": found.real_time_factor, "memory": found.memory_per_rank, "seconds": found.seconds}
    sys.stdout.write(json.dumps({"rank": 0, **told}) + "\n")


if __name__ == "__main__":
    sys.exit(main())
