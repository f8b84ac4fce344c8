"""What projections of networks of all kinds share: their two populations, and the rule that connects them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic

from distsim.connect.rule import Ends, Rule
from distsim.core.errors import InputError
from distsim.core.populations import AnyPopulation, Populations
from distsim.core.units import shown


@dataclass(frozen=True, eq=False)
class Connected(Generic[AnyPopulation]):
    """Connections of one kind from ``source`` to ``target``, chosen by ``rule``; ``index`` counts from 0."""

    index: int
    source: AnyPopulation
    target: AnyPopulation
    rule: Rule

    def __post_init__(self) -> None:
        """Raise InputError where the rule cannot be met by the two populations."""
        try:
            self.rule.check(self.ends)
        except InputError as error:
            raise InputError(f"projection '{self.name}': {error}") from None

    @property
    def name(self) -> str:
        return f"{self.source.name}->{self.target.name}"

    @property
    def ends(self) -> Ends:
        return Ends(self.source.name, self.target.name, self.source.size, self.target.size)


def find_ends(
    network: Populations[AnyPopulation], source: AnyPopulation | str, target: AnyPopulation | str, rule: Any
) -> tuple[AnyPopulation, AnyPopulation, str]:
    """The two populations of a new projection, and what messages about it begin with; InputError as ``find``."""
    source, target = network.find(source), network.find(target)
    where = f"projection '{source.name}->{target.name}'"
    if not isinstance(rule, Rule):
        raise InputError(f"{where}: {shown(rule)} is not a connection rule; give e.g. FixedIndegree(100) or AllToAll()")
    return source, target, where
