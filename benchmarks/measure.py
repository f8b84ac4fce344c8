"""What a benchmarked process measures of itself: its cores, its memory, its one line of results.

Only the standard library is used, so that a script run by another interpreter, the one that has NEST, can import it.
Linux only: cores are pinned with sched_setaffinity, memory is read from /proc/self/status.
"""

import argparse
import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

NEURON_MODELS = ("iaf_psc_alpha", "ignore_and_fire", "iaf_psc_delta")
"""Of the two-population network, the first two; of Brunel's network, the last."""

SUBSET = 200
"""Weights are compared between the first 200 and the first 200 excitatory neurons, as published."""


def arguments(description: str | None) -> argparse.Namespace:
    """Options that both simulators' scripts take: the same words for the same work."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--neuron-model", choices=NEURON_MODELS, default="iaf_psc_alpha")
    parser.add_argument("--model", choices=["two_population", "brunel"], default="two_population", help="distsim only")
    parser.add_argument("--size", type=int, default=12_500, help="number of neurons N")
    parser.add_argument("--indegree", type=int, default=1_250, help="inputs per neuron K from within the network")
    parser.add_argument("--time", type=float, default=1000.0, help="simulated time (ms)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--cores", type=int, nargs="+", default=[0], help="one thread or rank is pinned to each")
    parser.add_argument("--precision", choices=["double", "single"], default="double", help="distsim only: weights")
    parser.add_argument("--no-poisson", action="store_true", help="NEST only: leave the Poisson generator unconnected")
    return parser.parse_args()


def pin(cores: Iterable[int]) -> None:
    """Confine this process to the given cores; threads started later inherit it."""
    os.sched_setaffinity(0, set(cores))


def resident() -> int:
    """Resident set of this process now (bytes)."""
    return _status("VmRSS")


def peak() -> int:
    """Largest resident set since the last `reset_peak` (bytes)."""
    return _status("VmHWM")


def reset_peak() -> None:
    """Forget the peak reached during imports (Linux 4.0 and later; see proc(5), clear_refs)."""
    with contextlib.suppress(OSError):  # some containers forbid it: then the peak of the imports counts too
        Path("/proc/self/clear_refs").write_text("5")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise RuntimeError(f"/proc/self/status has no field {field}")


def weight_statistics(weights: Any) -> dict[str, float | int | None]:
    """Count, mean and standard deviation of an array of weights (pA); None where there are no synapses."""
    if not len(weights):
        return {"weight_count": 0, "weight_mean": None, "weight_sd": None}
    return {"weight_count": len(weights), "weight_mean": float(weights.mean()), "weight_sd": float(weights.std())}


NO_WEIGHTS = weight_statistics(())
"""Of a network without plastic synapses."""


def emit(record: dict[str, Any]) -> None:
    """Print the record as one line of JSON: the last line that the process writes."""
    print(json.dumps(record), flush=True)
