"""The unit in which synapses add to the input of a group of neurons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from distsim.core.jit import in_kernels


@dataclass(frozen=True)
class Grid:
    """unit: pA (mV for iaf_psc_delta) per integer.

    largest_weight: a plastic weight up to which no sum can leave the integers.
    """

    unit: float
    largest_weight: float


def to_units(weight: Any, per_unit: float) -> Any:
    """A weight as the nearest whole number of units of the grid, of which ``per_unit`` make a weight of 1.

    An integer weight is such a number already.
    """
    if isinstance(weight, (int, np.integer)):
        return np.int64(weight)
    return np.int64(np.rint(weight * per_unit))


@in_kernels(to_units, inline="always", jit_options={})
def _to_units(weight, per_unit):  # type: ignore[no-untyped-def]
    from numba import types

    if isinstance(weight, types.Integer):
        return lambda weight, per_unit: np.int64(weight)
    return lambda weight, per_unit: np.int64(np.rint(weight * per_unit))
