"""Units: ms, mV, pA, pF, 1/s throughout; times become whole steps of the grid here, exactly or with an error.

Time ``t`` (ms) of step ``n`` is ``n * dt``. A step is named by its end: the first step of a simulation is step 1.
"""

from __future__ import annotations

import decimal
import math
import numbers
import os
from typing import Any

import numpy as np

from distsim.core.errors import InputError

MS_PER_S = 1000.0
RELATIVE_TOLERANCE = 1e-9
GRID_TOLERANCE = 1e-3  # steps that a time may be off the grid, however long it is
MAX_STEPS = 2**31 - 1
MAX_NEURONS = 2**31 - 1  # of a network: sources and targets of edges are kept in 32 bits
LONGEST_DELAY = 2**24 - 1  # steps: a spike travels with its step within an interval in 24 bits
LONGEST_QUOTE = 80

LARGEST = 1e12
"""The largest size of any quantity. In ms, mV, pA, pF, 1/s all that neurons do lies far within; powers and products of
several such numbers, and sums of input that hold the largest and the smallest weight, are still exact enough."""

SMALLEST = 1.0 / LARGEST
"""The smallest value of a quantity that must be positive, for it is divided by."""

LARGEST_COUNT = 2**63 - 1
LOWEST_SEED = -(2**63)

FACTOR_NOTE = "real-time factor: wall time over simulated time; above 1 it is slower than real time"
"""What stands below a table of such factors."""


def beside_real_time(factor: float) -> str:
    """A real-time factor, wall time over simulated time, in words: "2.5 times slower than real time"."""
    times = max(factor, 1.0 / factor) if factor > 0.0 else math.inf
    said = f"{times:,.0f}" if times >= 10.0 else f"{times:.2g}"
    if said == "1":
        return "as fast as real time"
    return f"{said} times {'slower' if factor > 1.0 else 'faster'} than real time"


def shown(value: Any) -> str:
    """``value`` as a message quotes it: short, whatever it is; an object that does not describe itself by its class."""
    if type(value).__repr__ is object.__repr__:  # type: ignore[comparison-overlap]
        return f"a {type(value).__name__}"
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a number of too many digits, or an object that cannot describe itself
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."


def check_number(value: Any, name: str, *, low: float = -math.inf, above: float = -math.inf) -> float:
    """``value`` as a float; InputError unless it is a finite number, at least ``low`` and larger than ``above``.

    It may be at most LARGEST in size, and where it has to be positive, it must be at least SMALLEST.
    """
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (numbers.Real, decimal.Decimal)):
        raise InputError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        raise InputError(f"{name} must be at most {LARGEST:g} in size, got {shown(value)}") from None
    except ValueError:  # a decimal number that is none
        number = math.nan
    if not math.isfinite(number):
        raise InputError(f"{name} must be finite, got {shown(value)}")
    if number < low:
        raise InputError(f"{name} must be at least {low:g}, got {number:g}")
    if number <= above:
        raise InputError(f"{name} must be larger than {above:g}, got {number:g}")
    if abs(number) > LARGEST:
        raise InputError(f"{name} must be at most {LARGEST:g} in size, got {number:g}")
    if above == 0.0 and number < SMALLEST:
        raise InputError(f"{name} must be at least {SMALLEST:g}, got {number:g}")
    return number


def check_count(value: Any, name: str, *, low: int = 0, high: int = LARGEST_COUNT) -> int:
    """``value`` as an int; InputError unless it is a whole number of at least ``low`` and at most ``high``."""
    if isinstance(value, np.ndarray) and value.ndim == 0:
        value = value.item()
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, numbers.Integral):
        number = value if isinstance(value, float) else None
        if number is None or not math.isfinite(number) or number != int(number):
            raise InputError(f"{name} must be a whole number, got {shown(value)}")
        value = int(number)
    count = int(value)
    if count < low:
        raise InputError(f"{name} must be at least {low}, got {shown(count)}")
    if count > high:
        raise InputError(f"{name} must be at most {high}, got {shown(count)}")
    return count


def check_flag(value: Any, name: str) -> bool:
    """``value`` as a bool; InputError unless it is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def check_path(value: Any, name: str) -> None:
    """InputError unless ``value`` can be the path of a file."""
    if not isinstance(value, (str, os.PathLike)) or not str(value) or "\0" in str(value):
        raise InputError(f"{name} must be a path, got {shown(value)}")


def check_seed(value: Any, name: str = "seed") -> int:
    """``value`` as an int; InputError unless it is a whole number that 64 bits hold, positive or negative."""
    return check_count(value, name, low=LOWEST_SEED)


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
