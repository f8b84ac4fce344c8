"""Independent Poisson input to every neuron of a population, exact at any rate.

The number of events in a step is Poisson distributed with mean rate * dt / 1000. It is the number of entries of a
cumulative table that a random 64-bit integer of the neuron's stream exceeds; the table is computed in decimal
arithmetic to the last bit, so that probabilities are exact to 2^-64 on every machine.
"""

from __future__ import annotations

import decimal
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distsim.errors import InputError
from distsim.jit import jit
from distsim.rng import INCREMENT, mix, stream_keys
from distsim.units import MS_PER_S, check_number, to_steps

BLOCK = 512
GROUP = 4  # comparisons with the table that are made at once, without branches
MAX_MEAN = 1e8


@dataclass(frozen=True)
class Poisson:
    """Poisson input of ``rate`` (1/s) to each neuron, each event with ``weight`` (pA) after ``delay`` (ms, default dt)."""

    rate: float
    weight: float
    delay: float | None = None
    is_stimulus: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_number(self.rate, "Poisson: rate", low=0.0))
        object.__setattr__(self, "weight", check_number(self.weight, "Poisson: weight"))

    def check(self, size: int, dt: float, where: str) -> None:
        if self.delay is not None:
            to_steps(self.delay, dt, f"{where}: Poisson delay", low=1)
        if self.mean(dt) > MAX_MEAN:
            raise InputError(f"{where}: Poisson rate = {self.rate:g} /s means more than {MAX_MEAN:g} events per step")

    def mean(self, dt: float) -> float:
        """Mean number of events in a step."""
        return self.rate * dt / MS_PER_S


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


def count_table(mean: float) -> CountTable:
    """The table of the Poisson distribution of ``mean``, cut where the remaining probability is below 2^-64."""
    if mean == 0.0:
        return CountTable(0, np.full(GROUP, 2**64 - 1, np.uint64), GROUP)
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


class PoissonInput:
    """The Poisson input of the local neurons ``gids`` by stimulation number ``index``."""

    def __init__(self, poisson: Poisson, index: int, seed: int, gids: npt.NDArray[np.int64], dt: float, unit: float):
        self.keys = stream_keys(seed, "poisson input", index, gids)
        self.table = count_table(poisson.mean(dt))
        self.weight = np.int64(round(poisson.weight / unit))
        self.delay = 1 if poisson.delay is None else to_steps(poisson.delay, dt, "Poisson delay")

    def deposit(self, first_step: int, n_steps: int, ring: npt.NDArray[np.int64]) -> None:
        """Add the input that arrives in steps first_step .. first_step + n_steps - 1 to ring (slots, n)."""
        table = self.table
        deposit(
            self.keys, table.thresholds, table.common, table.first, self.weight, first_step, n_steps, self.delay, ring
        )


@jit
def deposit(  # type: ignore[no-untyped-def]
    keys, thresholds, common, first_count, weight, first_step, n_steps, delay, ring
):
    """ring[step % slots, i] += weight * count(neuron i, step - delay), for all steps; an event of step s has counter s."""
    n_slots = ring.shape[0]
    random = np.empty(BLOCK, np.uint64)
    for begin in range(0, keys.size, BLOCK):
        key = keys[begin : begin + BLOCK]
        for step in range(first_step, first_step + n_steps):
            if step <= delay:
                continue
            slot = ring[step % n_slots, begin : begin + key.size]
            shift = np.uint64(step - delay) * INCREMENT
            highest = np.uint64(0)
            for i in range(key.size):
                random[i] = mix(key[i] + shift)
                highest = max(highest, random[i])
            for k in range(0, common, GROUP):
                t0, t1, t2, t3 = thresholds[k], thresholds[k + 1], thresholds[k + 2], thresholds[k + 3]
                for i in range(key.size):
                    x = random[i]
                    slot[i] += weight * (np.int64(x > t0) + np.int64(x > t1) + np.int64(x > t2) + np.int64(x > t3))
            if first_count > 0:
                for i in range(key.size):
                    slot[i] += weight * first_count
            if highest > thresholds[common]:
                for i in range(key.size):
                    if random[i] > thresholds[common]:
                        slot[i] += weight * (np.searchsorted(thresholds, random[i]) - common)
