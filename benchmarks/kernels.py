"""Nanoseconds per item of every kernel of distsim, each beside what this machine could do at best.

    python benchmarks/kernels.py --core 1 --out FILE

In one process pinned to one core: the package's own kernels on arrays that the package makes, at the sizes of the
published two-population network (N = 12,500 neurons, K = 1,250 inputs per neuron, a delay of 12 steps; a spike of an
excitatory neuron reaches 1,000 of 10,000). A case is done twice to warm up, then --repetitions times; the median, the
least and the greatest value are kept. Everything is compiled before, in this process, into an empty cache.

The limit of a case is the largest of several bounds, each measured here in the same run: the bytes that it must move at
the measured bandwidth, the operations that it must do at the rate of a loop of as many operations over arrays in the
L1 cache, the random read-modify-writes that it must make in arrays of the same size. The sentences below the table say
which of them binds. "Times the limit" says how far from it the kernel is.

Registers: the widest vector registers that the kernel's machine code computes with, and how many of its packed
instructions use them (zmm: 512 bits, ymm: 256, xmm: 128).
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import measure
from against_nest import positive, say, store
from launch import HERE, BenchmarkError, machine

if TYPE_CHECKING:
    from kernel_cases import Case
    from machine_limits import Machine

WARM_UP = 2
BUSY = 0.95  # share of the core, below which the run is of little use


def main(argv: list[str] | None = None) -> int:
    """Measure everything, print the tables, store them; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        check(options)
    except BenchmarkError as error:
        print(f"kernels: {error}", file=sys.stderr)
        return 2
    measure.pin([options.core])
    sys.path.insert(0, str(HERE.parent))  # the tree that this file belongs to is measured, not one that is installed
    with tempfile.TemporaryDirectory(prefix="distsim-kernels-") as cache:
        os.environ |= {"NUMBA_CACHE_DIR": cache, "NUMBA_NUM_THREADS": "1"}  # before numba is imported
        result = measured(options)
    show(result)
    store(result, options.out)
    return 0


def parser() -> argparse.ArgumentParser:
    """The options."""
    result = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = result.add_argument
    add("--core", type=int, metavar="CORE", help="the core to pin to, default: the last one allowed")
    add("--neurons", type=positive, default=12_500, metavar="N", help="number of neurons, default 12500")
    add("--indegree", type=positive, default=1_250, metavar="K", help="inputs per neuron, default 1250")
    add("--repetitions", type=positive, default=15, help="of which the median is taken, default 15")
    add("--out", type=Path, metavar="FILE", help="store everything as JSON in this new file")
    return result


def check(options: argparse.Namespace) -> None:
    """Raise BenchmarkError before anything is measured."""
    if not hasattr(os, "sched_setaffinity"):
        raise BenchmarkError("cores are pinned as Linux does it; this system cannot")
    allowed = sorted(os.sched_getaffinity(0))
    options.core = allowed[-1] if options.core is None else options.core
    if options.core not in allowed:
        raise BenchmarkError(f"--core {options.core}: name one of {allowed}")
    if options.neurons < 10 or options.indegree < 10:
        raise BenchmarkError("--neurons and --indegree: at least 10, so that there are excitatory neurons and inputs")
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise BenchmarkError("NUMBA_DISABLE_JIT is set: there are no compiled kernels to measure")
    if options.out is not None and options.out.exists():
        raise BenchmarkError(f"--out {options.out} exists and is not overwritten: name another file")
    if options.out is not None and not os.access(options.out.absolute().parent, os.W_OK):
        raise BenchmarkError(f"--out {options.out}: its folder does not exist or cannot be written")


def measured(options: argparse.Namespace) -> dict[str, Any]:
    """Everything that is stored."""
    from distsim_model import versions
    from event_cases import build_cases, event_cases
    from kernel_cases import Sizes, interval_case, neuron_cases, poisson_cases
    from machine_limits import Machine

    sizes = Sizes(options.neurons, options.indegree)
    limits = Machine(options.repetitions)
    groups: list[Callable[[Sizes], list[Case]]] = [
        neuron_cases,
        poisson_cases,
        event_cases,
        build_cases,
        lambda sizes: [interval_case(sizes)],
    ]
    wall, cpu = time.perf_counter(), time.process_time()
    rows = [row(case, limits, options.repetitions) for group in groups for case in group(sizes)]
    say("bandwidth and arithmetic")
    return {
        "benchmark": "kernels",
        "command": command(options),
        "machine": machine(),
        "versions": versions(),
        "core": options.core,
        "core_share": min(1.0, (time.process_time() - cpu) / (time.perf_counter() - wall)),
        "N": options.neurons,
        "K": options.indegree,
        "delay_steps": sizes.slots,
        "repetitions": options.repetitions,
        "rows": rows,
        "bandwidth_GB_per_s": limits.table(),
        "peak": limits.peaks(),
    }


def row(case: "Case", limits: "Machine", repetitions: int) -> dict[str, Any]:
    """One case: times per item and limits in ns, and the registers of its kernels."""
    import assembly

    say(case.name)
    before = [assembly.signatures(kernel) for kernel in case.kernels]
    for _ in range(WARM_UP):
        case.once()
    runs = [case.once() for _ in range(repetitions)]
    times = [1e9 * seconds / items for items, seconds in runs]
    bounds = [vars(limit) for limit in case.limits(limits)]
    binding = max(bounds, key=lambda bound: bound["ns"])
    median = statistics.median(times)
    return {
        "name": case.name,
        "per": case.per,
        "items": runs[-1][0],
        "ns": {"median": median, "min": min(times), "max": max(times)},
        "limit_ns": binding["ns"],
        "times_the_limit": median / binding["ns"],
        "binds": binding["binds"],
        "limits": bounds,
        "registers": assembly.registers(case.kernels, before) if case.kernels else None,
    }


def show(result: dict[str, Any]) -> None:
    """Print the table of kernels, the sentences about their limits, and the table of the machine."""
    from tabulate import tabulate

    print(
        f"\nN = {result['N']}, K = {result['K']}, delay {result['delay_steps']} steps; core {result['core']} of "
        f"{result['machine']['cpu']}; median of {result['repetitions']}\n"
    )
    headers = ["", "time per", "median", "least – greatest", "limit", "times the limit", "registers"]
    align = ("left", "left", "right", "right", "right", "right", "left")
    print(tabulate(list(map(cells, result["rows"])), headers, disable_numparse=True, colalign=align))
    print("\nWhat the limits are:")
    for entry in result["rows"]:
        print(sentence(entry))
    print("\nBandwidth of one core (GB/s; copies and updates count bytes read and bytes written)\n")
    kinds = ("read", "write", "copy", "update")
    levels = [
        [f"{e['level']} ({e['bytes'] >> 10} KiB)", *(f"{e[k]:.1f}" for k in kinds)]
        for e in result["bandwidth_GB_per_s"]
    ]
    print(
        tabulate(levels, ["working set", *kinds], disable_numparse=True, colalign=("left", *("right" for _ in kinds)))
    )
    peak = result["peak"]
    print(
        f"\nArithmetic on arrays in L1: {peak['floating_point_per_ns']:.1f} double-precision multiplications and "
        f"additions, or {peak['multiplications_64_bit_per_ns']:.1f} integer multiplications of 64 bits, per ns."
    )
    if result["core_share"] < BUSY:
        print(f"Only {100 * result['core_share']:.0f} % of the core was free: the machine was busy, repeat it.")


def cells(entry: dict[str, Any]) -> list[str]:
    """A row of the printed table."""
    ns, registers = entry["ns"], entry["registers"]
    widest = registers and registers["widest"]
    count = registers and registers["packed"].get(widest)
    return [
        entry["name"],
        entry["per"],
        duration(ns["median"]),
        f"{duration(ns['min'])} – {duration(ns['max'])}",
        duration(entry["limit_ns"]),
        f"{entry['times_the_limit']:.1f}",
        f"{widest} ({count})" if count else widest or "–",
    ]


def sentence(entry: dict[str, Any]) -> str:
    """What the limit of a row is, and what bounds there are besides."""
    ordered = sorted(entry["limits"], key=lambda bound: -bound["ns"])
    first, *others = [f"{bound['what']}: {duration(bound['ns'])}" for bound in ordered]
    below = f"; less strict: {'; '.join(others)}" if others else ""
    return f"- {entry['name']}: bound by {ordered[0]['binds']}: {first}{below}."


def duration(ns: float) -> str:
    """A time with three digits, in ns, or in µs from 1000 ns on."""
    return f"{ns / 1000:.3g} µs" if ns >= 1000 else f"{ns:.3g} ns"


def command(options: argparse.Namespace) -> str:
    """The command that repeats the measurement."""
    words = ["python", "benchmarks/kernels.py", "--core", options.core, "--neurons", options.neurons]
    words += ["--indegree", options.indegree, "--repetitions", options.repetitions]
    return " ".join(map(str, words))


if __name__ == "__main__":
    sys.exit(main())
