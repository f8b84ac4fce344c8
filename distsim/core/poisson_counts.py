"""Poisson counts: the number of events in a step, exact at any mean.

A count is the number of entries of a cumulative table that a random 64-bit integer exceeds. The table is computed in
decimal arithmetic to the last bit, so that probabilities are exact to 2^-64 on every machine.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline
from distsim.core.rng import hashed, mix

BLOCK = 512  # neurons whose random numbers are drawn together
GROUP = 4  # comparisons with the table that are made at once, without branches


@dataclass(frozen=True)
class CountTable:
    """A count is ``first`` plus the number of ``thresholds`` (ascending uint64) that a random uint64 exceeds.

    Counts beyond ``first + common`` are rare, or ``common`` is 0 and all thresholds are searched.
    """

    first: int
    thresholds: npt.NDArray[np.uint64]
    common: int

    @property
    def largest(self) -> int:
        return self.first + len(self.thresholds)


@cache
def count_table(mean: float) -> CountTable:
    """The table of the Poisson distribution of ``mean``, cut where the remaining probability is below 2^-64."""
    if mean == 0.0:
        return CountTable(0, np.full(GROUP + 1, 2**64 - 1, np.uint64), GROUP)
    context = decimal.Context(prec=50, Emin=decimal.MIN_EMIN, Emax=decimal.MAX_EMAX)
    lam = decimal.Decimal(mean)
    spread = 10.0 * mean**0.5
    first = max(0, int(mean - spread))
    last = int(mean + spread + 40.0)
    weight = decimal.Decimal(1)
    weights = [weight]
    for k in range(first + 1, last + 1):
        weight = context.divide(context.multiply(weight, lam), decimal.Decimal(k))
        weights.append(weight)
    total = decimal.Decimal(0)
    for weight in weights:
        total = context.add(total, weight)
    thresholds: list[int] = []
    below = decimal.Decimal(0)
    for weight in weights:
        below = context.add(below, weight)
        threshold = int(context.multiply(context.divide(below, total), decimal.Decimal(2**64))) - 1
        if threshold >= 2**64 - 2:
            break
        thresholds.append(threshold)
    skipped = sum(threshold < 0 for threshold in thresholds)
    first, thresholds = first + skipped, thresholds[skipped:]
    rare = 2**64 * (1.0 - 1e-4)
    common = -(-sum(threshold < rare for threshold in thresholds) // GROUP) * GROUP
    common = 0 if common > 8 * GROUP else max(common, GROUP)
    thresholds += [2**64 - 1] * max(0, common + 1 - len(thresholds))
    return CountTable(first, np.array(thresholds, np.uint64), common)


@inline
def add_events(drive, step, slot, random):  # type: ignore[no-untyped-def]
    """slot[i] += weight * (number of events that arrive in ``step``); slot (size,) int64 or int32.

    drive: keys (size,) and salt of streams; thresholds, common and first of the table;
    weight in units of the slot; delay in steps. An event sent in step s has counter s in the stream of the neuron.
    random (BLOCK,) uint64 is scratch.
    """
    key, salt, thresholds, common, first_count, weight, delay = drive
    w1, w2, w3, w4 = weight, 2 * weight, 3 * weight, 4 * weight
    shift = hashed(salt, step - delay)
    highest = np.uint64(0)
    for i in range(key.size):
        random[i] = mix(key[i] + shift)
        highest = max(highest, random[i])
    for k in range(0, common, GROUP):
        t1, t2, t3, t4 = thresholds[k], thresholds[k + 1], thresholds[k + 2], thresholds[k + 3]
        for i in range(key.size):
            events = 0
            events = w1 if random[i] > t1 else events
            events = w2 if random[i] > t2 else events
            events = w3 if random[i] > t3 else events
            events = w4 if random[i] > t4 else events
            slot[i] += events
    if first_count > 0:
        for i in range(key.size):
            slot[i] += weight * first_count
    if highest > thresholds[common]:
        for i in range(key.size):
            if random[i] > thresholds[common]:
                slot[i] += weight * (np.searchsorted(thresholds, random[i]) - common)
