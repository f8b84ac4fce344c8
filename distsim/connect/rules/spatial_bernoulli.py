"""Every pair is connected with a probability that falls with distance, drawn without looking at every pair.

Sources are sorted into cells. Around a target, cells in which the probability of an edge is about the same make a
shell; within a shell candidates are chosen by geometric gaps with the largest probability that occurs there, and kept
with the ratio of their own to it. The work grows with the number of edges and of nearby cells, not with the number of
sources. All random numbers are those of the target's stream, counted within each shell, so that they do not depend on
ranks, and cells without sources take none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.connect.rules.pairwise_bernoulli import log1m
from distsim.core.declared import flag, number
from distsim.core.elementary import LN_2, exp, log
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.rng import draw_open_uniform

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]

SHELLS = 54  # each of half the probability of the one before; beyond 2^-54 there is no edge
MOST_CELLS = 1000  # around a target
FIRST_CAPACITY = 64  # edges per target, to begin with
SAMPLE = 256  # sources and targets whose distances are looked at for the expected number of edges


class SpatialBernoulli(Rule, eq=True):
    """Every pair at distance d is connected with probability C exp(-(d / lambda_)^2), independently.

    Both populations have positions of the same number of dimensions; lambda_ is in the unit of the positions.
    """

    C: float = number(low=0.0, high=1.0)
    lambda_: float = number(above=0.0)
    autapses: bool = flag(True)

    def check(self, ends: Ends) -> None:
        """Raise InputError for populations without positions, or in spaces of different dimensions."""
        dimensions = []
        for name, positions in ((ends.source, ends.source_positions), (ends.target, ends.target_positions)):
            if positions is None:
                raise InputError(
                    f"SpatialBernoulli: the neurons of '{name}' have no positions; "
                    f"give the population positions, e.g. lattice((3, 3, 15))"
                )
            dimensions.append(positions.shape[1])
        if dimensions[0] != dimensions[1]:
            raise InputError(
                f"SpatialBernoulli: positions of '{ends.source}' have {dimensions[0]} dimensions, "
                f"those of '{ends.target}' {dimensions[1]}"
            )

    def edges(self, targets: Targets) -> Iterator[Edges]:
        sources, positions = _positions(targets.projection.ends)
        cells = targets.once("cells", lambda: Cells.of(self, sources, positions))
        local = positions[targets.index]
        excluded = targets.excluded(self.autapses)
        capacity = FIRST_CAPACITY
        for piece in targets.pieces(FIRST_CAPACITY):
            degree = np.empty(piece.stop - piece.start, np.int64)
            n = -1
            while n < 0:
                source = np.empty(len(degree) * capacity, np.int32)
                streams = targets.streams.part(piece)
                n = draw_spatial(
                    streams, local[piece], excluded[piece], cells.arrays, self.C, self.lambda_, degree, source
                )
                capacity = 2 * capacity if n < 0 else capacity
            yield Edges(piece.start, degree, source[:n], None)

    def bytes_of_all(self, ends: Ends) -> float:
        """Positions and numbers of the sources by cell, where cells begin, and what sorts them."""
        positions, _ = _positions(ends)
        return 8.0 * positions.size + (4.0 + 16.0 + 16.0) * ends.n_source

    def expected_edges(self, ends: Ends) -> float:
        source, target = (_some(positions) for positions in _positions(ends))
        if not len(source) or not len(target):
            return 0.0
        apart = (source[:, None, :] - target[None, :, :]) / self.lambda_
        return float(self.C * np.exp(-(apart * apart).sum(axis=-1)).mean()) * ends.n_source * ends.n_target


def _positions(ends: Ends) -> tuple[FloatArray, FloatArray]:
    """Positions of the sources and of the targets."""
    if ends.source_positions is None or ends.target_positions is None:
        raise TypeError("populations of a SpatialBernoulli projection have positions: its check says so")
    return ends.source_positions, ends.target_positions


def _some(rows: FloatArray) -> FloatArray:
    """At most SAMPLE of the rows, evenly spread."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(np.int64)]


@dataclass(frozen=True)
class Cells:
    """The sources of a projection by cell of a regular grid.

    source (n,) int32 and position (n, dimensions): the sources, cell after cell; start (cells + 1,) int64: where each
    cell begins. size: cells along each axis (dimensions,); origin (dimensions,) and edge: where they begin, their
    length. offset (k, dimensions) int64: the cells around a target, shell by shell; shell (SHELLS + 1,) int64: where
    each shell begins.
    """

    source: npt.NDArray[np.int32]
    position: FloatArray
    start: Int64Array
    size: Int64Array
    origin: FloatArray
    edge: float
    offset: Int64Array
    shell: Int64Array

    @classmethod
    def of(cls, rule: SpatialBernoulli, sources: FloatArray, targets: FloatArray) -> Cells:
        """The cells for sources and targets at these positions (n, dimensions)."""
        n, dimensions = sources.shape
        radius = rule.lambda_ * np.sqrt(SHELLS * LN_2)
        origin = sources.min(axis=0) if n else np.zeros(dimensions)
        extent = sources.max(axis=0) - origin if n else np.zeros(dimensions)
        edge = radius / _cells_across(dimensions)
        while np.prod(np.floor(extent / edge) + 1.0) > max(64, 2 * n):
            edge *= 2.0
        size = (np.floor(extent / edge) + 1.0).astype(np.int64)
        cell = np.ravel_multi_index(((sources - origin) / edge).astype(np.int64).T, tuple(size))
        order = np.argsort(cell, kind="stable")
        start = np.concatenate(([0], np.cumsum(np.bincount(cell, minlength=int(size.prod())))))
        reach = _reach(targets, origin, extent, edge, radius)
        offset, shell = _around(reach, edge / rule.lambda_)
        return cls(order.astype(np.int32), sources[order], start, size, origin, float(edge), offset, shell)

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What the kernel takes."""
        return (
            self.source, self.position, self.start, self.size, self.origin, self.edge, self.offset, self.shell,
        )  # fmt: skip


def _cells_across(dimensions: int) -> int:
    """Into how many cells the radius is divided, at least one, so that at most about MOST_CELLS lie around a target."""
    number = 1
    while (2 * number + 3) ** dimensions <= MOST_CELLS:
        number += 1
    return number


def _reach(targets: FloatArray, origin: FloatArray, extent: FloatArray, edge: float, radius: float) -> Int64Array:
    """How many cells (dimensions,) a source within ``radius`` can be away from a target, along each axis."""
    furthest = np.zeros(len(origin))
    if len(targets):
        furthest = np.maximum(targets.max(axis=0) - origin, origin + extent - targets.min(axis=0))
    return (np.floor(np.minimum(radius, furthest.clip(min=0.0)) / edge) + 1.0).astype(np.int64)


def _around(reach: Int64Array, edge: float) -> tuple[Int64Array, Int64Array]:
    """``Cells.offset`` and ``Cells.shell`` for cells of length ``edge``, in units of lambda.

    Shell j holds the cells in which exp(-(d / lambda)^2) is at most 2^-j, for a target anywhere in its own cell.
    """
    offset = (np.indices(tuple((2 * reach + 1).tolist())).reshape(len(reach), -1) - reach[:, None]).T
    nearest = np.maximum(np.abs(offset) - 1, 0) * edge
    number = np.floor((nearest * nearest).sum(axis=1) / LN_2).astype(np.int64)
    order = np.argsort(number, kind="stable")
    order = order[number[order] < SHELLS]
    return np.ascontiguousarray(offset[order]), np.searchsorted(number[order], np.arange(SHELLS + 1))


@inline
def gap(streams, t, counter, p):  # type: ignore[no-untyped-def]
    """How many candidates of target t are passed over before the next success, each of probability p > 0."""
    if p >= 1.0:
        return np.int64(0)
    return np.int64(min(np.floor(log(draw_open_uniform(streams, t, counter)) / log1m(p)), 4e18))


@jit
def draw_spatial(streams, positions, excluded, cells, C, lambda_, degree, source):  # type: ignore[no-untyped-def]
    """The sources of every target, written to ``source`` one target after the other; ``degree`` is written.

    cells: ``Cells.arrays``. Returns the number of edges, or -1 where ``source`` is too short.
    """
    cell_source, cell_position, start, size, origin, edge, offset, shell = cells
    dimensions = size.size
    home = np.empty(dimensions, np.int64)
    found = 0
    for t in range(streams.keys.size):
        begin = found
        for k in range(dimensions):
            home[k] = np.int64(np.floor((positions[t, k] - origin[k]) / edge))
        p = C
        for s in range(shell.size - 1 if C > 0.0 else 0):
            counter = np.uint64(s) << np.uint64(32)
            passed = gap(streams, t, counter, p)
            for c in range(shell[s], shell[s + 1]):
                cell = np.int64(0)
                inside = True
                for k in range(dimensions):
                    at = home[k] + offset[c, k]
                    inside = inside and 0 <= at < size[k]
                    cell = cell * size[k] + at
                if not inside:
                    continue
                count = start[cell + 1] - start[cell]
                while passed < count:
                    candidate = start[cell] + passed
                    squared = 0.0
                    for k in range(dimensions):
                        squared += ((positions[t, k] - cell_position[candidate, k]) / lambda_) ** 2
                    keep = draw_open_uniform(streams, t, counter + np.uint64(1)) * p < C * exp(-squared)
                    if keep and cell_source[candidate] != excluded[t]:
                        if found == source.size:
                            return -1
                        source[found] = cell_source[candidate]
                        found += 1
                    counter += np.uint64(2)
                    passed += 1 + gap(streams, t, counter, p)
                passed -= count
            p *= 0.5
        degree[t] = found - begin
    return found
