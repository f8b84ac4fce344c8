"""From edges drawn per target to tables by source: count, allocate once, fill."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import smallest_unsigned
from distsim.connect.edge_kernels import count, count_runs, fill, fill_kinds
from distsim.core.units import round_to_steps, to_steps
from distsim.core.values import Value, is_distribution, largest
from distsim.spiking.drawn_edges import Batch, Piece, Share, batches, begins_of, pieces, step_table_of
from distsim.spiking.incoming import Incoming, Together, by_sources, extent
from distsim.spiking.sort_edges import collect, record_type, sort_rows
from distsim.spiking.synapses.segments import LENGTH_BITS
from distsim.spiking.synapses.synapse_checks import longest_drawn
from distsim.spiking.synapses.table import Kinds, Table, pairs_of

Int64Array = npt.NDArray[np.int64]
_NONE = np.zeros(0, np.int64)
EDGES_PER_SEGMENT = 8  # in the mean, from which on segments are faster than a slot for every edge
MOST_IN_ROW = 1 << LENGTH_BITS  # edges in a row in segments
DENSE_ROWS_PER_EDGE = 0.25  # a row for every source, while rows are at most this many times the local edges


def build_tables(
    together: Together, shares: list[Share], dt: float, weight_type: Any, index_type: Any, segmented: bool | None = None
) -> list[tuple[int, Table]]:
    """The tables of the local edges of projections onto one group, each with the input of the group that it drives.

    shares: those of ``together``, kind after kind. One share may drive two inputs: there is then a table for each sign
    of weight. segmented: keep delays as segments (only if constant), or, where None, choose by the number of edges.
    """
    build = _build_kinds if together.many_kinds else _build_table
    table = build(together, shares, dt, weight_type, index_type, segmented)
    inputs = together.first.inputs
    if len(inputs) == 1:
        return [(inputs[0], table)]
    return [(k, _of_sign(table, negative)) for negative, k in zip((False, True), inputs, strict=True)]


def is_dense(n_source: int, n_edges: float) -> bool:
    """Whether a table of so many edges has a row for every source, also for those without edges."""
    return n_source * DENSE_ROWS_PER_EDGE <= n_edges


def is_segmented(first: Incoming, n_edges: float, n_rows: float, longest: int) -> bool:
    """Whether so many edges keep their delays, the longest of that many steps, as segments."""
    return first.can_be_segmented and n_edges >= EDGES_PER_SEGMENT * longest * n_rows


def _build_table(
    together: Together, shares: list[Share], dt: float, weight_type: Any, index_type: Any, segmented: bool | None
) -> Table:
    gids, first, plastic = extent(together.all), together.first, together.first.synapse.plastic
    drawn = batches(shares)
    counts, longest = _count(drawn, gids, together.singles["delay"], dt)
    offsets = begins_of(counts)
    n_edges = int(offsets[-1])
    sources = None if is_dense(len(gids), n_edges) else np.flatnonzero(counts)
    if segmented is None:
        segmented = is_segmented(first, n_edges, len(gids) if sources is None else len(sources), longest)
    segmented = segmented and first.can_be_segmented
    segmented = segmented and counts.max(initial=0) < min(MOST_IN_ROW, np.iinfo(index_type).max)
    singles = together.singles
    one_delay, one_weight = (singles[name] is not None for name in ("delay", "weight"))
    delay_type = np.result_type(*{_delay_type(incoming.values["delay"], dt) for incoming in together.all})
    if segmented and not one_weight:
        targets, weights = pairs_of(n_edges, index_type, weight_type)
    else:
        targets = np.empty(n_edges, index_type)
        weights = _allocate(singles["weight"], n_edges, weight_type, plastic)
    table = Table(
        gids.start,
        len(gids),
        sources,
        offsets,
        targets,
        weights,
        np.empty(0 if one_delay or segmented else n_edges, delay_type),
        np.zeros((len(gids), longest + 1), index_type) if segmented else None,
        one_weight=one_weight and not plastic,
    )
    fill_rows = _fill if one_delay else partial(_fill_sorted, dt, longest, delay_type)
    fill_rows(drawn, table, None if one_weight else "weight")
    table = replace(table, attributes=_attributes(drawn, table, weight_type, fill_rows))
    if one_delay:
        table = replace(table, delays=np.array([longest], delay_type))
    return table if sources is None else _with_rows(table, sources)


def _count(drawn: list[Batch], gids: range, one_delay: float | None, dt: float) -> tuple[Int64Array, int]:
    """The number of edges of every source (sources,), and the longest delay in steps."""
    counts = np.zeros(len(gids), np.int64)
    longest = 1 if one_delay is None else to_steps(one_delay, dt, "delay")
    for piece in pieces(drawn, gids.start):
        count(piece.source, counts[piece.row :])
        if one_delay is None:
            longest = max(longest, int(_steps(piece, dt).max(initial=1)))
    return counts, longest


def _steps(piece: Piece, dt: float) -> npt.NDArray[Any]:
    """Delays (edges,) in steps, where each edge has its own."""
    return piece.values(lambda share, edges: share.steps(edges, dt))


def _own(piece: Piece, name: str | None) -> npt.NDArray[Any]:
    """What every edge (edges,) has of its own, such as its weight; (0,) where it is no ``name``."""
    return np.empty(0) if name is None else piece.values(lambda share, edges: share.attribute(name).of_edges(edges))


def _build_kinds(
    together: Together, shares: list[Share], dt: float, weight_type: Any, index_type: Any, _: bool | None
) -> Table:
    """A table of edges of many kinds, each of one delay, and of one weight or each edge of its own."""
    gids, drawn = extent(together.all), batches(shares)
    counts, runs, last = np.zeros(len(gids), np.int64), np.zeros(len(gids), np.int64), np.full(len(gids), -1)
    for piece in pieces(drawn, gids.start):
        count_runs(piece.source, piece.degree, piece.kinds, *(of_row[piece.row :] for of_row in (counts, runs, last)))
    offsets, n_edges = begins_of(counts), int(counts.sum())
    first, n_runs = (begins_of(runs), int(runs.sum())) if together.in_runs(shares[0].ranks) else (_NONE, 0)
    singles = [kind[0].singles for kind in together.kinds]
    each = together.first.singles["weight"] is None
    steps = np.rint(np.array([single["delay"] for single in singles]) / dt).astype(np.int64)  # each is whole
    table = Table(
        gids.start,
        len(gids),
        None,
        offsets,
        np.empty(n_edges, index_type),
        np.empty(n_edges, weight_type) if each else np.array([single["weight"] for single in singles]),
        steps.astype(smallest_unsigned(int(steps.max()))),
    )
    numbers = np.empty(n_runs if len(first) else n_edges, smallest_unsigned(len(singles)))
    kinds = Kinds(numbers, each, first, np.empty(n_runs, np.uint32))
    of_rows = offsets, offsets[:-1].copy(), first, first[:-1].copy()
    for piece in pieces(drawn, gids.start):
        rows, own = tuple(of_row[piece.row :] for of_row in of_rows), _own(piece, "weight" if each else None)
        found = numbers, kinds.ends
        fill_kinds(
            piece.source, piece.degree, piece.places, piece.kinds, rows, found, table.targets, own, table.weights
        )
    table = replace(table, kinds=kinds)
    if is_dense(len(gids), n_edges):
        return table
    rows_with = np.flatnonzero(counts)
    return replace(_with_rows(table, rows_with), sources=rows_with)


def _attributes(
    drawn: list[Batch], table: Table, weight_type: Any, fill_rows: Callable[[list[Batch], Table, str | None], None]
) -> dict[str, npt.NDArray[Any]]:
    """What the edges of a table have beside weight and delay, (edges,) or (1,), by name.

    Only synapses that share their table with no other projection have such parameters. Each goes where weights go, in
    a pass of its own that puts targets and delays where they lie already.
    """
    values = {}
    for name, single in drawn[0].shares[0].incoming.singles.items():
        if name not in ("weight", "delay"):
            own = values[name] = _allocate(single, table.n_edges, weight_type, False)
            if single is None:
                fill_rows(drawn, replace(table, weights=own), name)
    return values


def _with_rows(table: Table, rows: Int64Array) -> Table:
    """The table with those rows only; the others have no edges."""
    segments = None if table.segments is None else table.segments[rows]
    kinds = None if table.kinds is None else table.kinds.of_rows(rows)
    return replace(table, offsets=np.append(table.offsets[rows], table.n_edges), segments=segments, kinds=kinds)


def _fill(drawn: list[Batch], table: Table, own: str | None) -> None:
    """Put all edges into their rows, where they have one delay and stay in the order of targets.

    own: what goes where weights go, see ``_own``.
    """
    cursor = table.offsets[:-1].copy()
    for piece in pieces(drawn, table.first_source_gid):
        values = _own(piece, own)
        fill(piece.source, piece.degree, piece.places, cursor[piece.row :], table.targets, values, table.weights)


def _fill_sorted(dt: float, longest: int, delay_type: Any, drawn: list[Batch], table: Table, own: str | None) -> None:
    """As ``_fill``, sorted by delay, one source population after the other."""
    kind = record_type(table.weights.dtype, table.targets.dtype, delay_type)
    weights = np.empty(0, table.weights.dtype) if own is None else table.weights
    first = table.first_source_gid
    groups = by_sources([share for batch in drawn for share in batch.shares])
    most = max(table.offsets[rows.stop - first] - table.offsets[rows.start - first] for rows, _ in groups)
    buffer = np.empty(most, kind)  # one for all: memory that is new to a process costs more than to fill it
    for rows, together in groups:
        offsets = table.offsets[rows.start - first : rows.stop - first + 1]
        records = buffer[: offsets[-1] - offsets[0]]
        cursor = offsets[:-1] - offsets[0]
        for piece in pieces(batches(together), rows.start):
            values, steps = _own(piece, own), _steps(piece, dt)
            collect(piece.source, piece.degree, piece.places, cursor[piece.row :], values, steps, records)
        segments = (
            np.empty((0, 0), table.targets.dtype) if table.segments is None else table.segments[rows.start - first :]
        )
        sort_rows(offsets, records, longest, table.targets, weights, table.delays, segments)


def _allocate(single: float | None, n_edges: int, weight_type: Any, plastic: bool) -> npt.NDArray[Any]:
    """Weights (edges,), filled where all start equal but may change; (1,) where all are equal and stay so."""
    if single is None:
        return np.empty(n_edges, weight_type)
    return np.full(n_edges, single, weight_type) if plastic else np.array([single])


def _of_sign(table: Table, negative: bool) -> Table:
    """The edges of ``table`` of negative weight, or the others."""
    chosen = (table.weights < 0.0) == negative
    kept = np.concatenate(([0], np.cumsum(chosen)))
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


def _delay_type(value: Value, dt: float) -> Any:
    """The smallest type for delays in steps up to the longest that is given or can be drawn."""
    if step_table_of(value, dt):
        return np.uint8
    longest = longest_drawn(value) if is_distribution(value) else largest(value)
    return smallest_unsigned(round_to_steps(max(longest, 0.0), dt))
