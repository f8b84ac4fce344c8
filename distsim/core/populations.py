"""What networks of all kinds share: populations by name, neurons numbered through them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Generic, Self, TypeVar

import numpy as np

from distsim.core.errors import InputError, nearest
from distsim.core.parts import Int64Array, Neurons, Part, common
from distsim.core.units import MAX_NEURONS, check_count, shown
from distsim.core.values import describe

AnyPopulation = TypeVar("AnyPopulation", bound=Neurons)
Indices = range | Int64Array
"""Neurons of a population, counted from 0: neighbours take no memory, however many they are."""
MOST_SHOWN = 8  # populations, or projections, that a network is shown with


@dataclass(frozen=True)
class StateRecording:
    """Record a state variable of ``neurons`` (indices within the population) every ``interval`` steps.

    At the end of the steps offset + k ``interval``, k = 0, 1, ..., that are after 0.
    """

    population: str
    variable: str
    neurons: Indices
    interval: int
    offset: int = 0

    def next_after(self, step: int) -> int:
        """The first of these steps after ``step``."""
        return self.offset + max(0, (step - self.offset) // self.interval + 1) * self.interval


class Populations(Generic[AnyPopulation]):
    """A network as the list of its populations, open until a simulation of it exists."""

    projections: Sequence[Any]

    def __init__(self) -> None:
        self.populations: list[AnyPopulation] = []
        self._by_name: dict[Any, AnyPopulation] = {}
        self._frozen = False

    def __repr__(self) -> str:
        populations = (f"{p.name} ({p.size:,}{_model_name(p)})" for p in self.populations)
        lines = [f"{type(self).__name__} of {self.size:,} neurons", f"populations: {_listed(populations)}"]
        if self.projections:
            lines.append(f"projections: {_listed(p.name for p in self.projections)}")
        return "\n  ".join(lines)

    @property
    def size(self) -> int:
        """Number of neurons (and spike sources) in all populations."""
        return sum(population.size for population in self.populations)

    def find(self, population: AnyPopulation | str) -> AnyPopulation:
        """The population itself or the one of that name; InputError with the nearest name where there is none."""
        if len(self._by_name) < len(self.populations):
            self._by_name = {known.name: known for known in self.populations}
        known = self._by_name.get(population if isinstance(population, str) else getattr(population, "name", None))
        if known is not None and (known is population or isinstance(population, str)):
            return known
        if isinstance(population, Part):
            raise InputError(f"{population.name} is a part of a population; a whole one is needed here")
        name = getattr(population, "name", population)
        if not isinstance(name, str):
            raise InputError(f"a population is given by its name or as the network returned it, got {shown(name)}")
        raise InputError(f"unknown population {shown(name)}{nearest(name, [p.name for p in self.populations])}")

    def neurons(self, given: Neurons | str) -> Neurons:
        """What ``find`` finds, or a part of populations of this network; one that is a whole population is that one."""
        if not isinstance(given, Part):
            return self.find(given)  # type: ignore[arg-type] # which refuses what is no population of this network
        for piece in given.pieces:
            if not any(piece.population is known for known in self.populations):
                raise InputError(f"{given.name} is a part of a population of another network")
        population: Neurons = given.pieces[0].population
        return population if len(given.pieces) == 1 and given.pieces[0].whole else given

    def _recorded(self, part: Part, *further: object) -> list[tuple[AnyPopulation, Iterable[int] | None]]:
        """The populations of which ``part`` is to be recorded, and which of their neurons; None: all."""
        self.neurons(part)
        if any(chosen is not None for chosen in further):
            raise InputError(f"record {part.name}: a part says which neurons are recorded; choose no others beside it")
        return [(piece.population, None if piece.whole else piece.chosen) for piece in part.by_population()]

    def _recorded_between(
        self, source: Neurons, target: Neurons, *chosen: Iterable[int] | None
    ) -> list[tuple[AnyPopulation, AnyPopulation, Iterable[int] | None, Iterable[int] | None]]:
        """Two populations and neurons of them, for all that two parts are of, as far as there are projections."""
        self.find_projections(source, target)
        ends = (Part(list(source.pieces)), chosen[0]), (Part(list(target.pieces)), chosen[1])
        sources, targets = (self._recorded(*end) for end in ends)
        return [
            (of, to, some, others)
            for (of, some), (to, others) in itertools.product(sources, targets)
            if any(common(p.source, of) and common(p.target, to) for p in self.projections)
        ]

    def freeze(self) -> Self:
        """Close the network: a simulation of it exists, and it can no longer change."""
        self._frozen = True
        return self

    def find_projections(self, source: Neurons | str, target: Neurons | str) -> list[Any]:
        """All projections from neurons of ``source`` to neurons of ``target``; InputError where there is none."""
        source, target = self.neurons(source), self.neurons(target)
        found = [p for p in self.projections if common(p.source, source) and common(p.target, target)]
        if not found:
            raise InputError(f"there is no projection '{source.name}->{target.name}'")
        return found

    def find_connected(self, source: Neurons, target: Neurons, number: int | None, where: str) -> list[int]:
        """Which projections were given just these ends: all of them, or that ``number`` of these.

        Raises InputError where there is none.
        """
        ends = source.name, target.name
        found = [k for k, p in enumerate(self.projections) if (p.source.name, p.target.name) == ends]
        if not found:
            name, known = f"{source.name}->{target.name}", [p.name for p in self.projections]
            raise InputError(f"{where}: there is no projection '{name}'{nearest(name, known)}")
        if number is None:
            return found
        return [found[check_count(number, f"{where}: number", low=0, high=len(found) - 1)]]

    def record_nothing(self) -> None:
        """Forget all recordings that were asked for."""
        self._require_open()
        for name, recordings in vars(self).items():
            if name.endswith("recordings"):
                recordings.clear()

    def _require_open(self) -> None:
        if self._frozen:
            raise InputError("the network is frozen: a simulation of it exists; complete it before simulating")

    def _require_new(self, name: Any) -> str:
        """What messages about a new population begin with; InputError where it cannot be added under that name."""
        self._require_open()
        if not isinstance(name, str) or name in ("", ".") or "/" in name or not name.isprintable():
            raise InputError(f"a population needs a printable name without '/', other than '.', got {shown(name)}")
        if any(population.name == name for population in self.populations):
            raise InputError(f"there already is a population '{name}'")
        return f"population '{name}'"

    def description(self) -> dict[str, Any]:
        """All of the network as JSON-ready data; long arrays by shape and bounds."""
        return {
            "populations": [_described(p, {}, ("first_gid",)) for p in self.populations],
            "projections": [
                _described(p, {"projection": p.name}, ("index", "source", "target")) for p in self.projections
            ],
        }

    def _check_size(self, size: Any, where: str) -> int:
        """``size`` of a new population as an int; InputError where it is none, or global ids would not suffice."""
        count = check_count(size, f"{where}: size")
        if self.size + count > MAX_NEURONS:
            raise InputError(
                f"{where}: with size = {count} the network has {self.size + count} neurons; {MAX_NEURONS} is the most"
            )
        return count


def _model_name(population: Any) -> str:
    """What kind of neurons a population has, where there is more than one kind."""
    return f" {type(population.model).__name__}" if "model" in vars(population) else ""


def _listed(words: Iterable[str]) -> str:
    """The first few of ``words``, and how many more there are."""
    known = list(words)
    more = len(known) - MOST_SHOWN
    return ", ".join(known[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "" if known else "none")


def _described(thing: Any, first: dict[str, Any], without: tuple[str, ...]) -> dict[str, Any]:
    """The fields of ``thing`` that are given, but for some, ready for JSON, after those of ``first``."""
    given = {f.name: getattr(thing, f.name) for f in fields(thing) if f.name not in without}
    return first | {name: describe(value) for name, value in given.items() if value is not None}


def check_indices(neurons: Any, population: Neurons, where: str) -> Indices:
    """``neurons`` as indices within ``population``, all of it for None; InputError where they are none."""
    if neurons is None:
        return range(population.size)
    if isinstance(neurons, range):
        given: Indices = neurons
        ends = [neurons[0], neurons[-1]] if len(neurons) else []
    else:
        given = _whole_numbers(neurons, where)
        ends = [] if not len(given) else given[[given.argmin(), given.argmax()]].tolist()
    for index in ends:
        if check_count(index, f"{where}: neuron index") >= population.size:
            known = f"'{population.name}' has neurons 0 to {population.size - 1}"
            raise InputError(f"{where}: neuron {index} is out of range; {known}")
    return given


def _whole_numbers(given: Any, where: str) -> Int64Array:
    """``given`` as a read-only array (n,)."""
    try:
        array = np.asarray(given if isinstance(given, np.ndarray) else list(given))
    except (TypeError, ValueError):
        raise InputError(f"{where}: neurons must be a list of indices, got {shown(given)}") from None
    if array.ndim != 1 or array.dtype.kind not in "iu":
        array = np.array([check_count(n, f"{where}: neuron index") for n in array.tolist()], np.int64)
    array = array.astype(np.int64)
    array.setflags(write=False)
    return array


def ascending(chosen: Indices) -> Indices:
    """The same neurons, each once, in the order of their indices."""
    if isinstance(chosen, range):
        return chosen if chosen.step > 0 else chosen[::-1]
    return np.unique(chosen)


def columns_of(chosen: Indices, index: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Places (m,), ascending, of ``chosen`` neurons that are among ``index`` (n,), ascending; which (m,) these are."""
    if not isinstance(chosen, range):
        columns = np.flatnonzero(np.isin(chosen, index))
        return columns, np.searchsorted(index, chosen[columns])
    places, apart = np.divmod(index - chosen.start, chosen.step)
    here = np.flatnonzero((apart == 0) & (places >= 0) & (places < len(chosen)))
    order = here if chosen.step > 0 else here[::-1]
    return places[order], order
