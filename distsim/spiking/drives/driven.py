"""What drives act on: the local neurons of a population, and all that is added to their input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.poisson_counts import CountTable, count_table
from distsim.core.rng import Streams, streams_of
from distsim.core.units import shown
from distsim.spiking.drives.poisson_input import PoissonInput
from distsim.spiking.population_share import PopulationShare

FloatArray = npt.NDArray[np.float64]
AddCurrent = Callable[[FloatArray, int], None]
InputOf = Callable[[int, int], FloatArray]


@dataclass(frozen=True)
class PoissonEvents:
    """Poisson events that a drive sends to the local neurons of a population, each by its stream.

    weight in the unit of weights of the target; delay in steps.
    """

    streams: Streams
    table: CountTable
    weight: float
    delay: int


@dataclass
class Driven:
    """The local neurons of a population (``share``) and what drives add to them.

    index: number of the stimulation that is being bound. poisson, currents, inputs: what was added so far.
    """

    share: PopulationShare
    index: int = 0
    poisson: list[PoissonEvents] = field(default_factory=list)
    currents: list[AddCurrent] = field(default_factory=list)
    inputs: list[tuple[InputOf, float]] = field(default_factory=list)

    def streams(self, purpose: str) -> Streams:
        """A random stream for each local neuron, which no other stimulation has."""
        return streams_of(self.share.seed, purpose, self.index, self.share.gids)

    def add_poisson(self, mean: float, weight: float, delay: int) -> None:
        """Add Poisson events, ``mean`` of them in a step, of ``weight`` after ``delay`` steps."""
        self.poisson.append(PoissonEvents(self.streams("poisson input"), count_table(mean), weight, delay))

    def add_current(self, add: AddCurrent) -> None:
        """Let add(current, first_step) add pA to current (n_steps,), that of the steps from ``first_step`` on."""
        self.currents.append(add)

    def add_input(self, input_of: InputOf, most: float) -> None:
        """Add input_of(first_step, n_steps) -> (n_steps, n) float64, which arrives in the steps from ``first_step`` on.

        In the unit of weights, positive or negative, at most ``most`` in size. It must not depend on how time is cut
        into steps from .. to, nor on which neurons are local: random numbers come from ``streams``.
        """
        self.inputs.append((input_of, most))

    def largest_inputs(self) -> list[float]:
        """The most that each drive can add to the input of a neuron in a step, in size."""
        return [abs(e.weight) * e.table.largest for e in self.poisson] + [most for _, most in self.inputs]

    def deposit_inputs(self, first_step: int, n_steps: int, rings: tuple[npt.NDArray[Any], ...], unit: float) -> None:
        """Add ``inputs`` of some steps to ``rings``, of each input of the group (slots, n)."""
        model = self.share.population.model
        steps = np.arange(first_step, first_step + n_steps)
        for input_of, most in self.inputs:
            values = np.asarray(input_of(first_step, n_steps), np.float64)
            if values.shape != (n_steps, self.share.n) or not (np.abs(values) <= most).all():
                where = f"stimulus of '{self.share.population.name}'"
                wanted = f"{(n_steps, self.share.n)} numbers of size {most:g} at most"
                raise InputError(f"{where}: its input must be {wanted}, got {shown(values)}")
            units = np.rint(values / unit).astype(np.int64)
            for negative in (False, True):
                ring = rings[model.input_of(negative)]
                of_sign = np.where((units < 0) == negative, units, 0)
                ring[steps % len(ring), self.share.begin : self.share.end] += of_sign.astype(ring.dtype)


def poisson_input(driven: list[Driven], unit: float) -> PoissonInput:
    """The Poisson events of all populations of a group, as kernels take them; unit: weight per unit of the rings."""
    rows = [(d.share, events) for d in driven for events in d.poisson]
    begins = np.cumsum([0, *(share.n for share, _ in rows)])
    longest = max((len(events.table.thresholds) for _, events in rows), default=1)
    thresholds = np.full((len(rows), longest), 2**64 - 1, np.uint64)
    for row, (_, events) in zip(thresholds, rows, strict=True):
        row[: len(events.table.thresholds)] = events.table.thresholds

    numbers = [
        (
            share.population.model.input_of(events.weight < 0.0), begin - share.begin, events.table.common,
            events.table.first, round(events.weight / unit), events.delay,
        )
        for begin, (share, events) in zip(begins, rows, strict=False)
    ]  # fmt: skip
    return (
        np.cumsum([0, *(len(d.poisson) for d in driven)]),
        np.array(numbers, np.int64).reshape(-1, 6),
        np.concatenate([np.zeros(0, np.uint64), *(events.streams.keys for _, events in rows)]),
        np.array([events.streams.salt for _, events in rows], np.uint64),
        thresholds,
    )
