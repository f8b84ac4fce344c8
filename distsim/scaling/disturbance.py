"""Whether other programs used the cores of a point while it was measured: its times then say nothing."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

SCHEDULED = Path("/proc/self/schedstat")
"""Where Linux tells for how many ns the main thread ran, and waited though it could have run."""
NS = 1e9
MOST_WAITED, LEAST_WAITED = 0.02, 1e-3
"""Share of the measured time that a rank may wait for a core, 0.002 if nobody else has it; 1 ms tells nothing."""
OFTEN, FEWEST = 50.0, 3
"""Involuntary switches per second that are too many where the system does not tell how long a rank waited."""


class Used(NamedTuple):
    """Of one rank: seconds measured; how often it lost its core, though it would have gone on; seconds without one."""

    seconds: float
    switches: int
    waited: float | None


class CoreMeter:
    """What befell this rank while the context lasts: ``used``."""

    used = Used(0.0, 0, 0.0)

    def __enter__(self) -> None:
        self._before = _now()

    def __exit__(self, *error: object) -> None:
        before, after = self._before, _now()
        waited = None if before.waited is None or after.waited is None else after.waited - before.waited
        self.used = Used(after.seconds - before.seconds, after.switches - before.switches, waited)


def _now() -> Used:
    waited = None
    with suppress(OSError, ValueError, IndexError):
        waited = int(SCHEDULED.read_text(encoding="ascii").split()[1]) / NS
    return Used(time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_nivcsw, waited)


def disturbance(comm: Any, meter: CoreMeter, *, oversubscribed: bool) -> dict[str, Any]:
    """The fields of the record, by rank and of the busiest node; collective, on rank 0, else empty.

    The load is the mean number of processes that ran or waited in the last minute, those of the point included. Ranks
    that have to take turns with each other, ``oversubscribed``, cannot tell others from themselves.
    """
    found = comm.gather((meter.used, os.getloadavg()[0]), root=0)
    if found is None:
        return {}
    ranks = [used for used, _ in found]
    return {
        "load_average": max(load for _, load in found),
        "involuntary_switches": [used.switches for used in ranks],
        "waited_for_cores": None if any(used.waited is None for used in ranks) else [used.waited for used in ranks],
        "disturbed": not oversubscribed and are_disturbed(ranks),
    }


def are_disturbed(ranks: Sequence[Used]) -> bool:
    """Whether any rank was kept from its core for longer, or more often, than an idle machine does that."""
    return any(
        used.switches >= FEWEST and used.switches > OFTEN * used.seconds
        if used.waited is None
        else used.waited > max(LEAST_WAITED, MOST_WAITED * used.seconds)
        for used in ranks
    )
