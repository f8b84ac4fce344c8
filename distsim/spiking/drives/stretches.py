"""Stretches: neurons of a group that follow each other, have the same constants, and are driven alike.

A kernel goes from stretch to stretch, each with constants, a current and Poisson inputs of its own. They are the
populations, unless something acts on a part of one; populations that follow each other and are alike, too, are one.
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
    """Where stretches begin, and whose they are.

    bounds (stretches + 1,): first local neuron of each, and the number of neurons; population (stretches,): the first
    population of each; leader (populations,): the first one of the stretches in which each population is.
    """

    bounds: Int64Array
    population: Int64Array
    leader: Int64Array

    @classmethod
    def of(
        cls, sizes: Iterable[int], parts: Iterable[Int64Array] = (), joined: Iterable[bool] | None = None
    ) -> Stretches:
        """Of populations of these sizes, of which parts are driven, each of these local neurons (n,), ascending.

        joined: of each population whether it is in one stretch with the one before, both as a whole.
        """
        sizes = list(sizes)
        apart = ~np.array([False] * len(sizes) if joined is None else list(joined), np.bool_)
        leader = np.maximum.accumulate(np.where(apart, np.arange(len(sizes)), 0)) if sizes else np.zeros(0, np.int64)
        ends = np.cumsum([0, *sizes])[np.append(apart, True)]
        cuts = {int(cut) for part in parts if len(part) for cut in _cuts(part)}
        inner = np.array(sorted(cuts.difference(ends.tolist())), np.int64)
        bounds = np.sort(np.concatenate([ends, inner]), kind="stable")
        of_inner = np.searchsorted(ends, inner, side="right") - 1
        order = np.argsort(np.concatenate([ends[:-1], inner]), kind="stable")
        population = np.concatenate([np.arange(len(ends) - 1), of_inner])[order]
        return cls(bounds, np.flatnonzero(apart)[population], leader)

    @property
    def n(self) -> int:
        return len(self.population)

    def within(self, population: int, local: Int64Array | None) -> Int64Array:
        """The stretches of a population, or of those of its neurons that are ``local`` (n,), ascending."""
        inside = self.population == self.leader[population]
        if local is not None:
            inside &= np.isin(self.bounds[:-1], local) & (np.diff(self.bounds) > 0)
        return np.flatnonzero(inside)


def _cuts(local: Int64Array) -> Any:
    """Where runs of neighbours begin, and where they end."""
    breaks = np.flatnonzero(np.diff(local) != 1)
    return [local[0], *(local[breaks] + 1), *local[breaks + 1], local[-1] + 1]
