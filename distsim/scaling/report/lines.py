"""The line of a finished point in a log."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from distsim.scaling.experiment import Point

SHORTEST_SHOWN = 0.05  # s


def point_line(point: Point, record: Mapping[str, Any]) -> str:
    """What a finished point cost, and its rate and weights."""
    weight = "" if record["weight_mean"] is None else f", weight {record['weight_mean']:.2f} pA"
    compiled = f", compile {record['compile_time']:.1f} s" if record["compile_time"] >= SHORTEST_SHOWN else ""
    crowded = " (oversubscribed)" if record["oversubscribed"] else ""
    return (
        f"{point}{crowded}: build {record['build_time']:.3f} s, simulate {record['sim_time']:.3f} s "
        f"({record['real_time_factor']:.3f} x real time){compiled}, rate {record['rate']:.3f} /s{weight}"
    )
