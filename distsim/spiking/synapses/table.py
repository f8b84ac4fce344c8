"""Synapses onto one group of neurons on one rank, stored by source: delivering a spike streams memory once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import SourceIndex

Int64Array = npt.NDArray[np.int64]
_CHUNK = 1 << 20  # weights that are converted together


class Kinds(NamedTuple):
    """Of which kind the edges of a table are; those of one kind have one delay, and mostly one weight.

    kinds uint8, uint16 or uint32, ascending within each row: (edges,), or (runs,) where edges of one source and kind
    are a run. each: whether each edge has a weight of its own. first (rows + 1,) int64: the runs of row r are first[r]
    .. first[r + 1] - 1; ends (runs,) uint32: where each ends, counted from the first edge of its row; both (0,) where
    there are no runs.
    """

    kinds: npt.NDArray[Any]
    each: bool
    first: Int64Array
    ends: npt.NDArray[np.uint32]

    @property
    def in_runs(self) -> bool:
        return len(self.first) > 0


@dataclass(frozen=True)
class Table:
    """Edges sorted by source, then delay, then target; edges of one source and target keep the order of their drawing.

    Sources are the n_source neurons from ``first_source_gid`` on; "source" below counts from there.
    index: which sources have rows: ``EVERY_SOURCE``, or those that have local targets.
    offsets (rows + 1,) int32 or int64: the edges of row r are offsets[r] .. offsets[r + 1] - 1.
    targets (edges,) uint16 or uint32: local index within the target group. Where there are segments and each edge has a
    weight of its own, targets and weights are fields of one array, see ``pairs_of``.
    weights (edges,), or (1,) where one_weight: float32 or float64 (pA or mV), or int32 in units of ``weight_unit``.
    one_weight: whether the network gives all edges of all ranks one weight for good; not where a rank has one edge.
    delays (edges,) uint8, uint16 or uint32 (steps), or (1,) where all are equal; (0,) where there are segments.
    attributes: further parameters of the synapses by name, (edges,) in the type of the weights, or (1,).
    segments: None, or (rows, longest + 1) of the type of the targets: the edges of row r with delay d are
    offsets[r] + segments[r, d - 1] .. offsets[r] + segments[r, d] - 1.
    kinds: None, or of which kind the edges are: delays are then (kinds,), and weights (kinds,) or (edges,).
    """

    first_source_gid: int
    n_source: int
    index: SourceIndex
    offsets: npt.NDArray[Any]
    targets: npt.NDArray[Any]
    weights: npt.NDArray[Any]
    delays: npt.NDArray[Any]
    segments: npt.NDArray[Any] | None = None
    weight_unit: float = 1.0
    attributes: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)
    one_weight: bool = False
    kinds: Kinds | None = None

    @property
    def n_edges(self) -> int:
        return len(self.targets)

    @property
    def place(self) -> tuple[Any, ...]:
        """What ``row_of`` needs, as a plain tuple: the first gid and number of the sources, and their index."""
        return self.first_source_gid, self.n_source, *self.index

    @property
    def every_source(self) -> bool:
        """Whether row r is that of source r."""
        return len(self.index.begin) == 0

    @property
    def sources(self) -> Int64Array:
        """The source (rows,) of every row, ascending."""
        return np.arange(self.n_source) if self.every_source else self.index.sources

    def rows_upto(self, gid: int) -> int:
        """How many rows are of sources up to ``gid``."""
        source = gid - self.first_source_gid
        return max(0, min(source + 1, self.n_source)) if self.every_source else self.index.upto(source)

    def gids_between(self, first: int, last: int) -> Int64Array:
        """The gids of the sources of rows ``first`` to ``last`` - 1, ascending."""
        rows = np.arange(first, last) if self.every_source else self.index.between(first, last)
        return self.first_source_gid + rows

    @cached_property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take, as a plain tuple: place, offsets, targets, weights, delays."""
        return self.place, self.offsets, self.targets, self.weights, self.delays

    def of_segments(self) -> tuple[npt.NDArray[Any], ...]:
        """What kernels take of the edges in segments: targets and the one weight (1,), or both as they lie together.

        The targets (edges,), the weight, and pairs (0,); or targets (0,), weight (0,), and pairs (edges,).
        """
        kind = pair_type(self.targets.dtype, self.weights.dtype)
        if self.one_weight:
            return self.targets, self.weights, np.empty(0, kind)
        pairs: npt.NDArray[Any] = self.targets.base.view(kind)  # type: ignore[union-attr]
        return np.empty(0, self.targets.dtype), np.empty(0, self.weights.dtype), pairs

    @property
    def longest(self) -> int:
        """The longest delay (steps) that there may be a segment for; 0 where there are no segments."""
        return 0 if self.segments is None else self.segments.shape[1] - 1

    def delay_bounds(self) -> tuple[int, int] | None:
        """Shortest and longest delay (steps); None where there are no edges."""
        if not self.n_edges:
            return None
        if self.kinds is not None:
            delays = self.delays[np.bincount(self.kinds.kinds, minlength=len(self.delays)) > 0]
            return int(delays.min()), int(delays.max())
        if self.segments is None:
            return int(self.delays.min()), int(self.delays.max())
        used = np.flatnonzero((self.segments[:, 1:] > self.segments[:, :-1]).any(axis=0)) + 1
        return int(used[0]), int(used[-1])

    def edges_of(self, sources: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The edges (n,) of those of ``sources`` that there are, ascending, and the row (n,) of each."""
        if self.every_source:
            rows = np.unique(sources[(sources >= 0) & (sources < self.n_source)])
        else:
            rows = np.flatnonzero(np.isin(self.sources, sources))
        begin = self.offsets[rows].astype(np.int64)
        degree = self.offsets[rows + 1] - begin
        starts = np.cumsum(degree) - degree
        return np.arange(int(degree.sum())) + np.repeat(begin - starts, degree), np.repeat(rows, degree)

    def weights_of(self, edges: Int64Array) -> npt.NDArray[np.float64]:
        """Weights (n,) of edges."""
        if self.of_kinds:
            return np.asarray(self.weights[self.kinds_of(edges)], np.float64)
        weights: npt.NDArray[np.float64] = np.broadcast_to(self.weights, self.n_edges)[edges].astype(np.float64)
        return np.multiply(weights, self.weight_unit)

    @property
    def of_kinds(self) -> bool:
        """Whether weights are those of kinds."""
        return self.kinds is not None and not self.kinds.each

    def kinds_of(self, edges: Int64Array) -> npt.NDArray[Any]:
        """The kinds (n,) of edges, where they are of kinds."""
        if self.kinds is None or not self.kinds.in_runs:
            return np.zeros(len(edges), np.uint8) if self.kinds is None else self.kinds.kinds[edges]
        ends = np.repeat(self.offsets[:-1], np.diff(self.kinds.first)) + self.kinds.ends
        return self.kinds.kinds[np.searchsorted(ends, edges, side="right")]

    def by_kind(self) -> Iterator[Int64Array]:
        """All edges, kind after kind, those of one kind ascending: a few kinds at a time."""
        kinds = self.kinds_of(np.arange(self.n_edges))
        ends = np.cumsum(np.bincount(kinds))
        begin = 0
        while begin < len(ends):
            before = ends[begin - 1] if begin else 0
            end = max(begin + 1, int(np.searchsorted(ends, before + _CHUNK, side="right")))
            some = np.flatnonzero((kinds >= begin) & (kinds < end))
            yield some[np.argsort(kinds[some], kind="stable")]
            begin = end

    def delays_of(self, edges: Int64Array, rows: Int64Array) -> Int64Array:
        """Delays (n,) in steps of edges, which lie in ``rows`` (n,)."""
        if self.kinds is not None:
            return self.delays[self.kinds_of(edges)].astype(np.int64)
        if self.segments is None:
            return np.broadcast_to(self.delays, self.n_edges)[edges].astype(np.int64)
        delays = np.empty(len(edges), np.int64)
        for row in np.unique(rows):
            mine = rows == row
            delays[mine] = np.searchsorted(self.segments[row], edges[mine] - self.offsets[row], side="right")
        return delays

    @property
    def source_gids(self) -> Int64Array:
        """gid (rows,) of the source of every row."""
        gids = self.sources
        gids += self.first_source_gid
        return gids

    def in_units(self, unit: float) -> Table:
        """The same table with int32 weights, those of this one rounded to multiples of ``unit``, a power of two.

        Float32 weights, of which the new ones take the memory, are lost. One weight, of all or of a kind, stays.
        """
        if self.one_weight or self.of_kinds:
            return self
        units = self.weights.view(np.int32) if self.weights.itemsize == 4 else np.empty(self.n_edges, np.int32)
        for begin in range(0, self.n_edges, _CHUNK):
            part = slice(begin, begin + _CHUNK)
            units[part] = np.rint(self.weights[part].astype(np.float64) / unit)
        table = replace(self, weight_unit=unit)
        return replace(table, weights=units) if self.weights.itemsize == 4 else table.with_own(units)

    def with_own(self, weights: npt.NDArray[Any]) -> Table:
        """The same table with these ``weights`` (edges,), beside the targets where there are segments."""
        if self.segments is None:
            return replace(self, weights=weights, one_weight=False)
        targets, own = pairs_of(self.n_edges, self.targets.dtype, weights.dtype)
        targets[:], own[:] = self.targets, weights
        return replace(self, targets=targets, weights=own, one_weight=False)

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        own = (*self.index, self.offsets, self.targets, self.weights, self.delays, self.segments)
        arrays: list[npt.NDArray[Any] | None] = [*own, *self.attributes.values()]
        arrays += [] if self.kinds is None else [self.kinds.kinds, self.kinds.first, self.kinds.ends]
        return sum(array.nbytes for array in arrays if array is not None)


def pair_type(target_type: Any, weight_type: Any) -> np.dtype[Any]:
    """Target and weight of an edge, side by side."""
    return np.dtype([("target", target_type), ("weight", weight_type)])


def pairs_of(n_edges: int, target_type: Any, weight_type: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Targets and weights (edges,), to be filled, that lie side by side in memory.

    A segment is then a few lines of memory, far from others, where its weights would be as many elsewhere.
    """
    pairs = np.empty(n_edges, pair_type(target_type, weight_type))
    return pairs["target"], pairs["weight"]
