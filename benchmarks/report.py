"""Medians, ranges and ratios of repeated runs, and the tables that show them."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Record = Mapping[str, Any]

SIMULATORS = ("NEST", "distsim")

SPEED: dict[str, tuple[str, Callable[[Record], float]]] = {
    "build": ("build, with NEST's prepare (s)", lambda run: run["build"] + run.get("prepare", 0.0)),
    "build_without_prepare": ("build, without prepare (s)", lambda run: run["build"]),
    "build_from_outside": ("build, from outside (s)", lambda run: run["build_wall"]),
    "simulate": ("simulate (s)", lambda run: run["simulate"]),
    "simulate_from_outside": ("simulate, from outside (s)", lambda run: run["simulate_wall"]),
    "memory": ("memory above the interpreter (MB)", lambda run: 1e-6 * (run["peak_bytes"] - run["bare_bytes"])),
    "memory_per_synapse": (
        "the same per synapse (bytes)",
        lambda run: (run["peak_bytes"] - run["bare_bytes"]) / max(1, run["synapses"]),
    ),
    "bare": ("interpreter and libraries (MB)", lambda run: 1e-6 * run["bare_bytes"]),
    "peak": ("peak resident set (MB)", lambda run: 1e-6 * run["peak_bytes"]),
}
"""Quantities where less is better, hence with a ratio: name -> (heading, value of one run)."""

WORK = {
    "synapses": "synapses",
    "spikes": "spikes",
    "rate": "rate (1/s)",
    "weight_count": "E→E synapses compared",
    "weight_mean": "E→E weight, mean (pA)",
    "weight_sd": "E→E weight, SD (pA)",
    "I_E": "excitatory weight (pA; brunel: mV)",
    "nu_X": "external rate (1/s)",
}
"""Quantities that show that the same work was done."""


def summarise(runs: Sequence[Record]) -> dict[str, Any]:
    """Medians, least and greatest values per simulator, ratios, and whether the work was the same.

    Parameters
    ----------
    runs : records as printed by the simulators' scripts, in the order in which they were run.

    Returns
    -------
    dict with, for each quantity of SPEED, "NEST" and "distsim", each {"median", "min", "max"}, and "ratio",
    "ratio_min", "ratio_max": the median of NEST over that of distsim (above 1: distsim needs less), and the least and
    greatest ratio of two runs made one right after the other; None where a simulator was left out or needed nothing.
    For each quantity of WORK, the medians. "core_share": the least share of its cores that a simulator got in any run.
    "same_work": see `same_work`. "same_bits": whether all runs of distsim gave the same spikes.
    """
    by_simulator = {name: [run for run in runs if run["simulator"] == name] for name in SIMULATORS}
    present = {name: own for name, own in by_simulator.items() if own}
    summary: dict[str, Any] = {}
    for quantity, (_, value) in SPEED.items():
        values = {name: [value(run) for run in own] for name, own in present.items()}
        summary[quantity] = {name: _spread(own) for name, own in values.items()} | _ratios(values)
    for quantity in WORK:
        medians = {name: _median([run[quantity] for run in own]) for name, own in present.items()}
        summary[quantity] = medians
    summary["core_share"] = {name: min(map(_core_share, own)) for name, own in present.items()}
    summary["same_work"] = same_work(by_simulator)
    summary["same_bits"] = len({run.get("spike_hash") for run in by_simulator["distsim"]}) <= 1
    return summary


def same_work(by_simulator: Mapping[str, Sequence[Record]]) -> bool | None:
    """Whether synapse counts are equal, and synaptic current and external rate agree to 1e-9; None without two sides.

    Rates and weights are random, and those of two simulators agree only in distribution: they are shown, not judged.
    """
    if not all(by_simulator.get(name) for name in SIMULATORS):
        return None
    nest, distsim = (by_simulator[name][0] for name in SIMULATORS)
    close = all(math.isclose(nest[name], distsim[name], rel_tol=1e-9) for name in ("I_E", "nu_X"))
    return close and len({run["synapses"] for runs in by_simulator.values() for run in runs}) == 1


def table(summary: Mapping[str, Any]) -> str:
    """The summary of one piece of work as a text table."""
    from tabulate import tabulate

    names = [name for name in SIMULATORS if name in summary["simulate"]]
    both = len(names) == len(SIMULATORS)
    rows = []
    for quantity, (heading, _) in SPEED.items():
        entry = summary[quantity]
        row = [heading, *(_cell(entry[name]) for name in names)]
        ratios = [_times(entry["ratio"]), f"{_times(entry['ratio_min'])} – {_times(entry['ratio_max'])}"]
        rows.append(row + (ratios if both else []))
    for quantity, heading in WORK.items():
        if not any(summary[quantity].values()):  # no such synapses in this network
            continue
        row = [heading, *(_number(summary[quantity][name], digits=6) for name in names)]
        rows.append(row + (["", ""] if both else []))
    headers = ["median (least – greatest)", *names] + (["NEST / distsim", "of single pairs"] if both else [])
    align = ("left", *("right" for _ in headers[1:]))
    return str(tabulate(rows, headers=headers, disable_numparse=True, colalign=align))


def remarks(summary: Mapping[str, Any]) -> list[str]:
    """Sentences that a reader of the table must not miss."""
    found = []
    for name, share in summary["core_share"].items():
        if share < 0.95:
            found.append(
                f"{name} got only {100 * share:.0f} % of its cores in one run: the machine was busy, repeat it."
            )
    if summary["same_work"] is False:
        found.append("NOT THE SAME WORK: synapse counts or parameters differ, the ratios mean nothing.")
    if not summary["same_bits"]:
        found.append("NOT THE SAME BITS: runs of distsim with one seed gave different spikes.")
    return found


def _spread(values: Sequence[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _ratios(values: Mapping[str, Sequence[float]]) -> dict[str, float | None]:
    nest, distsim = (values.get(name, ()) for name in SIMULATORS)
    if not nest or not distsim or not all(distsim):
        return {"ratio": None, "ratio_min": None, "ratio_max": None}
    pairs = [a / b for a, b in zip(nest, distsim, strict=True)]
    ratio = statistics.median(nest) / statistics.median(distsim)
    return {"ratio": ratio, "ratio_min": min(pairs), "ratio_max": max(pairs)}


def _core_share(run: Record) -> float:
    """Processor time over wall time of the simulation, per core: below 1 where other processes took the cores."""
    available = run["simulate_wall"] * run["cores"]
    return float(min(1.0, run["simulate_cpu"] / available)) if available else 1.0


def _median(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def _number(value: float | None, digits: int = 4) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) >= 100 else f"{value:.{digits}g}"


def _times(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _cell(spread: Mapping[str, float]) -> str:
    return f"{_number(spread['median'])} ({_number(spread['min'])} – {_number(spread['max'])})"
