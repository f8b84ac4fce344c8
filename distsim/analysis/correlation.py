"""Correlation of the spike counts of pairs of neurons.

Spikes as in ``distsim.analysis.spike_statistics``: times (n,), ms, and neurons (n,), indices within their population.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.analysis.spike_statistics import FloatArray, IntArray, bin_of, select_spikes, whole_bins
from distsim.core.errors import InputError
from distsim.core.units import check_count, check_number


def count_correlations(
    times: npt.ArrayLike,
    neurons: npt.ArrayLike,
    size: int,
    start: float,
    stop: float,
    *,
    bin_width: float = 2.0,
    sample: int = 200,
) -> FloatArray:
    """Correlation coefficients (pairs,) of the spike counts in bins of the first ``sample`` neurons that fire.

    r = cov(n_i, n_j) / sqrt(var(n_i) var(n_j)) for each pair i < j, with n_i the counts of neuron i in successive bins
    of ``bin_width`` (ms); a neuron whose count never changes has none and is left out. Bins of 2 ms and 200 neurons
    that fired at least once are those of van Albada et al. (2018), Front. Neuroinform. 12:291. 0 on average for
    independent neurons, with a standard deviation of 1 / sqrt(bins). Raises InputError where the interval is shorter
    than two bins.
    """
    width = check_number(bin_width, "count_correlations: bin_width", above=0.0)
    wanted = check_count(sample, "count_correlations: sample", low=2)
    when, who = select_spikes(times, neurons, size, start, stop, "count_correlations")
    bins = whole_bins(start, stop, width)
    if bins < 2:
        raise InputError(
            f"count_correlations: {start:g} to {stop:g} ms is shorter than two bins of {width:g} ms; simulate longer"
        )
    chosen = np.flatnonzero(np.bincount(who, minlength=size))[:wanted]
    counts = _binned(when, who, chosen, size, start, width, bins)
    counts -= counts.mean(axis=1, keepdims=True)
    norms = np.sqrt((counts**2).sum(axis=1))
    counts = counts[norms > 0.0] / norms[norms > 0.0, None]
    upper = np.triu_indices(len(counts), 1)
    coefficients: FloatArray = (counts @ counts.T)[upper]
    return coefficients


def _binned(
    when: FloatArray, who: IntArray, chosen: IntArray, size: int, start: float, width: float, bins: int
) -> FloatArray:
    """Spike counts (chosen, bins); bins are closed at their end, spikes beyond the last whole bin left out."""
    row = np.full(size, -1)
    row[chosen] = np.arange(len(chosen))
    rows = row[who]
    place = bin_of(when, start, width)
    inside = (rows >= 0) & (place >= 0) & (place < bins)
    flat = np.bincount(rows[inside] * bins + place[inside], minlength=len(chosen) * bins)
    return flat.reshape(len(chosen), bins).astype(np.float64)
