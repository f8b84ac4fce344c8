"""Durations as texts: of wall time, such as 90s, 30m or 1h30m, and of simulated time, such as 500ms."""

from __future__ import annotations

import re
from typing import NamedTuple

from distsim.core.errors import InputError
from distsim.core.units import check_number, shown

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?=.)(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")
_SIMULATED = re.compile(r"(\d+(?:\.\d+)?)\s*ms")
LONGEST = 10 * 365 * 24 * 3600.0  # s; far longer waits are beyond what the system counts


def seconds(text: str | None, name: str) -> float | None:
    """A duration such as 90, 90s, 30m or 1h30m in s; InputError naming the option ``name`` for anything else."""
    if text is None:
        return None
    match = _DURATION.fullmatch(text)
    total = sum(float(n) * unit for n, unit in zip(match.groups(), _UNITS.values(), strict=True) if n) if match else 0.0
    if total <= 0.0:
        raise InputError(f"option {name}: '{text}' is no duration; write e.g. 90s, 30m or 1h30m")
    if total > LONGEST:
        raise InputError(f"option {name}: '{text}' is longer than ten years; write e.g. 90s, 30m or 1h30m")
    return total


class Every(NamedTuple):
    """How often something is done: after so many s of ``wall`` time, or at every multiple of ``simulated`` ms."""

    wall: float | None = None
    simulated: float | None = None

    @classmethod
    def of(cls, text: str, name: str) -> Every:
        """As it is written: "60s", "10m", or "500ms" of simulated time; InputError for anything else."""
        match = _SIMULATED.fullmatch(text) if isinstance(text, str) else None
        if match:
            return cls(simulated=check_number(float(match[1]), name, above=0.0))
        try:
            return cls(wall=seconds(text, name))
        except (InputError, TypeError):
            raise InputError(
                f"{name} must be a duration: 60s, 10m or 1h30m of wall time, or 500ms of simulated time, "
                f"got {shown(text)}"
            ) from None
