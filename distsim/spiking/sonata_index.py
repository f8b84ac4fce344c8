"""The indices of a SONATA file of edges: which edges each target has, and which each source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.parallel.array_collectives import ROWS, gather_arrays, in_order, spans
from distsim.record.output import Output
from distsim.record.store import Store
from distsim.spiking.plastic_weights import by_target

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
NAMES = "node_id_to_ranges", "range_to_edge_id"


class EdgesOfSources:
    """The numbers of the edges of each source, of the ``n`` edges in a file that this rank made: 16 bytes each."""

    def __init__(self, n_source: int, n: int) -> None:
        self._n_source, self._n = n_source, 0
        self._source, self._edge = np.empty(n, np.uint32), np.empty(n, np.int64)

    def add(self, source: Int64Array, edge: Int64Array) -> None:
        """Edges with these sources, by index in the population, and numbers, (edges,) each."""
        some = slice(self._n, self._n + len(edge))
        self._source[some], self._edge[some] = source, edge
        self._n = some.stop

    def in_order(self, comm: MPI.Comm) -> Iterator[tuple[range, Int64Array, Int64Array]]:
        """Some sources after the other, all of them, and source and number of their edges, on rank 0 (collective)."""
        begin, order = by_target(self._source, self._n_source)
        upto: Any = lambda sources: begin[1:][sources.astype(np.int64)]  # noqa: E731
        next_one = 0
        for _, high in spans(upto, comm, 0, self._n_source - 1, ROWS) if self._n_source else ():
            mine = order[begin[next_one] : begin[high + 1]]
            edges = gather_arrays([self._source[mine].astype(np.int64), self._edge[mine]], comm, everywhere=False)
            source, edge = in_order(edges)
            yield range(next_one, high + 1), source, edge
            next_one = high + 1
        yield range(next_one, self._n_source), np.zeros(0, np.int64), np.zeros(0, np.int64)


def lay_out_index(store: Store, group: str, n: int) -> None:
    """Add the datasets of an index of ``n`` neurons."""
    for name, rows in zip(NAMES, (n, None), strict=True):
        store.column(f"{group}/{name}", np.uint64, width=2, rows=rows)


class Index:
    """An index that is written neuron after neuron; on rank 0."""

    def __init__(self, output: Output, group: str) -> None:
        self._output, self._group, self._n = output, group, 0

    def append(self, block: range, neuron: Int64Array, edge: Int64Array) -> None:
        """Append neurons ``block`` and their edges, (edges,) each, by neuron; numbers of edges of one ascend."""
        first = np.flatnonzero((np.diff(neuron, prepend=-1) != 0) | (np.diff(edge, prepend=-1) != 1))
        last = np.append(first[1:], len(edge)).astype(np.int64) - 1
        n_ranges = np.bincount(neuron[first] - block.start, minlength=len(block))
        end = self._n + np.cumsum(n_ranges)
        of_neuron = np.stack((end - n_ranges, end), axis=1)
        ranges = np.stack((edge[first], edge[last] + 1), axis=1) if len(edge) else np.zeros((0, 2))
        self._output.append(self._group, **dict(zip(NAMES, (of_neuron, ranges), strict=True)))
        self._n += len(ranges)
