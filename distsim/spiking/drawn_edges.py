"""The local edges of the projections that go into one table, as they are drawn: piece by piece, small ones together."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute
from distsim.connect.edge_values import StepTable, in_steps, step_table, steps_of_rows
from distsim.connect.rule import Edges, Several, Targets, piece_of
from distsim.core.placement import most_local
from distsim.core.values import Value, is_distribution
from distsim.spiking.incoming import Incoming

Int64Array = npt.NDArray[np.int64]


class Share:
    """What a projection has in a table: its local edges.

    kind: number of its kind within the table. gids (targets,) int64: its local targets; local (targets,) int64,
    ascending: their local indices in the group. most_edges: the most that there can be on one of ``ranks`` ranks, where
    the table is expected to have so many; together: how many are drawn together; is_small: whether these are all of
    them, with those of others. All this follows from the description alone.
    """

    def __init__(
        self, incoming: Incoming, kind: int, seed: int, gids: Int64Array, local: Int64Array, ranks: int, expected: float
    ) -> None:
        self.incoming, self.kind, self.seed, self.gids, self.local = incoming, kind, seed, gids, local
        self.projection, self.rows, self.ranks = incoming.projection, incoming.rows, ranks
        n_source, n_target = self.projection.source.size, most_local(self.projection.target.size, ranks)
        self.most_edges = self.projection.rule.most_edges(n_source, n_target)
        self.together = piece_of(expected, None in incoming.singles.values())
        self.is_small = self.most_edges <= self.together and incoming.like is not None
        self._looks_up = n_source <= expected

    def rows_of(self, source: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
        """How many gids some sources (n,) are from the first one: looked up where sources are not more than edges."""
        if self.incoming.neighbours:
            return source
        if self._looks_up:
            return self._lookup[source]
        return (self.projection.source.gids_at(source) - self.rows.start).astype(np.int32)

    @cached_property
    def _lookup(self) -> npt.NDArray[np.int32]:
        """``rows_of`` all sources."""
        return (self.projection.source.gids - self.rows.start).astype(np.int32)

    @cached_property
    def targets(self) -> Targets:
        return Targets.of(self.projection, self.seed, self.gids, self.incoming.synapse.values.values())

    def attribute(self, name: str) -> Attribute:
        """Weights, delays, or what else the synapses have of their own."""
        return Attribute(self.targets, name, self.incoming.values[name])

    def steps(self, edges: Edges, dt: float) -> npt.NDArray[Any]:
        """Delays (edges,) in steps of some edges, where each has its own."""
        delay = self.attribute("delay")
        table = step_table_of(delay.value, dt)
        if table is not None:
            return steps_of_rows(table, delay.streams(edges), edges.degree)
        return in_steps(delay.of_edges(edges), dt)


@dataclass(frozen=True)
class Piece:
    """Edges of some targets, and where they belong.

    source (edges,) int32: rows, counted from ``row``; degree (targets,) int64 and places (targets,) int64: edges of
    each target, and its local index in the group. parts: the shares that they are of, and the edges of each.
    """

    row: int
    source: npt.NDArray[np.int32]
    degree: Int64Array
    places: Int64Array
    parts: list[tuple[Share, slice]]

    @property
    def kinds(self) -> Int64Array:
        """The kind (targets,) of the edges of each target."""
        return np.repeat([share.kind for share, _ in self.parts], [part.stop - part.start for _, part in self.parts])

    def values(self, of_edges: Callable[[Share, Edges], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        """What of_edges(share, edges) gives for all edges, (edges,)."""
        ends = begins_of(self.degree)
        found = [
            of_edges(share, Edges(0, self.degree[part], self.source[ends[part.start] : ends[part.stop]], None))
            for share, part in self.parts
        ]
        return found[0] if len(found) == 1 else np.concatenate(found)


@dataclass(frozen=True)
class WholePiece(Piece):
    """Edges of a projection that is drawn by itself."""

    edges: Edges

    def values(self, of_edges: Callable[[Share, Edges], npt.NDArray[Any]]) -> npt.NDArray[Any]:
        return of_edges(self.parts[0][0], self.edges)


class Batch:
    """Shares whose edges are drawn together, small ones; or one share."""

    def __init__(self, shares: list[Share]) -> None:
        self.shares = shares

    def pieces(self, first_gid: int) -> Iterator[Piece]:
        """Their edges, in the order of shares; rows are counted from ``first_gid``."""
        share = self.shares[0]
        if share.is_small:
            yield self._piece(first_gid)
            return
        for edges in share.projection.rule.edges(share.targets):
            source = share.rows_of(edges.source)
            places = share.local[edges.first : edges.first + len(edges.degree)]
            part = [(share, slice(0, len(places)))]
            yield WholePiece(share.rows.start - first_gid, source, edges.degree, places, part, edges)

    def _piece(self, first_gid: int) -> Piece:
        """All edges of small shares."""
        targets = self._targets
        rules = [share.projection.rule for share in self.shares]
        degree, source = type(rules[0]).draw_several(rules, targets)
        of_share = np.diff(begins_of(degree)[targets.begin])
        source += np.repeat(np.array([share.rows.start - first_gid for share in self.shares], np.int32), of_share)
        begin = targets.begin.tolist()
        parts = [(share, slice(*pair)) for share, pair in zip(self.shares, itertools.pairwise(begin), strict=True)]
        return Piece(0, source, degree, np.concatenate([share.local for share in self.shares]), parts)

    @cached_property
    def _targets(self) -> Several:
        projections = [share.projection for share in self.shares]
        return Several.of(projections, self.shares[0].seed, [share.gids for share in self.shares])


def batches(shares: list[Share]) -> list[Batch]:
    """Shares that follow each other and are drawn together: small ones by rules like each other; others alone."""
    found: list[list[Share]] = []
    room, like = -1.0, None
    for share in shares:
        if share.is_small and share.most_edges <= room and share.incoming.like == like:
            found[-1].append(share)
        else:
            found.append([share])
            room, like = (share.together, share.incoming.like) if share.is_small else (-1.0, None)
        room -= share.most_edges
    return [Batch(together) for together in found]


def drawn_differently(shares: list[Share]) -> list[Share]:
    """One of all small ones that are drawn alike and have neither weights nor delays to draw, and all others.

    Where there are no targets, they take the same kernels with arrays of the same types.
    """
    found: dict[Any, Share] = {}
    for share in shares:
        alike = share.is_small and None not in share.incoming.singles.values()
        found.setdefault(share.incoming.like if alike else id(share), share)
    return list(found.values())


def pieces(drawn: list[Batch], first_gid: int) -> Iterator[Piece]:
    """All edges, in the order of shares; rows are counted from ``first_gid``."""
    return itertools.chain.from_iterable(batch.pieces(first_gid) for batch in drawn)


def begins_of(counts: Int64Array) -> Int64Array:
    """Where each of some runs (n,) of so many entries begins, and where the last ends: (n + 1,)."""
    begins = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    return begins


def step_table_of(value: Value, dt: float) -> StepTable | None:
    """The table of a distribution of delays, where there is one."""
    return _step_table_of(value, dt) if is_distribution(value) else None  # type: ignore[arg-type]


_step_table_of = lru_cache(step_table)
