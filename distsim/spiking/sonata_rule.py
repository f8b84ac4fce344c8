"""The edges of a SONATA file as a rule of connection: each rank reads those onto its own neurons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import field

import numpy as np

from distsim.connect.rule import Edges, Ends, Int64Array, Rule, Targets
from distsim.core.errors import InputError
from distsim.record.sonata_columns import PIECE, entries

INDEX = "indices/target_to_source"


class SonataEdges(Rule):
    """The ``size`` edges in ``group`` of the file at ``path``, whose sources and targets have these hashes.

    largest: the largest index of a source, and of a target. indexed: whether the file tells which are those of each
    target; else they are looked for.
    """

    path: str = field(repr=False)
    group: str
    size: int
    largest: tuple[int, int]
    digests: tuple[str, str]
    indexed: bool = False

    def check(self, ends: Ends) -> None:
        for name, size, largest in zip(
            (ends.source, ends.target), (ends.n_source, ends.n_target), self.largest, strict=True
        ):
            if self.size and largest >= size:
                raise InputError(f"'{self.path}': {self.group} has neuron {largest}, but '{name}' has {size}")

    def edges(self, targets: Targets) -> Iterator[Edges]:
        begin, rows = targets.once("rows", lambda: self._rows(targets.index))
        for piece in targets.pieces(self.size / max(1, targets.projection.target.size)):
            mine = rows[begin[piece.start] : begin[piece.stop]]
            source = entries(self.path, f"{self.group}/source_node_id", mine).astype(np.int32)
            yield Edges(piece.start, np.diff(begin[piece.start : piece.stop + 1]), source, mine)

    def expected_edges(self, ends: Ends) -> float:
        return float(self.size)

    def _rows(self, index: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The rows (edges,) of the edges of targets ``index`` (n,), and where those of each begin, (n + 1,)."""
        degree, rows = (self._looked_up if self.indexed else self._looked_for)(index)
        begin = np.zeros(len(index) + 1, np.int64)
        np.cumsum(degree, out=begin[1:])
        return begin, rows

    def _looked_up(self, index: Int64Array) -> tuple[Int64Array, Int64Array]:
        """How many edges each target has, and their rows, as the file tells."""
        ranges = entries(self.path, f"{self.group}/{INDEX}/node_id_to_ranges", index).astype(np.int64)
        spans = entries(self.path, f"{self.group}/{INDEX}/range_to_edge_id", numbers_in(ranges)).astype(np.int64)
        ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
        lengths = np.concatenate(([0], np.cumsum(spans[:, 1] - spans[:, 0])))
        return np.diff(lengths[np.concatenate(([0], ends))]), numbers_in(spans)

    def _looked_for(self, index: Int64Array) -> tuple[Int64Array, Int64Array]:
        """The same, from the targets of all edges, some of which are in memory at a time."""
        local = np.full(max(self.largest[1], int(index.max(initial=0))) + 1, -1)
        local[index] = np.arange(len(index))
        found, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for begin in range(0, self.size, PIECE):
            some = np.arange(begin, min(begin + PIECE, self.size))
            place = local[entries(self.path, f"{self.group}/target_node_id", some).astype(np.int64)]
            mine = np.flatnonzero(place >= 0)
            found.append(some[mine])
            places.append(place[mine])
        rows, place = np.concatenate(found), np.concatenate(places)
        return np.bincount(place, minlength=len(index)), rows[np.argsort(place, kind="stable")]


def numbers_in(ranges: Int64Array) -> Int64Array:
    """All numbers in ranges (n, 2), one range after the other."""
    lengths = ranges[:, 1] - ranges[:, 0]
    starts = np.cumsum(lengths) - lengths
    return np.arange(int(lengths.sum())) + np.repeat(ranges[:, 0] - starts, lengths)
