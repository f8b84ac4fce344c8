"""Sources of Poisson spikes that can be connected like neurons, so that their targets share them."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.declared import check_stop, duration, number
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.poisson_counts import count_table
from distsim.core.rng import hashed, mix, streams_of
from distsim.core.units import MAX_STEPS, MS_PER_S, to_steps
from distsim.spiking.neurons.neuron_group import bounds_of
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group, Source

MAX_MEAN = 1e3  # spikes of a source in one step
LAST = 2**64 - 1  # a threshold that no random number exceeds


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
    """The local sources of some populations; number s of their streams is that of step s.

    own: keys (n,) uint64 of the streams of all, bounds (populations + 1,), salts (populations,) uint64, thresholds
    (populations, longest) uint64, and numbers (populations, 3): step after which they fire, the last in which they do,
    and the fewest spikes in a step.
    """

    def __init__(self, shares: list[PopulationShare]) -> None:
        models: list[Any] = [share.population.model for share in shares]
        streams = [streams_of(share.seed, "poisson source", 0, share.gids) for share in shares]
        tables = [count_table(model.mean(share.dt)) for model, share in zip(models, shares, strict=True)]
        thresholds = np.full((len(shares), max(len(t.thresholds) for t in tables)), LAST, np.uint64)
        for row, table in zip(thresholds, tables, strict=True):
            row[: len(table.thresholds)] = table.thresholds
        numbers = [(*m.active_steps(s.dt), t.first) for m, s, t in zip(models, shares, tables, strict=True)]
        self.own = (
            np.concatenate([s.keys for s in streams]), bounds_of(shares), np.array([s.salt for s in streams], np.uint64),
            thresholds, np.array(numbers, np.int64),
        )  # fmt: skip

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """Emit the spikes of the steps; see ``Group.update``."""
        return emit_counts(*self.own, first_step, n_steps, rings, unit, current, poisson, index, stamp)

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return emit_counts, self.own


@jit
def emit_counts(  # type: ignore[no-untyped-def]
    keys, bounds, salts, thresholds, numbers, first_step, n_steps, rings, unit, current, poisson, index, stamp
):
    """Write the spikes of the sources in the steps from first_step on; returns their number.

    A source fires fewest + (number of ``thresholds`` below its random number) times in a step, see ``counts``.
    """
    spikes = 0
    for p in range(salts.size):
        after, last, fewest = numbers[p]
        for step in range(max(first_step, after + 1), min(first_step + n_steps - 1, last) + 1):
            shift = hashed(salts[p], step)
            for i in range(bounds[p], bounds[p + 1]):
                random = mix(keys[i] + shift)
                if fewest == 0 and random <= thresholds[p, 0]:
                    continue
                for _ in range(fewest + np.searchsorted(thresholds[p], random)):
                    index[spikes] = i
                    stamp[spikes] = step
                    spikes += 1
    return spikes
