"""Liquid states, and how far apart those of two trials are.

The liquid state x_i(t) of neuron i is its spike train convolved with exp(-(t - s) / tau) for s <= t; the distance of
two trials at a time is the mean over neurons of (x_i(t) - x'_i(t))^2.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.accurate import exp
from distsim.core.jit import jit
from distsim.models.liquid_state.batch import TrialSpikes

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


def pair_distances(spikes: TrialSpikes, pairs: int, n: int, n_steps: int, dt: float, tau: float) -> FloatArray:
    """Distances (pairs, n_steps) of the trials 2 k and 2 k + 1 of ``spikes``, whose neurons are the gids 1 .. n."""
    order = np.argsort(spikes.step, kind="stable")
    columns = (column[order] for column in (spikes.trial, spikes.step, spikes.gid))
    distances = np.empty((n_steps, pairs))
    squared_differences(*columns, n, exp(-dt / tau), distances)
    return distances.T / n


@jit
def squared_differences(trial, step, gid, n, decay, result):  # type: ignore[no-untyped-def]
    """result[t - 1, k] = sum over neurons of the squared difference of the states of pair k at the end of step t.

    Spikes (m,) are sorted by step. The pairs lie side by side, so that a step of a few of them fills the registers.
    """
    n_steps, pairs = result.shape
    difference = np.zeros((n, pairs))
    total = np.zeros(pairs)
    spike = 0
    for t in range(1, n_steps + 1):
        while spike < step.size and step[spike] == t:
            difference[gid[spike] - 1, trial[spike] // 2] += 1.0 if trial[spike] % 2 == 0 else -1.0
            spike += 1
        total[:] = 0.0
        for i in range(n):
            row = difference[i]
            for k in range(pairs):
                total[k] += row[k] * row[k]
                row[k] *= decay
        result[t - 1] = total
