"""What a reader is told of the records: log lines and the table over seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1e6
SHORTEST_SHOWN = 0.05  # s


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation (divisor n - 1; 0 for one value) over seeds."""

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
    """All seeds of one network on one number of ranks: times in s, rate in 1/s, weights in pA, memory in bytes.

    ``weight_upper`` is weight mean plus weight standard deviation; ``memory`` the largest sum of the ranks' peaks.
    """

    neuron_model: str
    size: int
    ranks: int
    seeds: int
    build_time: Spread | None
    sim_time: Spread | None
    real_time_factor: Spread | None
    rate: Spread | None
    weight_mean: Spread | None
    weight_sd: Spread | None
    weight_upper: Spread | None
    memory: int


def summarize(records: Iterable[Mapping[str, Any]]) -> list[Summary]:
    """One summary for each neuron model, number of ranks and size, in that order."""
    groups: dict[tuple[str, int, int], list[Mapping[str, Any]]] = {}
    for record in records:
        groups.setdefault((record["neuron_model"], record["ranks"], record["N"]), []).append(record)
    return [_summary(*name, groups[name]) for name in sorted(groups)]


def _summary(neuron_model: str, ranks: int, size: int, records: list[Mapping[str, Any]]) -> Summary:
    def spread(field: str) -> Spread | None:
        return Spread.of([record[field] for record in records])

    return Summary(
        neuron_model=neuron_model,
        size=size,
        ranks=ranks,
        seeds=len(records),
        build_time=spread("build_time"),
        sim_time=spread("sim_time"),
        real_time_factor=spread("real_time_factor"),
        rate=spread("rate"),
        weight_mean=spread("weight_mean"),
        weight_sd=spread("weight_sd"),
        weight_upper=Spread.of([_upper(record) for record in records]),
        memory=max(sum(record["memory_peak"]) for record in records),
    )


def _upper(record: Mapping[str, Any]) -> float | None:
    mean, sd = record["weight_mean"], record["weight_sd"]
    return None if mean is None or sd is None else mean + sd


def table(records: Iterable[Mapping[str, Any]]) -> str:
    """The records as a table, means and standard deviations over seeds."""
    from tabulate import tabulate

    header = ["neuron model", "ranks", "N", "seeds", "build\n(s)", "simulate\n(s)", "real-time\nfactor", "rate\n(1/s)"]
    header += ["weight mean\n(pA)", "weight SD\n(pA)", "memory\n(MB)"]
    rows = [
        [row.neuron_model, str(row.ranks), str(row.size), str(row.seeds)]
        + [_text(spread) for spread in (row.build_time, row.sim_time, row.real_time_factor, row.rate)]
        + [_text(row.weight_mean), _text(row.weight_sd), f"{row.memory / MEGABYTE:.0f}"]
        for row in summarize(records)
    ]
    text: str = tabulate(rows, header, disable_numparse=True, colalign=["left"] + ["right"] * (len(header) - 1))
    return text


def _text(spread: Spread | None) -> str:
    """Mean, and standard deviation where there is one, to the same number of digits."""
    if spread is None:
        return "-"
    digits = max(0, 3 - len(str(int(abs(spread.mean))).lstrip("0")))
    mean = f"{spread.mean:.{digits}f}"
    return f"{mean} ± {spread.sd:.{digits}f}" if spread.sd else mean


def point_line(number: int, total: int, record: Mapping[str, Any]) -> str:
    """The log line of a finished point, the ``number``-th of ``total``."""
    weight = "" if record["weight_mean"] is None else f", weight {record['weight_mean']:.2f} pA"
    compiled = f", compile {record['compile_time']:.1f} s" if record["compile_time"] >= SHORTEST_SHOWN else ""
    return (
        f"[{number:{len(str(total))}d}/{total}] {record['neuron_model']}, N = {record['N']}, seed {record['seed']}: "
        f"build {record['build_time']:.3f} s, simulate {record['sim_time']:.3f} s "
        f"({record['real_time_factor']:.3f} x real time){compiled}, rate {record['rate']:.3f} /s{weight}"
    )
