"""Firing rates, irregularity and synchrony of recorded spikes.

Spikes are two arrays of the same length: ``times`` (n,) float64, ms, and ``neurons`` (n,) integers, the index of each
neuron in its population. An interval ``start`` to ``stop`` (ms) is open at its start and closed at its end, as steps
are named by their end: intervals that follow each other share no spike and miss none.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, check_count, check_number

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
_EDGE = 1e-9  # part of a bin by which a time may miss the edge it belongs to, through rounding


def mean_rate(times: npt.ArrayLike, size: int, start: float, stop: float) -> float:
    """Mean rate (1/s) of ``size`` neurons in the interval: spikes per neuron and second.

    Raises InputError unless ``size`` is positive and ``stop`` is after ``start``.
    """
    size = check_count(size, "mean_rate: size", low=1)
    duration = _duration(start, stop, "mean_rate")
    return np.count_nonzero(_inside(times, start, stop)) * MS_PER_S / (size * duration)


def neuron_rates(times: npt.ArrayLike, neurons: npt.ArrayLike, size: int, start: float, stop: float) -> FloatArray:
    """Rate (size,) (1/s) of every neuron in the interval.

    Raises InputError as ``mean_rate`` does, and for neurons that are not below ``size``.
    """
    duration = _duration(start, stop, "neuron_rates")
    _, chosen = select_spikes(times, neurons, size, start, stop, "neuron_rates")
    return np.bincount(chosen, minlength=size).astype(np.float64) * (MS_PER_S / duration)


def interval_cv(
    times: npt.ArrayLike, neurons: npt.ArrayLike, size: int, start: float = 0.0, stop: float = math.inf
) -> FloatArray:
    """Coefficient of variation (size,) of the inter-spike intervals of every neuron, NaN below three spikes.

    Standard deviation over mean of the intervals between the spikes in the interval; the standard deviation is that
    of the intervals themselves (divided by their number). 1 for a Poisson process, 0 for a regular one.
    """
    when, who = select_spikes(times, neurons, size, start, stop, "interval_cv")
    order = by_neuron(when, who, size)
    when, who = when[order], who[order]
    same = who[1:] == who[:-1]
    intervals, owner = np.diff(when)[same], who[1:][same]
    count = np.bincount(owner, minlength=size)
    cv = np.full(size, np.nan)
    enough = count >= 2
    mean = np.zeros(size)
    mean[enough] = np.bincount(owner, intervals, size)[enough] / count[enough]
    variance = np.bincount(owner, (intervals - mean[owner]) ** 2, size)[enough] / count[enough]
    cv[enough] = np.sqrt(variance) / mean[enough]
    return cv


def mean_cv(
    times: npt.ArrayLike, neurons: npt.ArrayLike, size: int, start: float = 0.0, stop: float = math.inf
) -> float:
    """Mean of ``interval_cv`` over the neurons with at least three spikes; NaN where there is none."""
    cv = interval_cv(times, neurons, size, start, stop)
    return float(cv[~np.isnan(cv)].mean()) if not np.isnan(cv).all() else math.nan


def by_neuron(times: FloatArray, neurons: IntArray, size: int) -> npt.NDArray[np.integer]:
    """Order (n,) that sorts spikes by neuron, then time; in linear time where they are sorted by time already."""
    if (np.diff(times) < 0.0).any():
        return np.lexsort((times, neurons))
    order = np.argsort(neurons.astype(np.uint16), kind="stable")  # numpy sorts 16 bits, here the low ones, by radix
    if size > 1 << 16:
        order = order[np.argsort((neurons[order] >> 16).astype(np.uint16), kind="stable")]
    return order


def spike_counts(times: npt.ArrayLike, start: float, stop: float, bin_width: float) -> IntArray:
    """Number of spikes in successive bins of ``bin_width`` (ms); an incomplete last bin is left out.

    Bin k holds the spikes after start + k bin_width, up to and including start + (k + 1) bin_width.
    Raises InputError where the interval is shorter than a bin.
    """
    width = check_number(bin_width, "spike_counts: bin_width", above=0.0)
    _duration(start, stop, "spike_counts")
    bins = whole_bins(start, stop, width)
    if bins < 1:
        raise InputError(
            f"spike_counts: the interval from {start:g} to {stop:g} ms is shorter than a bin of {width:g} ms"
        )
    place = bin_of(np.asarray(times, np.float64), start, width)
    return np.bincount(place[(place >= 0) & (place < bins)], minlength=bins).astype(np.int64)


def whole_bins(start: float, stop: float, width: float) -> int:
    """Number of whole bins of ``width`` (ms) between ``start`` and ``stop``."""
    return math.floor((stop - start) / width + _EDGE)


def bin_of(times: FloatArray, start: float, width: float) -> IntArray:
    """The bin (n,) that each time belongs to, closed at its end: bin k ends at start + (k + 1) width."""
    return np.ceil((times - start) / width - _EDGE).astype(np.int64) - 1


def synchrony(times: npt.ArrayLike, start: float, stop: float, bin_width: float = 3.0) -> float:
    """Variance over mean of the binned spike counts of a population; NaN where there are no spikes.

    1 for independent Poisson neurons, more where they fire together. Bins of 3 ms as in Potjans & Diesmann (2014),
    Cereb. Cortex 24:785. The variance is the mean squared deviation (divided by the number of bins).
    """
    counts = spike_counts(times, start, stop, bin_width)
    mean = counts.mean()
    return float(counts.var() / mean) if mean > 0.0 else math.nan


def _duration(start: float, stop: float, where: str) -> float:
    start, stop = check_number(start, f"{where}: start"), check_number(stop, f"{where}: stop")
    if stop <= start:
        raise InputError(f"{where}: stop = {stop:g} ms must be after start = {start:g} ms")
    return stop - start


def _inside(times: npt.ArrayLike, start: float, stop: float) -> npt.NDArray[np.bool_]:
    when = np.asarray(times, np.float64)
    return (when > start) & (when <= stop)


def select_spikes(
    times: npt.ArrayLike, neurons: npt.ArrayLike, size: int, start: float, stop: float, where: str
) -> tuple[FloatArray, IntArray]:
    """Times and neurons of the spikes in the interval, checked."""
    size = check_count(size, f"{where}: size", low=1)
    when, who = np.asarray(times, np.float64), _as_indices(neurons, where)
    if when.shape != who.shape or when.ndim != 1:
        raise InputError(f"{where}: times and neurons must be arrays of one length, got {when.shape} and {who.shape}")
    if who.size and not 0 <= who.min() <= who.max() < size:
        raise InputError(f"{where}: neurons must lie between 0 and {size - 1}, got {who.min()} to {who.max()}")
    inside = _inside(when, start, stop)
    return when[inside], who[inside]


def _as_indices(values: Any, where: str) -> IntArray:
    array = np.asarray(values)
    if array.size and array.dtype.kind not in "iu":
        raise InputError(f"{where}: neurons must be integers, got {array.dtype}")
    return array.astype(np.int64)
