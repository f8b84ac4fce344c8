"""When a current that is injected from outside acts, as the generators of NEST transmit theirs."""

from __future__ import annotations

from typing import Any

from distsim.core.units import MAX_STEPS, to_steps


def emission(drive: Any, dt: float) -> tuple[int, int, int]:
    """(delay, after, until) in steps: ``drive`` emits in the steps after + 1 .. until, each arrives ``delay`` later.

    drive: has start, stop and delay (ms; None: for ever, and dt). Nothing is emitted in the first step: what would have
    to be emitted before 0 ms is missing.
    """
    delay = 1 if drive.delay is None else to_steps(drive.delay, dt, "delay")
    until = MAX_STEPS if drive.stop is None else to_steps(drive.stop, dt, "stop")
    return delay, max(to_steps(drive.start, dt, "start"), 1), until
