"""Checks that all neuron models share."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.distributions import Distribution
from distsim.core.errors import InputError
from distsim.core.values import Value, is_distribution

MOST_DECAY = 300.0  # dt / tau, at most: exp of it, and its products with quantities of any size, are numbers


def check_time_constant(value: Value, dt: float, name: str) -> None:
    """InputError where a time constant (ms) is, or can be, so far below dt that exp(dt / tau) is no number."""
    smallest = float(np.min(_bound(value, 0), initial=np.inf))
    if dt > MOST_DECAY * smallest:
        raise InputError(
            f"{name} = {smallest:g} ms must be at least {dt / MOST_DECAY:g} ms, dt / {MOST_DECAY:g}"
            + ("; wrap the distribution in Clipped(...)" if is_distribution(value) else "")
        )


def check_below(model: Any, lower: str, upper: str, unit: str) -> None:
    """InputError where field ``lower`` of ``model`` is not below field ``upper`` in every neuron."""
    low, high = getattr(model, lower), getattr(model, upper)
    if np.shape(low) and np.shape(high) and np.shape(low) != np.shape(high):
        return  # at most one of them has the length of the population: ``check`` says which does not
    below = np.less(_bound(low, 1), _bound(high, 0))
    if not np.all(below):
        shown, limit = (np.broadcast_to(_bound(v, k), np.shape(below))[~below] for v, k in ((low, 1), (high, 0)))
        drawn = any(isinstance(value, Distribution) for value in (low, high))
        raise InputError(
            f"{type(model).__name__}: {lower} = {shown[0]:g} {unit} must be below {upper} = {limit[0]:g} {unit}"
            + ("; wrap the distribution in Clipped(...)" if drawn else "")
        )


def _bound(value: Value, side: int) -> Any:
    """The value itself, or the smallest (side 0) or largest (side 1) value of a distribution."""
    return value.bounds()[side] if isinstance(value, Distribution) else value
