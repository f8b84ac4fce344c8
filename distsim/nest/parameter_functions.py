"""``nest.math``: functions of parameters."""

from __future__ import annotations

import numpy as np

from distsim.nest.parameter_objects import Parameter, clipped, function_of, redrawn


def exp(parameter: Parameter) -> Parameter:
    """e to the power of it."""
    return function_of(np.exp, parameter)


def sin(parameter: Parameter) -> Parameter:
    """Its sine."""
    return function_of(np.sin, parameter)


def cos(parameter: Parameter) -> Parameter:
    """Its cosine."""
    return function_of(np.cos, parameter)


def min(parameter: Parameter, value: float) -> Parameter:
    """At most ``value``."""
    return clipped(parameter, -np.inf, float(value))


def max(parameter: Parameter, value: float) -> Parameter:
    """At least ``value``."""
    return clipped(parameter, float(value), np.inf)


def redraw(parameter: Parameter, min: float, max: float) -> Parameter:
    """Drawn again until it is between ``min`` and ``max``."""
    return redrawn(parameter, min, max)
