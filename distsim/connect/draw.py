"""Drawing the incoming edges of the local targets of a projection, each from the stream of its own target.

``edges`` yields them in pieces of a few targets, in the order of targets, so that the edges of a whole rank never
exist unsorted; drawing them twice (to count, then to fill) costs less memory and time than sorting them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, singledispatch
from typing import Protocol

import numpy as np
import numpy.typing as npt

from distsim.connect.binomial import split_total
from distsim.core.elementary import log
from distsim.core.jit import inline, jit
from distsim.core.rng import (
    Streams,
    draw_open_uniform,
    draw_uniform,
    hashed_counters,
    streams_of,
    uniform_at,
)
from distsim.core.rules import (
    AllToAll,
    EdgeList,
    Ends,
    FixedIndegree,
    FixedTotalNumber,
    OneToOne,
    PairwiseBernoulli,
    Rule,
)  # fmt: skip

Int64Array = npt.NDArray[np.int64]
PIECE = 1 << 18  # edges drawn together, about


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

    @property
    def number(self) -> Int64Array:
        """Position (edges,) of each edge among those of its target: the counter of its random numbers."""
        starts = np.cumsum(self.degree) - self.degree
        return np.arange(len(self.source)) - np.repeat(starts, self.degree)


class Between(Protocol):
    """A projection of any kind of network, as far as its edges are concerned."""

    @property
    def index(self) -> int: ...
    @property
    def source(self) -> Numbered: ...
    @property
    def target(self) -> Numbered: ...
    @property
    def rule(self) -> Rule: ...
    @property
    def ends(self) -> Ends: ...


class Numbered(Protocol):
    """A population: ``size`` neurons with global ids from ``first_gid`` on."""

    @property
    def size(self) -> int: ...
    @property
    def first_gid(self) -> int: ...


@dataclass(frozen=True)
class Targets:
    """The local targets of a projection: gids (n,), their streams (n,), and index within the population.

    ``arrays`` tells whether weights, delays or the like are arrays, so that edges need their entries.
    """

    projection: Between
    seed: int
    gids: Int64Array
    streams: Streams
    arrays: bool

    @classmethod
    def of(cls, projection: Between, seed: int, gids: Int64Array, values: Iterable[object] = ()) -> Targets:
        """``values``: what the edges have of their own."""
        arrays = any(isinstance(value, np.ndarray) for value in values)
        return cls(projection, seed, gids, streams_of(seed, "edges", projection.index, gids), arrays)

    @property
    def index(self) -> Int64Array:
        """Index (n,) of the targets within their population."""
        return self.gids - self.projection.target.first_gid

    def excluded(self, autapses: bool) -> Int64Array:
        """Per target the source that is not allowed, or -1."""
        if autapses or not self.projection.ends.same:
            return np.full(len(self.gids), -1, np.int64)
        return self.index

    @cached_property
    def shares(self) -> Int64Array:
        """How many (n,) of a fixed total number of edges each target gets."""
        projection = self.projection
        if not isinstance(projection.rule, FixedTotalNumber):
            raise TypeError(f"{projection.rule!r} fixes no total")
        return split_total(projection.rule.number, projection.target.size, self.seed, projection.index)[self.index]

    def pieces(self, edges_per_target: float) -> Iterator[slice]:
        """Slices of targets with about PIECE edges each; one without targets where there are none.

        So kernels are called on any rank, and those of a rank without targets are those of any other.
        """
        step = max(1, int(PIECE / max(edges_per_target, 1.0)))
        for begin in range(0, max(len(self.gids), 1), step):
            yield slice(begin, min(begin + step, len(self.gids)))


@singledispatch
def edges(rule: Rule, targets: Targets) -> Iterator[Edges]:
    """The edges of the local targets, piece by piece; the same each time it is called."""
    raise TypeError(f"no way to draw the edges of {rule!r}")


@edges.register
def _(rule: FixedIndegree, targets: Targets) -> Iterator[Edges]:
    n_source = targets.projection.source.size
    excluded = targets.excluded(rule.autapses)
    index = targets.index
    for piece in targets.pieces(rule.indegree):
        degree = np.full(piece.stop - piece.start, rule.indegree, np.int64)
        source = np.empty(len(degree) * rule.indegree, np.int32)
        draw_sources = draw_with_multapses if rule.multapses else draw_without_multapses
        draw_sources(targets.streams.part(piece), degree, excluded[piece], n_source, source)
        entry = (index[piece, None] * rule.indegree + np.arange(rule.indegree)).ravel() if targets.arrays else None
        yield Edges(piece.start, degree, source, entry)


@edges.register
def _(rule: FixedTotalNumber, targets: Targets) -> Iterator[Edges]:
    projection, degrees = targets.projection, targets.shares
    excluded = targets.excluded(rule.autapses)
    for piece in targets.pieces(rule.number / max(projection.target.size, 1)):
        source = np.empty(int(degrees[piece].sum()), np.int32)
        draw_with_multapses(
            targets.streams.part(piece), degrees[piece], excluded[piece], projection.source.size, source
        )
        yield Edges(piece.start, degrees[piece], source, None)


@edges.register
def _(rule: PairwiseBernoulli, targets: Targets) -> Iterator[Edges]:
    n_source = targets.projection.source.size
    excluded = targets.excluded(rule.autapses)
    for piece in targets.pieces(n_source):
        degree = np.empty(piece.stop - piece.start, np.int64)
        source = np.empty(len(degree) * n_source, np.int32)
        n = draw_bernoulli(targets.streams.part(piece), excluded[piece], n_source, rule.p, degree, source)
        yield Edges(piece.start, degree, source[:n], None)


@edges.register
def _(rule: AllToAll, targets: Targets) -> Iterator[Edges]:
    n_source = targets.projection.source.size
    excluded = targets.excluded(rule.autapses)
    for piece in targets.pieces(n_source):
        pair = np.broadcast_to(np.arange(n_source), (piece.stop - piece.start, n_source))
        wanted = pair != excluded[piece, None]
        entry = (targets.index[piece, None] * n_source + pair)[wanted]
        yield Edges(piece.start, wanted.sum(axis=1), pair[wanted].astype(np.int32), entry)


@edges.register
def _(rule: OneToOne, targets: Targets) -> Iterator[Edges]:
    yield Edges(0, np.ones(len(targets.gids), np.int64), targets.index.astype(np.int32), targets.index)


@edges.register
def _(rule: EdgeList, targets: Targets) -> Iterator[Edges]:
    local = np.full(targets.projection.target.size, -1, np.int64)
    local[targets.index] = np.arange(len(targets.gids))
    mine = np.flatnonzero(local[rule.target] >= 0)
    target = local[rule.target[mine]]
    entry = mine[np.argsort(target, kind="stable")]
    degree = np.bincount(target, minlength=len(targets.gids))
    yield Edges(0, degree, rule.source[entry].astype(np.int32), entry)


@inline
def allowed_source(uniform, n_source, excluded):  # type: ignore[no-untyped-def]
    """A source chosen by ``uniform`` in [0, 1), all but ``excluded`` (-1: none) equally likely."""
    candidates = n_source - 1 if excluded >= 0 else n_source
    source = np.int64(uniform * candidates)
    return source + 1 if excluded >= 0 and source >= excluded else source


@jit
def draw_with_multapses(streams, degree, excluded, n_source, source):  # type: ignore[no-untyped-def]
    """degree[t] independent uniform sources for every target t, written to ``source`` one target after the other."""
    numbers = hashed_counters(streams.salt, degree)
    begin = 0
    for t in range(streams.keys.size):
        key, without = streams.keys[t], excluded[t]
        row = source[begin : begin + degree[t]]
        for k in range(row.size):
            row[k] = allowed_source(uniform_at(key + numbers[k]), n_source, without)
        begin += degree[t]


@jit
def draw_without_multapses(streams, degree, excluded, n_source, source):  # type: ignore[no-untyped-def]
    """degree[t] different uniform sources for every target t.

    Repeated draws are dropped until enough different ones are found; where more than half of the candidates are
    wanted, those left out are drawn instead. Either way all sets are equally likely.
    """
    mark = np.full(n_source, -1, np.int64)
    begin = 0
    for t in range(streams.keys.size):
        candidates = n_source - 1 if excluded[t] >= 0 else n_source
        inverted = 2 * degree[t] > candidates
        wanted = candidates - degree[t] if inverted else degree[t]
        found = 0
        counter = 0
        while found < wanted:
            chosen = allowed_source(draw_uniform(streams, t, counter), n_source, excluded[t])
            counter += 1
            if mark[chosen] != t:
                mark[chosen] = t
                if not inverted:
                    source[begin + found] = chosen
                found += 1
        if inverted:
            place = begin
            for candidate in range(n_source):
                if mark[candidate] != t and candidate != excluded[t]:
                    source[place] = candidate
                    place += 1
        begin += degree[t]


@jit
def draw_bernoulli(streams, excluded, n_source, p, degree, source):  # type: ignore[no-untyped-def]
    """Every source with probability p for every target, by geometric gaps between those chosen; degree is written.

    The gap before the next success is floor(ln u / ln(1 - p)). Returns the number of edges.
    """
    edges = 0
    for t in range(streams.keys.size):
        candidates = n_source - 1 if excluded[t] >= 0 else n_source
        begin = edges
        chosen = np.int64(-1)
        counter = 0
        while p > 0.0:
            gap = 0.0
            if p < 1.0:
                gap = np.floor(log(draw_open_uniform(streams, t, counter)) / log1m(p))
            counter += 1
            if gap >= candidates - chosen - 1:
                break
            chosen += 1 + np.int64(gap)
            source[edges] = chosen + 1 if excluded[t] >= 0 and chosen >= excluded[t] else chosen
            edges += 1
        degree[t] = edges - begin
    return edges


@inline
def log1m(p: float) -> float:
    """ln(1 - p) for 0 < p < 1, also where p is so small that 1 - p loses its digits: a series below 1e-4."""
    if p < 1e-4:
        return -p * (1.0 + p * (0.5 + p * (1.0 / 3.0 + p * 0.25)))
    return log(1.0 - p)
