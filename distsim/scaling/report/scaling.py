"""Speed-up and efficiency of a record, beside the one of the same kind on the fewest ranks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Record = Mapping[str, Any]


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
    same = ["kind", "model", "variant", "seed", "T_ms", "presimulation_ms", "precision", "repetition"]
    same += ["size", "indegree"] if record["kind"] == "strong" else []
    return all(record[name] == other[name] for name in same)


def _throughput(record: Record) -> float:
    return float(record["n_synapses"] / (record["ranks"] * record["sim_time"]))
