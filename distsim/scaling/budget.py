"""The time an experiment may take, and whether the next point still fits in."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterable, Mapping
from typing import Any

from distsim.core.errors import InputError
from distsim.scaling.experiment import Point

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
LONGEST = 10 * 365 * 24 * 3600.0  # s; far longer waits are beyond what the system counts
MARGIN = 1.3
"""A point is begun if so many times its expected duration is left."""


class BudgetSpentError(Exception):
    """The point that is running would not end in time; it is left for later."""


def seconds(text: str, name: str) -> float:
    """A duration such as 90, 90s, 30m or 1h30m in s; InputError naming the option ``name`` for anything else."""
    match = _DURATION.fullmatch(text)
    total = sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n) if match else 0.0
    if total <= 0.0:
        raise InputError(f"option {name}: '{text}' is no duration; write e.g. 90s, 30m or 1h30m")
    if total > LONGEST:
        raise InputError(f"option {name}: '{text}' is longer than ten years; write e.g. 90s, 30m or 1h30m")
    return total


class Budget:
    """Wall time since the start of the experiment, against ``limit`` (s); None: no limit."""

    def __init__(self, limit: float | None) -> None:
        self._begin = time.monotonic()
        self.limit = limit

    def left(self) -> float:
        """Seconds left, infinite without a limit."""
        return float("inf") if self.limit is None else self.limit - (time.monotonic() - self._begin)

    def allows(self, point: Point, records: Iterable[Mapping[str, Any]]) -> bool:
        """Whether ``point`` should end in time, judged by the records of other points."""
        return self.left() > MARGIN * expected(point, records)


def expected(point: Point, records: Iterable[Mapping[str, Any]]) -> float:
    """Seconds that ``point`` should take, from the records of the points most like it; 0 where there are none.

    Taken to be proportional to synapses per rank (neurons, where the in-degree is the model's own) and, since start-up
    does not shrink, never below the time of a smaller point.
    """
    ratios = [(_work(point) / _work(Point.from_dict(record)), record["wall_time"]) for record in records]
    if not ratios:
        return 0.0
    nearest = min(abs(math.log(ratio)) for ratio, _ in ratios)
    return max(time * max(1.0, ratio) for ratio, time in ratios if abs(math.log(ratio)) == nearest)


def _work(point: Point) -> float:
    return point.size * (point.indegree or 1) / point.ranks
