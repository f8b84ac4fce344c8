"""Sources of Poisson spikes that can be connected like neurons, so that their targets share them."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.declared import check_stop, duration, number
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.poisson_counts import count_table
from distsim.core.rng import draw, streams_of
from distsim.core.units import MAX_STEPS, MS_PER_S, to_steps
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group, Source

MAX_MEAN = 1e3  # spikes of a source in one step


class PoissonSource(Source, eq=True):
    """A model of sources that fire as independent Poisson processes of ``rate`` (1/s), as often as it comes in a step.

    They fire in the steps that end after ``start`` and not after ``stop`` (ms; None: for ever).
    """

    rate: float = number(unit="1/s", low=0.0)
    start: float = duration(0.0)
    stop: float | None = duration(None)

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_stop(self, dt, where)
        if self.mean(dt) > MAX_MEAN:
            raise InputError(
                f"{where}: PoissonSource rate = {self.rate:g} /s means more than {MAX_MEAN:g} spikes per step"
            )

    def mean(self, dt: float) -> float:
        """Mean number of spikes of a source in a step."""
        return self.rate * dt / MS_PER_S

    def multiplicity(self, dt: float) -> int:
        """The largest number of spikes that a source can have in one step."""
        return max(1, count_table(self.mean(dt)).largest)

    def active_steps(self, dt: float) -> tuple[int, int]:
        """The step after which they fire, and the last in which they do."""
        stop = MAX_STEPS if self.stop is None else to_steps(self.stop, dt, "stop")
        return to_steps(self.start, dt, "start"), stop

    @staticmethod
    def group(shares: list[PopulationShare]) -> PoissonSourceGroup:
        return PoissonSourceGroup(shares)


class PoissonSourceGroup(Group):
    """The local sources of some populations; number s of their streams is that of step s."""

    def __init__(self, shares: list[PopulationShare]) -> None:
        self.sources = []
        for share in shares:
            model: Any = share.population.model
            streams = streams_of(share.seed, "poisson source", 0, share.gids)
            self.sources.append((share, streams, count_table(model.mean(share.dt)), model.active_steps(share.dt)))

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """Emit the spikes of the steps; see ``Group.update``."""
        spikes = 0
        for share, streams, table, (start, stop) in self.sources:
            first, last = max(first_step, start + 1), min(first_step + n_steps - 1, stop)
            spikes += emit_counts(
                streams, share.begin, first, last, table.thresholds, table.first, index[spikes:], stamp[spikes:]
            )
        return spikes

    def remembered(self) -> tuple[()]:
        """Nothing: the spikes of a step follow from the step."""
        return ()


@jit
def emit_counts(  # type: ignore[no-untyped-def]
    streams, begin, first_step, last_step, thresholds, fewest, index, stamp
):
    """Write the spikes of the sources begin .. in the steps first_step .. last_step; returns their number.

    A source fires fewest + (number of ``thresholds`` below its random number) times in a step, see ``counts``.
    """
    spikes = 0
    for step in range(first_step, last_step + 1):
        for i in range(streams.keys.size):
            random = draw(streams, i, step)
            if fewest == 0 and random <= thresholds[0]:
                continue
            for _ in range(fewest + np.searchsorted(thresholds, random)):
                index[spikes] = begin + i
                stamp[spikes] = step
                spikes += 1
    return spikes
