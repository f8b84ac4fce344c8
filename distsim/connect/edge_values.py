"""Random numbers of the edges of consecutive targets: numbers 0, 1, 2, ... of the stream of each target.

Delays in whole steps are read off a table: a delay is an increasing function of one random integer, so all that counts
is from which integer on it is one step more.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import Distribution, Invertible
from distsim.core.jit import jit
from distsim.core.rng import Streams, hashed_counters, mix, open_uniform_at

BITS = 52  # of a random number that make a uniform number, as ``core.distributions.fill_uniform`` does it
GUIDE_BITS = 10
MOST_STEPS = 255  # the largest delay for which there is a table
_TO_OPEN_UNIT = 2.0**-BITS
_SHIFT, _GUIDE_SHIFT = np.uint64(64 - BITS), np.uint64(BITS - GUIDE_BITS)


@dataclass(frozen=True)
class StepTable:
    """Delays in steps as a function of 52 random bits r.

    thresholds (longest,) uint64: thresholds[k] is the smallest r that gives more than k + 1 steps; the last: 2^64 - 1.
    guide (1024,) uint8: guide[r >> 42] + 1 is the smallest delay that random numbers with these leading bits give.
    """

    thresholds: npt.NDArray[np.uint64]
    guide: npt.NDArray[np.uint8]


def step_table(distribution: Distribution, dt: float) -> StepTable | None:
    """The table of a distribution of delays (ms), rounded to whole steps of ``dt`` (ms) and at least 1.

    None where the distribution has no quantile or delays may be longer than 255 steps.
    """
    if not isinstance(distribution, Invertible):
        return None
    longest = int(steps_of(distribution, np.array([2**BITS - 1]), dt)[0])
    if longest > MOST_STEPS:
        return None
    more_than = np.arange(1, longest)
    low, high = np.full(len(more_than), -1), np.full(len(more_than), 2**BITS - 1)
    for _ in range(BITS):
        middle = (low + high) // 2
        above = steps_of(distribution, np.maximum(middle, 0), dt) > more_than
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    thresholds = np.append(high.astype(np.uint64), np.uint64(2**64 - 1))
    first = np.arange(1 << GUIDE_BITS, dtype=np.uint64) << _GUIDE_SHIFT
    guide = np.searchsorted(thresholds, first, side="right").astype(np.uint8)
    return StepTable(thresholds, guide)


def steps_of(distribution: Invertible, numbers: npt.NDArray[np.int64], dt: float) -> npt.NDArray[np.int64]:
    """Delays (n,) in steps that random integers (n,) of 52 bits give."""
    uniform = (numbers.astype(np.float64) + 0.5) * _TO_OPEN_UNIT
    return in_steps(distribution.quantile(uniform), dt)


def in_steps(delays: npt.NDArray[np.float64], dt: float) -> npt.NDArray[np.int64]:
    """Delays (ms) in steps of ``dt`` (ms), rounded to the nearest, at least 1."""
    return np.maximum(np.floor(delays / dt + 0.5), 1.0).astype(np.int64)


@jit
def fill_uniform_rows(streams, degree, values):  # type: ignore[no-untyped-def]
    """values (edges,) = uniform numbers 0 .. degree[t] - 1 of stream t, for one target t after the other."""
    numbers = hashed_counters(streams.salt, degree)
    begin = 0
    for t in range(streams.keys.size):
        key = streams.keys[t]
        row = values[begin : begin + degree[t]]
        for k in range(row.size):
            row[k] = open_uniform_at(key + numbers[k])
        begin += degree[t]


@jit
def fill_step_rows(streams, degree, thresholds, guide, steps):  # type: ignore[no-untyped-def]
    """steps (edges,) = delays in steps that numbers 0 .. degree[t] - 1 of stream t give, target by target."""
    numbers = hashed_counters(streams.salt, degree)
    begin = 0
    for t in range(streams.keys.size):
        key = streams.keys[t]
        row = steps[begin : begin + degree[t]]
        for k in range(row.size):
            number = mix(key + numbers[k]) >> _SHIFT
            step = np.int64(guide[number >> _GUIDE_SHIFT])
            while number >= thresholds[step]:
                step += 1
            row[k] = step + 1
        begin += degree[t]


def values_of_rows(
    distribution: Distribution, streams: Streams, degree: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Values (edges,) of the edges of every target: numbers 0 .. degree[t] - 1 of stream t."""
    n = int(degree.sum())
    if isinstance(distribution, Invertible):
        uniform = np.empty(n)
        fill_uniform_rows(streams, degree, uniform)
        return distribution.quantile(uniform)
    starts = np.cumsum(degree) - degree
    return distribution.sample(
        streams.part(np.repeat(np.arange(len(degree)), degree)), np.arange(n) - np.repeat(starts, degree)
    )


def steps_of_rows(table: StepTable, streams: Streams, degree: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Delays (edges,) in steps: from the numbers 0 .. degree[t] - 1 of stream t of every target."""
    steps = np.empty(int(degree.sum()), np.uint8)
    fill_step_rows(streams, degree, table.thresholds, table.guide, steps)
    return steps
