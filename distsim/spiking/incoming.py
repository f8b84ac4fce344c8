"""What groups of neurons there are, and which projections go into which of their tables: from the description alone."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from distsim.connect.attribute import reduced
from distsim.core.parts import Neurons, Part
from distsim.core.values import Value, bounds
from distsim.spiking.network import Network, Population, Projection
from distsim.spiking.precision import needs_double
from distsim.spiking.synapses.long_term import LongTermSynapse

MOST_TABLES = 7
"""Tables of static synapses onto one input of a group, each of one weight and delay, at most: more kinds of synapses
are in one table. Where a source has eight of them, that takes no more memory. Of plastic ones so many projections have
a table each; more share one."""

EDGES_PER_RUN = 4
"""Edges of one source and kind, in the mean, up to which each edge has its kind, in two bytes: that is faster than runs
of so few, and takes less memory. So it does than a table for each kind, whose rows take eight bytes."""


class Incoming:
    """Synapses of a projection onto one group, of whose populations ``first`` is the first that has targets.

    n_target: its targets in the group.
    values: what each synapse has of its own: weight, delay, and further attributes; singles: of these the value that
    all share, or None. rows: the gids from that of the first source to that of the last; neighbours: whether these are
    the sources, in this order.
    """

    def __init__(self, projection: Projection, first: Population, n_target: int) -> None:
        self.projection, self.first, self.n_target = projection, first, n_target
        self.synapse, source = projection.synapse, projection.source
        self.values: dict[str, Value] = {name: reduced(value) for name, value in self.synapse.values.items()}
        self.singles = {name: value if isinstance(value, float) else None for name, value in self.values.items()}
        self.rows = range(source.first_gid, source.first_gid + source.extent)
        self.neighbours = not isinstance(source, Part) or (
            source.extent == source.size and len(source.pieces) == 1 and source.pieces[0].ascending
        )
        self.inputs = self._inputs()

    def _inputs(self) -> tuple[int, ...]:
        """The inputs of the target that the synapses drive: two where it tells signs and weights may have both.

        The one that the synapse names, where it names one.
        """
        model: Any = self.first.model
        receptor = self.synapse.receptor
        if receptor is not None:
            return (model.receptors.index(receptor),)
        weight = self.values["weight"]
        low, high = (weight, weight) if isinstance(weight, float) else bounds(weight)
        if model.inputs() == 1 or low >= 0.0 or high < 0.0:
            return (model.input_of(low < 0.0),)
        return (model.input_of(False), model.input_of(True))

    def shared(self, dt: float) -> Any:
        """What projections onto one group have in common that go into one table, however few they are.

        Constant synapses that drive the same input, and agree on a weight and a delay, or each have their own.
        """
        if not self.synapse.constant or len(self.inputs) > 1:
            return self.projection.index
        at_once = self.projection.most_at_once(dt)
        return type(self.synapse), self.inputs, at_once, self.singles["weight"], self.singles["delay"]

    @cached_property
    def expected_edges(self) -> float:
        """The number of synapses onto the group on all ranks, on average."""
        ends = self.projection.ends
        return self.projection.rule.expected_edges(ends) * self.n_target / max(ends.n_target, 1)

    @property
    def can_be_segmented(self) -> bool:
        """Whether there are delays that segments could hold."""
        return self.singles["delay"] is None and self.synapse.constant

    def learnt(self, dt: float) -> Hashable | None:
        """What plastic synapses have in common that can share a table, where there are many of them; None: nothing.

        They are between whole populations, and agree in all but weights and delays.
        """
        synapse, projection = self.synapse, self.projection
        plain = type(synapse).delivery is LongTermSynapse.delivery and set(self.values) == {"weight", "delay"}
        if not isinstance(synapse, LongTermSynapse) or not plain or len(self.inputs) > 1:
            return None
        if isinstance(projection.source, Part) or isinstance(projection.target, Part):
            return None
        numbers = synapse.numbers(), synapse.tau_plus, synapse.tau_minus
        return type(synapse), numbers, self.inputs, projection.most_at_once(dt), needs_double(synapse)

    @cached_property
    def like(self) -> Hashable | None:
        """Equal for projections whose edges can be drawn together, as far as these are few: see ``Rule.like``."""
        rule = self.projection.rule
        arrays = any(isinstance(value, np.ndarray) for value in self.synapse.values.values())
        return None if arrays or not self.neighbours or "draw_several" not in vars(type(rule)) else rule.like


@dataclass(frozen=True)
class Together:
    """The projections that go into one table: of each kind, of which all have the same weight and delay, some.

    There may be one kind, whose synapses may each have weights and delays of their own, or there are many.
    """

    kinds: list[list[Incoming]]

    @cached_property
    def singles(self) -> dict[str, float | None]:
        """Of weight, delay, and further attributes the value that all synapses share, or None."""
        first, others = self.first.singles, self.all[1:]
        return {n: v if all(other.singles[n] == v for other in others) else None for n, v in first.items()}

    @property
    def all(self) -> list[Incoming]:
        return [incoming for kind in self.kinds for incoming in kind]

    @property
    def first(self) -> Incoming:
        return self.kinds[0][0]

    @property
    def many_kinds(self) -> bool:
        return len(self.kinds) > 1

    @cached_property
    def expected_edges(self) -> float:
        """The number of synapses on all ranks, on average."""
        return sum(incoming.expected_edges for incoming in self.all)

    def in_runs(self, ranks: int) -> bool:
        """Whether edges of one source and kind are so many on a rank that kinds are kept for runs of them."""
        return self.expected_edges > EDGES_PER_RUN * ranks * sum(len(extent(kind)) for kind in self.kinds)


@dataclass(frozen=True)
class GroupPlan:
    """Populations that form a group, and its tables."""

    populations: list[Population]
    tables: list[Together]

    @property
    def projections(self) -> Iterator[Projection]:
        """All that have targets in the group."""
        return (incoming.projection for together in self.tables for incoming in together.all)


def plan_of(network: Network) -> list[GroupPlan]:
    """The groups of ``network`` and their tables."""
    groups = groups_of(network)
    place = {id(population): (g, k) for g, group in enumerate(groups) for k, population in enumerate(group)}
    onto: list[list[list[Incoming]]] = [[[] for _ in group] for group in groups]
    for projection in network.projections:
        found: dict[int, tuple[int, int]] = {}
        for population, chosen in projection.target.pieces:
            g, k = place[id(population)]
            first, n_target = found.get(g, (k, 0))
            found[g] = min(k, first), n_target + len(chosen)
        for g, (k, n_target) in found.items():
            onto[g][k].append(Incoming(projection, groups[g][k], n_target))
    pairs = zip(groups, onto, strict=True)
    return [GroupPlan(group, by_table([i for own in every for i in own], network.dt)) for group, every in pairs]


def groups_of(network: Network) -> list[list[Population]]:
    """The populations that form one group: those whose models are of one kind.

    Those with plastic input form another than those without: weights that may grow leave 16 bits less to the sums of
    the whole group, and sums of 32 bits to none of it.
    """
    plastic = {piece.population.name for p in network.projections if p.synapse.plastic for piece in p.target.pieces}
    groups: dict[Any, list[Population]] = {}
    for population in network.populations:
        groups.setdefault((population.model.kind, population.name in plastic), []).append(population)
    return list(groups.values())


def first_of(target: Neurons, populations: list[Population]) -> Population | None:
    """The first of ``populations`` that has neurons of ``target``, where a projection is counted; None: none has."""
    if not isinstance(target, Part):
        return target if target in populations else None
    targets = [population for population, _ in target.pieces]
    return next((population for population in populations if population in targets), None)


def by_table(every: list[Incoming], dt: float) -> list[Together]:
    """Projections onto one group by the table that they go into together."""
    kinds: dict[Any, list[Incoming]] = {}
    for incoming in every:
        kinds.setdefault(incoming.shared(dt), []).append(incoming)
    alike: dict[Any, list[list[Incoming]]] = {}
    in_order, places = InOrder(dt), {}
    for key, kind in kinds.items():
        if kind[0].synapse.plastic:
            learnt, place = in_order.place(kind[0])
            together = key if learnt is None else (learnt, place)
        else:
            of_one_delay = isinstance(key, tuple) and key[-1] is not None
            together, place = (*key[:-2], key[-2] is None) if of_one_delay else key, 0
        alike.setdefault(together, []).append(kind)
        places[id(kind)] = place
    tables = {}
    for found in alike.values():
        few = len(found) <= MOST_TABLES
        merged = [[i for kind in found for i in kind]] if found[0][0].synapse.plastic else found
        for some in [[kind] for kind in found] if few else [merged]:
            tables[id(some[0][0])] = Together(some)
    first_kinds = [kind for kind in kinds.values() if id(kind[0]) in tables]
    return [tables[id(kind[0])] for kind in sorted(first_kinds, key=lambda kind: places[id(kind)])]


class InOrder:
    """Which plastic synapses can share a table, so that those of a target lie in it projection after projection.

    Hashes and sums of weights go in this order, that of tables and within them of sources. Projections onto a
    population share a table as long as their sources ascend; where they do not, or others come between, the next one is
    behind it.
    """

    def __init__(self, dt: float) -> None:
        self.dt = dt
        self._last: dict[int, tuple[Hashable, int, int]] = {}

    def place(self, incoming: Incoming) -> tuple[Hashable | None, int]:
        """What it has in common with those that can share its table, None where none can; which of the tables it is."""
        learnt, place = incoming.learnt(self.dt), 0
        populations = [population for population, _ in incoming.projection.target.pieces]
        for population in populations:
            last, before, end = self._last.get(id(population), (None, 0, 0))
            place = max(place, before + (learnt is None or learnt != last or incoming.rows.start < end))
        for population in populations:
            self._last[id(population)] = learnt, place, incoming.rows.stop
        return learnt, place


def extent(every: list[Incoming]) -> range:
    """The gids from that of the first source of some projections to that of the last."""
    rows = [incoming.rows for incoming in every]
    return range(min(r.start for r in rows), max(r.stop for r in rows))


def by_sources(every: list[Any]) -> list[tuple[range, list[Any]]]:
    """Projections, anything with ``rows``, by their sources, ascending: gids, and those whose sources lie among them.

    Mostly they are those of one population; parts that overlap are together.
    """
    together: list[tuple[range, list[int]]] = []
    for place in sorted(range(len(every)), key=lambda k: every[k].rows.start):
        rows = every[place].rows
        if together and (rows.start < together[-1][0].stop or rows == together[-1][0]):
            before, places = together.pop()
            together.append((range(before.start, max(before.stop, rows.stop)), [*places, place]))
        else:
            together.append((rows, [place]))
    return [(rows, [every[place] for place in sorted(places)]) for rows, places in together]
