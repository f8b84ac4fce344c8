"""Independent Poisson input to every neuron of a population, exact at any rate.

The number of events in a step is Poisson distributed with mean rate * dt / 1000 and drawn from the stream of the
neuron, see ``distsim.counts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distsim.counts import count_table, deposit
from distsim.errors import InputError, check_arguments
from distsim.rng import stream_keys
from distsim.units import MS_PER_S, check_number, to_steps

MAX_MEAN = 1e8


Int64Array = npt.NDArray[np.int64]


@check_arguments
@dataclass(frozen=True)
class Poisson:
    """Poisson input of ``rate`` (1/s) to each neuron; an event has ``weight`` (pA) and ``delay`` (ms, default dt)."""

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


class PoissonInput:
    """The input of the local neurons ``gids`` by stimulation number ``index``; unit: pA per unit of the ring."""

    def __init__(self, poisson: Poisson, index: int, seed: int, gids: Int64Array, dt: float, unit: float) -> None:
        self.keys = stream_keys(seed, "poisson input", index, gids)
        self.table = count_table(poisson.mean(dt))
        self.weight = round(poisson.weight / unit)
        self.delay = 1 if poisson.delay is None else to_steps(poisson.delay, dt, "Poisson delay")

    def deposit(self, first_step: int, n_steps: int, ring: Int64Array) -> None:
        """Add the input that arrives in steps first_step .. first_step + n_steps - 1 to ring (slots, n)."""
        t = self.table
        deposit(self.keys, t.thresholds, t.common, t.first, self.weight, self.delay, first_step, n_steps, ring)
