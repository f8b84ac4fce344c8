"""What a table of synapses is made of: decisions that follow from the description, columns, edges as they are drawn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import smallest_unsigned
from distsim.core.units import round_to_steps, to_steps
from distsim.core.values import Value, is_distribution, largest
from distsim.spiking.drawn_edges import Batch, Piece, Share, batches, pieces, step_table_of
from distsim.spiking.incoming import Incoming, Together, extent
from distsim.spiking.synapses.segments import LENGTH_BITS
from distsim.spiking.synapses.synapse_checks import longest_drawn

EDGES_PER_SEGMENT = 8  # in the mean, from which on segments are faster than a slot for every edge
MOST_IN_ROW = 1 << LENGTH_BITS  # edges in a row in segments
EDGES_PER_ROW = 2.0  # in the mean of all sources, from which on each has a row: a place of 4 bytes, for 6 and a search
MOST_EXPECTED = 2.0**30  # edges of a table on a rank, up to which places among them are kept in 32 bits


def is_dense(n_source: int, expected: float) -> bool:
    """Whether a table of which so many edges are expected has a row for every source, also for those without edges."""
    return expected >= EDGES_PER_ROW * n_source


def offset_type(expected: float) -> Any:
    """The type of places among the edges of a table, of which so many are expected."""
    return np.int32 if expected <= MOST_EXPECTED else np.int64


def is_segmented(first: Incoming, n_edges: float, n_rows: float, longest: int) -> bool:
    """Whether so many edges keep their delays, the longest of that many steps, as segments."""
    return first.can_be_segmented and n_edges >= EDGES_PER_SEGMENT * longest * n_rows


@dataclass(frozen=True)
class Making:
    """The table of the edges of ``shares`` with ``together``, weights and targets of these types, and a step of ``dt``.

    segmented: keep delays as segments (only if constant), or, where None, choose by the number of edges.
    """

    together: Together
    shares: list[Share]
    dt: float
    weight_type: Any
    index_type: Any
    segmented: bool | None

    @cached_property
    def gids(self) -> range:
        """From that of the first source to that of the last."""
        return extent(self.together.all)

    @cached_property
    def expected(self) -> float:
        """Edges of a rank, on average: it follows from the description alone."""
        return self.together.expected_edges / self.shares[0].ranks

    @property
    def dense(self) -> bool:
        """Whether every source has a row."""
        return is_dense(len(self.gids), self.expected)

    @property
    def one_delay(self) -> bool:
        return self.together.singles["delay"] is not None

    @cached_property
    def delay_type(self) -> Any:
        return np.result_type(*{delay_type(incoming.values["delay"], self.dt) for incoming in self.together.all})

    @cached_property
    def drawn(self) -> list[Batch]:
        return batches(self.shares)

    def pieces(self) -> Iterator[Piece]:
        """All edges, in the order of shares."""
        return pieces(self.drawn, self.gids.start)

    def longest_of(self, piece: Piece | None = None) -> int:
        """The longest delay in steps of all edges, where they have one; else of those of a piece, or 1."""
        single = self.together.singles["delay"]
        if single is not None:
            return to_steps(single, self.dt, "delay")
        return 1 if piece is None else int(self.steps(piece).max(initial=1))

    def steps(self, piece: Piece) -> npt.NDArray[Any]:
        """Delays (edges,) in steps, where each edge has its own; else (0,)."""
        if self.one_delay:
            return np.empty(0, self.delay_type)
        return piece.values(lambda share, edges: share.steps(edges, self.dt))

    def are_segments(self, n_edges: int, rows: int, longest: int, most: int) -> bool:
        """Whether so many edges, at most ``most`` in a row, keep their delays as segments."""
        first = self.together.first
        if not first.can_be_segmented or most >= min(MOST_IN_ROW, np.iinfo(self.index_type).max):
            return False
        return is_segmented(first, n_edges, rows, longest) if self.segmented is None else self.segmented

    def checked(self, n_edges: int) -> int:
        """``n_edges``, where places among so many are numbers of ``offset_type``."""
        if n_edges > np.iinfo(offset_type(self.expected)).max:
            names = ", ".join(f"'{share.projection.name}'" for share in self.shares[:3])
            raise RuntimeError(f"{names}: {n_edges} synapses on this rank, where {self.expected:g} were expected")
        return n_edges

    def summed_up(self, rows: npt.NDArray[Any]) -> int:
        """Turn numbers of edges into the places where they end; how many edges there are."""
        n_edges = self.checked(int(rows.sum(dtype=np.int64)))
        np.cumsum(rows, dtype=rows.dtype, out=rows)
        return n_edges


def own_values(piece: Piece, name: str | None) -> npt.NDArray[Any]:
    """What every edge (edges,) has of its own, such as its weight; (0,) where it is no ``name``."""
    return np.empty(0) if name is None else piece.values(lambda share, edges: share.attribute(name).of_edges(edges))


def allocate(single: float | None, n_edges: int, weight_type: Any, plastic: bool) -> npt.NDArray[Any]:
    """Weights (edges,), filled where all start equal but may change; (1,) where all are equal and stay so."""
    if single is None:
        return np.empty(n_edges, weight_type)
    return np.full(n_edges, single, weight_type) if plastic else np.array([single])


def delay_type(value: Value, dt: float) -> Any:
    """The smallest type for delays in steps up to the longest that is given or can be drawn."""
    if step_table_of(value, dt):
        return np.uint8
    longest = longest_drawn(value) if is_distribution(value) else largest(value)
    return smallest_unsigned(round_to_steps(max(longest, 0.0), dt))
