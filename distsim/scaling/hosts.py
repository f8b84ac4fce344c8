"""Where the ranks of a point are: nodes, cores, pinning."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from typing import Any

from distsim.record.surroundings import affinity


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
