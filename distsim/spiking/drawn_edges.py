"""The local edges of the projections that go into one table, as they are drawn: piece by piece, small ones together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute
from distsim.connect.edge_values import StepTable, in_steps, step_table, steps_of_rows
from distsim.connect.rule import PIECE, Edges, Several, Targets
from distsim.core.placement import most_local
from distsim.core.values import Value, is_distribution
from distsim.spiking.incoming import Incoming
from distsim.spiking.network import Projection

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Share:
    """What a projection has in a table: its local edges.

    kind: number of its kind within the table. gids (targets,) int64: its local targets; local (targets,) int64,
    ascending: their local indices in the group. ranks: how many ranks there are.
    """

    incoming: Incoming
    kind: int
    seed: int
    gids: Int64Array
    local: Int64Array
    ranks: int = 1

    @property
    def projection(self) -> Projection:
        return self.incoming.projection

    @property
    def rows(self) -> range:
        return self.incoming.rows

    @property
    def neighbours(self) -> bool:
        """Whether the sources follow each other in ascending order, so that their places tell their gids."""
        source = self.projection.source
        return source.extent == source.size and len(source.pieces) == 1 and source.pieces[0].ascending

    @cached_property
    def lookup(self) -> npt.NDArray[np.int32] | None:
        """How many gids each source (sources,) is from the first one; None where that is its index."""
        source = self.projection.source
        return None if self.neighbours else (source.gids - source.first_gid).astype(np.int32)

    @cached_property
    def targets(self) -> Targets:
        return Targets.of(self.projection, self.seed, self.gids, self.incoming.projection.synapse.values.values())

    def attribute(self, name: str) -> Attribute:
        """Weights, delays, or what else the synapses have of their own."""
        return Attribute(self.targets, name, self.incoming.values[name])

    @cached_property
    def is_small(self) -> bool:
        """Whether its edges are drawn together with those of others: that follows from the description alone."""
        rule, projection = self.projection.rule, self.projection
        if "draw_several" not in vars(type(rule)) or not self.neighbours:
            return False
        if any(isinstance(value, np.ndarray) for value in projection.synapse.values.values()):
            return False
        return self.most_edges <= PIECE

    @cached_property
    def most_edges(self) -> float:
        """The most edges on a rank."""
        projection = self.projection
        return projection.rule.most_edges(projection.source.size, most_local(projection.target.size, self.ranks))

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


def pieces(shares: list[Share], first_gid: int) -> Iterator[Piece]:
    """The edges of all shares, in their order; rows are counted from ``first_gid``."""
    for together in drawn_together(shares):
        if together[0].is_small:
            yield _several(together, first_gid)
            continue
        share = together[0]
        for edges in share.projection.rule.edges(share.targets):
            source = edges.source if share.lookup is None else share.lookup[edges.source]
            places = share.local[edges.first : edges.first + len(edges.degree)]
            part = [(share, slice(0, len(places)))]
            yield WholePiece(share.rows.start - first_gid, source, edges.degree, places, part, edges)


def drawn_together(shares: list[Share]) -> Iterator[list[Share]]:
    """Shares that follow each other and are drawn together: small ones by rules like each other, others alone."""
    together: list[Share] = []
    room = 0.0
    for share in shares:
        fits = share.is_small and share.most_edges <= room
        if together and not (fits and share.projection.rule.like == together[0].projection.rule.like):
            yield together
            together = []
        if not together:
            room = PIECE if share.is_small else -1.0
        together.append(share)
        room -= share.most_edges
    if together:
        yield together


def _several(shares: list[Share], first_gid: int) -> Piece:
    """All edges of small shares."""
    projections = [share.projection for share in shares]
    targets = Several.of(projections, shares[0].seed, [share.gids for share in shares])
    rules = [projection.rule for projection in projections]
    degree, source = type(rules[0]).draw_several(rules, targets)
    of_share = np.diff(begins_of(degree)[targets.begin])
    source += np.repeat(np.array([share.rows.start - first_gid for share in shares], np.int32), of_share)
    places = np.concatenate([share.local for share in shares])
    begin = targets.begin.tolist()
    parts = [(share, slice(begin[k], begin[k + 1])) for k, share in enumerate(shares)]
    return Piece(0, source, degree, places, parts)


def begins_of(counts: Int64Array) -> Int64Array:
    """Where each of some runs (n,) of so many entries begins, and where the last ends: (n + 1,)."""
    begins = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=begins[1:])
    return begins


def step_table_of(value: Value, dt: float) -> StepTable | None:
    """The table of a distribution of delays, where there is one."""
    return _step_table_of(value, dt) if is_distribution(value) else None  # type: ignore[arg-type]


_step_table_of = lru_cache(step_table)
