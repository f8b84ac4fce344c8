"""Stretches: neurons of a group that follow each other, are of one population, and are driven alike.

A kernel goes from stretch to stretch, each with constants, a current and Poisson inputs of its own. They are the
populations, unless something acts on a part of one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Stretches:
    """bounds (stretches + 1,): first local neuron of each, and the number of neurons; population (stretches,)."""

    bounds: Int64Array
    population: Int64Array

    @classmethod
    def of(cls, sizes: Iterable[int], parts: Iterable[Int64Array] = ()) -> Stretches:
        """Of populations of these sizes, of which parts are driven, each of these local neurons (n,), ascending."""
        ends = np.cumsum([0, *sizes])
        cuts = [cut for part in parts if len(part) for cut in _cuts(part)]
        inner = np.unique([cut for cut in cuts if cut not in ends]).astype(np.int64)
        bounds = np.sort(np.concatenate([ends, inner]), kind="stable")
        of_inner = np.searchsorted(ends, inner, side="right") - 1
        order = np.argsort(np.concatenate([ends[:-1], inner]), kind="stable")
        return cls(bounds, np.concatenate([np.arange(len(ends) - 1), of_inner])[order])

    @property
    def n(self) -> int:
        return len(self.population)

    def within(self, population: int, local: Int64Array | None) -> Int64Array:
        """The stretches of a population, or of those of its neurons that are ``local`` (n,), ascending."""
        inside = self.population == population
        if local is not None:
            inside &= np.isin(self.bounds[:-1], local) & (np.diff(self.bounds) > 0)
        return np.flatnonzero(inside)


def _cuts(local: Int64Array) -> Any:
    """Where runs of neighbours begin, and where they end."""
    breaks = np.flatnonzero(np.diff(local) != 1)
    return [local[0], *(local[breaks] + 1), *local[breaks + 1], local[-1] + 1]
