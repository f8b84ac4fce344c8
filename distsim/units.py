"""Units: ms, mV, pA, pF, 1/s throughout; times become whole steps of the grid here, exactly or with an error.

Time ``t`` (ms) of step ``n`` is ``n * dt``. A step is named by its end: the first step of a simulation is step 1.
"""

from __future__ import annotations

import math
from typing import Any

from distsim.errors import InputError

MS_PER_S = 1000.0
RELATIVE_TOLERANCE = 1e-9
GRID_TOLERANCE = 1e-3  # steps that a time may be off the grid, however long it is
MAX_STEPS = 2**31 - 1
MAX_NEURONS = 2**31 - 1  # of a network: sources and targets of edges are kept in 32 bits
LONGEST_DELAY = 2**24 - 1  # steps: a spike travels with its step within an interval in 24 bits


def check_number(value: Any, name: str, *, low: float = -math.inf, above: float = -math.inf) -> float:
    """``value`` as a float; InputError unless it is a finite number, at least ``low`` and larger than ``above``."""
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise InputError(f"{name} must be a number, got {value!r}")
    number = float(value)
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, got {value!r}")
    if number < low:
        raise InputError(f"{name} must be at least {low:g}, got {number:g}")
    if number <= above:
        raise InputError(f"{name} must be larger than {above:g}, got {number:g}")
    return number


def check_count(value: Any, name: str, *, low: int = 0) -> int:
    """``value`` as an int; InputError unless it is a whole number of at least ``low``."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        number = value if isinstance(value, float) else None
        if number is None or not math.isfinite(number) or number != int(number):
            raise InputError(f"{name} must be a whole number, got {value!r}")
        value = int(number)
    count = int(value)
    if count < low:
        raise InputError(f"{name} must be at least {low}, got {count}")
    return count


def to_steps(time: Any, dt: float, name: str, *, low: int = 0) -> int:
    """``time`` (ms) in steps of ``dt`` (ms), exactly.

    Raises InputError where ``time`` is not finite, not a whole multiple of ``dt`` (to one part in 1e9 of itself and in
    1000 of ``dt``), below ``low`` steps, or beyond 2^31 - 1 steps; the message names the multiples on either side.
    """
    value = check_number(time, name)
    if value / dt > MAX_STEPS + 0.5:
        raise InputError(f"{name} = {value:g} ms is more than {MAX_STEPS} steps of dt = {dt:g} ms")
    if value / dt < low - 1.0:
        raise InputError(f"{name} = {value:g} ms must be at least {low * dt:g} ms ({low} steps of dt = {dt:g} ms)")
    steps = round(value / dt)
    if abs(steps * dt - value) > min(RELATIVE_TOLERANCE * max(abs(value), dt), GRID_TOLERANCE * dt):
        below = math.floor(value / dt)
        choices = " or ".join(f"{n * dt:.10g}" for n in sorted({max(below, low), max(below + 1, low)}))
        raise InputError(f"{name} = {value:g} ms is not a whole multiple of dt = {dt:g} ms; write {choices}")
    if steps < low:
        raise InputError(f"{name} = {value:g} ms must be at least {low * dt:g} ms ({low} steps of dt = {dt:g} ms)")
    return steps


def round_to_steps(time: float, dt: float) -> int:
    """``time`` (ms) in steps, rounded to the nearest, halves up."""
    return math.floor(time / dt + 0.5)
