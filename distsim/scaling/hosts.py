"""Where the ranks of a point are: nodes, cores, pinning; and the energy that the processors of a node used."""

from __future__ import annotations

import contextlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.record.surroundings import affinity

RAPL = Path("/sys/class/powercap")
"""Where Linux tells the energy, readable by root on most systems."""
JOULE = 1e6  # RAPL counts microjoules


@dataclass(frozen=True)
class Hosts:
    """The nodes and cores of the ranks of a communicator.

    pinning: the cores that each rank may run on, as "0-3,6"; cores_used: cores that can be busy at once;
    oversubscribed: whether some node has more ranks than cores for them; first_ranks: the lowest rank of each node.
    """

    pinning: list[str]
    cores_used: int
    oversubscribed: bool
    first_ranks: list[int]

    @classmethod
    def of(cls, comm: Any) -> Hosts:
        """Those of ``comm``, the same on every rank (collective)."""
        places = comm.allgather((platform.node(), affinity()))
        ranks: dict[str, list[int]] = {}
        cores: dict[str, set[int]] = {}
        for rank, (host, allowed) in enumerate(places):
            ranks.setdefault(host, []).append(rank)
            cores.setdefault(host, set()).update(allowed)
        return cls(
            pinning=[ranges(allowed) for _, allowed in places],
            cores_used=sum(min(len(ranks[host]), len(cores[host])) for host in ranks),
            oversubscribed=any(len(ranks[host]) > len(cores[host]) for host in ranks),
            first_ranks=[members[0] for members in ranks.values()],
        )


def ranges(numbers: list[int]) -> str:
    """Ascending numbers as in "0-3,6"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ",".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


class EnergyMeter:
    """The energy of all processor packages of this node since the meter was made.

    What lies below a package (cores, memory) is part of its count or not offered.
    """

    def __init__(self, folder: Path = RAPL) -> None:
        packages = [zone for zone in sorted(folder.glob("intel-rapl:*")) if zone.name.count(":") == 1]
        self._counters = {zone: _read(zone / "energy_uj") for zone in packages}

    def joules(self) -> float | None:
        """Energy since construction (J); None where the machine does not tell it."""
        total = 0
        for zone, before in self._counters.items():
            now, limit = _read(zone / "energy_uj"), _read(zone / "max_energy_range_uj")
            if before is None or now is None:
                return None
            total += now - before if now >= before else now - before + (limit or 0)  # the counter went around once
        return total / JOULE if self._counters else None


def _read(path: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text(encoding="ascii"))
    return None
