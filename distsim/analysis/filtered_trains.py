"""Spike trains as functions of time: convolved with a kernel, which makes liquid states and distances of trains.

Maass, Natschläger & Markram (2002), Neural Comput 14:2531: the state of a liquid is the train of every neuron,
convolved with an exponential kernel; stimuli are compared as convolved with a Gaussian one. Spikes are ``times`` (n,)
in ms, in any order, and where there are many neurons ``neurons`` (n,), integers counted from 0. ``at`` (T,) are the
times in ms at which the function is wanted, in any order as well. All results have the same bits everywhere.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from distsim.analysis.spike_statistics import by_neuron, select_spikes
from distsim.core.elementary import exp
from distsim.core.errors import InputError, check_names
from distsim.core.jit import jit
from distsim.core.units import check_count, check_number

FloatArray = npt.NDArray[np.float64]
REACH = 27.0  # widths of a Gaussian kernel beyond which it is 0 to the last bit: exp(-27^2) underflows
TAU_STATE = 30.0  # ms, as in Brian2's example of the liquid
TAU_TRAIN = 5.0  # ms, as in the paper


def exponential_filter(times: npt.ArrayLike, at: npt.ArrayLike, tau: float = TAU_STATE) -> FloatArray:
    """One train convolved with the exponential kernel: (T,), the sum over spikes s <= t of exp(-(t - s) / tau).

    A spike counts from its own time on, with 1. No spikes give zeros, no times an empty array. Raises InputError for
    times that are not finite numbers, and for a ``tau`` (ms) that is not positive.
    """
    return _filtered_train(times, at, tau, "exponential")


def gaussian_filter(times: npt.ArrayLike, at: npt.ArrayLike, tau: float = TAU_TRAIN) -> FloatArray:
    """One train convolved with the Gaussian kernel: (T,), the sum over all spikes s of exp(-((t - s) / tau)^2).

    The kernel has no factor 1/2: its standard deviation is tau / sqrt(2). Otherwise as ``exponential_filter``.
    """
    return _filtered_train(times, at, tau, "gaussian")


def liquid_states(
    times: npt.ArrayLike,
    neurons: npt.ArrayLike,
    size: int,
    at: npt.ArrayLike,
    tau: float = TAU_STATE,
    kernel: str = "exponential",
) -> FloatArray:
    """The state of a liquid of ``size`` neurons: (size, T), the train of each convolved as ``kernel`` says.

    ``kernel`` is "exponential" or "gaussian", see ``exponential_filter`` and ``gaussian_filter``; a silent neuron has
    zeros. Raises InputError as they do, and for neurons that are not below ``size``.
    """
    check_names([kernel], KERNELS, "kernel", "liquid_states")
    size = check_count(size, "liquid_states: size", low=1)
    tau = check_number(tau, "liquid_states: tau", above=0.0)
    wanted = finite_times(at, "liquid_states: at")
    when = finite_times(times, "liquid_states: times")
    when, who = select_spikes(when, neurons, size, -math.inf, math.inf, "liquid_states")
    order = by_neuron(when, who, size)
    begin = np.searchsorted(who[order], np.arange(size + 1))
    result = np.zeros((size, wanted.size))
    sampled = np.argsort(wanted, kind="stable")
    KERNELS[kernel](when[order], begin, wanted[sampled], tau, result)
    if (np.diff(sampled) == 1).all():
        return result
    back = np.empty_like(result)
    back[:, sampled] = result
    return back


def finite_times(values: npt.ArrayLike, where: str) -> FloatArray:
    """``values`` as an array (n,) of finite times; InputError naming ``where``, which says what they are, otherwise."""
    try:
        times = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where} must be times in ms, an array of numbers") from None
    if times.ndim != 1:
        raise InputError(f"{where} must be an array of one dimension, got shape {times.shape}")
    wrong = np.flatnonzero(~np.isfinite(times))
    if wrong.size:
        raise InputError(f"{where} must be finite, but number {wrong[0]} is {times[wrong[0]]}; leave it out")
    return times


def _filtered_train(times: npt.ArrayLike, at: npt.ArrayLike, tau: float, kernel: str) -> FloatArray:
    when = finite_times(times, f"{kernel}_filter: times")
    wanted = finite_times(at, f"{kernel}_filter: at")
    tau = check_number(tau, f"{kernel}_filter: tau", above=0.0)
    return liquid_states(when, np.zeros(when.size, np.int64), 1, wanted, tau, kernel)[0]


@jit
def filter_exponentially(spikes, begin, at, tau, result):  # type: ignore[no-untyped-def]
    """result[i, j] += the train i, spikes[begin[i] : begin[i + 1]], convolved at time at[j]; both sorted."""
    decay = np.ones(at.size)
    for j in range(1, at.size):
        decay[j] = exp((at[j - 1] - at[j]) / tau)
    for i in range(begin.size - 1):
        value, spike = 0.0, begin[i]
        for j in range(at.size):
            value *= decay[j]
            while spike < begin[i + 1] and spikes[spike] <= at[j]:
                value += exp((spikes[spike] - at[j]) / tau)
                spike += 1
            result[i, j] += value


@jit
def filter_gaussian(spikes, begin, at, tau, result):  # type: ignore[no-untyped-def]
    """As ``filter_exponentially``."""
    for i in range(begin.size - 1):
        first = 0
        for spike in range(begin[i], begin[i + 1]):
            while first < at.size and at[first] < spikes[spike] - REACH * tau:
                first += 1
            for j in range(first, at.size):
                if at[j] > spikes[spike] + REACH * tau:
                    break
                z = (at[j] - spikes[spike]) / tau
                result[i, j] += exp(-z * z)


KERNELS = {"exponential": filter_exponentially, "gaussian": filter_gaussian}
