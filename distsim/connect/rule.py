"""A connection rule: which neurons of a source population project to which of a target population; and projections.

A rule is a frozen description; ``edges`` draws those of some targets, each from the stream of its own target, so that
every rank draws those of its own. They come in pieces of a few targets, in the order of targets, so that the edges of a
whole rank never exist unsorted; drawing them twice (to count, then to fill) costs less memory and time than sorting
them. An autapse is a synapse of a neuron onto itself, a multapse one of several synapses between the same two neurons.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar, cast

import numpy as np
import numpy.typing as npt

from distsim.core.declared import Declared
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.parts import Neurons, Part, common
from distsim.core.populations import AnyPopulation, Populations
from distsim.core.rng import Streams, families, key_of, streams_of
from distsim.core.units import shown
from distsim.core.values import Value, check_shape

Int64Array = npt.NDArray[np.int64]
LARGEST = 1 << 18  # edges drawn together, about
PIECES, SMALLEST = 8, 1 << 14  # pieces of edges with values of their own on a small rank; edges of one, about
T = TypeVar("T")


def piece_of(edges: float, own: bool) -> float:
    """How many of so many edges on a rank are drawn together.

    own: whether each has weights or delays of its own, which take more memory while they are drawn than when they are
    kept; then these are a small part of the rank, but not so few that calls take the time.
    """
    return min(max(SMALLEST, edges / PIECES), LARGEST) if own else LARGEST


@dataclass(frozen=True)
class Ends:
    """What a rule is checked against: sizes and names of the two populations or parts of populations.

    The positions (n, dimensions) of their neurons are None where they have none.
    shared: whether a neuron is in both; None: where they have the same name.
    """

    source: str
    target: str
    n_source: int
    n_target: int
    source_positions: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    target_positions: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    shared: bool | None = None

    @property
    def same(self) -> bool:
        """Whether they are the same population, or parts that share a neuron, so that there may be autapses."""
        return self.source == self.target if self.shared is None else self.shared


@dataclass(frozen=True)
class Edges:
    """Edges of a few consecutive local targets, in the order of targets.

    first: local index of the first target. degree (targets,) int64: edges of each. source (edges,) int32: index of
    the source within its population. entry (edges,) int64: which entry (flat) of an array of weights or delays is
    theirs, or None where there is no such array.
    """

    first: int
    degree: Int64Array
    source: npt.NDArray[np.int32]
    entry: Int64Array | None

    @property
    def target(self) -> Int64Array:
        """Local index (edges,) of the target of each edge."""
        return np.repeat(np.arange(self.first, self.first + len(self.degree)), self.degree)


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

    @cached_property
    def ends(self) -> Ends:
        source, target = self.source, self.target
        shared = common(source, target) if isinstance(source, Part) or isinstance(target, Part) else None
        names = source.name, target.name
        return Ends(*names, source.size, target.size, source.positions, target.positions, shared)


@dataclass(frozen=True)
class Targets:
    """The local targets of a projection: gids (n,), their streams (n,), and index within the population.

    own tells whether edges have weights, delays or the like of their own; arrays, whether some of these are arrays, so
    that edges need their entries.
    """

    projection: Connected[Any]
    seed: int
    gids: Int64Array
    streams: Streams
    own: bool
    arrays: bool
    _kept: dict[str, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, projection: Connected[Any], seed: int, gids: Int64Array, values: Iterable[object] = ()) -> Targets:
        """``values``: what the edges have of their own."""
        of_each = [value for value in values if not isinstance(value, float)]
        arrays = any(isinstance(value, np.ndarray) for value in of_each)
        return cls(projection, seed, gids, streams_of(seed, "edges", projection.index, gids), bool(of_each), arrays)

    @property
    def index(self) -> Int64Array:
        """Index (n,) of the targets within their population, or within the part that is the target."""
        target = self.projection.target
        return target.index_of(self.gids) if isinstance(target, Part) else self.gids - target.first_gid

    @property
    def n_source(self) -> int:
        """Number of sources."""
        return self.projection.source.size

    def excluded(self, autapses: bool) -> Int64Array:
        """Per target the source that is not allowed, or -1."""
        if autapses or not self.projection.ends.same:
            return np.full(len(self.gids), -1, np.int64)
        return self.projection.source.index_of(self.gids)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives, worked out when it is first asked for under ``name``: edges are drawn more than once."""
        if name not in self._kept:
            self._kept[name] = make()
        return cast("T", self._kept[name])

    def pieces(self, edges_per_target: float) -> Iterator[slice]:
        """Slices of targets with about ``piece_of`` edges each; one without targets where there are none.

        So kernels are called on any rank, and those of a rank without targets are those of any other.
        """
        together = piece_of(len(self.gids) * edges_per_target, self.own)
        step = max(1, int(together / max(edges_per_target, 1.0)))
        for begin in range(0, max(len(self.gids), 1), step):
            yield slice(begin, min(begin + step, len(self.gids)))


class Several(NamedTuple):
    """The local targets of several projections, one after the other, as kernels take them.

    begin (projections + 1,) int64: where those of each begin; keys (targets,) and salts (projections,) uint64 of their
    streams; n_source (projections,) int64; excluded (targets,) int64: the source that is not allowed, or -1.
    """

    begin: Int64Array
    keys: npt.NDArray[np.uint64]
    salts: npt.NDArray[np.uint64]
    n_source: Int64Array
    excluded: Int64Array

    @classmethod
    def of(cls, projections: Sequence[Connected[Any]], seed: int, gids: list[Int64Array]) -> Several:
        """``gids``: local targets of each projection, whose sources are neighbours in ascending order."""
        begin = np.cumsum([0, *map(len, gids)])
        bases, salts = families(seed, "edges", [projection.index for projection in projections])
        together, keys = np.concatenate(gids), np.empty(begin[-1], np.uint64)
        fill_keys_of_several(bases, begin, together, keys)
        n_source = np.array([projection.source.size for projection in projections])
        excluded = np.full(begin[-1], -1)
        for place, projection in enumerate(projections):
            if not getattr(projection.rule, "autapses", True) and projection.ends.same:
                mine = slice(begin[place], begin[place + 1])
                excluded[mine] = projection.source.index_of(together[mine])
        return cls(begin, keys, salts, n_source, excluded)


@jit
def fill_keys_of_several(bases, begin, gids, keys):  # type: ignore[no-untyped-def]
    """keys[i] = key of the stream of gids[i], those of projection p from begin[p] on."""
    for p in range(bases.size):
        for i in range(begin[p], begin[p + 1]):
            keys[i] = key_of(bases[p], gids[i])


class Rule(Declared, abstract=True):
    """Base of connection rules, a user's own too: its parameters, and how its edges are drawn."""

    noun: ClassVar[str] = "connection rule"

    def check(self, ends: Ends) -> None:
        """Raise InputError where the two populations do not fit; any two will do unless the rule says otherwise."""

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        """Shape of arrays of weights and the like; None where the rule draws how many synapses there are."""
        return None

    def left_out(self, targets: Targets) -> Int64Array | None:
        """Where every source projects once to every target: the one source (n,) of each that does not, or -1.

        None for all other rules.
        """
        return None

    @abstractmethod
    def edges(self, targets: Targets) -> Iterator[Edges]:
        """The edges of the local targets, piece by piece; the same each time it is called."""

    @property
    def like(self) -> Hashable | None:
        """Equal for rules of a class by which many small projections are drawn together, see ``draw_several``."""
        return None

    def most_edges(self, n_source: int, n_target: int) -> float:
        """The most edges that there can be between so many neurons."""
        return math.inf

    @classmethod
    def draw_several(cls, rules: Sequence[Any], targets: Several) -> tuple[Int64Array, npt.NDArray[np.int32]]:
        """The edges that ``edges`` gives for the targets of several projections by rules that are ``like`` each other.

        degree (targets,): edges of each; source (edges,): within the population.
        """
        raise TypeError(f"projections by {cls.__name__} are drawn one by one")

    def bytes_of_all(self, ends: Ends) -> float:
        """The memory that each rank takes for all sources while it draws: none, unless the rule says otherwise."""
        return 0.0

    @abstractmethod
    def expected_edges(self, ends: Ends) -> float:
        """The number of edges between all sources and targets, on average."""


def check_of_edges(value: Value, shape: tuple[int, ...] | None, name: str) -> None:
    """InputError where ``value`` is an array that is not of ``Rule.array_shape``, which is None where none will do."""
    if shape is None and isinstance(value, np.ndarray):
        raise InputError(f"{name}: this rule draws how many connections there are; give a number or a distribution")
    check_shape(value, shape or (), name)


def find_ends(
    network: Populations[Any], source: Neurons | str, target: Neurons | str, rule: Any
) -> tuple[Neurons, Neurons, str]:
    """The two populations, or parts of some, of a new projection, and what messages about it begin with.

    Raises InputError for populations that the network does not have, and for a ``rule`` that is none.
    """
    source, target = network.neurons(source), network.neurons(target)
    return source, target, check_rule(source, target, rule)


def check_rule(source: Neurons, target: Neurons, rule: Any) -> str:
    """What messages about a new projection begin with; InputError where ``rule`` is none."""
    where = f"projection '{source.name}->{target.name}'"
    if not isinstance(rule, Rule):
        raise InputError(f"{where}: {shown(rule)} is not a connection rule; give e.g. FixedIndegree(100) or AllToAll()")
    return where
