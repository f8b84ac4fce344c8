"""The statistics of the published scaling experiment: five of any samples, and the rate of a population.

After the program of the network with plastic synapses in NEST's examples (``scaling-ignore_and_fire.py``), whose
functions ignore not-a-number and count spikes on both ends of an interval.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, check_count

STATISTICS = ("mean", "sd", "min", "median", "max")


def sample_statistics(values: npt.ArrayLike) -> dict[str, float | None]:
    """Mean, standard deviation (divisor n), smallest, median and largest of ``values``, in their unit.

    NaN are left out; all five are None where nothing else is there. Infinite values count as such.
    """
    known = np.asarray(values, np.float64).ravel()
    known = known[~np.isnan(known)]
    if not known.size:
        return dict.fromkeys(STATISTICS)
    mean, sd, low, median, high = known.mean(), known.std(), known.min(), np.median(known), known.max()
    return dict(zip(STATISTICS, map(float, (mean, sd, low, median, high)), strict=True))


def population_rate(times: npt.ArrayLike, start: float, stop: float, size: int) -> float:
    """Rate (1/s) of ``size`` neurons whose spikes were at ``times`` (n,) (ms): those from ``start`` to ``stop`` (ms).

    Spikes on both ends count, as published; ``spike_statistics.mean_rate`` leaves out those at ``start``. Raises
    InputError unless ``size`` is positive and ``stop`` is after ``start``.
    """
    if not stop > start:
        raise InputError(f"population_rate: stop must be after start, got {start:g} and {stop:g} ms")
    when = np.asarray(times, np.float64)
    counted = np.count_nonzero((when >= start) & (when <= stop))
    return float(counted / (stop - start) * MS_PER_S / check_count(size, "population_rate: size", low=1))
