"""Random numbers of the edges of consecutive targets, and delays read off a table."""

from __future__ import annotations

import numpy as np
import pytest

from distsim import Clipped, LogNormal, Normal, Redrawn, Uniform
from distsim.connect import edge_values as row_numbers
from distsim.connect.edge_values import step_table, steps_of, steps_of_rows, values_of_rows
from distsim.core.rng import streams_of

DEGREE = np.array([0, 300, 1, 0, 7, 2000, 3])
STREAMS = streams_of(1, "delay", 0, np.arange(10, 17))
REPEATED = STREAMS.part(np.repeat(np.arange(len(DEGREE)), DEGREE))
COUNTERS = np.concatenate([np.arange(n) for n in DEGREE])
DELAYS = [
    Redrawn(Normal(1.5, 0.75), low=0.05),
    Redrawn(Normal(0.75, 0.375), low=0.05, high=2.0),
    Uniform(0.05, 3.0),
    LogNormal(0.0, 0.2),
    Redrawn(Normal(1.0, 0.0), low=0.05),
]


@pytest.mark.parametrize("distribution", [*DELAYS, Clipped(Normal(0.0, 1.0), low=0.0)])
def test_values_are_those_of_single_numbers(distribution):
    assert (values_of_rows(distribution, STREAMS, DEGREE) == distribution.sample(REPEATED, COUNTERS)).all()


@pytest.mark.parametrize("distribution", DELAYS)
@pytest.mark.parametrize("dt", [0.1, 0.125, 1.0])
def test_delays_of_the_table_are_rounded_delays(distribution, dt):
    table = step_table(distribution, dt)
    expected = np.maximum(np.floor(distribution.sample(REPEATED, COUNTERS) / dt + 0.5), 1)
    steps = steps_of_rows(table, STREAMS, DEGREE)
    assert (steps == expected).all()
    assert steps.max() <= len(table.thresholds)


@pytest.mark.parametrize("distribution", DELAYS)
def test_thresholds_are_where_delays_become_longer(distribution):
    """Below each threshold the delay is k + 1 steps at most, from it on more."""
    thresholds = step_table(distribution, 0.1).thresholds[:-1].astype(np.int64)
    k = np.arange(1, len(thresholds) + 1)
    assert (steps_of(distribution, thresholds, 0.1) > k).all()
    below = thresholds > 0
    assert (steps_of(distribution, thresholds[below] - 1, 0.1) <= k[below]).all()


def test_long_delays_and_other_distributions_have_no_table():
    assert step_table(Uniform(1.0, 30.0), 0.1) is None
    assert step_table(Clipped(Normal(1.0, 0.1), low=0.1), 0.1) is None


def test_kernels_give_the_same_bits_interpreted():
    table = step_table(DELAYS[0], 0.1)
    uniform, steps = np.empty(len(COUNTERS)), np.empty(len(COUNTERS), np.uint8)
    with np.errstate(over="ignore"):
        row_numbers.fill_uniform_rows.py_func(STREAMS, DEGREE, uniform)
        row_numbers.fill_step_rows.py_func(STREAMS, DEGREE, table.thresholds, table.guide, steps)
    assert (values_of_rows(Uniform(0.0, 1.0), STREAMS, DEGREE) == uniform).all()
    assert (steps_of_rows(table, STREAMS, DEGREE) == steps).all()
