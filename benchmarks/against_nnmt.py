"""Asynchronous binary neurons: distsim beside the algorithm of NNMT's published example, on the same work and core.

The published example (NNMT, examples/binary_rate_simulation/binary_sim_vs_thy.py) keeps the couplings as a dense
matrix of float32 and the next update of every neuron in an array that is sorted anew after every update (stable sort
of float32). An update multiplies the neuron's row of the matrix with all states, compares with the threshold, draws
the next exponential interval, and keeps the mean and a copy of all states. Here this algorithm is written anew, with
numpy, from that description; it is timed as published, without the copies, and with a queue that stays sorted by
insertion, which is what its authors could have had with one line more. distsim simulates the same populations and
in-degrees and records the activity of both populations at every update. Medians of runs made in turn, in one process
on one core; compilation is left out.
"""

from __future__ import annotations

import argparse
import bisect
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from launch import machine
from measure import pin
from mpi4py import MPI

from distsim import BinarySimulation
from distsim.models.binary_ei import network, parameters

PUBLISHED = {
    "published": ("sort", True),
    "without copies": ("sort", False),
    "and sorted by insertion": ("insert", False),
}
CASES = (*PUBLISHED, "distsim")


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--core", type=int, default=None, help="the core to pin to (default: the last one allowed)")
    options.add_argument("--time", type=float, default=10.0, help="simulated time (ms)")
    options.add_argument("--scale", type=int, default=1, help="times as many neurons; in-degrees stay")
    options.add_argument("--repetitions", type=int, default=5)
    options.add_argument("--out", type=Path, help="a new JSON file with all times, the machine and the command")
    return options


def dense_couplings(p: parameters.Parameters) -> Any:
    """Matrix (targets, sources) float32 with fixed in-degrees, without autapses and multapses; and its build time."""
    begin = time.perf_counter()
    random = np.random.default_rng(p.seed)
    bounds = np.cumsum([0, *p.N])
    matrix = np.zeros((bounds[-1], bounds[-1]), np.float32)
    for i, (indegrees, strengths) in enumerate(zip(p.K, p.J, strict=True)):
        for target in range(bounds[i], bounds[i + 1]):
            for j, (indegree, strength) in enumerate(zip(indegrees, strengths, strict=True)):
                candidates = np.arange(bounds[j], bounds[j + 1])
                candidates = candidates[candidates != target]
                matrix[target, random.choice(candidates, indegree, replace=False)] = strength
    return matrix, time.perf_counter() - begin


class SortedAnew:
    """All next updates, sorted after every change."""

    def __init__(self, due: Any) -> None:
        self.neuron, self.due = np.arange(len(due)), due.astype(np.float32)
        self._sort()

    def first(self) -> tuple[int, float]:
        return int(self.neuron[0]), float(self.due[0])

    def put_off(self, interval: float) -> None:
        self.due[0] += np.float32(interval)
        self._sort()

    def _sort(self) -> None:
        order = np.argsort(self.due, kind="stable")
        self.neuron, self.due = self.neuron[order], self.due[order]


class Inserted:
    """All next updates, in a list in which each is inserted at its place."""

    def __init__(self, due: Any) -> None:
        self.queue = sorted(zip(due.tolist(), range(len(due)), strict=True))

    def first(self) -> tuple[int, float]:
        return self.queue[0][1], self.queue[0][0]

    def put_off(self, interval: float) -> None:
        due, neuron = self.queue.pop(0)
        bisect.insort(self.queue, (due + interval, neuron))


def published(matrix: Any, p: parameters.Parameters, seed: int, how: str, keep: bool) -> dict[str, Any]:
    """One run of the published algorithm, until the first update beyond T."""
    n = len(matrix)
    theta = np.repeat(p.thresholds, p.N)
    random = np.random.default_rng(seed)
    begin = time.perf_counter()
    state = np.zeros(n, np.float32)
    queue: Any = (SortedAnew if how == "sort" else Inserted)(random.exponential(p.tau, n))
    times, means, copies = [], [], []
    now = 0.0
    while now < p.T:
        neuron, now = queue.first()
        state[neuron] = np.heaviside(matrix[neuron] @ state - theta[neuron], 0.0)
        queue.put_off(random.exponential(p.tau))
        times.append(now)
        means.append(state.mean())
        if keep:
            copies.append(state.copy())
    whole = np.array(copies).T  # as published: what the figure is made from
    seconds = time.perf_counter() - begin
    return {"simulate": seconds, "updates": len(times), "active": float(means[-1]), "kept_bytes": whole.nbytes}


def ours(p: parameters.Parameters, seed: int) -> dict[str, Any]:
    """One run of distsim."""
    net = network.build_network(p)
    net.flip_recordings.clear()  # activity alone, from which the published figure is made
    simulation = BinarySimulation(net, MPI.COMM_SELF, seed)
    simulation.run(p.T)
    active = float(np.concatenate([simulation.states(name) for name in p.names]).mean())
    counts = {"updates": simulation.update_count(), "active": active}
    return {"build": simulation.build_time, "simulate": simulation.sim_time, **counts}


def main(arguments: list[str] | None = None) -> int:
    options = parser().parse_args(arguments)
    if options.out is not None and options.out.exists():
        print(f"--out: {options.out} exists already", file=sys.stderr)
        return 2
    core = max(os.sched_getaffinity(0)) if options.core is None else options.core
    pin([core])
    base = parameters.load({"T": options.time, "T_transient": 0.0})
    p = parameters.load({"T": options.time, "T_transient": 0.0, "N": [options.scale * n for n in base.N]})
    matrix, dense_build = dense_couplings(p)
    ours(p, 0)  # compiles
    runs: dict[str, list[dict[str, Any]]] = {case: [] for case in CASES}
    for seed in range(1, options.repetitions + 1):
        for case, (how, keep) in PUBLISHED.items():
            runs[case].append(published(matrix, p, seed, how, keep))
        runs["distsim"].append(ours(p, seed))
    medians = {case: statistics.median(run["simulate"] for run in own) for case, own in runs.items()}
    ratios = {case: medians[case] / medians["distsim"] for case in CASES}
    print(f"{sum(p.N):,} neurons, {options.time:g} ms, core {core}; medians of {options.repetitions} runs")
    for case in CASES:
        updates = statistics.median(run["updates"] for run in runs[case])
        active = statistics.mean(run["active"] for run in runs[case])
        print(
            f"{case:28} {1e3 * medians[case]:10.2f} ms  {1e9 * medians[case] / updates:8.0f} ns per update  "
            f"{ratios[case]:6.1f} times distsim; {updates:,.0f} updates, {active:.3f} active at the end"
        )
    build = statistics.median(run["build"] for run in runs["distsim"])
    print(f"couplings: dense matrix {1e3 * dense_build:.1f} ms, distsim {1e3 * build:.1f} ms")
    if options.out is not None:
        record = {"machine": machine(), "command": sys.argv, "medians": medians, "ratios": ratios, "runs": runs}
        options.out.write_text(json.dumps(record, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
