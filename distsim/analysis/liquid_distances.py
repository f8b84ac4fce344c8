"""How far apart two states of a liquid are, or two spike trains: Maass, Natschläger & Markram (2002), figure 2.

Each is a mean, or an integral, of squared differences, without a root, as the numbers of the paper are: the root of
``state_distance`` times that of the number of neurons is the Euclidean norm. NaN in what is given is NaN in what it
enters, and in nothing else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.filtered_trains import TAU_TRAIN, finite_times
from distsim.core.elementary import exp
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.units import check_number

FloatArray = npt.NDArray[np.float64]


def state_distance(u: npt.ArrayLike, v: npt.ArrayLike) -> FloatArray:
    """Distance (T,) of the liquid states u and v, each (neurons, T): mean over neurons of (u - v)^2 at each time.

    Raises InputError for arrays of different shapes, and where there are no neurons.
    """
    difference = _difference(u, v, "state_distance")
    if difference.ndim != 2 or not len(difference):
        raise InputError(f"state_distance: states have the shape (neurons, times), got {difference.shape}")
    return np.asarray(np.mean(difference * difference, axis=0))


def sampled_distance(a: npt.ArrayLike, b: npt.ArrayLike, dt: float) -> float:
    """Distance of two convolved trains, each (T,) at times ``dt`` (ms) apart: the sum of (a - b)^2 dt, in ms.

    This is what Brian2's example computes. Divided by the duration it approaches ``train_distance`` for short dt.
    Raises InputError for arrays of different shapes; no times have the distance 0.
    """
    difference = _difference(a, b, "sampled_distance")
    if difference.ndim != 1:
        raise InputError(f"sampled_distance: convolved trains have the shape (times,), got {difference.shape}")
    return float(np.sum(difference * difference) * check_number(dt, "sampled_distance: dt", above=0.0))


def train_distance(u: npt.ArrayLike, v: npt.ArrayLike, duration: float, tau: float = TAU_TRAIN) -> float:
    """Distance of two spike trains, times (n,) and (m,) in ms in any order, compared from 0 to ``duration`` (ms).

    The integral over 0 .. duration of the squared difference of the trains convolved with exp(-((t - s) / tau)^2),
    divided by the duration: solved for each pair of spikes, not sampled, to 1e-7. The liquid's stimuli are chosen by
    it. A train without spikes is one like others. Raises InputError for times that are not finite numbers, and for a
    duration or a tau (ms) that is not positive.
    """
    trains = [np.sort(finite_times(times, f"train_distance: {name}")) for name, times in (("u", u), ("v", v))]
    length = check_number(duration, "train_distance: duration", above=0.0)
    return float(distance_of_trains(*trains, length, check_number(tau, "train_distance: tau", above=0.0)))


def _difference(a: Any, b: Any, where: str) -> FloatArray:
    try:
        first, second = np.asarray(a, np.float64), np.asarray(b, np.float64)
    except (TypeError, ValueError):
        raise InputError(f"{where}: needs two arrays of numbers") from None
    if first.shape != second.shape:
        raise InputError(f"{where}: needs two arrays of one shape, got {first.shape} and {second.shape}")
    return first - second


@inline
def error_function(x):  # type: ignore[no-untyped-def]
    """erf(x) to 1.5e-7 (Abramowitz & Stegun 7.1.26): it decides how much of a kernel lies beyond the ends alone."""
    z = abs(x)
    t = 1.0 / (1.0 + 0.3275911 * z)
    poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))))
    value = 1.0 - poly * exp(-z * z)
    return value if x >= 0.0 else -value


@inline
def overlap(a, b, duration, tau):  # type: ignore[no-untyped-def]
    """Integral over 0 .. duration of exp(-((t - a) / tau)^2) exp(-((t - b) / tau)^2), in ms."""
    root_2 = 1.4142135623730951
    middle = 0.5 * (a + b)
    before, after = root_2 * middle / tau, root_2 * (duration - middle) / tau
    ends = 2.0 if min(before, after) > 6.0 else error_function(before) + error_function(after)
    half_width = 0.6266570686577501 * tau  # sqrt(pi / 8) tau
    return half_width * ends * exp(-0.5 * ((a - b) / tau) ** 2)


@jit
def distance_of_trains(u, v, duration, tau):  # type: ignore[no-untyped-def]
    """Distance of two trains (times in ms, sorted)."""
    total = 0.0
    for first, second, factor in ((u, u, 1.0), (v, v, 1.0), (u, v, -2.0)):
        begin = 0
        for i in range(first.size):
            while begin < second.size and second[begin] < first[i] - 10.0 * tau:
                begin += 1
            for j in range(begin, second.size):
                if second[j] > first[i] + 10.0 * tau:
                    break
                total += factor * overlap(first[i], second[j], duration, tau)
    return total / duration
