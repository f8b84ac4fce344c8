"""Brian2 and distsim on the same trials of the same liquid: seconds of one core for each trial.

    python benchmarks/against_brian2.py --brian2-python PATH --out FILE

The liquid state machine of Maass, Natschläger & Markram (2002), 135 neurons, with its published parameters: one
network, Poisson stimuli of 500 ms, each trial from initial potentials of its own. distsim draws all of it; Brian2 gets
it edge by edge. Every program runs in a fresh process, pinned to the same core.

distsim            ``Trials.run``, 16 trials side by side, after its compilation; total time over the number of trials.
Brian2, cython     net.run of each trial, after a first one that compiles; needs a C++ compiler and Python's headers.
Brian2, numpy      the same without a compiler.
Brian2, C++        C++ standalone: one compiled program run for each trial; the time the program itself takes.

That the work is the same is checked: all spikes of the trials that both made must be identical, else the exit code
is 1.
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

from launch import HERE, BenchmarkError, _environment, _record, machine

TARGETS = ("cython", "numpy", "cpp_standalone")


def main(argv: list[str] | None = None) -> int:
    """Run everything, print one table, store everything; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        check(options)
        result = {"benchmark": "against_brian2", "machine": machine(), "options": words(options), **measured(options)}
    except BenchmarkError as error:
        print(f"against_brian2: {error}", file=sys.stderr)
        return 2
    print(table(result["programs"]))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1) + "\n")
    if not result["same_spikes"]:
        print("NOT THE SAME SPIKES: the ratios mean nothing.")
        return 1
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("--targets", nargs="+", choices=TARGETS, default=["cython", "cpp_standalone"], metavar="TARGET",
        help="of Brian2, any of cython, numpy, cpp_standalone; default: the first and the last")  # fmt: skip
    add("--trials", type=positive, default=10, metavar="N", help="trials that Brian2 makes, default 10")
    add("--distsim-trials", type=positive, default=128, metavar="N", help="trials that distsim makes, default 128")
    add("--time", type=float, default=500.0, metavar="MS", help="simulated time of a trial (ms), default 500")
    add("--repetitions", type=positive, default=5, help="runs of distsim, default 5")
    add("--seed", type=int, default=1)
    add("--core", type=int, metavar="CORE", help="core to pin to, default: the first one allowed")
    add(
        "--brian2-python", default=sys.executable, metavar="PATH", help="interpreter that has Brian2, default: this one"
    )
    add("--out", type=Path, metavar="FILE", help="store everything as JSON in this new file")
    add("--distsim-only", action="store_true", help="leave Brian2 out")
    return result


def positive(text: str) -> int:
    """A positive whole number."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return value


def check(options: argparse.Namespace) -> None:
    """Raise BenchmarkError before anything is run, rather than after half of it."""
    if not hasattr(os, "sched_setaffinity"):
        raise BenchmarkError("cores are pinned as Linux does it; this system cannot")
    allowed = sorted(os.sched_getaffinity(0))
    options.core = allowed[0] if options.core is None else options.core
    if options.core not in allowed:
        raise BenchmarkError(f"--core {options.core} is not among {allowed}")
    if not (options.time > 0.0 and (options.time * 10.0).is_integer()):
        raise BenchmarkError(f"--time {options.time} ms is not a positive multiple of 0.1 ms")
    if options.out is not None and options.out.exists():
        raise BenchmarkError(f"--out {options.out} exists and is not overwritten: name another file")
    options.distsim_trials = max(options.distsim_trials, options.trials)
    if not options.distsim_only:
        check_brian2(options.brian2_python)


def check_brian2(python: str) -> None:
    """Raise BenchmarkError unless the interpreter exists and has Brian2."""
    look = "import importlib.util, sys; sys.exit(importlib.util.find_spec('brian2') is None)"
    try:
        found = subprocess.run([python, "-c", look], env=_environment(python), check=False).returncode == 0
    except OSError as error:
        raise BenchmarkError(f"--brian2-python: {python} cannot be run ({error.strerror})") from error
    if not found:
        raise BenchmarkError(
            f"{python} has no module brian2: install the extra 'benchmark', or name an interpreter with "
            "--brian2-python, or leave Brian2 out with --distsim-only"
        )


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Seconds of each program, and whether all spikes are the same."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "liquid.npz")
        ours = [sys.executable, str(HERE / "distsim_liquid.py"), "--trials", str(options.distsim_trials)]
        ours += ["--compared", str(options.trials), "--core", str(options.core), "--seed", str(options.seed)]
        ours += ["--repetitions", str(options.repetitions), "--time", str(options.time), "--write", str(file)]
        environment = _environment(sys.executable) | {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
        inherited = [part for part in (os.environ.get("PYTHONPATH"),) if part]
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE.parent), *inherited])
        say("distsim")
        records = {"distsim": _record(ours, environment)}
        for target in () if options.distsim_only else options.targets:
            say(f"Brian2, {target} (the first time it compiles for a minute or two)")
            theirs = [options.brian2_python, str(HERE / "brian2_liquid.py"), str(file), "--target", target]
            records[f"Brian2, {target}"] = _record(
                [*theirs, "--core", str(options.core)], _environment(options.brian2_python) | {"OMP_NUM_THREADS": "1"}
            )
    spikes = [record.pop("spikes") for record in records.values()]
    for record, of_trials in zip(records.values(), spikes, strict=True):
        record["spike_counts"] = [len(trial) for trial in of_trials]
    return {"programs": records, "same_spikes": all(other == spikes[0] for other in spikes[1:])}


def table(programs: dict[str, dict[str, Any]]) -> str:
    """Median, least and greatest seconds of a trial, and the ratio of medians to that of distsim."""
    from tabulate import tabulate

    own = statistics.median(programs["distsim"]["seconds"])
    rows = []
    for name, record in programs.items():
        times = [1e3 * value for value in record["seconds"]]
        middle = statistics.median(times)
        rows.append([name, f"{middle:.4g}", f"{min(times):.4g} – {max(times):.4g}", f"{middle / own / 1e3:.3g}",
                     sum(record["spike_counts"])])  # fmt: skip
    headers = ["", "ms per trial", "least – greatest", "times distsim", "spikes compared"]
    return str(tabulate(rows, headers, disable_numparse=True, colalign=("left", *["right"] * 4)))


def words(options: argparse.Namespace) -> dict[str, Any]:
    """The options as they were used; the place of Brian2's interpreter means nothing elsewhere."""
    return {name: str(value) for name, value in vars(options).items() if name not in ("brian2_python", "out")}


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
