"""Sources of Poisson spikes that can be connected like neurons, so that their targets share them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from distsim.core.declared import duration, number
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.poisson_counts import CountTable, count_table
from distsim.core.rng import Streams, draw, streams_of
from distsim.core.units import MAX_STEPS, MS_PER_S, to_steps
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Source

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
        if self.stop is not None and to_steps(self.stop, dt, "stop") < to_steps(self.start, dt, "start"):
            raise InputError(f"{where}: PoissonSource stop = {self.stop:g} ms is before start = {self.start:g} ms")
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

    def active(self, share: PopulationShare) -> ActiveSource:
        """The local sources of a population."""
        start = to_steps(self.start, share.dt, "start")
        stop = MAX_STEPS if self.stop is None else to_steps(self.stop, share.dt, "stop")
        streams = streams_of(share.seed, "poisson source", 0, share.gids)
        return ActiveSource(share.begin, streams, count_table(self.mean(share.dt)), start, stop)

    @staticmethod
    def group(shares: list[PopulationShare]) -> PoissonSourceGroup:
        return PoissonSourceGroup([share.population.model.active(share) for share in shares])  # type: ignore[attr-defined]


@dataclass(frozen=True)
class ActiveSource:
    """The local sources of a population, the first of them number ``begin`` of the group.

    Number s of their streams is that of step s; they fire in the steps start + 1 .. stop.
    """

    begin: int
    streams: Streams
    table: CountTable
    start: int
    stop: int


class PoissonSourceGroup:
    """The local sources of some populations."""

    def __init__(self, sources: list[ActiveSource]) -> None:
        self.sources = sources

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """Emit the spikes of the steps; see ``Group.update``."""
        spikes = 0
        for s in self.sources:
            first, last = max(first_step, s.start + 1), min(first_step + n_steps - 1, s.stop)
            spikes += emit_counts(
                s.streams, s.begin, first, last, s.table.thresholds, s.table.first, index[spikes:], stamp[spikes:]
            )
        return spikes

    def state(self, name: str) -> npt.NDArray[np.float64]:
        raise InputError(f"a source of spikes has no state '{name}'")


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
