"""The unit in which synapses add to the input of a population."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """unit: pA (mV for iaf_psc_delta) per integer.

    largest_weight: a plastic weight up to which no sum can leave the integers.
    """

    unit: float
    largest_weight: float
