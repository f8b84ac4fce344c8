"""From edges drawn per target to tables by source: count, allocate once, fill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

import distsim.build.spatial  # noqa: F401 # knows one more rule
from distsim.build.draw import Edges, Targets, edges
from distsim.build.row_numbers import StepTable, in_steps, step_table, steps_of_rows, values_of_rows
from distsim.jit import jit
from distsim.network.distributions import Distribution
from distsim.network.network import Projection
from distsim.network.values import Value
from distsim.rng import stream_keys
from distsim.synapses.segments import LENGTH_BITS
from distsim.synapses.static import Static
from distsim.synapses.table import Table
from distsim.units import round_to_steps, to_steps

Int64Array = npt.NDArray[np.int64]
EDGES_PER_SEGMENT = 8  # in the mean, from which on segments are faster than a slot for every edge
MOST_IN_ROW = 1 << LENGTH_BITS  # edges in a row in segments
DENSE_ROWS_PER_EDGE = 0.25  # a row for every source, while rows are at most this many times the local edges


def smallest_unsigned(largest: int) -> Any:
    """The smallest unsigned integer type that holds ``largest``."""
    return next(t for t in (np.uint8, np.uint16, np.uint32) if largest <= np.iinfo(t).max)


def target_type(n_local: int) -> Any:
    """The type of local target indices: uint16 below 65,536 neurons of a population on a rank, else uint32."""
    return np.uint16 if n_local <= 1 << 16 else np.uint32


@dataclass(frozen=True)
class Attribute:
    """Weight or delay of the edges of a projection: one value for all, or drawn or looked up edge by edge."""

    targets: Targets
    purpose: str
    value: Value

    @classmethod
    def of(cls, targets: Targets, purpose: str, value: Value) -> Attribute:
        """An array of equal entries counts as one value."""
        if isinstance(value, np.ndarray) and value.size and (value == value.flat[0]).all():
            value = float(value.flat[0])
        return cls(targets, purpose, value)

    @property
    def single(self) -> float | None:
        """The value that all edges share, or None."""
        return self.value if isinstance(self.value, float) else None

    def of_edges(self, piece: Edges) -> npt.NDArray[np.float64]:
        """Values (edges,) of the edges of a piece."""
        if isinstance(self.value, Distribution):
            return values_of_rows(self.value, self.keys(piece), piece.degree)
        if isinstance(self.value, np.ndarray) and piece.entry is not None:
            return self.value.ravel()[piece.entry]
        return np.full(len(piece.source), self.value, np.float64)

    def keys(self, piece: Edges) -> npt.NDArray[np.uint64]:
        """Keys of the streams of the targets of a piece."""
        gids = self.targets.gids[piece.first : piece.first + len(piece.degree)]
        return stream_keys(self.targets.seed, self.purpose, self.targets.projection.index, gids)


@dataclass(frozen=True)
class Member:
    """A projection whose local edges go into a table; ``begin``: first neuron of its target population in the group.

    further: what else the synapses have of their own, see ``Table.attributes``.
    """

    projection: Projection
    begin: int
    weight: Attribute
    delay: Attribute
    further: tuple[Attribute, ...] = ()

    @classmethod
    def of(cls, projection: Projection, seed: int, gids: Int64Array, begin: int) -> Member:
        """``gids``: local neurons of the target population."""
        targets = Targets.of(projection, seed, gids)
        synapse = projection.synapse
        weight, delay = (Attribute.of(targets, name, getattr(synapse, name)) for name in ("weight", "delay"))
        names = getattr(synapse, "attributes", ())
        further = tuple(Attribute.of(targets, name, getattr(synapse, name)) for name in names)
        return cls(projection, begin, weight, delay, further)

    @property
    def inputs(self) -> tuple[int, ...]:
        """The inputs of the target that the synapses drive: two where it tells signs and weights may have both.

        One where the synapse names the receptor.
        """
        model = self.projection.target.model
        receptor = getattr(self.projection.synapse, "receptor", None)
        if receptor is not None:
            return (model.receptors.index(receptor),)  # type: ignore[attr-defined] # checked by the network
        low, high = _bounds(self.weight.value)
        if model.inputs() == 1 or low >= 0.0 or high < 0.0:
            return (model.input_of(high < 0.0),)
        return (model.input_of(False), model.input_of(True))

    def pieces(self) -> Iterator[Edges]:
        """The local edges, piece by piece."""
        return edges(self.projection.rule, self.weight.targets)


def build_tables(
    members: list[Member], dt: float, weight_type: Any, index_type: Any, segmented: bool | None = None
) -> list[tuple[int, Table]]:
    """The tables of the local edges of projections onto one group, each with the input of the group that it drives.

    The members drive the same inputs, and agree on the weight and on the delay of all edges, or that each edge has its
    own. One member may drive two inputs: there is then a table for each sign of weight. segmented: keep delays as
    segments (only if static), or, where None, choose by the number of edges.
    """
    table = _build_table(members, dt, weight_type, index_type, segmented)
    inputs = members[0].inputs
    if len(inputs) == 1:
        return [(inputs[0], table)]
    return [(k, _of_sign(table, negative)) for negative, k in zip((False, True), inputs, strict=True)]


def _bounds(value: Value) -> tuple[float, float]:
    """The smallest and largest value that can occur; (0, 0) for an empty array."""
    if isinstance(value, Distribution):
        return value.bounds()
    return (float(np.min(value)), float(np.max(value))) if np.size(value) else (0.0, 0.0)


def _build_table(members: list[Member], dt: float, weight_type: Any, index_type: Any, segmented: bool | None) -> Table:
    first_gid = min(m.projection.source.first_gid for m in members)
    n_source = max(m.projection.source.first_gid + m.projection.source.size for m in members) - first_gid
    counts = np.zeros(n_source, np.int64)
    for m in members:
        for piece in m.pieces():
            count(piece.source, counts[m.projection.source.first_gid - first_gid :])
    offsets = np.zeros(n_source + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    n_edges = int(offsets[-1])
    weight, delay = members[0].weight, members[0].delay
    target = np.empty(n_edges, index_type)
    weights = _allocate(weight, n_edges, weight_type, members[0].projection.synapse.plastic)
    delay_type = np.result_type(*(_delay_type(m.delay.value, dt) for m in members))
    delays = np.empty(n_edges if delay.single is None else 0, delay_type)
    attributes = {a.purpose: _allocate(a, n_edges, weight_type, False) for a in members[0].further}
    cursor = offsets[:-1].copy()
    for m in members:
        _fill(m, dt, cursor[m.projection.source.first_gid - first_gid :], target, weights, delays, attributes)
    sources = None
    if n_source * DENSE_ROWS_PER_EDGE > n_edges:
        sources = np.flatnonzero(counts)
        offsets = np.append(offsets[sources], n_edges)
    if delay.single is not None:
        delays = np.array([to_steps(delay.single, dt, "delay")], delay_type)
        return Table(first_gid, n_source, sources, offsets, target, weights, delays, attributes=attributes)
    longest = int(delays.max(initial=1))
    if segmented is None:
        segmented = n_edges >= EDGES_PER_SEGMENT * longest * (len(offsets) - 1)
    segmented = segmented and type(members[0].projection.synapse) is Static and counts.max(initial=0) < MOST_IN_ROW
    segments = np.empty((len(offsets) - 1 if segmented else 0, longest + 1), smallest_unsigned(counts.max(initial=256)))
    own_weights = weights if weight.single is None else np.empty(0, weights.dtype)  # one for all: nothing to sort
    if attributes:
        order = np.arange(n_edges)
        sort_rows_by_delay(offsets, longest, delays, target, order, segments)
        weights = weights if weight.single is not None else weights[order]
        attributes = {name: values if len(values) == 1 else values[order] for name, values in attributes.items()}
        return Table(first_gid, n_source, sources, offsets, target, weights, delays, attributes=attributes)
    sort_rows_by_delay(offsets, longest, delays, target, own_weights, segments)
    if segmented:
        return Table(first_gid, n_source, sources, offsets, target, weights, np.empty(0, delay_type), segments)
    return Table(first_gid, n_source, sources, offsets, target, weights, delays)


def _fill(
    member: Member,
    dt: float,
    cursor: Int64Array,
    target: npt.NDArray[Any],
    weights: npt.NDArray[Any],
    delays: npt.NDArray[Any],
    attributes: Mapping[str, npt.NDArray[Any]],
) -> None:
    """Put the edges of a member at the cursors of its sources, which move on."""
    weight, delay = member.weight, member.delay
    nothing = np.empty(0, weights.dtype), np.empty(0, delays.dtype)
    steps = _step_table(delay.value, dt)
    for piece in member.pieces():
        own = weight.of_edges(piece) if weight.single is None else nothing[0]
        if delay.single is not None:
            own_steps = nothing[1]
        elif steps is not None:
            own_steps = steps_of_rows(steps, delay.keys(piece), piece.degree)
        else:
            own_steps = np.minimum(in_steps(delay.of_edges(piece), dt), _largest(delays))
        for attribute in (a for a in member.further if a.single is None):
            attributes[attribute.purpose][places(piece.source, cursor.copy())] = attribute.of_edges(piece)
        first = member.begin + piece.first
        fill(piece.source, piece.degree, first, cursor, target, own, weights, own_steps, delays)


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
    return replace(
        table,
        offsets=offsets,
        targets=table.targets[chosen],
        weights=table.weights[chosen],
        delays=table.delays[chosen] if len(table.delays) == table.n_edges else table.delays,
        segments=segments,
        attributes={name: v if len(v) == 1 else v[chosen] for name, v in table.attributes.items()},
    )


def _largest(values: npt.NDArray[Any]) -> int:
    return int(np.iinfo(values.dtype).max)


def _step_table(value: Value, dt: float) -> StepTable | None:
    return _step_table_of(value, dt) if isinstance(value, Distribution) else None  # type: ignore[arg-type]


_step_table_of = lru_cache(step_table)


def _delay_type(value: Value, dt: float) -> Any:
    """The smallest type for delays in steps up to the largest that can occur; uint16 where there is no bound."""
    if _step_table(value, dt):
        return np.uint8
    longest = _bounds(value)[1]
    return smallest_unsigned(round_to_steps(longest, dt)) if np.isfinite(longest) else np.uint16


@jit
def count(source, counts):  # type: ignore[no-untyped-def]
    """counts[s] += the number of edges of source s."""
    for edge in range(source.size):
        counts[source[edge]] += 1


@jit
def places(source, cursor):  # type: ignore[no-untyped-def]
    """Where ``fill`` will put the edges (edges,) of a piece; the cursors move on."""
    place = np.empty(source.size, np.int64)
    for edge in range(source.size):
        place[edge] = cursor[source[edge]]
        cursor[source[edge]] += 1
    return place


@jit
def fill(source, degree, first, cursor, targets, own_weights, weights, own_delays, delays):  # type: ignore[no-untyped-def]
    """Put every edge at the cursor of its source, which moves on.

    source (edges,): those of target ``first``, degree[0] of them, then those of the next target, ... Weights and
    delays of their own, (edges,), go there too; (0,) where there are none.
    """
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            at = cursor[source[edge]]
            cursor[source[edge]] = at + 1
            targets[at] = first + t
            if own_weights.size:
                weights[at] = own_weights[edge]
            if own_delays.size:
                delays[at] = own_delays[edge]
            edge += 1


@jit
def sort_rows_by_delay(offsets, longest, delays, targets, weights, segments):  # type: ignore[no-untyped-def]
    """Sort the edges of every row by delay, keeping the order of equal delays.

    weights may be empty: all equal. segments (rows, longest + 1), unless it is empty: how many edges of each row have
    at most that delay.
    """
    start = np.zeros(longest + 2, np.int64)
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        if end - begin < 2 and segments.shape[0] == 0:
            continue
        old_delays = delays[begin:end].copy()
        old_targets = targets[begin:end].copy()
        old_weights = weights[begin:end].copy() if weights.size else weights
        start[:] = 0
        for i in range(old_delays.size):
            start[old_delays[i] + 1] += 1
        for d in range(1, start.size):
            start[d] += start[d - 1]
        for d in range(longest + 1 if segments.shape[0] else 0):
            segments[row, d] = start[d + 1]
        for i in range(old_delays.size):
            place = begin + start[old_delays[i]]
            start[old_delays[i]] += 1
            delays[place] = old_delays[i]
            targets[place] = old_targets[i]
            if weights.size:
                weights[place] = old_weights[i]
