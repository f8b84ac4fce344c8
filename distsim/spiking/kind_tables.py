"""The table of edges of many kinds, each of one delay, and of one weight or each edge of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import smallest_unsigned
from distsim.connect.edge_kernels import count_runs, fill_kinds
from distsim.connect.source_index import EVERY_SOURCE, SourceIndex
from distsim.spiking.sparse_rows import SparseRows
from distsim.spiking.synapses.table import Int64Array, Kinds, Table
from distsim.spiking.table_making import Making, offset_type, own_values

_NONE = np.zeros(0, np.int64)
_NO_RUNS = _NONE, np.empty(0, np.uint32)


def table_of_kinds(making: Making) -> Table:
    """The table of edges of many kinds."""
    runs = making.together.in_runs(making.shares[0].ranks)
    return _every_row(making, runs) if runs or making.dense else _some_rows(making)


def _every_row(making: Making, in_runs: bool) -> Table:
    """A table with a row for every source."""
    n = len(making.gids)
    offsets, runs, last = np.zeros(n + 1, offset_type(making.expected)), np.zeros(n + 1, np.int64), np.full(n, -1)
    for piece in making.pieces():
        counts = offsets[1 + piece.row :], runs[1 + piece.row :], last[piece.row :]
        count_runs(piece.source, piece.degree, piece.kinds, *counts)
    n_edges = making.summed_up(offsets)
    np.cumsum(runs, out=runs)
    first, ends = (runs, np.empty(int(runs[-1]), np.uint32)) if in_runs else _NO_RUNS
    kinds = np.empty(len(ends) if in_runs else n_edges, smallest_unsigned(len(making.together.kinds)))
    table = _table(making, EVERY_SOURCE, offsets, (*_columns(making, n_edges), kinds), first, ends)
    rows = offsets, offsets[:-1].copy(), first, first[:-1].copy()
    for piece in making.pieces():
        own, of_rows = _weights(making, piece), tuple(of_row[piece.row :] for of_row in rows)
        found, columns = (kinds, ends), (table.targets, own, table.weights)
        fill_kinds(piece.source, piece.degree, piece.places, piece.kinds, of_rows, found, *columns)
    return table


def _some_rows(making: Making) -> Table:
    """A table with rows for those sources alone that have edges here."""
    rows = SparseRows(len(making.gids), making.expected)
    for piece in making.pieces():
        rows.count(piece.row, piece.source)
    n_edges = making.checked(rows.begin())
    kinds = np.empty(n_edges, smallest_unsigned(len(making.together.kinds)))
    targets, weights = _columns(making, n_edges)
    columns = targets, weights if _each(making) else weights[:0], kinds
    for piece in making.pieces():
        given = _weights(making, piece), np.repeat(piece.kinds, piece.degree)
        rows.put(piece.row, piece.source, (piece.degree, piece.places), given, columns)
    rows.sort(0, columns)
    index, offsets = rows.index(offset_type(making.expected))
    return _table(making, index, offsets, (targets, weights, kinds), *_NO_RUNS)


def _each(making: Making) -> bool:
    """Whether each edge has a weight of its own."""
    return making.together.first.singles["weight"] is None


def _weights(making: Making, piece: Any) -> npt.NDArray[Any]:
    return own_values(piece, "weight" if _each(making) else None)


def _columns(making: Making, n_edges: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Targets (edges,), and weights (edges,) or (kinds,)."""
    singles = [kind[0].singles["weight"] for kind in making.together.kinds]
    weights = np.empty(n_edges, making.weight_type) if _each(making) else np.array(singles, np.float64)
    return np.empty(n_edges, making.index_type), weights


def _table(
    making: Making,
    index: SourceIndex,
    offsets: npt.NDArray[Any],
    columns: tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]],
    first: Int64Array,
    ends: npt.NDArray[np.uint32],
) -> Table:
    """columns: targets, weights, and kinds of edges, or of runs, of which first and ends are then as in ``Kinds``."""
    targets, weights, numbers = columns
    delays = np.array([kind[0].singles["delay"] for kind in making.together.kinds], np.float64)
    steps = np.rint(delays / making.dt).astype(np.int64)  # each is whole
    steps = steps.astype(smallest_unsigned(int(steps.max())))
    kinds = Kinds(numbers, _each(making), first, ends)
    return Table(making.gids.start, len(making.gids), index, offsets, targets, weights, steps, kinds=kinds)
