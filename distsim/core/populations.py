"""What networks of all kinds share: populations by name, neurons numbered through them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from distsim.core.errors import InputError, nearest
from distsim.core.units import MAX_NEURONS, check_count, shown


class Named(Protocol):
    """A population: ``size`` neurons under a name."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...


AnyPopulation = TypeVar("AnyPopulation", bound=Named)


@dataclass(frozen=True)
class StateRecording:
    """Record a state variable of ``neurons`` (indices within the population) every ``interval`` steps."""

    population: str
    variable: str
    neurons: tuple[int, ...]
    interval: int


class Populations(Generic[AnyPopulation]):
    """A network as the list of its populations, open until a simulation of it exists."""

    def __init__(self) -> None:
        self.populations: list[AnyPopulation] = []
        self._frozen = False

    @property
    def size(self) -> int:
        """Number of neurons (and spike sources) in all populations."""
        return sum(population.size for population in self.populations)

    def find(self, population: AnyPopulation | str) -> AnyPopulation:
        """The population itself or the one of that name; InputError with the nearest name where there is none."""
        for known in self.populations:
            if population is known or (isinstance(population, str) and population == known.name):
                return known
        name = getattr(population, "name", population)
        if not isinstance(name, str):
            raise InputError(f"a population is given by its name or as the network returned it, got {shown(name)}")
        raise InputError(f"unknown population '{name}'{nearest(name, [p.name for p in self.populations])}")

    def freeze(self) -> Self:
        """Close the network: a simulation of it exists, and it can no longer change."""
        self._frozen = True
        return self

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

    def _check_size(self, size: Any, where: str) -> int:
        """``size`` of a new population as an int; InputError where it is none, or global ids would not suffice."""
        count = check_count(size, f"{where}: size")
        if self.size + count > MAX_NEURONS:
            raise InputError(
                f"{where}: with size = {count} the network has {self.size + count} neurons; {MAX_NEURONS} is the most"
            )
        return count


def check_indices(neurons: Any, name: str, size: int, where: str) -> tuple[int, ...]:
    """``neurons`` as indices within the population ``name`` of so many neurons; InputError where they are none."""
    try:
        given = np.asarray(list(neurons)).tolist()
    except (TypeError, ValueError):
        raise InputError(f"{where}: neurons must be a list of indices, got {shown(neurons)}") from None
    chosen = tuple(check_count(n, f"{where}: neuron index") for n in given)
    for index in chosen:
        if index >= size:
            raise InputError(f"{where}: neuron {index} is out of range; '{name}' has neurons 0 to {size - 1}")
    return chosen
