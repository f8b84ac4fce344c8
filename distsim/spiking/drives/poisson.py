"""Independent Poisson input to every neuron of a population, exact at any rate.

The number of events in a step is Poisson distributed with mean rate * dt / 1000 and drawn from the stream of the
neuron, see ``distsim.core.poisson_counts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments
from distsim.core.poisson_counts import Drive, count_table
from distsim.core.rng import streams_of
from distsim.core.units import MS_PER_S, check_number, to_steps

MAX_MEAN = 1e8


Int64Array = npt.NDArray[np.int64]


@check_arguments
@dataclass(frozen=True)
class Poisson:
    """Poisson input of ``rate`` (1/s) to each neuron; an event has ``weight`` and ``delay`` (ms, default dt).

    The unit of weights is that of the target's input: pA, but mV for iaf_psc_delta.
    """

    rate: float
    weight: float
    delay: float | None = None
    is_stimulus: ClassVar[bool] = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_number(self.rate, "Poisson: rate", low=0.0))
        object.__setattr__(self, "weight", check_number(self.weight, "Poisson: weight"))
        if self.delay is not None:
            object.__setattr__(self, "delay", check_number(self.delay, "Poisson: delay"))

    def check(self, size: int, dt: float, where: str) -> None:
        if self.delay is not None:
            to_steps(self.delay, dt, f"{where}: Poisson delay", low=1)
        if self.mean(dt) > MAX_MEAN:
            raise InputError(f"{where}: Poisson rate = {self.rate:g} /s means more than {MAX_MEAN:g} events per step")

    def mean(self, dt: float) -> float:
        """Mean number of events in a step."""
        return self.rate * dt / MS_PER_S


@dataclass(frozen=True)
class PoissonInput:
    """The Poisson input of the local neurons of a population; ``input`` tells which of their currents it drives."""

    input: int
    drive: Drive


def poisson_input(
    poisson: Poisson, index: int, seed: int, gids: Int64Array, dt: float, unit: float, which: int
) -> PoissonInput:
    """The input of the neurons ``gids`` by stimulation number ``index``; unit: pA per unit of the ring."""
    table = count_table(poisson.mean(dt))
    delay = 1 if poisson.delay is None else to_steps(poisson.delay, dt, "Poisson delay")
    streams = streams_of(seed, "poisson input", index, gids)
    return PoissonInput(
        which, (*streams, table.thresholds, table.common, table.first, round(poisson.weight / unit), delay)
    )
