"""Quantities that are constant in pieces of time: rates and currents that change in steps.

    rate: float | tuple[float, ...] = in_pieces(unit="1/s", low=0.0)
    times: tuple[float, ...] | None = begins()
    start: float = duration(0.0, told=False)
    stop: float | None = duration(None, told=False)

One number holds all the time; of several, number k holds in the steps that end after times[k] and not after the next
of the times, the last one for ever. Before the first of the times, up to ``start`` and after ``stop`` there is nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import MISSING, replace
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from distsim.core.declared import check_stop, parameter
from distsim.core.errors import InputError
from distsim.core.units import MAX_STEPS, check_number, shown, to_steps

Spans = list[tuple[int, int, float]]
"""(after, until, value): the value in the steps after + 1 .. until."""


def in_pieces(default: Any = MISSING, unit: str = "1", *, low: float = -math.inf) -> Any:
    """A parameter that is one number, or a sequence of numbers, one for each of ``times``."""
    return parameter(partial(_check_values, low=low), "number", default, unit)


def begins() -> Any:
    """When each of several values begins (ms, ascending); None for one that always holds."""
    return parameter(_check_values, "times", None, "ms", told=False)


def check_pieces(declared: Any, name: str, dt: float, where: str) -> None:
    """InputError, starting with ``where``, where times do not fit the values of parameter ``name``, or dt."""
    check_stop(declared, dt, where)
    value, times = getattr(declared, name), declared.times
    where = f"{where}: {type(declared).__name__}"
    if isinstance(value, float) != (times is None):
        wanted = "a sequence of values has times, one at which each begins" if times is None else "times need values"
        raise InputError(f"{where} {name}: {wanted}; give as many of each, or one number without times")
    if times is None:
        return
    if not isinstance(times, tuple) or len(times) != len(value):
        raise InputError(f"{where} {name}: {len(value)} values need as many times, got {shown(times)}")
    steps = [to_steps(time, dt, f"{where} times[{k}]") for k, time in enumerate(times)]
    late = next((k for k, (before, after) in enumerate(pairwise(steps)) if after <= before), None)
    if late is not None:
        raise InputError(f"{where} times[{late + 1}] = {times[late + 1]:g} ms must be later than {times[late]:g} ms")


def spans_of(declared: Any, name: str, dt: float) -> Spans:
    """The values of parameter ``name``, checked, and the steps in which each holds."""
    start = to_steps(declared.start, dt, "start")
    stop = MAX_STEPS if declared.stop is None else to_steps(declared.stop, dt, "stop")
    value = getattr(declared, name)
    if isinstance(value, float):
        return [(start, stop, value)]
    steps = [*(to_steps(time, dt, "times") for time in declared.times), MAX_STEPS]
    spans = zip(steps[:-1], steps[1:], value, strict=True)
    cut = [(max(after, start), min(until, stop), each) for after, until, each in spans]
    return [(after, until, each) for after, until, each in cut if after < until]


def with_values(declared: Any, values: Mapping[str, Any]) -> Any:
    """``declared`` with other ``values``: one number in place of those of pieces of time holds for all of it."""
    several = {name for name in values if isinstance(getattr(declared, name), tuple)}
    one = any(not isinstance(values[name], (list, tuple, np.ndarray)) for name in several)
    return replace(declared, **({"times": None} if one and hasattr(declared, "times") else {}) | dict(values))


def _check_values(value: Any, name: str, low: float = -math.inf) -> float | tuple[float, ...]:
    """A number or a tuple of some, checked."""
    if isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0):
        if not len(value):
            raise InputError(f"{name} must hold at least one number")
        return tuple(check_number(each, f"{name}[{k}]", low=low) for k, each in enumerate(value))
    return check_number(value, name, low=low)
