"""What an interval costs beside its neurons and spikes: µs, by the loop in Python and by the compiled one.

    python benchmarks/interval.py --cores 0 1 --out interval.json

Networks of few neurons that exchange spikes after every step of 0.1 ms, on one rank and on two, each pinned to a core;
and the microcircuit at a tenth of its size on two. Runs of both loops take turns; the table has the least of all
repetitions, of the slowest rank, and the phases of that run of the compiled loop. "kernels" is what the kernels of
neurons and calendars take of an interval without spikes, measured by calling them as the compiled loop does; "beyond"
is the rest. On two ranks that do not have a core each the numbers say nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from launch import BenchmarkError, launcher, machine

if TYPE_CHECKING:
    from distsim import Network, Simulation

HERE = Path(__file__).resolve().parent
DT = 0.1  # ms
NEURONS = 10  # of a population
LOOPS = ("python", "compiled")
SCALE = 0.1  # of the microcircuit
TENTH = "microcircuit, scale 0.1"


def small(model: str, populations: int, *, plastic: bool = False) -> Network:
    """``populations`` of ten neurons, each connected to each, that fire about once in 10 ms in all."""
    from distsim import (
        FixedIndegree,
        IafPscAlpha,
        IafPscDelta,
        IafPscExp,
        Network,
        Poisson,
        Static,
        StdpPowerLaw,
    )  # fmt: skip

    network = Network(dt=DT)
    kind: Any = {"exp": IafPscExp, "alpha": IafPscAlpha, "delta": IafPscDelta}[model]
    weight = 0.1 if model == "delta" else 10.0
    synapse: Any = Static(weight=weight, delay=DT)
    if plastic:
        synapse = StdpPowerLaw(weight=weight, delay=DT, alpha=0.1, lambda_=0.01, mu=0.4, tau_plus=15.0, tau_minus=30.0)
    names = [f"P{k}" for k in range(populations)]
    for name in names:
        network.population(name, NEURONS, kind())
        network.stimulate(name, Poisson(rate=1000.0, weight=weight * 10.0))
    for source in names:
        for target in names:
            network.connect(source, target, FixedIndegree(1), synapse)
    return network


def microcircuit() -> Network:
    """The microcircuit at a tenth of its neurons and inputs."""
    from distsim.models import registry

    found: Any = registry.find("microcircuit")
    return found.build_network(found.load({"N_scaling": SCALE, "K_scaling": SCALE}))  # type: ignore[no-any-return]


CASES: dict[str, Callable[[], Network]] = {
    "exp, 1 population": lambda: small("exp", 1),
    "alpha, 1 population": lambda: small("alpha", 1),
    "delta, 1 population": lambda: small("delta", 1),
    "plastic, 1 population": lambda: small("alpha", 1, plastic=True),
    "exp, 8 populations": lambda: small("exp", 8),
    "alpha, 8 populations": lambda: small("alpha", 8),
    "delta, 8 populations": lambda: small("delta", 8),
    "plastic, 8 populations": lambda: small("alpha", 8, plastic=True),
    TENTH: microcircuit,
}


def per_interval(simulation: Simulation, intervals: int) -> dict[str, Any]:
    """µs per interval of one run, of the slowest rank: in all, and by phase (collective)."""
    simulation.forget_times()
    simulation.run(intervals * simulation.interval)
    factor = 1e6 / intervals
    phases = {name: factor * spread["max"] for name, spread in simulation.phase_times().items()}
    return {
        "total": factor * simulation.slowest()["sim_time"],
        "phases": {name: phases[name] for name in simulation.run_phases},
    }


def kernels_alone(loop: Any, intervals: int) -> float:
    """µs that the kernels of groups, and of tables that are told the time, take of an interval without spikes."""
    _, rows, memory, *_ = loop._arguments(1, loop.step + 1)
    call_kernels = caller()
    call_kernels(rows, memory, loop.step, loop.interval, 1)
    begin = time.perf_counter()
    call_kernels(rows, memory, loop.step, loop.interval, intervals)
    return 1e6 * (time.perf_counter() - begin) / intervals


@cache
def caller() -> Any:
    """A compiled function that does nothing but call the kernels of so many intervals."""
    from distsim.core.calls import OF_ARRAY
    from distsim.core.jit import native
    from distsim.spiking import interval as stages

    set_length, kernel_of = stages.set_length, stages.kernel_of
    STEPS, BLOCK, TIME = stages.STEPS, stages.BLOCK, stages.TIME  # noqa: N806 # as in interval.py

    @native
    def call_kernels(rows, memory, step, steps, intervals):  # type: ignore[no-untyped-def]
        groups, _, _, tables = rows
        for _ in range(intervals):
            for k in range(groups.shape[0]):
                memory[groups[k, BLOCK] + groups[k, STEPS]] = step + 1
                memory[groups[k, BLOCK] + groups[k, STEPS] + 1] = steps
                kernel_of(groups[k], memory)
            step += steps
            for k in range(tables.shape[0]):
                block, word = tables[k, BLOCK], tables[k, TIME]
                if word > 0:
                    set_length(block, 0, memory)
                    set_length(block + OF_ARRAY, 0, memory)
                    memory[block + word], memory[block + word + 1] = step, step + steps
                    kernel_of(tables[k], memory)

    return call_kernels


def measured(name: str, intervals: int, repetitions: int, cores: list[int]) -> dict[str, Any]:
    """A case on the ranks of this job: the least of all repetitions of each loop, and the kernels alone."""
    from mpi4py import MPI

    from distsim import Simulation

    comm = MPI.COMM_WORLD
    measure.pin([cores[comm.rank]])
    simulations = {loop: Simulation(CASES[name](), comm, seed=1, loop=loop) for loop in LOOPS}
    runs: dict[str, list[dict[str, Any]]] = {loop: [] for loop in LOOPS}
    for _ in range(1 + repetitions):  # the first is not counted
        for loop, simulation in simulations.items():
            runs[loop].append(per_interval(simulation, intervals))
    best = {loop: min(found[1:], key=lambda run: run["total"]) for loop, found in runs.items()}
    alone = min(kernels_alone(simulations["compiled"]._loop, intervals) for _ in range(repetitions))
    kernels = max(comm.allgather(alone))
    return {
        "case": name,
        "ranks": comm.size,
        "loop": simulations["compiled"].loop,
        "intervals": intervals,
        "spikes_per_interval": simulations["compiled"].spike_count() / (intervals * (1 + repetitions)),
        **{loop: best[loop]["total"] for loop in LOOPS},
        "kernels": kernels,
        "phases": best["compiled"]["phases"],
    }


def main(argv: list[str] | None = None) -> int:
    """Measure everything, print the table, store it; returns the exit code."""
    options = parser().parse_args(argv)
    sys.path.insert(0, str(HERE.parent))  # the tree that this file belongs to is measured
    if options.job:
        row = measured(options.cases[0], options.intervals, options.repetitions, options.cores)
        from mpi4py import MPI

        if MPI.COMM_WORLD.rank == 0:
            print(json.dumps(row))
        return 0
    try:
        check(options)
        rows = [job(options, name, ranks) for name in options.cases for ranks in options.ranks if sensible(name, ranks)]
    except BenchmarkError as error:
        print(f"interval: {error}", file=sys.stderr)
        return 2
    show(rows)
    if options.out:
        result = {"benchmark": "interval", "machine": machine(), "cores": options.cores, "rows": rows}
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("--cases", nargs="+", choices=list(CASES), default=list(CASES), metavar="CASE", help=", ".join(CASES))
    add("--ranks", type=int, nargs="+", choices=(1, 2), default=[1, 2], help="default 1 2")
    add("--cores", type=int, nargs="+", default=[0, 1], metavar="CORE", help="of the ranks, in order; default 0 1")
    add("--intervals", type=int, default=20_000, metavar="N", help="of a run, default 20000")
    add("--repetitions", type=int, default=5, help="of which the least is taken, default 5")
    add("--out", type=Path, metavar="FILE", help="store everything as JSON in this new file")
    add("--job", action="store_true", help=argparse.SUPPRESS)
    return result


def check(options: argparse.Namespace) -> None:
    """Raise BenchmarkError before anything is measured."""
    if not hasattr(os, "sched_setaffinity"):
        raise BenchmarkError("cores are pinned as Linux does it; this system cannot")
    allowed = sorted(os.sched_getaffinity(0))
    if len(options.cores) < max(options.ranks) or not set(options.cores) <= set(allowed):
        raise BenchmarkError(f"--cores: name {max(options.ranks)} of {allowed}")
    if options.out is not None and options.out.exists():
        raise BenchmarkError(f"--out {options.out} exists and is not overwritten: name another file")


def sensible(name: str, ranks: int) -> bool:
    """The microcircuit is there for its two ranks."""
    return name != TENTH or ranks > 1


def job(options: argparse.Namespace, name: str, ranks: int) -> dict[str, Any]:
    """Measure a case on so many ranks, in processes of its own."""
    cores = [str(core) for core in options.cores]
    words = ["--intervals", str(options.intervals), "--repetitions", str(options.repetitions), "--cores", *cores]
    command = [sys.executable, str(HERE / "interval.py"), "--job", "--cases", name, *words]
    command = command if ranks == 1 else [launcher(), "-n", str(ranks), "--bind-to", "none", *command]
    environment = {**os.environ, "NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise BenchmarkError(f"'{name}' on {ranks} ranks ended with {done.returncode}:\n{done.stderr.strip()}")
    row: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return row


def show(rows: list[dict[str, Any]]) -> None:
    """Print the table."""
    from tabulate import tabulate

    phases = list(rows[0]["phases"])
    cells = [
        [row["case"], row["ranks"], row["python"], row["compiled"], row["kernels"], row["compiled"] - row["kernels"]]
        + [row["phases"][name] for name in phases]
        for row in rows
    ]
    headers = ["µs per interval", "ranks", "python", "compiled", "kernels", "beyond", *phases]
    print(tabulate(cells, headers, floatfmt=".2f"))
    for row in rows:
        if row["loop"] != "compiled":
            print(f"{row['case']} on {row['ranks']} ranks: {row['loop']}")


if __name__ == "__main__":
    sys.exit(main())
