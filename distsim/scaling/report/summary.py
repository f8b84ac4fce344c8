"""What records tell: points of curves over seeds and repetitions, speed-up and efficiency, and whether they agree."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from distsim.analysis.published_statistics import STATISTICS
from distsim.core.units import beside_real_time
from distsim.scaling.experiment import Point, variant_label
from distsim.scaling.record_fields import HASHES
from distsim.scaling.settings import CURVE

Record = Mapping[str, Any]
CURVES = (*CURVE, "dt_ms")
"""Records that differ in one of these lie on different curves; so do those that differ in ``variant``."""
SAME = ("n_synapses", "n_spikes", *HASHES)
"""The fields in which all records of a network agree, whatever the ranks."""
MEGABYTE, MILLION, MICROJOULE = 1e6, 1e6, 1e-6


class Quantity(NamedTuple):
    """A quantity as tables and figures show it: heading of its column, label of its axis, and the unit of both."""

    heading: str
    label: str = ""
    unit: float = 1.0


QUANTITIES = {
    "build_time": Quantity("build\n(s)", "build time (s)"),
    "sim_time": Quantity("simulate\n(s)", "simulation time (s)"),
    "real_time_factor": Quantity("real-time\nfactor", "real-time factor"),
    "speedup": Quantity("speed-up", "speed-up"),
    "efficiency": Quantity("efficiency", "efficiency"),
    "balance": Quantity("load\nbalance"),
    "events_per_second_and_core": Quantity("events/s/core\n(million)", "events per second and core (million)", MILLION),
    "synapses_built_per_second_and_core": Quantity(
        "built/s/core\n(million)", "synapses built per second and core (million)", MILLION
    ),
    "memory": Quantity("memory\n(MB)", "peak memory, all ranks (MB)", MEGABYTE),
    "bytes_per_synapse": Quantity("bytes per\nsynapse", "bytes per synapse"),
    "energy_per_event": Quantity("energy per\nevent (µJ)", unit=MICROJOULE),
    "rate": Quantity("rate\n(1/s)", "firing rate (1/s)"),
    "activity": Quantity("mean\nactivity", "mean activity"),
}
"""What is summarized of costs and activity, by name; in records in s, bytes, J, 1/s."""
WEIGHTS = {"weight": "first 200 x 200", "plastic_weight": "all"}
"""Of which plastic synapses there are ``STATISTICS`` (pA) in records, by the beginning of their names."""
HEADINGS = tuple(name if name != "sd" else "SD" for name in STATISTICS)
SUMMARIZED = (*QUANTITIES, *(f"{which}_{name}" for which in WEIGHTS for name in STATISTICS), "weight_upper")
"""All of which there are spreads in summaries."""
SHORTEST_SHOWN = 0.05  # s


def point_line(point: Point, record: Record) -> str:
    """What a finished point cost, its rate, and the statistics of its weights: lines of a log."""
    rate = "" if record["rate"] is None else f", rate {record['rate']:.3f} /s"
    active = "" if record.get("activity") is None else f", mean activity {record['activity']:.3f}"
    compiled = f", compile {record['compile_time']:.1f} s" if record["compile_time"] >= SHORTEST_SHOWN else ""
    marks = {"oversubscribed": record["oversubscribed"], "other programs used the cores": record.get("disturbed")}
    crowded = "".join(f" ({mark})" for mark, holds in marks.items() if holds)
    line = (
        f"{point}{crowded}: build {record['build_time']:.3f} s, simulate {record['sim_time']:.3f} s "
        f"({beside_real_time(record['real_time_factor'])}){compiled}{rate}{active}"
    )
    found = {which: [record.get(f"{begin}_{name}") for name in STATISTICS] for begin, which in WEIGHTS.items()}
    weights = [
        f"{which}: {', '.join(f'{value:.2f}' for value in values)}"
        for which, values in found.items()
        if None not in values
    ]
    return f"{line}\n    weights (pA), {', '.join(HEADINGS)}: {'; '.join(weights)}" if weights else line


def disagreements(records: Sequence[Record]) -> list[str]:
    """A sentence for every pair of records of one network that differ in what they must share; empty where none do."""
    first: dict[str, Record] = {}
    found = []
    for record in records:
        known = first.setdefault(record["network"], record)
        values = [f"{n} {_short(known.get(n))} and {_short(record.get(n))}" for n in changed(known, record)]
        if values:
            found.append(
                f"{Point.from_dict(known)} and {Point.from_dict(record)} are runs of one network ({record['network']}) "
                f"with different results: {', '.join(values)}"
            )
    return found


def changed(record: Record, other: Record) -> list[str]:
    """The fields of ``SAME`` in which two records differ."""
    return [name for name in SAME if record.get(name) != other.get(name)]  # neurons have some of the hashes


def _short(value: Any) -> str:
    return f"{value[:8]}..." if isinstance(value, str) else str(value)


def with_speed(record: Record, others: Iterable[Record]) -> dict[str, Any]:
    """``record`` with speedup and efficiency, both relative to the fewest ranks in it and ``others``.

    efficiency is the number of synapses simulated per rank and second, over that on the fewest ranks; in strong scaling
    this is T(r0) r0 / (T(r) r), in weak scaling with fixed in-degree T(r0) / T(r). speedup is efficiency times r / r0.
    Both are None in size scaling, and where nothing was simulated.
    """
    base = min((other for other in (record, *others) if _comparable(record, other)), key=lambda r: r["ranks"])
    if record["kind"] == "size" or not base["n_synapses"] or not record["sim_time"]:
        return {**record, "speedup": None, "efficiency": None}
    efficiency = _throughput(record) / _throughput(base)
    return {**record, "speedup": efficiency * record["ranks"] / base["ranks"], "efficiency": efficiency}


def _comparable(record: Record, other: Record) -> bool:
    """Whether the two belong to one curve over ranks, with the same seed."""
    same = [*CURVES, "variant", "seed", "repetition", *(["size", "indegree"] if record["kind"] == "strong" else [])]
    return all(record.get(name) == other.get(name) for name in same)


def _throughput(record: Record) -> float:
    return float(record["n_synapses"] / (record["ranks"] * record["sim_time"]))


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

    ``values`` holds the spreads of all that is ``SUMMARIZED``: ``memory`` is the sum of the ranks' peaks, ``balance``
    the largest over the mean computing time of a rank, ``weight_upper`` weight mean plus standard deviation;
    ``phases`` the mean seconds of every phase; ``oversubscribed`` tells whether ranks had to share cores, ``disturbed``
    whether other programs used them meanwhile.
    """

    curve: str
    kind: str
    ranks: int
    size: int
    indegree: int | None
    seeds: int
    runs: int
    oversubscribed: bool
    disturbed: bool
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


def networks(records: Sequence[Record]) -> list[Summary]:
    """As ``summarize`` with each network once, whatever ranks it ran on: rates and weights are the same on all."""
    once = {
        record["network"]: {**record, "ranks": 1, "oversubscribed": False, "disturbed": False} for record in records
    }
    return summarize(list(once.values()))


def curve_of(record: Record) -> str:
    """What tells curves apart, as a text to compare."""
    return json.dumps([record.get(name) for name in (*CURVES, "variant")], sort_keys=True)


def curve_names(records: Sequence[Record]) -> dict[str, str]:
    """A name for every curve: its variant, with the settings in which not all records agree."""
    differing = [
        name for name in CURVES if name != "kind" and len({json.dumps(record.get(name)) for record in records}) > 1
    ]
    names = {}
    for record in records:
        words = [variant_label(record["variant"]) or record["model"]]
        words += [_said(name, record[name]) for name in differing if record[name] not in (None, words[0])]
        names[curve_of(record)] = ", ".join(words)
    return names


def _said(name: str, value: Any) -> str:
    """A setting as the name of a curve has it, times with their unit."""
    return f"{name.removesuffix('_ms')} = {value:.15g} ms" if name.endswith("_ms") else f"{name} = {value}"


def _summary(curve: str, records: list[Record]) -> Summary:
    first = records[0]
    values = {name: Spread.of([_value(record, name) for record in records]) for name in SUMMARIZED}
    phases = {name: statistics.fmean(_phase(record, name) for record in records) for name in first["phase_times"]}
    return Summary(
        curve=curve,
        kind=first["kind"],
        ranks=first["ranks"],
        size=first["N"],
        indegree=first["indegree"],
        seeds=len({record["seed"] for record in records}),
        runs=len(records),
        oversubscribed=any(record["oversubscribed"] for record in records),
        disturbed=any(record.get("disturbed") for record in records),  # an earlier version did not look
        values=values,
        phases=phases,
    )


def _phase(record: Record, name: str) -> float:
    """Mean seconds of a phase; 0 where the record has it not."""
    return float(record["phase_times"][name]["mean"]) if name in record["phase_times"] else 0.0


def _value(record: Record, name: str) -> float | None:
    """One of ``Summary.values`` in a record."""
    if name == "memory":
        return float(sum(record["memory_peak"]))
    if name == "balance":
        return record["load_balance"]["busy"]
    if name == "weight_upper":
        mean, sd = record.get("weight_mean"), record.get("weight_sd")
        return None if mean is None or sd is None else mean + sd
    return record.get(name)  # an earlier version wrote fewer
