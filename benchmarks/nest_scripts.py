"""One PyNEST script under NEST and under distsim, side by side: times and results of both.

    python benchmarks/nest_scripts.py --nest-python PATH SCRIPT [arguments of it]

The script is run unchanged, by each simulator in turn, in fresh processes pinned to one core. Times are CPU seconds
(user and system): ``all`` from the start of the script to its end, imports of the simulator left out; ``prepare``
within Prepare and Cleanup where the script itself calls them; ``simulate`` within Simulate, which is Prepare, Run and
Cleanup for both, and within Run where the script calls that; ``run`` of that within Run, without Prepare, in which
distsim draws what NEST draws in Connect. distsim's kernels are compiled and kept by an uncounted run before.

What recorders hold is compared: events of each (with a mean of every recorded quantity) before every ResetKernel and
at the end; and the weights of synapses, where they are not too many. ``same`` says whether both have the same events,
times and senders exactly and values to 1e-9 of themselves in the mean, as explicit networks must; random ones agree as
distributions over ``--runs`` with seeds 1, 2, ..., set at the start and after every ResetKernel (scripts that choose
their seed keep it). With ``--output``, what the script printed is shown as well.
"""

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import runpy
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import measure

SIDES = ("NEST", "distsim")
KINDS = ("all", "prepare", "simulate", "run")
"""Times that are told."""
FEW = 100_000
"""Synapses of which the weights are compared."""
HERE = Path(__file__).resolve()


def main() -> int:
    """Run one side, or both and print what they have; the exit code: 1 where the script failed."""
    options = parser().parse_args()
    if options.side:
        return one_side(options)
    sides = [options.only] if options.only else SIDES
    if "distsim" in sides:
        started("distsim", 1, options)
    runs: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for seed in range(1, options.runs + 1):
        for side in sides:
            runs[side].append(started(side, seed, options))
    failed = [side for side in sides if show(side, runs[side], options.output)]
    if not options.only and not failed:
        compare(runs)
    return int(bool(failed))


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("script", type=Path)
    add("arguments", nargs=argparse.REMAINDER, help="of the script")
    add("--nest-python", default=sys.executable, metavar="PATH", help="interpreter that has NEST, default: this one")
    add("--runs", type=int, default=1, metavar="N", help="of each simulator, with seeds 1 ... N; default 1")
    add("--core", type=int, default=0, help="to pin to, default 0")
    add("--only", choices=SIDES, help="this simulator alone")
    add("--output", action="store_true", help="show what the script printed")
    add("--side", choices=SIDES, help=argparse.SUPPRESS)
    add("--seed", type=int, default=1, help=argparse.SUPPRESS)
    return result


# ------------------------------------------------------------ both sides


def started(side: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The record of one run in a process and folder of its own."""
    python = options.nest_python if side == "NEST" else sys.executable
    command = [python, HERE, "--side", side, "--seed", str(seed), "--core", str(options.core)]
    command += [options.script.resolve(), *options.arguments]
    environment = os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        return {"error": done.stderr[-3000:] or f"exit code {done.returncode}"}
    record: dict[str, Any] = json.loads(lines[-1])
    return record


def show(side: str, runs: list[dict[str, Any]], output: bool) -> bool:
    """Print times and events of one simulator; whether a run of it failed."""
    print(f"\n{side}")
    for run in runs:
        if "error" in run:
            print(run["error"])
            return True
        if output:
            print(run["printed"])
    for kind in KINDS:
        print(f"  {kind:9} {' '.join(f'{run[kind]:.3g}' for run in runs)} s of CPU time")
    for k, first in enumerate(runs[0]["recorders"]):
        each = [run["recorders"][k] if k < len(run["recorders"]) else {} for run in runs]
        means = ", ".join(f"{name} {spread([e.get('means', {}).get(name) for e in each])}" for name in first["means"])
        print(f"  {first['name']:20} {spread([e.get('n_events') for e in each])} events{', ' + means if means else ''}")
    return False


def spread(values: list[float | None]) -> str:
    """Mean of the numbers, and their standard deviation where there are several."""
    there = [value for value in values if value is not None]
    if not there:
        return "-"
    deviation = f" +- {statistics.stdev(there):.3g}" if len(there) > 1 else ""
    return f"{statistics.fmean(there):.6g}{deviation}"


def compare(runs: dict[str, list[dict[str, Any]]]) -> None:
    """Print how much faster, and whether events are the same."""
    theirs, ours = runs["NEST"], runs["distsim"]
    print()
    for kind in KINDS:
        ratios = [a[kind] / b[kind] for a, b in zip(theirs, ours, strict=True) if b[kind]]
        print(f"{kind}: {statistics.median(ratios):.2g} times as fast" if ratios else f"{kind}: nothing to compare")
    pairs = [(a["recorders"], b["recorders"]) for a, b in zip(theirs, ours, strict=True)]
    same = all(len(a) == len(b) and all(map(alike, a, b)) for a, b in pairs)
    print(f"same events: {'yes' if same else 'no'}")


def alike(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two recorders have the same events, and values that agree to 1e-9 of themselves in the mean."""
    exact = ("name", "n_events", "digest")
    if any(one[key] != other[key] for key in exact) or set(one["means"]) != set(other["means"]):
        return False
    return all(
        abs(one["means"][name] - value) <= 1e-9 * max(abs(value), 1e-9) for name, value in other["means"].items()
    )


# ------------------------------------------------------------ one side


class Watch:
    """CPU time within calls of the kernel, and what recorders held."""

    def __init__(self, nest: Any, seed: int) -> None:
        self.nest, self.seed = nest, seed
        self.seconds = dict.fromkeys(KINDS[1:], 0.0)
        self.simulating = False
        self.recorders: list[dict[str, Any]] = []
        self.collecting = 0.0
        for name in ("Prepare", "Run", "Cleanup"):
            self._replace(name, self._timed(name, getattr(nest, name)))

        def simulate(t: float) -> None:
            self.simulating = True
            nest.Prepare()
            try:
                nest.Run(t)
            finally:
                nest.Cleanup()
                self.simulating = False

        self._replace("Simulate", simulate)
        reset = nest.ResetKernel

        def begin_anew() -> None:
            self.collect()
            reset()
            nest.rng_seed = seed

        self._replace("ResetKernel", begin_anew)
        nest.rng_seed = seed

    def _replace(self, name: str, function: Any) -> None:
        vars(self.nest)[name] = function

    def _timed(self, name: str, function: Any) -> Any:
        def call(*given: Any, **named: Any) -> Any:
            kinds = ["simulate" if self.simulating or name == "Run" else "prepare", *(["run"] if name == "Run" else [])]
            begin = time.process_time()
            try:
                return function(*given, **named)
            finally:
                for kind in kinds:
                    self.seconds[kind] += time.process_time() - begin

        return call

    def collect(self) -> None:
        """Note what the recorders of the kernel have, and the weights of synapses where they are not too many."""
        begin = time.process_time()
        for node in self.nest.GetNodes({"element_type": "recorder"}):
            self.recorders.append(told(node))
        if 0 < self.nest.num_connections <= FEW:
            found = self.nest.GetConnections().get(["source", "target", "weight"])
            columns = {"times": found["weight"], "senders": found["source"], "target": found["target"]}
            self.recorders.append({"name": "connections", **contents({**columns, "weight": found["weight"]})})
        self.collecting += time.process_time() - begin


def told(node: Any) -> dict[str, Any]:
    """What a recorder holds, in memory or in its file."""
    kept = str(node.get("record_to"))
    events = dict(node.get("events")) if kept == "memory" else of_file(node) if kept == "ascii" else {}
    return {"name": str(node.get("model")), **contents(events), "n_events": int(node.get("n_events"))}


def of_file(node: Any) -> dict[str, Any]:
    """Events of a recorder as its file has them, times in ms or in steps."""
    import numpy as np

    columns = np.atleast_1d(np.genfromtxt(node.get("filenames")[0], names=True, skip_header=2))
    names = {"sender": "senders", "time_ms": "times", "time_step": "times", "time_offset": "offsets"}
    return {names.get(name, name): columns[name] for name in columns.dtype.names}


def contents(events: dict[str, Any]) -> dict[str, Any]:
    """Number of events, a digest of their times (of synapses, weights) and senders in any order, means of the rest."""
    import numpy as np

    read = {name: np.array(values, float, ndmin=1) for name, values in events.items()}
    events = {name: np.nan_to_num(values) for name, values in read.items()}  # None: it has no such
    columns = [events.pop(name, np.zeros(0)) for name in ("times", "senders")]
    order = np.lexsort(columns)
    digest = hashlib.sha256(b"".join(np.round(column[order], 6).tobytes() for column in columns)).hexdigest()
    means = {
        name: float(np.mean(values)) for name, values in sorted(events.items()) if len(values) and name != "offsets"
    }
    return {"n_events": len(order), "digest": digest, "means": means}


def one_side(options: argparse.Namespace) -> int:
    """Run the script in this process and print its record as the last line."""
    measure.pin([options.core])
    if options.side == "distsim":
        importlib.import_module("distsim.nest").stand_in()
    nest: Any = importlib.import_module("nest")
    watch = Watch(nest, options.seed)
    sys.argv = [str(options.script), *options.arguments]
    sys.path.insert(0, str(options.script.parent))
    printed = io.StringIO()
    begin = time.process_time()
    with contextlib.redirect_stdout(printed), contextlib.suppress(SystemExit):
        runpy.run_path(str(options.script), run_name="__main__")
    all_of_it = time.process_time() - begin - watch.collecting
    watch.collect()
    measure.emit({"all": all_of_it, **watch.seconds, "recorders": watch.recorders, "printed": printed.getvalue()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
