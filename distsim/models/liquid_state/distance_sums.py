"""Sums over pairs of stimuli of how far apart the states of the liquid are, in whole numbers, and means of them.

Whole numbers have the same sum in any order, so that results depend neither on ranks nor on batches.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.errors import RangeError
from distsim.core.units import MS_PER_S
from distsim.models.liquid_state.parameters import MODEL, Parameters

if TYPE_CHECKING:
    from mpi4py import MPI

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

GRID = 2.0**-30  # distances are summed in whole numbers of this
SETTLED = 100.0  # ms after which the mean over time of a distance begins
LIMIT = 2**31  # of the sum of squared distances, beyond which the whole numbers might not hold it


class Sums(NamedTuple):
    """Sums over the pairs at each of the distances between stimuli: (distances, steps), in whole numbers of GRID.

    of distances and of their squares at each step; settled (distances, 2): of the mean from SETTLED ms on, and its
    square; spikes (distances, 2): of excitatory and of inhibitory neurons.
    """

    distance: Int64Array
    squared: Int64Array
    settled: Int64Array
    spikes: Int64Array

    @classmethod
    def zero(cls, classes: int, n_steps: int) -> Sums:
        return cls(*(np.zeros(shape, np.int64) for shape in ((classes, n_steps),) * 2 + ((classes, 2),) * 2))

    def over_ranks(self, comm: MPI.Comm) -> Sums:
        """The sums of all ranks (collective)."""
        everywhere = Sums(*map(np.empty_like, self))
        for mine, total in zip(self, everywhere, strict=True):
            comm.Allreduce(mine, total)
        return everywhere


@dataclass(frozen=True)
class Curves:
    """Distance of liquid states by time (T,) in ms, mean and standard error (distances, T) over pairs.

    settled (distances, 2): the same of the mean from SETTLED ms on. rates (distances, 2): 1/s, of excitatory and of
    inhibitory neurons.
    """

    distances: tuple[float, ...]
    time: FloatArray
    mean: FloatArray
    error: FloatArray
    settled: FloatArray
    rates: FloatArray


def add_pair(sums: Sums, d: int, curve: FloatArray, spikes: tuple[int, int], p: Parameters) -> None:
    """Add one pair at distance number ``d``."""
    late, most = curve[settled_from(p) :], curve.max(initial=0.0)
    settled = math.fsum(late) / len(late)
    if most * most * p.pairs > LIMIT:
        raise RangeError(f"{MODEL}: liquid states are too far apart to be summed exactly; fewer pairs may do")
    sums.distance[d] += np.rint(curve / GRID).astype(np.int64)
    sums.squared[d] += np.rint(curve * curve / GRID).astype(np.int64)
    sums.settled[d] += np.array([round(settled / GRID), round(settled * settled / GRID)])
    sums.spikes[d] += np.array(spikes)


def settled_from(p: Parameters) -> int:
    """Steps before the mean over time begins: SETTLED ms, or none in a shorter run."""
    return int(SETTLED / p.dt) if p.T > SETTLED else 0


def curves_of(sums: Sums, p: Parameters) -> Curves:
    """Means and standard errors from sums."""
    mean, error = _mean_and_error(sums.distance, sums.squared, p.pairs)
    settled = np.stack(_mean_and_error(sums.settled[:, 0], sums.settled[:, 1], p.pairs), axis=1)
    time = np.arange(1, sums.distance.shape[1] + 1) * p.dt
    seconds = 2 * p.pairs * p.T / MS_PER_S
    rates = sums.spikes / (np.maximum([p.N_E, p.N_I], 1) * seconds)
    return Curves(p.all_distances, time, mean, error, settled, rates)


def _mean_and_error(total: Int64Array, squared: Int64Array, n: int) -> tuple[FloatArray, FloatArray]:
    """Mean of n values from their sums, and its standard error (not a number for one value)."""
    mean = total * GRID / n
    if n == 1:
        return mean, np.full_like(mean, np.nan)
    variance = np.maximum(squared * GRID / n - mean * mean, 0.0) * n / (n - 1)
    return mean, np.sqrt(variance / n)


def distance_hash(sums: Sums) -> str:
    """SHA-256 of the sums, which are the same bits on any number of ranks and for any batch."""
    return hashlib.sha256(b"".join(column.astype("<i8").tobytes() for column in sums)).hexdigest()
