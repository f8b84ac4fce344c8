"""What drives act on: the local neurons of a population, and all that is added to their input."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.cache_lines import on_line, zeros_on_line
from distsim.core.errors import InputError
from distsim.core.poisson_counts import LANES, LaneTable, lane_table
from distsim.core.rng import Streams, streams_of
from distsim.core.units import MAX_STEPS, shown
from distsim.spiking.drives.poisson_input import ENTRIES, PoissonInput
from distsim.spiking.drives.stretches import Stretches
from distsim.spiking.population_share import PopulationShare

FloatArray = npt.NDArray[np.float64]
AddCurrent = Callable[[FloatArray, int], None]
InputOf = Callable[[int, int], FloatArray]


@dataclass(frozen=True)
class PoissonEvents:
    """Poisson events that a drive sends to the local neurons of a population, each by its stream.

    spans: (after, until, table): those sent in the steps after + 1 .. until are counted by that table. weight in the
    unit of weights of the target; delay in steps; index: of the stimulation; target: the input.
    """

    streams: Streams
    spans: tuple[tuple[int, int, LaneTable], ...]
    weight: float
    delay: int
    index: int
    target: int

    def most_at(self, step: int) -> float:
        """The most that is sent to a neuron in the step after ``step``, in size."""
        found = (table.largest for after, until, table in self.spans if after <= step < until)
        return abs(self.weight) * max(found, default=0)


def _most_together(events: list[PoissonEvents]) -> float:
    """The most that events of one delay can add to the input of a neuron in a step."""
    begins = {after for each in events for after, _, _ in each.spans}
    return max((sum(each.most_at(step) for each in events) for step in begins), default=0.0)


@dataclass
class Driven:
    """The local neurons of a population, or of a part of one (``share``), and what drives add to them.

    population: its number in the group; local (n,) int64: local indices of the neurons of a part, None: all. index:
    number of the stimulation that is being bound; seed: its own, if it has one. poisson, currents, currents_of_each,
    inputs: what was added so far; drawing: the stimulations that asked for streams.
    """

    share: PopulationShare
    population: int = 0
    local: npt.NDArray[np.int64] | None = None
    index: int = 0
    seed: int | None = None
    poisson: list[PoissonEvents] = field(default_factory=list)
    currents: list[AddCurrent] = field(default_factory=list)
    currents_of_each: list[AddCurrent] = field(default_factory=list)
    inputs: list[tuple[InputOf, float]] = field(default_factory=list)
    drawing: set[int] = field(default_factory=set)

    def streams(self, purpose: str) -> Streams:
        """A random stream for each local neuron, which no other stimulation has."""
        self.drawing.add(self.index)
        seed = self.share.seed if self.seed is None else self.seed
        return streams_of(seed, purpose, self.index, self.share.gids)

    def like(self) -> Hashable | None:
        """Equal for populations that are driven alike, by Poisson input alone; None where there is more."""
        if self.currents or self.currents_of_each or self.local is not None:
            return None
        return tuple(
            (int(e.streams.salt), e.weight, e.delay, e.target, *((a, u, id(t)) for a, u, t in e.spans))
            for e in self.poisson
        )

    @property
    def where(self) -> slice | npt.NDArray[np.int64]:
        """Where the neurons are in the group."""
        return slice(self.share.begin, self.share.end) if self.local is None else self.local

    def add_poisson(
        self,
        mean: float | Iterable[tuple[int, int, float]],
        weight: float,
        delay: int,
        receptor: int | str | None = None,
    ) -> None:
        """Add Poisson events, ``mean`` of them in a step, of ``weight`` after ``delay`` steps.

        mean: or (after, until, mean) of several spans of time: in the steps after + 1 .. until so many are sent.
        receptor: the name of an input; None: the one that the sign of the weight says.
        """
        spans = [(0, MAX_STEPS, mean)] if isinstance(mean, (int, float)) else mean
        tables = tuple((after, until, lane_table(each)) for after, until, each in spans)
        model = self.share.population.model
        target = model.input_of(weight < 0.0) if receptor is None else model.receptors.index(receptor)
        self.poisson.append(PoissonEvents(self.streams("poisson input"), tables, weight, delay, self.index, target))

    def add_current(self, add: AddCurrent) -> None:
        """Let add(current, first_step) add pA to current (n_steps,), that of the steps from ``first_step`` on."""
        self.currents.append(add)

    def add_currents(self, add: AddCurrent) -> None:
        """Let add(currents, first_step) add pA to currents (n, n_steps), each neuron's own from ``first_step`` on.

        Then each of these neurons is a stretch of its own, which takes several times as long as a current of all.
        """
        self.currents_of_each.append(add)

    def add_input(self, input_of: InputOf, most: float) -> None:
        """Add input_of(first_step, n_steps) -> (n_steps, n) float64, which arrives in the steps from ``first_step`` on.

        In the unit of weights, positive or negative, at most ``most`` in size. It must not depend on how time is cut
        into steps from .. to, nor on which neurons are local: random numbers come from ``streams``.
        """
        self.inputs.append((input_of, most))

    def largest_inputs(self) -> list[float]:
        """The most that each drive can add to the input of a neuron in a step, in size.

        What a stimulation is after a change does not arrive together with what it was, unless their delays differ.
        """
        together: dict[tuple[int, int], list[PoissonEvents]] = {}
        for events in self.poisson:
            together.setdefault((events.index, events.delay), []).append(events)
        return [_most_together(events) for events in together.values()] + [most for _, most in self.inputs]

    def deposit_inputs(self, first_step: int, n_steps: int, rings: tuple[npt.NDArray[Any], ...], unit: float) -> None:
        """Add ``inputs`` of some steps to ``rings``, of each input of the group (slots, n)."""
        model = self.share.population.model
        steps = np.arange(first_step, first_step + n_steps)
        where = np.arange(self.share.begin, self.share.end) if self.local is None else self.local
        for input_of, most in self.inputs:
            values = np.asarray(input_of(first_step, n_steps), np.float64)
            if values.shape != (n_steps, self.share.n) or not (np.abs(values) <= most).all():
                name = self.share.population.name
                wanted = f"{(n_steps, self.share.n)} numbers of size {most:g} at most"
                raise InputError(f"stimulus of '{name}': its input must be {wanted}, got {shown(values)}")
            units = np.rint(values / unit).astype(np.int64)
            for negative in (False, True):
                ring = rings[model.input_of(negative)]
                of_sign = np.where((units < 0) == negative, units, 0)
                ring[(steps % len(ring))[:, None], where] += of_sign.astype(ring.dtype)


def poisson_input(driven: list[Driven], unit: float, stretches: Stretches | None = None) -> PoissonInput:
    """The Poisson events of all stretches of a group, as kernels take them; unit: weight per unit of the rings.

    Without ``stretches`` they are the populations, of which each is driven as a whole.
    """
    if stretches is None:
        stretches = Stretches.of(d.share.n for d in driven)
    most = max((len(d.poisson) for d in driven), default=0)
    all_events = [(d, d.poisson[k]) for k in range(most) for d in driven if k < len(d.poisson)]
    begins = np.cumsum([0, *(d.share.n for d, _ in all_events)])
    rows: list[list[Any]] = [[] for _ in range(stretches.n)]
    for begin, (d, events) in zip(begins, all_events, strict=False):
        for number in stretches.within(d.population, d.local):
            first = stretches.bounds[number]
            key = begin + (first - d.share.begin if d.local is None else np.searchsorted(d.local, first))
            for after, until, table in events.spans:
                of_row = (
                    events.target, key - first, len(table.quick), table.first, round(events.weight / unit),
                    events.delay, after, until,
                )  # fmt: skip
                if table.largest == 0:
                    continue
                if (of_row, events.streams.salt) not in [row[:2] for row in rows[number]]:  # of a population before
                    rows[number].append((of_row, events.streams.salt, table))
    flat = [row for of_stretch in rows for row in of_stretch]
    tables = [table for _, _, table in flat]
    keys = np.concatenate([np.zeros(0, np.uint64), *(events.streams.keys for _, events in all_events)])
    return (
        np.cumsum([0, *map(len, rows)]),
        np.array([numbers for numbers, _, _ in flat], np.int64).reshape(-1, ENTRIES),
        on_line(keys),
        np.array([salt for _, salt, _ in flat], np.uint64),
        _side_by_side([table.quick for table in tables], np.uint16),
        _side_by_side([table.rest for table in tables], np.uint64),
        zeros_on_line((LANES * len(keys),), np.uint8),
        np.full(1, -1),
    )


def _side_by_side(tables: list[npt.NDArray[Any]], dtype: type[np.unsignedinteger[Any]]) -> npt.NDArray[Any]:
    """The rows (tables, longest) of some tables, the rest of which no random number exceeds."""
    together = np.full((len(tables), max(map(len, tables), default=1)), np.iinfo(dtype).max, dtype)
    for row, table in zip(together, tables, strict=True):
        row[: len(table)] = table
    return together
