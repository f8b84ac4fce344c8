"""From edges drawn per target to tables by source: count, allocate once, fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.edge_kernels import count, fill
from distsim.connect.source_index import EVERY_SOURCE
from distsim.spiking.drawn_edges import Share, batches, pieces
from distsim.spiking.incoming import Together, by_sources
from distsim.spiking.kind_tables import table_of_kinds
from distsim.spiking.sort_edges import collect, record_type, sort_rows
from distsim.spiking.sparse_rows import DIGIT, SparseRows
from distsim.spiking.synapses.table import Table, pairs_of
from distsim.spiking.table_making import Making, allocate, offset_type, own_values

Filling = Callable[[Table, str | None], None]
"""Puts all edges into the columns of a table; the name of what goes where weights go, None: nothing."""


def build_tables(
    together: Together, shares: list[Share], dt: float, weight_type: Any, index_type: Any, segmented: bool | None = None
) -> list[tuple[int, Table]]:
    """The tables of the local edges of projections onto one group, each with the input of the group that it drives.

    shares: those of ``together``, kind after kind. One share may drive two inputs: there is then a table for each sign
    of weight. segmented: keep delays as segments (only if constant), or, where None, choose by the number of edges.
    """
    making = Making(together, shares, dt, weight_type, index_type, segmented)
    if together.many_kinds:
        table = table_of_kinds(making)
    else:
        table = _every_row(making) if making.dense else _some_rows(making)
    inputs = together.first.inputs
    if len(inputs) == 1:
        return [(inputs[0], table)]
    return [(k, _of_sign(table, negative)) for negative, k in zip((False, True), inputs, strict=True)]


def _every_row(making: Making) -> Table:
    """A table with a row for every source."""
    gids, longest = making.gids, making.longest_of()
    rows = np.zeros(len(gids) + 2, offset_type(making.expected))
    for piece in making.pieces():
        count(piece.source, rows[1 + piece.row :])
        longest = max(longest, making.longest_of(piece))
    most, n_edges = int(rows.max()), making.summed_up(rows)
    segmented = making.are_segments(n_edges, len(gids), longest, most)
    segments = np.zeros((len(gids), longest + 1), making.index_type) if segmented else None
    table = replace(_columns(making, n_edges, longest, segmented), offsets=rows[:-1], segments=segments)
    fill_rows = partial(_fill, making, rows) if making.one_delay else partial(_fill_sorted, making, longest)
    return _filled(making, table, fill_rows)


def _some_rows(making: Making) -> Table:
    """A table with rows for those sources alone that have edges here, too few to keep delays as segments."""
    rows, longest = SparseRows(len(making.gids), making.expected), making.longest_of()
    for piece in making.pieces():
        rows.count(piece.row, piece.source)
        longest = max(longest, making.longest_of(piece))
    n_edges, kind = making.checked(rows.begin()), offset_type(making.expected)
    table = _columns(making, n_edges, longest, False)
    table = _filled(making, table, partial(_fill_buckets, making, rows, longest))
    index, offsets = rows.index(kind)
    return replace(table, index=index, offsets=offsets)


def _columns(making: Making, n_edges: int, longest: int, segmented: bool) -> Table:
    """A table without rows, and without what edges have beside weight and delay."""
    weight, plastic = making.together.singles["weight"], making.together.first.synapse.plastic
    delays = np.empty(0 if segmented else n_edges, making.delay_type)
    if segmented and weight is None:
        targets, weights = pairs_of(n_edges, making.index_type, making.weight_type)
    else:
        targets = np.empty(n_edges, making.index_type)
        weights = allocate(weight, n_edges, making.weight_type, plastic)
    return Table(
        making.gids.start,
        len(making.gids),
        EVERY_SOURCE,
        np.zeros(1, offset_type(making.expected)),
        targets,
        weights,
        np.full(1, longest, making.delay_type) if making.one_delay else delays,
        one_weight=weight is not None and not plastic,
    )


def _filled(making: Making, table: Table, fill_rows: Filling) -> Table:
    """The table with all edges in its columns, and what they have beside weight and delay, (edges,) or (1,), by name.

    Only synapses that share their table with no other projection have such parameters. Each goes where weights go, in
    a pass of its own that puts targets and delays where they lie already.
    """
    singles = making.together.singles
    fill_rows(table, None if singles["weight"] is not None else "weight")
    values = {}
    for name, single in singles.items():
        if name not in ("weight", "delay"):
            own = values[name] = allocate(single, table.n_edges, making.weight_type, False)
            if single is None:
                fill_rows(replace(table, weights=own), name)
    return replace(table, attributes=values)


def _fill(making: Making, rows: npt.NDArray[Any], table: Table, own: str | None) -> None:
    """Put all edges into their rows, where they have one delay and stay in the order of targets.

    own: what goes where weights go, see ``own_values``. rows: those of the table, with a place to spare, so that the
    cursor of a row, which ends where the next row begins, stands where that will stand.
    """
    rows[1:] = rows[:-1]
    for piece in making.pieces():
        values, cursor = own_values(piece, own), rows[1 + piece.row :]
        fill(piece.source, piece.degree, piece.places, cursor, table.targets, values, table.weights)


def _fill_sorted(making: Making, longest: int, table: Table, own: str | None) -> None:
    """As ``_fill``, sorted by delay, one source population after the other."""
    kind = record_type(table.weights.dtype, table.targets.dtype, making.delay_type)
    weights = np.empty(0, table.weights.dtype) if own is None else table.weights
    first = table.first_source_gid
    groups = by_sources([share for batch in making.drawn for share in batch.shares])
    most = max(table.offsets[rows.stop - first] - table.offsets[rows.start - first] for rows, _ in groups)
    buffer = np.empty(most, kind)  # one for all: memory that is new to a process costs more than to fill it
    for rows, together in groups:
        offsets = table.offsets[rows.start - first : rows.stop - first + 1]
        records = buffer[: offsets[-1] - offsets[0]]
        cursor = offsets[:-1] - offsets[0]
        for piece in pieces(batches(together), rows.start):
            values, steps = own_values(piece, own), making.steps(piece)
            collect(piece.source, piece.degree, piece.places, cursor[piece.row :], values, steps, records)
        segments = (
            np.empty((0, 0), table.targets.dtype) if table.segments is None else table.segments[rows.start - first :]
        )
        sort_rows(offsets, records, longest, table.targets, weights, table.delays, segments)


def _fill_buckets(making: Making, rows: SparseRows, longest: int, table: Table, own: str | None) -> None:
    """As ``_fill``, sorted by source, then by delay."""
    weights = table.weights[:0] if own is None else table.weights
    columns = table.targets, weights, table.delays[:0] if making.one_delay else table.delays
    rows.rewind()
    for piece in making.pieces():
        given = own_values(piece, own), making.steps(piece)
        rows.put(piece.row, piece.source, (piece.degree, piece.places), given, columns)
    rows.sort(0 if making.one_delay else -(-longest.bit_length() // DIGIT), columns)


def _of_sign(table: Table, negative: bool) -> Table:
    """The edges of ``table`` of negative weight, or the others."""
    chosen = (table.weights < 0.0) == negative
    kept = np.zeros(table.n_edges + 1, table.offsets.dtype)
    np.cumsum(chosen, out=kept[1:])
    offsets, segments = kept[table.offsets], None
    if table.segments is not None:
        ends = kept[table.offsets[:-1, None] + table.segments]
        segments = (ends - offsets[:-1, None]).astype(table.segments.dtype)

    def kept_of(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[chosen] if len(values) == table.n_edges else values

    of_sign = replace(
        table,
        offsets=offsets,
        targets=table.targets[chosen],
        delays=kept_of(table.delays),
        segments=segments,
        attributes={name: kept_of(values) for name, values in table.attributes.items()},
    )
    return of_sign.with_own(table.weights[chosen])
