"""Poisson counts: the number of events in a step, exact at any mean.

The table of a mean is computed in decimal arithmetic to the last bit, so that probabilities are exact to 2^-64 on every
machine. A random number of 64 bits gives the counts of four steps, by 16 bits each: probabilities are cut to multiples
of 2^-16, and in the few cases of 65,536 that are then left over a number of 64 bits of the step's own chooses among
what was cut off.
"""

from __future__ import annotations

import decimal
import itertools
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline
from distsim.core.rng import hashed, mix

BLOCK = 512  # neurons whose random numbers are drawn together
GROUP = 4  # comparisons with the table that are made at once, without branches
LANES = 4  # steps that share a random number, each with so many bits of it
LANE_BITS = 16
OWN = 2**62  # a step may need random number OWN + step of the stream for itself
FEW = 128  # lanes among which those are looked for that took none of the quick entries
SELDOM = 16  # so many of 65,536 numbers are not worth further quick entries, with which all would be compared
MOST = 252  # counts that differ in one byte, with room for the end of a group


@dataclass(frozen=True)
class CountTable:
    """A count is ``first`` plus the number of ``thresholds`` (ascending uint64) that a random uint64 exceeds."""

    first: int
    thresholds: npt.NDArray[np.uint64]

    @property
    def largest(self) -> int:
        return self.first + len(self.thresholds)


@cache
def count_table(mean: float) -> CountTable:
    """The table of the Poisson distribution of ``mean``, cut where the remaining probability is below 2^-64."""
    if mean == 0.0:
        return CountTable(0, np.zeros(0, np.uint64))
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
    return CountTable(first + skipped, np.array(thresholds[skipped:], np.uint64))


@dataclass(frozen=True)
class LaneTable:
    """A count is ``first`` plus the number of ``quick`` entries (ascending uint16) that a random uint16 reaches.

    Where it reaches all of them, the count is ``first`` plus the number of ``rest`` (ascending uint64) that a random
    uint64 exceeds. Where counts are too many for a byte, there are no quick entries, and all counts are found so.
    """

    first: int
    quick: npt.NDArray[np.uint16]
    rest: npt.NDArray[np.uint64]

    @property
    def largest(self) -> int:
        return self.first + len(self.rest)


@cache
def lane_table(mean: float) -> LaneTable:
    """The table of the Poisson distribution of ``mean``: that of ``count_table``, for numbers of 16 and 64 bits."""
    table = count_table(mean)
    bounds = [0, *(int(threshold) + 1 for threshold in table.thresholds), 2**64]
    weights = [end - begin for begin, end in itertools.pairwise(bounds)]
    if len(weights) > MOST:
        return LaneTable(table.first, np.zeros(0, np.uint16), table.thresholds)
    share = 2 ** (64 - LANE_BITS)
    whole = [min(weight // share, 2**LANE_BITS - 1) for weight in weights]
    quick = np.cumsum(whole)
    used = int(np.searchsorted(quick, quick[-1] - SELDOM)) + 1
    quick = np.pad(quick, (0, GROUP), mode="edge")[: -(-used // GROUP) * GROUP]
    whole[len(quick) :] = [0] * len(whole[len(quick) :])
    left = itertools.accumulate(weight - share * of_quick for weight, of_quick in zip(weights, whole, strict=True))
    all_left = 2**LANE_BITS - int(quick[-1])  # in shares, of which 2^LANE_BITS make 2^64
    rest = [max(below * 2**LANE_BITS // all_left - 1, 0) for below in left][:-1]
    return LaneTable(table.first, quick.astype(np.uint16), np.array(rest, np.uint64))


@inline
def draw_lanes(key, salt, four, quick, rest, random, counts):  # type: ignore[no-untyped-def]
    """counts[LANES * i + l]: events less ``first`` that are sent to neuron i in step LANES * four + l.

    key (size,) and salt of streams; quick, rest: of the table; counts (LANES * size,) uint8. random (BLOCK,) uint64 is
    scratch, of which step l takes the bits from LANE_BITS * l on.
    """
    shift = hashed(salt, four)
    for i in range(key.size):
        random[i] = mix(key[i] + shift)
    lanes = random[: key.size].view(np.uint16)
    counts[:] = 0
    for k in range(0, quick.size, GROUP):
        t1, t2, t3, t4 = quick[k], quick[k + 1], quick[k + 2], quick[k + 3]
        for j in range(lanes.size):
            reached = np.uint8(0)
            reached = np.uint8(1) if lanes[j] >= t1 else reached
            reached = np.uint8(2) if lanes[j] >= t2 else reached
            reached = np.uint8(3) if lanes[j] >= t3 else reached
            reached = np.uint8(4) if lanes[j] >= t4 else reached
            counts[j] += reached
    last = quick[quick.size - 1]
    if greatest(lanes) >= last:
        for begin in range(0, lanes.size, FEW):
            if greatest(lanes[begin : begin + FEW]) >= last:
                for j in range(begin, min(begin + FEW, lanes.size)):
                    if lanes[j] >= last:
                        counts[j] = of_rest(key[j // LANES], salt, LANES * four + j % LANES, rest)


@inline
def greatest(lanes):  # type: ignore[no-untyped-def]
    """The largest of some random numbers (n,) uint16."""
    result = np.uint16(0)
    for j in range(lanes.size):
        result = max(result, lanes[j])
    return result


@inline
def of_rest(key, salt, step, rest):  # type: ignore[no-untyped-def]
    """Events less ``first`` that are sent in ``step``, by the random number that it has for itself."""
    number, events, end = mix(key + hashed(salt, OWN + step)), 0, rest.size
    while events < end:
        middle = (events + end) // 2
        if rest[middle] < number:
            events = middle + 1
        else:
            end = middle
    return events


@inline
def add_lane(counts, lane, first, weight, slot):  # type: ignore[no-untyped-def]
    """slot[i] += weight * (events in step ``lane`` of four); slot (size,) int64 or int32, weight in its units.

    counts (LANES * size,) uint8 are as ``draw_lanes`` gives them.
    """
    kind = slot.dtype.type
    fours, shift, least, each = counts.view(np.uint32), np.uint32(8 * lane), kind(weight * first), kind(weight)
    for i in range(slot.size):
        slot[i] += least + each * kind(np.right_shift(fours[i], shift) & 255)


@inline
def add_each(key, salt, step, first, rest, weight, slot):  # type: ignore[no-untyped-def]
    """As ``add_lane`` in a step in which each count takes a random number of its own."""
    for i in range(slot.size):
        slot[i] += weight * (first + of_rest(key[i], salt, step, rest))
