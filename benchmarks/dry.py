"""Dry runs beside real ones: memory, time to compute and spikes of every rank, alone and among the others.

    python benchmarks/dry.py [--ranks 2 4] [--networks brunel ...] [--repeat 3]

Each network is simulated once on one rank, with all spikes recorded; then on so many ranks by mpirun, each pinned to a
core; then these ranks, each by itself, all at the same time, each pinned to the same core as before,
so that it has as much of the caches and of the memory's bandwidth. Where there are more ranks than cores, real ones
take turns: computing is then timed, in both kinds of run, by the clock of the thread, which stands still meanwhile.
Prints a table: memory that building and simulating added to a process in which MPI had been called and a recording
read, and seconds of computing, both the least of the repetitions, and intervals in which a rank alone sent other spikes
than were recorded.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from launch import launcher
from measure import pin
from tabulate import tabulate

TWO_POPULATION = {"sizes": [100_000], "indegree": 1250, "vary": {}, "time": 300.0}
NETWORKS: dict[str, dict[str, Any]] = {
    "alpha": {**TWO_POPULATION, "parameters": {"neuron_model": "iaf_psc_alpha"}},
    "ignore_and_fire": {**TWO_POPULATION, "parameters": {"neuron_model": "ignore_and_fire"}},
    "brunel": {"model": "brunel", "sizes": [60_000], "time": 300.0},
    "microcircuit": {"model": "microcircuit", "sizes": [38_585], "time": 300.0},
    "own": {"model": "docs/own/my_network.py", "sizes": [60_000], "indegree": 2000, "time": 300.0},
}
MEGABYTE = 1e6


def main() -> None:
    """Compare, or, started by itself, be one of the processes that are compared."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--ranks", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--scale", type=float, default=1.0, help="of the numbers of neurons, and inputs that are given")
    parser.add_argument("--part", nargs=6, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        of_one(*options.part)
        return
    rows = [row for name in options.networks for row in compared(name, options.ranks, options)]
    header = ["network", "rank", "real (MB)", "dry (MB)", "ratio", "real (s)", "dry (s)", "ratio", "wrong"]
    print(tabulate(rows, header, floatfmt=("", "", ".2f", ".2f", ".4f", ".3f", ".3f", ".3f", "")))


def compared(name: str, all_ranks: list[int], options: argparse.Namespace) -> list[list[Any]]:
    """A row for each rank of each number of ranks."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        recording = str(Path(folder) / "spikes.h5")
        one = name, str(options.scale), recording
        wait([start(*one, "record", 1, 0)])
        for ranks in all_ranks:
            real, dry = [], []
            for _ in range(options.repeat):
                real.append(wait([start(*one, "real", ranks, 0)]))
                dry.append(wait([start(*one, "dry", ranks, rank) for rank in range(ranks)]))
            for rank in range(ranks):
                row: list[Any] = [name, f"{rank} of {ranks}"]
                for what, unit in (("memory", MEGABYTE), ("computing", 1.0)):
                    least = [min(found[rank][what] for found in runs) / unit for runs in (real, dry)]
                    row += [*least, least[1] / least[0]]
                rows.append([*row, f"{dry[0][rank]['wrong']} of {dry[0][rank]['intervals']}"])
    return rows


def start(name: str, scale: str, recording: str, part: str, ranks: int, rank: int) -> "subprocess.Popen[str]":
    """Start one process that is compared, or a job of them."""
    launch = [launcher(), "-n", str(ranks), "--oversubscribe", "--bind-to", "none"] if part == "real" else []
    line = [*launch, sys.executable, __file__, "--part", name, scale, recording, part, str(ranks), str(rank)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, text=True)


def wait(processes: list["subprocess.Popen[str]"]) -> list[dict[str, Any]]:
    """What processes print, by rank."""
    lines = [line for process in processes for line in process.communicate()[0].splitlines()]
    if any(process.returncode for process in processes):
        raise SystemExit("a part failed")
    return sorted((json.loads(line) for line in lines if line.startswith("{")), key=lambda found: int(found["rank"]))


def scaled(settings: dict[str, Any], scale: float) -> dict[str, Any]:
    """The settings with fewer neurons and inputs."""
    smaller = {"sizes": [round(scale * settings["sizes"][0])]}
    return settings | smaller | ({"indegree": round(scale * settings["indegree"])} if "indegree" in settings else {})


def of_one(name: str, scale: str, recording: str, part: str, ranks: str, rank: str) -> None:
    """Record, or measure this rank, and print what it tells."""
    from distsim.core import clock

    if int(ranks) > (os.cpu_count() or 1):  # kernels take the clock that is there when they are compiled
        clock.CLOCK = time.CLOCK_THREAD_CPUTIME_ID
    from distsim import DryRun, Simulation
    from distsim.parallel import world
    from distsim.record.recorded_spikes import RecordedSpikes
    from distsim.scaling.dry import measure
    from distsim.scaling.experiment import read_experiment
    from distsim.scaling.plan import load_point, model_of, plan_of, settings_of

    comm: Any = world()
    plan = plan_of(*read_experiment(None, scaled(NETWORKS[name], float(scale))), int(ranks), int(ranks))
    (point,) = plan.points
    if part == "record":
        model, parameters = model_of(plan.experiment), load_point(plan.experiment, point)
        settings = settings_of(plan.experiment, parameters, seed=point.seed)
        network = model.build_network(parameters)
        network.record_nothing()
        for population in network.populations:
            network.record_spikes(population)
        with Simulation(network, comm, settings.seed, precision=settings.precision, file=recording) as simulation:
            simulation.run(settings.presimulation + settings.time)
        return
    comm = DryRun(int(rank), int(ranks), recording, refuses=False) if part == "dry" else comm
    RecordedSpikes(recording).look()  # so that in both processes the library that reads it is there before
    pin([sorted(os.sched_getaffinity(0))[comm.rank % len(os.sched_getaffinity(0))]])
    sys.stdout.write(json.dumps(measure(plan.experiment, point, comm).as_dict()) + "\n")


if __name__ == "__main__":
    main()
