"""From edges drawn per target to tables by source: count, allocate once, fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute, smallest_unsigned
from distsim.connect.edge_kernels import count, fill
from distsim.connect.edge_values import StepTable, in_steps, step_table, steps_of_rows
from distsim.connect.rule import Edges, Targets
from distsim.core.distributions import Distribution
from distsim.core.units import round_to_steps, to_steps
from distsim.core.values import Value, bounds
from distsim.spiking.network import Projection
from distsim.spiking.sort_edges import collect, record_type, sort_rows
from distsim.spiking.synapses.segments import LENGTH_BITS
from distsim.spiking.synapses.synapse_checks import longest_drawn
from distsim.spiking.synapses.table import Table

Int64Array = npt.NDArray[np.int64]
EDGES_PER_SEGMENT = 8  # in the mean, from which on segments are faster than a slot for every edge
MOST_IN_ROW = 1 << LENGTH_BITS  # edges in a row in segments
DENSE_ROWS_PER_EDGE = 0.25  # a row for every source, while rows are at most this many times the local edges


@dataclass(frozen=True)
class Share:
    """What a projection has in a table: its local edges.

    model: of a target population, all of one kind. local (targets,) int64, ascending: the local index in the group of
    each target; an int where they follow each other: the first. lookup (sources,) int32: how many gids each source is
    from the first one; None where that is its index. further: what else the synapses have of their own, see
    ``Table.attributes``.
    """

    projection: Projection
    model: Any
    local: int | Int64Array
    lookup: npt.NDArray[np.int32] | None
    weight: Attribute
    delay: Attribute
    further: tuple[Attribute, ...] = ()

    @classmethod
    def of(
        cls, projection: Projection, seed: int, gids: Int64Array, local: int | Int64Array, model: Any = None
    ) -> Share:
        """``gids``: local neurons of the target; ``model``: of theirs, where not that of the first."""
        model = projection.target.pieces[0].population.model if model is None else model
        source, lookup = projection.source, None
        if source.extent > source.size or len(source.pieces) > 1 or not source.pieces[0].ascending:
            lookup = (source.gids - source.first_gid).astype(np.int32)
        values = projection.synapse.values
        targets = Targets.of(projection, seed, gids, values.values())
        weight, delay, *further = (Attribute.of(targets, name, value) for name, value in values.items())
        return cls(projection, model, local, lookup, weight, delay, tuple(further))

    @property
    def rows(self) -> range:
        """The gids from that of the first source to that of the last."""
        source = self.projection.source
        return range(source.first_gid, source.first_gid + source.extent)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The inputs of the target that the synapses drive: two where it tells signs and weights may have both.

        The one that the synapse names, where it names one.
        """
        model = self.model
        receptor = self.projection.synapse.receptor
        if receptor is not None:
            return (model.receptors.index(receptor),)
        low, high = bounds(self.weight.value)
        if model.inputs() == 1 or low >= 0.0 or high < 0.0:
            return (model.input_of(low < 0.0),)
        return (model.input_of(False), model.input_of(True))

    def shared(self, dt: float) -> Any:
        """What projections onto one group have in common that go into one table.

        Constant synapses that drive the same input, and agree on a weight and a delay, or each have their own.
        """
        synapse = self.projection.synapse
        if not synapse.constant or len(self.inputs) > 1:
            return self.projection.index
        at_once = self.projection.most_at_once(dt)
        return type(synapse), self.inputs, self.weight.single, self.delay.single, at_once

    @property
    def can_be_segmented(self) -> bool:
        """Whether there are delays that segments could hold."""
        return self.delay.single is None and self.projection.synapse.constant

    def pieces(self) -> Iterator[Edges]:
        """The local edges, piece by piece."""
        return self.projection.rule.edges(self.weight.targets)

    def placed(self, piece: Edges) -> tuple[npt.NDArray[np.int32], Int64Array, int]:
        """Where the edges of a piece belong: source (edges,) counted from the first gid, degree of the targets, first.

        The targets follow each other in the group, from local index ``first`` on; those in between that are no targets
        have no edges.
        """
        source = piece.source if self.lookup is None else self.lookup[piece.source]
        if isinstance(self.local, int):
            return source, piece.degree, self.local + piece.first
        if not len(piece.degree):
            return source, piece.degree, 0
        local = self.local[piece.first : piece.first + len(piece.degree)]
        degree = np.zeros(local[-1] + 1 - local[0], np.int64)
        degree[local - local[0]] = piece.degree
        return source, degree, int(local[0])

    def count(self, counts: Int64Array, dt: float) -> int:
        """Add the number of edges of every source to counts (sources,); returns the longest delay in steps."""
        longest = 1 if self.delay.single is None else to_steps(self.delay.single, dt, "delay")
        for piece in self.pieces():
            count(self.placed(piece)[0], counts)
            if self.delay.single is None:
                longest = max(longest, int(self.steps(piece, dt).max(initial=1)))
        return longest

    def steps(self, piece: Edges, dt: float) -> npt.NDArray[Any]:
        """Delays (edges,) in steps of the edges of a piece, where each has its own."""
        table = _step_table(self.delay.value, dt)
        if table is not None:
            return steps_of_rows(table, self.delay.streams(piece), piece.degree)
        return in_steps(self.delay.of_edges(piece), dt)


def by_table(shares: Iterable[Share], dt: float) -> list[list[Share]]:
    """The shares of projections onto one group by the table that they go into together."""
    tables: dict[Any, list[Share]] = {}
    for share in shares:
        tables.setdefault(share.shared(dt), []).append(share)
    return list(tables.values())


def build_tables(
    shares: list[Share], dt: float, weight_type: Any, index_type: Any, segmented: bool | None = None
) -> list[tuple[int, Table]]:
    """The tables of the local edges of projections onto one group, each with the input of the group that it drives.

    The shares drive the same inputs, and agree on the weight and on the delay of all edges, or that each edge has its
    own. One share may drive two inputs: there is then a table for each sign of weight. segmented: keep delays as
    segments (only if constant), or, where None, choose by the number of edges.
    """
    table = _build_table(shares, dt, weight_type, index_type, segmented)
    inputs = shares[0].inputs
    if len(inputs) == 1:
        return [(inputs[0], table)]
    return [(k, _of_sign(table, negative)) for negative, k in zip((False, True), inputs, strict=True)]


def source_range(shares: list[Share]) -> tuple[int, int]:
    """First gid and number of the sources of a table."""
    first = min(share.rows.start for share in shares)
    return first, max(share.rows.stop for share in shares) - first


def by_sources(shares: list[Share]) -> list[tuple[range, list[Share]]]:
    """The shares of a table by their sources, ascending: gids, and those whose sources lie among them.

    Mostly they are those of one population; parts that overlap are together.
    """
    together: list[tuple[range, list[int]]] = []
    for place in sorted(range(len(shares)), key=lambda k: shares[k].rows.start):
        rows = shares[place].rows
        if together and (rows.start < together[-1][0].stop or rows == together[-1][0]):
            before, places = together.pop()
            together.append((range(before.start, max(before.stop, rows.stop)), [*places, place]))
        else:
            together.append((rows, [place]))
    return [(rows, [shares[place] for place in sorted(places)]) for rows, places in together]


def is_dense(n_source: int, n_edges: float) -> bool:
    """Whether a table of so many edges has a row for every source, also for those without edges."""
    return n_source * DENSE_ROWS_PER_EDGE <= n_edges


def is_segmented(share: Share, n_edges: float, n_rows: float, longest: int) -> bool:
    """Whether so many edges keep their delays, the longest of that many steps, as segments."""
    return share.can_be_segmented and n_edges >= EDGES_PER_SEGMENT * longest * n_rows


def _build_table(shares: list[Share], dt: float, weight_type: Any, index_type: Any, segmented: bool | None) -> Table:
    first_gid, n_source = source_range(shares)
    counts = np.zeros(n_source, np.int64)
    longest = max([share.count(counts[share.rows.start - first_gid :], dt) for share in shares])
    offsets = np.zeros(n_source + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    n_edges = int(offsets[-1])
    sources = None if is_dense(n_source, n_edges) else np.flatnonzero(counts)
    first, plastic = shares[0], shares[0].projection.synapse.plastic
    if segmented is None:
        segmented = is_segmented(first, n_edges, n_source if sources is None else len(sources), longest)
    segmented = segmented and first.can_be_segmented
    segmented = segmented and counts.max(initial=0) < min(MOST_IN_ROW, np.iinfo(index_type).max)
    one_delay = first.delay.single is not None
    delay_type = np.result_type(*(_delay_type(share.delay.value, dt) for share in shares))
    table = Table(
        first_gid,
        n_source,
        sources,
        offsets,
        np.empty(n_edges, index_type),
        _allocate(first.weight, n_edges, weight_type, plastic),
        np.empty(0 if one_delay or segmented else n_edges, delay_type),
        np.zeros((n_source, longest + 1), index_type) if segmented else None,
        one_weight=first.weight.single is not None and not plastic,
    )
    fill_rows = _fill if one_delay else partial(_fill_sorted, dt, longest, delay_type)
    fill_rows(shares, table)
    table = replace(table, attributes=_attributes(first, table, weight_type, fill_rows))
    if one_delay:
        table = replace(table, delays=np.array([longest], delay_type))
    return table if sources is None else _with_rows(table, sources)


def _attributes(
    share: Share, table: Table, weight_type: Any, fill_rows: Callable[[list[Share], Table], None]
) -> dict[str, npt.NDArray[Any]]:
    """What the edges of a table have beside weight and delay, (edges,) or (1,), by name.

    Only synapses that share their table with no other projection have such parameters. Each goes where weights go, in
    a pass of its own that puts targets and delays where they lie already.
    """
    values = {}
    for attribute in share.further:
        own = values[attribute.purpose] = _allocate(attribute, table.n_edges, weight_type, False)
        if attribute.single is None:
            fill_rows([replace(share, weight=attribute)], replace(table, weights=own))
    return values


def _with_rows(table: Table, rows: Int64Array) -> Table:
    """The table with those rows only; the others have no edges."""
    segments = None if table.segments is None else table.segments[rows]
    return replace(table, offsets=np.append(table.offsets[rows], table.n_edges), segments=segments)


def _fill(shares: list[Share], table: Table) -> None:
    """Put all edges into their rows, where they have one delay and stay in the order of targets."""
    cursor = table.offsets[:-1].copy()
    for share in shares:
        own_cursor = cursor[share.rows.start - table.first_source_gid :]
        for piece in share.pieces():
            own = np.empty(0) if share.weight.single is not None else share.weight.of_edges(piece)
            fill(*share.placed(piece), own_cursor, table.targets, own, table.weights)


def _fill_sorted(dt: float, longest: int, delay_type: Any, shares: list[Share], table: Table) -> None:
    """Put all edges into their rows, sorted by delay, one source population after the other."""
    kind = record_type(table.weights.dtype, table.targets.dtype, delay_type)
    each = shares[0].weight.single is None  # and not whether there are any: types must not depend on data
    own_weights = table.weights if each else np.empty(0, table.weights.dtype)
    first = table.first_source_gid
    groups = by_sources(shares)
    most = max(table.offsets[rows.stop - first] - table.offsets[rows.start - first] for rows, _ in groups)
    buffer = np.empty(most, kind)  # one for all: memory that is new to a process costs more than to fill it
    for rows, together in groups:
        offsets = table.offsets[rows.start - first : rows.stop - first + 1]
        records = buffer[: offsets[-1] - offsets[0]]
        cursor = offsets[:-1] - offsets[0]
        for share in together:
            own_cursor = cursor[share.rows.start - rows.start :]
            for piece in share.pieces():
                own = share.weight.of_edges(piece) if each else np.empty(0)
                steps = share.steps(piece, dt)
                collect(*share.placed(piece), own_cursor, own, steps, records)
        segments = (
            np.empty((0, 0), table.targets.dtype) if table.segments is None else table.segments[rows.start - first :]
        )
        sort_rows(offsets, records, longest, table.targets, own_weights, table.delays, segments)


def _allocate(weight: Attribute, n_edges: int, weight_type: Any, plastic: bool) -> npt.NDArray[Any]:
    """Weights (edges,), filled where all start equal but may change; (1,) where all are equal and stay so."""
    if weight.single is None:
        return np.empty(n_edges, weight_type)
    return np.full(n_edges, weight.single, weight_type) if plastic else np.array([weight.single])


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

    return replace(
        table,
        offsets=offsets,
        targets=table.targets[chosen],
        weights=table.weights[chosen],
        delays=kept_of(table.delays),
        segments=segments,
        attributes={name: kept_of(values) for name, values in table.attributes.items()},
    )


def _step_table(value: Value, dt: float) -> StepTable | None:
    return _step_table_of(value, dt) if isinstance(value, Distribution) else None  # type: ignore[arg-type]


_step_table_of = lru_cache(step_table)


def _delay_type(value: Value, dt: float) -> Any:
    """The smallest type for delays in steps up to the longest that is given or can be drawn."""
    if _step_table(value, dt):
        return np.uint8
    longest = longest_drawn(value) if isinstance(value, Distribution) else float(np.max(value, initial=0.0))
    return smallest_unsigned(round_to_steps(longest, dt))
