"""Sources of Poisson spikes that can be connected like neurons, so that their targets share them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.declared import duration
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.poisson_counts import CountTable, count_table
from distsim.core.rng import hashed, mix, streams_of
from distsim.core.units import MS_PER_S
from distsim.spiking.pieces_of_time import begins, check_pieces, in_pieces, spans_of
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Group, Source

MAX_MEAN = 1e3  # spikes of a source in one step
LAST = 2**64 - 1  # a threshold that no random number exceeds


class PoissonSource(Source, eq=True):
    """A model of sources that fire as independent Poisson processes of ``rate`` (1/s), as often as it comes in a step.

    They fire in the steps that end after ``start`` and not after ``stop`` (ms; None: for ever). A rate that changes in
    steps is a sequence of rates, each from one of ``times`` (ms) on; before the first they are silent.
    """

    rate: float | tuple[float, ...] = in_pieces(unit="1/s", low=0.0)
    start: float = duration(0.0)
    stop: float | None = duration(None)
    times: tuple[float, ...] | None = begins()

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_pieces(self, "rate", dt, where)
        rate = max((self.rate,) if isinstance(self.rate, float) else self.rate)
        if rate * dt / MS_PER_S > MAX_MEAN:
            raise InputError(f"{where}: PoissonSource rate = {rate:g} /s means more than {MAX_MEAN:g} spikes per step")

    def tables(self, dt: float) -> list[tuple[int, int, CountTable]]:
        """(after, until, table): spikes in the steps after + 1 .. until are counted by that table."""
        spans = spans_of(self, "rate", dt)
        return [(after, until, count_table(rate * dt / MS_PER_S)) for after, until, rate in spans]

    def multiplicity(self, dt: float) -> int:
        """The largest number of spikes that a source can have in one step."""
        return max((table.largest for _, _, table in self.tables(dt)), default=1) or 1

    @staticmethod
    def group(shares: list[PopulationShare]) -> PoissonSourceGroup:
        return PoissonSourceGroup(shares)


class PoissonSourceGroup(Group):
    """The local sources of some populations; number s of their streams is that of step s.

    own: keys (n,) uint64 of the streams of all; salts (spans,) uint64, thresholds (spans, longest) uint64 and numbers
    (spans, 5) int64 of each span of time of a population: its first source, the one after its last, the step after
    which they fire, the last in which they do, and the fewest spikes in a step.
    """

    def __init__(self, shares: list[PopulationShare]) -> None:
        self._shares = list(shares)
        self._prepare()

    def _prepare(self) -> None:
        """Which sources fire when, and their streams."""
        keys, salts, tables, numbers = [np.zeros(0, np.uint64)], [], [], []
        for share in self._shares:
            model: Any = share.population.model
            streams = streams_of(share.seed, "poisson source", 0, share.gids)
            keys.append(streams.keys)
            for after, until, table in model.tables(share.dt):
                salts.append(streams.salt)
                tables.append(table)
                numbers.append((share.begin, share.end, after, until, table.first))
        thresholds = np.full((len(tables), max((len(t.thresholds) for t in tables), default=1)), LAST, np.uint64)
        for row, table in zip(thresholds, tables, strict=True):
            row[: len(table.thresholds)] = table.thresholds
        spans = np.array(numbers, np.int64).reshape(-1, 5)
        self.own = np.concatenate(keys), np.array(salts, np.uint64), thresholds, spans

    def draw_anew(self, seed: int) -> None:
        """Draw with another seed what is drawn for steps from the present on."""
        self._shares = [replace(share, seed=seed) for share in self._shares]
        self._prepare()

    def set_model(self, number: int, model: Any, changed: npt.NDArray[np.int64]) -> None:
        """Let the sources of population ``number`` fire as ``model`` says, from the present on."""
        share = self._shares[number]
        self._shares[number] = replace(share, population=replace(share.population, model=model))
        self._prepare()

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """Emit the spikes of the steps; see ``Group.update``."""
        return emit_counts(*self.own, first_step, n_steps, rings, unit, current, poisson, index, stamp)

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return emit_counts, self.own

    def remembered(self) -> tuple[()]:
        """Nothing: the spikes of a step follow from the step."""
        return ()


@jit
def emit_counts(  # type: ignore[no-untyped-def]
    keys, salts, thresholds, numbers, first_step, n_steps, rings, unit, current, poisson, index, stamp
):
    """Write the spikes of the sources in the steps from first_step on; returns their number.

    A source fires fewest + (number of ``thresholds`` below its random number) times in a step, see ``counts``.
    """
    spikes = 0
    for span in range(salts.size):
        begin, end, after, until, fewest = numbers[span]
        for step in range(max(first_step, after + 1), min(first_step + n_steps - 1, until) + 1):
            shift = hashed(salts[span], step)
            for i in range(begin, end):
                random = mix(keys[i] + shift)
                if fewest == 0 and random <= thresholds[span, 0]:
                    continue
                for _ in range(fewest + np.searchsorted(thresholds[span], random)):
                    index[spikes] = i
                    stamp[spikes] = step
                    spikes += 1
    return spikes
