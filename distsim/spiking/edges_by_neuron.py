"""The order in which a checkpoint has a value of every synapse: neuron by neuron, each with a few of its sources.

Tables are by source, and of many ranks each has a part of every row; but all synapses of a neuron are on one rank. So
the values go into tiles: those of a tile have sources that follow each other, and lie by target, then source, delay and
drawing. A tile is so small that its values, written in any order, stay in the cache. Neurons whose gids have the same
last bits lie together, first those that rank 0 has of two, four, ... ranks: each rank then has a stretch of the whole.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit_beside, prefetch
from distsim.core.placement import MIRRORED, local_count, mirrored
from distsim.parallel.rows import Rows
from distsim.spiking.population_share import PopulationShare

Int64Array = npt.NDArray[np.int64]
CLASSES = 1 << MIRRORED
ONE = np.uint64(1)
AHEAD = np.uint64(64)  # edges: how far ahead what is written to is brought into the cache


class NeuronOrder:
    """Neurons of some populations by mirrored gid, then population, then gid.

    size: of all ranks. local (n,): the ones here in that order, counted as in ``shares``; places (n,): where they are
    among all. ends, local_ends (CLASSES + 1,): where each class begins among all, and among those here.
    """

    def __init__(self, shares: list[PopulationShare]) -> None:
        classes = mirrored(np.arange(CLASSES))
        counts = np.zeros(CLASSES, np.int64)
        kinds, before = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for share in shares:
            first, size = share.population.first_gid, share.population.size
            kinds.append(mirrored(share.gids))
            before.append(counts[kinds[-1]] + (share.gids - first) // CLASSES)
            counts[classes] += [local_count(first, size, c, CLASSES) for c in range(CLASSES)]
        kind = np.concatenate(kinds)
        self.size = int(counts.sum())
        self.ends = np.concatenate(([0], np.cumsum(counts)))
        places = self.ends[kind] + np.concatenate(before)
        self.local = np.argsort(places)
        self.places = places[self.local]
        self.local_ends = np.searchsorted(self.places, self.ends)


class TileMemory:
    """What so many tiles of together so many edges need while they are put in order: cursors (tiles, n), and rows."""

    def __init__(self, neurons: NeuronOrder, tiles: int, edges: int) -> None:
        n = len(neurons.local)
        self.cursors = np.empty((tiles, n), np.uint32 if edges < 2**32 else np.uint64)
        self.places, self.lengths = np.empty((2, tiles * n), np.int64)


class Tiles:
    """Some edges in the order of ``neurons``, those between each two of ``bounds`` (tiles + 1,) as a tile; for one use.

    targets (edges,): those of the edges from bounds[0] on, of which ``first`` is the first neuron. rows: of all tiles
    and neurons; those that follow each other and are here are told as one, with the place of the first. memory: of as
    many tiles, or more; what was there is lost.
    """

    def __init__(
        self,
        neurons: NeuronOrder,
        bounds: Int64Array,
        targets: npt.NDArray[np.unsignedinteger],
        first: int,
        memory: TileMemory,
    ) -> None:
        tiles = len(bounds) - 1
        begins = (bounds - bounds[0]).astype(np.uint64)  # no sign, hence no test of it in loops
        self._edges = targets, np.uint64(first), begins
        self._cursors = memory.cursors[:tiles]
        self._cursors[:] = 0
        count(*self._edges, self._cursors)
        order = neurons.local, neurons.places, neurons.local_ends, neurons.ends
        rows = lay_out(*order, self._cursors, memory.places, memory.lengths)
        self.rows = Rows(tiles * neurons.size, memory.places[:rows], memory.lengths[:rows])

    def put_in_order(self, values: npt.NDArray[np.generic], ordered: npt.NDArray[np.generic]) -> None:
        """Values (edges,) in this order, into ``ordered`` (edges,)."""
        put_in_order(*self._edges, self._cursors, values, ordered)

    def put_back(self, ordered: npt.NDArray[np.generic], values: npt.NDArray[np.generic]) -> None:
        """What ``put_in_order`` made of ``values`` (edges,), into these."""
        put_back(*self._edges, self._cursors, values, ordered)


@jit_beside
def count(targets, first, bounds, counts):  # type: ignore[no-untyped-def]
    """counts (tiles, n) += how many edges each neuron has in each tile."""
    for tile in range(bounds.size - 1):
        own = counts[tile]
        for edge in range(bounds[tile], bounds[tile + 1]):
            own[targets[edge] - first] += 1


@jit_beside
def lay_out(local, among_all, local_ends, ends, cursors, places, lengths):  # type: ignore[no-untyped-def]
    """places, lengths (rows,) of the rows here, ascending, and how many there are.

    cursors (tiles, n): from numbers of edges to where they begin.
    """
    row, begin, first, entries, following = 0, 0, 0, 0, -1  # of the row that may still go on: its place, and entries
    for kind in range(ends.size - 1):
        n, tiles = ends[kind + 1] - ends[kind], cursors.shape[0]
        for tile in range(tiles):
            before, own = tiles * ends[kind] + tile * n - ends[kind], cursors[tile]
            for k in range(local_ends[kind], local_ends[kind + 1]):
                place = before + among_all[k]
                if place != following:
                    if following >= 0:
                        places[row], lengths[row] = first, entries
                        row += 1
                    first, entries = place, 0
                following = place + 1
                number = own[local[k]]
                own[local[k]] = begin
                entries += number
                begin += number
    if following >= 0:
        places[row], lengths[row] = first, entries
        row += 1
    return row


@jit_beside
def put_in_order(targets, first, bounds, cursors, values, ordered):  # type: ignore[no-untyped-def]
    """ordered (edges,) = values (edges,), row by row; each of ``cursors`` goes from where its row begins to its end."""
    for tile in range(bounds.size - 1):
        cursor, end = cursors[tile], bounds[tile + 1]
        for edge in range(bounds[tile], end):
            prefetch(ordered, cursor[targets[min(edge + AHEAD, end - ONE)] - first])
            target = targets[edge] - first
            place = cursor[target]
            cursor[target] = place + 1
            ordered[place] = values[edge]


@jit_beside
def put_back(targets, first, bounds, cursors, values, ordered):  # type: ignore[no-untyped-def]
    """values (edges,) = ordered (edges,), from row by row; ``cursors`` as in ``put_in_order``."""
    for tile in range(bounds.size - 1):
        cursor, end = cursors[tile], bounds[tile + 1]
        for edge in range(bounds[tile], end):
            prefetch(ordered, cursor[targets[min(edge + AHEAD, end - ONE)] - first])
            target = targets[edge] - first
            place = cursor[target]
            cursor[target] = place + 1
            values[edge] = ordered[place]
