"""Energy that the processors used, where the machine tells it (RAPL of Linux, readable by root on most systems)."""

from __future__ import annotations

import contextlib
from pathlib import Path

RAPL = Path("/sys/class/powercap")
JOULE = 1e6  # RAPL counts microjoules


class EnergyMeter:
    """The energy of all processor packages of this node since the meter was made."""

    def __init__(self, folder: Path = RAPL) -> None:
        self._counters = {zone: _read(zone / "energy_uj") for zone in _packages(folder)}

    def joules(self) -> float | None:
        """Energy since construction (J); None where the machine does not tell it."""
        total = 0
        for zone, before in self._counters.items():
            now, limit = _read(zone / "energy_uj"), _read(zone / "max_energy_range_uj")
            if before is None or now is None:
                return None
            total += now - before if now >= before else now - before + (limit or 0)  # the counter went around once
        return total / JOULE if self._counters else None


def _packages(folder: Path) -> list[Path]:
    """The zones of whole packages; what lies below them (cores, memory) is part of their count or not offered."""
    return [zone for zone in sorted(folder.glob("intel-rapl:*")) if zone.name.count(":") == 1]


def _read(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None
