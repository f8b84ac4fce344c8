"""Checks of the delays of synapses."""

from __future__ import annotations

import numpy as np

from distsim.core.distributions import Clipped, Distribution, Invertible
from distsim.core.errors import InputError
from distsim.core.one_signed import Replaced
from distsim.core.units import LONGEST_DELAY, to_steps
from distsim.core.values import Value

_LARGEST_UNIFORM = 1.0 - 2.0**-53


def check_delay(delay: Value, dt: float, name: str) -> None:
    """InputError unless every given delay is a whole multiple of dt, at least dt; distributions are rounded to dt.

    None may be longer than LONGEST_DELAY steps, nor drawn so.
    """
    if not isinstance(delay, (float, np.ndarray)):
        smallest, _ = delay.bounds()
        if smallest < 0.5 * dt:
            low = f"Clipped(..., low={dt:g})"
            raise InputError(f"{name} {delay} can be {smallest:g} ms, below dt = {dt:g} ms; wrap it in {low}")
        if not longest_drawn(delay) < LONGEST_DELAY * dt:
            raise InputError(
                f"{name} {delay} can be {longest_drawn(delay):g} ms, but {LONGEST_DELAY * dt:g} ms ({LONGEST_DELAY} "
                f"steps) is the longest; wrap it in Clipped(..., high=...)"
            )
    elif isinstance(delay, np.ndarray):
        for value in np.unique(delay):
            _check_steps(value, dt, name)
    else:
        _check_steps(delay, dt, name)


def _check_steps(delay: float, dt: float, name: str) -> None:
    """InputError unless ``delay`` (ms) is a whole number of steps from 1 to LONGEST_DELAY."""
    if to_steps(delay, dt, name, low=1) > LONGEST_DELAY:
        raise InputError(f"{name} = {delay:g} ms is longer than {LONGEST_DELAY * dt:g} ms ({LONGEST_DELAY} steps)")


def longest_drawn(delay: Distribution) -> float:
    """The largest number that can be drawn: where there is no bound, that of the largest uniform number."""
    if isinstance(delay, Invertible):
        return float(delay.quantile(np.array([_LARGEST_UNIFORM]))[0])
    low, high = delay.bounds()
    if isinstance(delay, Clipped):
        return max(low, min(longest_drawn(delay.distribution), high))
    if isinstance(delay, Replaced):
        return max(longest_drawn(delay.distribution), delay.by)
    return high
