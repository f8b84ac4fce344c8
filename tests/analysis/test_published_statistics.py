"""The statistics of the published scaling experiment."""

from __future__ import annotations

import math

import numpy as np
import pytest

from distsim.analysis.published_statistics import STATISTICS, population_rate, sample_statistics
from distsim.core.errors import InputError


def test_five_statistics():
    assert sample_statistics([1.0, 2.0, 6.0]) == pytest.approx(
        {"mean": 3.0, "sd": (14 / 3) ** 0.5, "min": 1.0, "median": 2.0, "max": 6.0}
    )
    assert tuple(sample_statistics([1.0])) == STATISTICS


def test_nan_is_left_out():
    """As numpy's nanmean, nanstd, nanmin, nanmedian, nanmax have it, of an array of any shape."""
    values = np.array([[3.0, math.nan, 1.5], [math.nan, -2.0, 8.0]])
    functions = {"mean": np.nanmean, "sd": np.nanstd, "min": np.nanmin, "median": np.nanmedian, "max": np.nanmax}
    assert sample_statistics(values) == {name: function(values) for name, function in functions.items()}


@pytest.mark.parametrize("values", [[], [math.nan]])
def test_of_nothing_there_are_none(values):
    assert sample_statistics(values) == dict.fromkeys(STATISTICS)


def test_rate_with_both_ends():
    """Five neurons, 2 s: the spikes at 0 and 2000 ms count, those beyond do not."""
    times = [0.0, 1.0, 500.0, 2000.0, 2000.125, -1.0]
    assert population_rate(times, 0.0, 2000.0, 5) == 4 / 5 / 2.0
    with pytest.raises(InputError, match="stop must be after start"):
        population_rate(times, 5.0, 5.0, 5)
    with pytest.raises(InputError, match="population_rate: size"):
        population_rate(times, 0.0, 5.0, 0)
