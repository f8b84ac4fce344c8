"""Weight and delay, which every kind of synapse has: their checks."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.errors import InputError
from distsim.network.distributions import Distribution
from distsim.network.values import Value, check_shape, check_value
from distsim.units import to_steps

Shape = tuple[int, ...] | None


def check_weight(weight: Value, shape: Shape, where: str, name: str = "weight") -> None:
    """InputError where ``weight``, or another parameter of that ``name``, is an array that the rule cannot use."""
    _check_array(weight, shape, f"{where}: {name}")


def check_delay(delay: Value, dt: float, shape: Shape, where: str) -> None:
    """InputError unless every given delay is a whole multiple of dt, at least dt; distributions are rounded to dt."""
    name = f"{where}: delay"
    _check_array(delay, shape, name)
    if isinstance(delay, Distribution):
        smallest, _ = delay.bounds()
        if smallest < 0.5 * dt:
            low = f"Clipped(..., low={dt:g})"
            raise InputError(f"{name} {delay} can be {smallest:g} ms, below dt = {dt:g} ms; wrap it in {low}")
    elif isinstance(delay, np.ndarray):
        for value in np.unique(delay):
            to_steps(value, dt, name, low=1)
    else:
        to_steps(delay, dt, name, low=1)


def _check_array(value: Value, shape: Shape, name: str) -> None:
    if not isinstance(value, np.ndarray):
        return
    if shape is None:
        raise InputError(f"{name}: this rule draws how many synapses there are; give a number or a distribution")
    check_shape(value, shape, name)


def freeze_value(owner: Any, name: str, **limits: float) -> None:
    """Replace field ``name`` of the frozen dataclass ``owner`` by its checked value."""
    object.__setattr__(owner, name, check_value(getattr(owner, name), f"{type(owner).__name__}: {name}", **limits))
