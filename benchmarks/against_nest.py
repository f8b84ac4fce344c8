"""NEST and distsim on the same network, on the same cores, one after the other: build time, simulation time, memory.

    python benchmarks/against_nest.py --nest-python PATH --out FILE

The networks are the two-population STDP network with its published parameters, N = 12,500 and K = 1,250, for 1000 ms at
dt = 0.125 ms, with iaf_psc_alpha and with ignore_and_fire neurons, and Brunel's network of delta neurons and static
synapses, of the same size, at dt = 0.1 ms; and, where asked for, a part (--scale) of the cortical microcircuit, of
which each synapse has a weight and a delay of its own: on one core (one rank against one thread) and on two. Every run
is a fresh process pinned to the same cores; the simulators take turns, after one uncounted run of 2 ms each (it fills
distsim's kernel cache and brings both programs' files into memory).

How the quantities are measured, and why so:

build     distsim: drawing the connections and building the tables that spikes are delivered from. NEST: Create and
          Connect, plus nest.Prepare(), where NEST builds its presynaptic tables; the published model counts it as
          building too. The ratio without prepare, which is stricter for distsim, is shown below it.
simulate  distsim: Simulation.run, slowest rank. NEST: nest.Run, after nest.Prepare.
          "From outside" is, for both, the wall time of the calls, distsim's less its compilation, which comes first.
memory    greatest resident set after the libraries are imported and before results are read out, minus the resident set
          right before the network is made; summed over ranks.

NEST's setting (kind of synapse, no recorder) is described in the files nest_*.py. As published,
its Poisson generator drives ignore_and_fire neurons too, which ignore it, and for which distsim draws nothing; the case
ignore_and_fire_without_poisson leaves it out, so that both do the same work. That the work is the same is shown below
the times: synapses, synaptic weight and external rate must be equal (else the exit code is 1); rates and weights are
random and agree in distribution.
"""

import argparse
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

from launch import BenchmarkError, Work, check_launcher, check_nest, machine, run_distsim, run_nest
from report import SIMULATORS, remarks, summarise, table

CASES = {
    "iaf_psc_alpha": ("two_population", "iaf_psc_alpha", True),
    "ignore_and_fire": ("two_population", "ignore_and_fire", True),
    "brunel": ("brunel", "iaf_psc_delta", True),
    "microcircuit": ("microcircuit", "iaf_psc_exp", True),
    "ignore_and_fire_without_poisson": ("two_population", "ignore_and_fire", False),
}
"""Name -> (network, neuron model, whether NEST's Poisson generator is connected)."""

DT = {"two_population": 0.125, "brunel": 0.1, "microcircuit": 0.1}  # ms
WARM_UP = 2.0  # ms
MICROCIRCUIT = (77_169, 3_873)
"""Its numbers of neurons and of inputs per neuron, in the mean, at full scale."""


def main(argv: list[str] | None = None) -> int:
    """Run all cases, print a table for each, store everything; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        check(options)
        cases: list[dict[str, Any]] = []
        result = {"benchmark": "against_nest", "command": command(options), "machine": machine(), "cases": cases}
        for work in works(options):
            entry = measured(work, options)
            cases.append(entry)
            show(work, entry)
            store(result, options.out)
    except BenchmarkError as error:
        print(f"against_nest: {error}", file=sys.stderr)
        return 2
    return 1 if any(entry["summary"]["same_work"] is False for entry in cases) else 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("--cases", nargs="+", choices=list(CASES), default=list(CASES)[:3], metavar="CASE",
        help=f"any of {', '.join(CASES)}; default: the first three")  # fmt: skip
    add("--sizes", nargs="+", type=positive, default=[12_500], metavar="N", help="numbers of neurons, default 12500")
    add("--indegree", type=positive, default=1_250, metavar="K", help="inputs per neuron, default 1250")
    add("--scale", type=float, default=0.2, metavar="S",
        help="microcircuit: factor of neurons and of inputs, in place of --sizes, --indegree; default 0.2")  # fmt: skip
    add("--time", type=duration, default=1000.0, metavar="MS", help="simulated time (ms), default 1000")
    add("--ranks", nargs="+", type=positive, default=[1, 2], metavar="R", help="ranks and threads, default 1 2")
    add("--repetitions", type=positive, default=3, help="runs of each simulator and case, default 3")
    add("--seed", type=positive, default=1)
    add("--cores", nargs="+", type=int, metavar="CORE", help="cores to pin to, default: the first ones allowed")
    add("--precision", choices=["double", "single"], default="double",
        help="of distsim's weights; NEST's are double")  # fmt: skip
    add("--nest-python", default=sys.executable, metavar="PATH", help="interpreter that has NEST, default: this one")
    add("--out", type=Path, metavar="FILE", help="store everything as JSON in this new file")
    only = result.add_mutually_exclusive_group()
    only.add_argument("--distsim-only", action="store_true", help="leave NEST out")
    only.add_argument("--nest-only", action="store_true", help="leave distsim out")
    return result


def positive(text: str) -> int:
    """A positive whole number."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return value


def duration(text: str) -> float:
    """A time (ms), a positive whole number of steps."""
    value = float(text)
    if not (math.isfinite(value) and value > 0 and (2.0 * value).is_integer()):
        raise argparse.ArgumentTypeError(f"{text} ms is not a positive multiple of 0.5 ms")
    return value


def check(options: argparse.Namespace) -> None:
    """Raise BenchmarkError before anything is run, rather than after half of it."""
    if not hasattr(os, "sched_setaffinity"):
        raise BenchmarkError("cores are pinned and memory is read as Linux does it; this system cannot")
    allowed = sorted(os.sched_getaffinity(0))
    options.cores = allowed if options.cores is None else options.cores
    if not set(options.cores) <= set(allowed) or len(set(options.cores)) < len(options.cores):
        raise BenchmarkError(f"--cores {options.cores}: name each core once, among {allowed}")
    if max(options.ranks) > len(options.cores):
        raise BenchmarkError(f"--ranks {max(options.ranks)}: there are only {len(options.cores)} cores to pin to")
    if options.out is not None and options.out.exists():
        raise BenchmarkError(f"--out {options.out} exists and is not overwritten: name another file")
    if options.out is not None and not os.access(options.out.absolute().parent, os.W_OK):
        raise BenchmarkError(f"--out {options.out}: its folder does not exist or cannot be written")
    if "brunel" in options.cases and (options.indegree % 5 or any(size % 5 for size in options.sizes)):
        raise BenchmarkError("brunel: --sizes and --indegree must be multiples of 5, of which a fifth is inhibitory")
    if "microcircuit" in options.cases and not 0.001 <= options.scale <= 1.0:
        raise BenchmarkError(f"--scale {options.scale:g}: must be between 0.001 and 1")
    if not options.distsim_only:
        check_nest(options.nest_python)
    if not options.nest_only and max(options.ranks) > 1:
        check_launcher()


def works(options: argparse.Namespace) -> list[Work]:
    """Everything to measure, in order."""
    microcircuit = [(round(options.scale * MICROCIRCUIT[0]), round(options.scale * MICROCIRCUIT[1]))]
    others = [(size, options.indegree) for size in options.sizes]
    return [
        Work(
            case,
            *CASES[case],
            size,
            indegree,
            options.scale,
            options.time,
            options.seed,
            tuple(options.cores[:ranks]),
            options.precision,
        )
        for case in options.cases
        for size, indegree in (microcircuit if case == "microcircuit" else others)
        for ranks in options.ranks
    ]


def measured(work: Work, options: argparse.Namespace) -> dict[str, Any]:
    """Run both simulators in turn; returns the entry of this work in the stored file."""
    left_out = "NEST" if options.distsim_only else "distsim" if options.nest_only else None
    simulators = [name for name in SIMULATORS if name != left_out]
    runs = []
    for repetition in range(options.repetitions + 1):  # repetition 0 warms up
        for name in simulators:
            time = WARM_UP if repetition == 0 else work.time
            say(f"{work.case}, N = {work.size}, {len(work.cores)} core(s): {name} {repetition}/{options.repetitions}")
            record = run_nest(work, options.nest_python, time) if name == "NEST" else run_distsim(work, time)
            if repetition:
                runs.append({"repetition": repetition, "cores": len(work.cores), **record})
    return {
        "case": work.case,
        "model": work.model,
        "neuron_model": work.neuron_model,
        "N": work.size,
        "K": work.indegree,
        "scale": work.scale if work.model == "microcircuit" else None,
        "T_ms": work.time,
        "dt_ms": DT[work.model],
        "seed": work.seed,
        "ranks": len(work.cores),
        "cores": list(work.cores),
        "precision": work.precision,
        "summary": summarise(runs),
        "runs": runs,
    }


def show(work: Work, entry: dict[str, Any]) -> None:
    """Print one table with its heading and remarks."""
    versions = {name: run["versions"] for run in entry["runs"] for name in [run["simulator"]]}
    print(f"\n{work.case}: N = {work.size}, K = {work.indegree}, {work.time:g} ms, pinned to cores {list(work.cores)}")
    for name, own in versions.items():
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in own.items()))
    print()
    print(table(entry["summary"]))
    for sentence in remarks(entry["summary"]):
        print(sentence)
    sys.stdout.flush()


def store(result: dict[str, Any], out: Path | None) -> None:
    """Write the result whole: what has been measured survives an interruption, and no half file is left."""
    if out is not None:
        part = out.with_name(out.name + ".part")
        part.write_text(json.dumps(result, indent=1) + "\n")
        part.replace(out)


def command(options: argparse.Namespace) -> str:
    """The command that repeats the measurement; the place of NEST's interpreter means nothing elsewhere."""
    words = ["python", "benchmarks/against_nest.py", "--cases", *options.cases, "--sizes", *options.sizes]
    words += [
        "--indegree",
        options.indegree,
        "--scale",
        f"{options.scale:g}",
        "--time",
        f"{options.time:g}",
        "--ranks",
        *options.ranks,
    ]
    words += ["--repetitions", options.repetitions, "--seed", options.seed]
    words += ["--precision", options.precision]
    words += ["--distsim-only"] if options.distsim_only else ["--nest-python", "PATH"]
    words += ["--nest-only"] if options.nest_only else []
    return " ".join(map(str, words))


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
