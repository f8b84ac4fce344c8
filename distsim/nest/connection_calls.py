"""Connections as they were asked for: each call of Connect, and its edges, which are drawn when they are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute
from distsim.connect.edge_values import in_steps
from distsim.connect.rule import Connected, Rule, Targets
from distsim.connect.rules.edge_list import EdgeList
from distsim.core.parts import Part, Piece
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.nest_models import ConnectionModel, Values
from distsim.nest.time_grid import Clock

Int64Array = npt.NDArray[np.int64]


@dataclass
class SynapseKind:
    """A model of synapses as it stands in the kernel: under its ``name``, with the defaults that were set."""

    name: str
    spec: ConnectionModel
    defaults: Values
    number: int
    recorder: int | None = None


class Nodes(Part):
    """Nodes by their ids (n,), for rules that draw no random numbers, or none of the engine's."""

    def __init__(self, ids: Int64Array) -> None:
        self.ids = ids
        self.size = len(ids)
        self.first_gid = int(ids.min())
        self._extent = int(ids.max()) + 1 - self.first_gid

    name = "nodes"
    positions = None

    @property
    def pieces(self) -> tuple[Piece, ...]:
        return ()

    @property
    def gids(self) -> Int64Array:
        return self.ids

    @cached_property
    def _order(self) -> Int64Array:
        return np.argsort(self.ids, kind="stable")

    @cached_property
    def _sorted(self) -> Int64Array:
        return self.ids[self._order]


@dataclass
class Override:
    """Values (n,) that edges were given one by one: those to ``target`` (n,), number ``place`` (n,) of each target.

    shared: whether all ranks know of it.
    """

    name: str
    target: Int64Array
    place: Int64Array
    values: npt.NDArray[np.float64]
    shared: bool = False

    def replaces(self, other: Override) -> bool:
        """Whether it is of the same edges as another that other ranks have not been told of."""
        same = self.name == other.name and len(self.place) == len(other.place) and not other.shared
        return same and np.array_equal(self.target, other.target) and np.array_equal(self.place, other.place)


@dataclass
class Batch:
    """Some edges of a call: ids (n,) of source and target, which edge of its target each is, and its values."""

    call: Call
    source: Int64Array
    target: Int64Array
    place: Int64Array
    values: dict[str, npt.NDArray[np.float64]]

    def take(self, chosen: Any) -> Batch:
        """Some of the edges."""
        values = {name: value[chosen] for name, value in self.values.items()}
        return Batch(self.call, self.source[chosen], self.target[chosen], self.place[chosen], values)


@dataclass
class Call:
    """What one call of Connect adds between nodes of one kind each.

    way: "neurons" (what sends spikes to what receives them), "drive" (a generator to neurons), "record" (to a spike
    recorder), "sample" (a multimeter of neurons). values: weight, delay and the like, as numbers, arrays or
    distributions. since: the step after which it holds. removed: edges (n, 2) that were taken away, each by its target
    and place.
    """

    number: int
    way: str
    source: Int64Array
    target: Int64Array
    rule: Rule
    kind: SynapseKind
    values: Values
    receptor: int
    since: int
    overrides: list[Override] = field(default_factory=list)
    removed: Int64Array = field(default_factory=lambda: np.zeros((0, 2), np.int64))

    @property
    def random(self) -> bool:
        """Whether the edges are drawn by the engine."""
        return type(self.rule).__name__ not in ("AllToAll", "OneToOne", "EdgeList")

    @property
    def of_each(self) -> Values:
        """The values that each edge may have of its own."""
        return {name: value for name, value in self.values.items() if name not in self.kind.spec.common}

    def check_simulated(self) -> None:
        """NotImplemented where such synapses can be made but not simulated."""
        kind, spec = self.kind, self.kind.spec
        if not spec.simulated:
            raise NESTErrors.NotImplemented(
                f"{kind.name} can be connected and asked for what it was given, not simulated"
            )
        for name, rest in spec.fixed.items():
            given = [self.values.get(name, rest), *(each.values for each in self.overrides if each.name == name)]
            if any(np.any(np.asarray(value) != rest) for value in given):
                raise NESTErrors.NotImplemented(f"{kind.name} can only be simulated from {name} = {rest:g}")

    def expected(self) -> int:
        """How many edges it has."""
        return round(self.rule.expected_edges(self.stand_in().ends))

    def stand_in(self) -> Connected[Any]:
        """The connections between nodes by their ids."""
        return Connected(self.number, Nodes(self.source), Nodes(self.target), self.rule)

    def batches(
        self, connected: Connected[Any], seed: int, clock: Clock, targets: Int64Array, sources: Int64Array | None
    ) -> Iterator[Batch]:
        """The edges onto the targets at the indices ``targets`` (n,), from ``sources`` (ids) or from all.

        connected: the projection of the engine where the edges are random, else ``stand_in``.
        """
        if not len(targets):
            return
        values = {name: value for name, value in self.of_each.items() if isinstance(value, np.ndarray) or _told(value)}
        of = Targets.of(connected, seed, connected.target.gids[targets], self.values.values())
        attributes = {name: Attribute.of(of, name, value) for name, value in values.items()}
        for piece in self.rule.edges(of):
            source = self.source[piece.source]
            target = np.repeat(self.target[targets[piece.first : piece.first + len(piece.degree)]], piece.degree)
            place = np.arange(len(source)) - np.repeat(np.cumsum(piece.degree) - piece.degree, piece.degree)
            found: dict[str, Any] = {name: attribute.of_edges(piece) for name, attribute in attributes.items()}
            if "delay" in found and not isinstance(values["delay"], (float, np.ndarray)):
                found["delay"] = in_steps(found["delay"], clock.resolution) * clock.resolution
            batch = Batch(self, source, target, place, found)
            self._override(batch)
            if len(self.removed):
                span = int(max(place.max(initial=0), self.removed[:, 1].max())) + 1
                batch = batch.take(~np.isin(target * span + place, self.removed @ [span, 1]))
            yield batch if sources is None else batch.take(np.isin(batch.source, sources))

    def _override(self, batch: Batch) -> None:
        """Put the values that edges were given one by one."""
        for given in self.overrides:
            span = int(max(batch.place.max(initial=0), given.place.max(initial=0))) + 1
            keys, wanted = batch.target * span + batch.place, given.target * span + given.place
            order = np.argsort(wanted, kind="stable")
            found = np.minimum(np.searchsorted(wanted[order], keys), max(len(order) - 1, 0))
            hit = wanted[order][found] == keys if len(order) else np.zeros(len(keys), bool)
            values: Any = np.array(batch.values[given.name], np.float64)
            values[hit] = given.values[order][found[hit]]
            batch.values[given.name] = values

    def pairs(self, connected: Connected[Any], seed: int, clock: Clock) -> tuple[Int64Array, Int64Array]:
        """The sources and the targets (n,) of all edges, ids."""
        every = list(self.batches(connected, seed, clock, np.arange(len(self.target)), None))
        none = np.zeros(0, np.int64)
        return np.concatenate([none, *(b.source for b in every)]), np.concatenate([none, *(b.target for b in every)])

    def explicit(self, connected: Connected[Any], seed: int, clock: Clock) -> Call:
        """The same edges one by one, with what they were given."""
        every = np.arange(len(self.target))
        return self.listed(list(self.batches(connected, seed, clock, every, None)))

    def listed(self, batches: Iterable[Batch]) -> Call:
        """A call with these of its edges, one by one."""
        parts = list(batches)
        source, target = (
            np.concatenate([np.zeros(0, np.int64), *(getattr(b, side) for b in parts)]) for side in ("source", "target")
        )
        names = list(parts[0].values) if parts else []
        values = self.values | {name: np.concatenate([b.values[name] for b in parts]) for name in names}
        return pairs_of(self, source, target, values)


def _told(value: Any) -> bool:
    """Whether a value is a number of each edge, or a distribution of such."""
    return not isinstance(value, (str, bool, type(None)))


def pairs_of(like: Call, source: Int64Array, target: Int64Array, values: Values) -> Call:
    """A call with edges from source[i] to target[i], ids (n,)."""
    sources, s = np.unique(source, return_inverse=True)
    targets, t = np.unique(target, return_inverse=True)
    return Call(
        like.number, like.way, sources, targets, EdgeList(s.ravel(), t.ravel()), like.kind, values, like.receptor,
        like.since,
    )  # fmt: skip
