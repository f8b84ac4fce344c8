"""Whether records belong together: all runs of one network must have built and computed the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from distsim.scaling.experiment import Point

SAME = ("n_synapses", "n_spikes", "spike_hash", "weight_hash")
"""The fields in which all records of a network agree, whatever the ranks."""


def disagreements(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A sentence for every pair of records of one network that differ in what they must share; empty where none do."""
    first: dict[str, Mapping[str, Any]] = {}
    found = []
    for record in records:
        known = first.setdefault(record["network"], record)
        differing = [name for name in SAME if record[name] != known[name]]
        if differing:
            values = ", ".join(f"{name} {_short(known[name])} and {_short(record[name])}" for name in differing)
            found.append(
                f"{Point.from_dict(known)} and {Point.from_dict(record)} are runs of one network ({record['network']}) "
                f"with different results: {values}"
            )
    return found


def _short(value: Any) -> str:
    return f"{value[:8]}..." if isinstance(value, str) else str(value)
