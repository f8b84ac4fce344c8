"""All seeds and repetitions of one network on one number of ranks, as means and standard deviations."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from distsim.scaling.experiment import variant_label
from distsim.scaling.report.scaling import with_speed

Record = Mapping[str, Any]
SETTINGS = ("model", "kind", "T_ms", "presimulation_ms", "dt_ms", "precision", "interval_ms", "exchange")
"""Records that differ in one of these lie on different curves; so do those that differ in ``variant``."""

FIELDS = (
    "build_time", "sim_time", "real_time_factor", "speedup", "efficiency", "rate", "weight_mean", "weight_sd",
    "bytes_per_synapse", "events_per_second_and_core", "synapses_built_per_second_and_core", "energy_per_event",
)  # fmt: skip


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (divisor n - 1; 0 for one value)."""

    mean: float
    sd: float

    @classmethod
    def of(cls, values: Sequence[float | None]) -> Spread | None:
        """The spread of ``values``, or None where one of them is missing."""
        known = [value for value in values if value is not None]
        if not known or len(known) < len(values):
            return None
        return cls(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else 0.0)


@dataclass(frozen=True)
class Summary:
    """A point of a curve. ``size`` is the number of neurons N, ``indegree`` that asked for (None: the model's own).

    ``values`` holds the spreads of ``FIELDS``, of ``weight_upper`` (weight mean plus standard deviation), ``memory``
    (bytes, sum of the ranks' peaks) and ``balance`` (largest over mean computing time of a rank), ``phases`` the mean
    seconds of every phase; ``oversubscribed`` tells whether ranks had to share cores.
    """

    curve: str
    kind: str
    size: int
    indegree: int | None
    ranks: int
    seeds: int
    runs: int
    oversubscribed: bool
    values: dict[str, Spread | None]
    phases: dict[str, float]


def summarize(records: Sequence[Record]) -> list[Summary]:
    """One summary for each curve, number of ranks and size, in the order of sizes and ranks."""
    names = curve_names(records)
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        group = names[curve_of(record)], record["kind"], record["N"], record["ranks"], record["indegree"] or 0
        groups.setdefault(group, []).append(with_speed(record, records))
    return [_summary(group[0], groups[group]) for group in sorted(groups)]


def curve_of(record: Record) -> str:
    """What tells curves apart, as a text to compare."""
    return json.dumps([record[name] for name in (*SETTINGS, "variant")], sort_keys=True)


def curve_names(records: Sequence[Record]) -> dict[str, str]:
    """A name for every curve: its variant, with the settings in which not all records agree."""
    differing = [
        name for name in SETTINGS if name != "kind" and len({json.dumps(record[name]) for record in records}) > 1
    ]
    names = {}
    for record in records:
        words = [variant_label(record["variant"]) or record["model"]]
        words += [f"{name.removesuffix('_ms')} = {record[name]}" for name in differing if record[name] != words[0]]
        names[curve_of(record)] = ", ".join(words)
    return names


def _summary(curve: str, records: list[Record]) -> Summary:
    first = records[0]
    values = {name: Spread.of([record[name] for record in records]) for name in FIELDS}
    values["weight_upper"] = Spread.of([_upper(record) for record in records])
    values["memory"] = Spread.of([sum(record["memory_peak"]) for record in records])
    values["balance"] = Spread.of([record["load_balance"]["busy"] for record in records])
    phases = {name: statistics.fmean(r["phase_times"][name]["mean"] for r in records) for name in first["phase_times"]}
    return Summary(
        curve=curve,
        kind=first["kind"],
        size=first["N"],
        indegree=first["indegree"],
        ranks=first["ranks"],
        seeds=len({record["seed"] for record in records}),
        runs=len(records),
        oversubscribed=any(record["oversubscribed"] for record in records),
        values=values,
        phases=phases,
    )


def _upper(record: Record) -> float | None:
    mean, sd = record["weight_mean"], record["weight_sd"]
    return None if mean is None or sd is None else mean + sd
