"""What networks of all kinds share: populations by name, neurons numbered through them, rules that fit their ends."""

from __future__ import annotations

from typing import Any, Generic, Protocol, Self, TypeVar

from distsim.errors import InputError, nearest
from distsim.network.rules import RULES, Ends
from distsim.units import MAX_NEURONS


class Named(Protocol):
    """A population: ``size`` neurons under a name."""

    @property
    def name(self) -> str: ...
    @property
    def size(self) -> int: ...


AnyPopulation = TypeVar("AnyPopulation", bound=Named)


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
            if population is known or population == known.name:
                return known
        name = getattr(population, "name", population)
        raise InputError(f"unknown population '{name}'{nearest(str(name), [p.name for p in self.populations])}")

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
            raise InputError(f"a population needs a printable name without '/', other than '.', got {name!r}")
        if any(population.name == name for population in self.populations):
            raise InputError(f"there already is a population '{name}'")
        return f"population '{name}'"

    def _require_room(self, size: int, where: str) -> None:
        """InputError where ``size`` more neurons could not be numbered."""
        if self.size + size > MAX_NEURONS:
            raise InputError(
                f"{where}: with size = {size} the network has {self.size + size} neurons; {MAX_NEURONS} is the most"
            )


def check_is_rule(rule: Any, where: str) -> None:
    """InputError where ``rule`` is no connection rule."""
    if not isinstance(rule, RULES):
        known = ", ".join(r.__name__ for r in RULES)
        raise InputError(f"{where}: {rule!r} is not a connection rule; known: {known}")


def check_rule_fits(rule: Any, ends: Ends, where: str) -> None:
    """InputError where ``rule`` cannot be met by the two populations."""
    try:
        rule.check(ends)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
