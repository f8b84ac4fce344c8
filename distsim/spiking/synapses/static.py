"""Static synapses: the weight never changes."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import row_of
from distsim.core.jit import inline, jit, prefetch_between
from distsim.spiking.synapses.input_unit import Grid, to_units
from distsim.spiking.synapses.kinds import KindDelivery
from distsim.spiking.synapses.segments import SegmentDelivery
from distsim.spiking.synapses.synapse_model import Delivery, SynapseModel
from distsim.spiking.synapses.table import Int64Array, Table

ROWS_AHEAD = 8  # rows that are asked for from memory ahead of their turn
ASKED = 256  # edges of each that are asked for at most: the processor goes on by itself where rows are long


class Static(SynapseModel):
    """A synapse of constant ``weight`` and ``delay`` (ms): one number, an array, or a distribution each.

    The unit of weights is that of the target's input: pA, but mV for iaf_psc_delta. ``receptor`` names the input of
    the target, where it has several to choose from.
    """

    constant: ClassVar[bool] = True

    def delivery(self, table: Table, n_target: int, dt: float) -> Delivery:
        if table.kinds is not None:
            return KindDelivery(table, table.kinds)
        return StaticDelivery(table) if table.segments is None else SegmentDelivery(table)


class StaticDelivery(Delivery):
    """Delivers the spikes of one table of static synapses, each at once."""

    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        deliver(gids, stamps, self.table.arrays, self.table.weight_unit / grid.unit, ring)
        return 0

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        return deliver, (self.table.arrays, self.table.weight_unit / grid.unit), ()


@jit
def deliver(gids, stamps, table, per_unit, ring):  # type: ignore[no-untyped-def]
    """Add the weight of every synapse of every spike to the input of its target.

    gids, stamps (spikes,) int64: source and step of each spike; sources that are not in the table are skipped.
    table: ``Table.arrays``. per_unit: units of the grid per unit of weight.
    ring (slots, neurons) int64 or int32, modified: input that arrives at stamp + delay. Integer sums are exact.
    """
    _, _, targets, weights, delays = table
    n_slots = ring.shape[0]
    one_weight = weights.size == 1
    one_delay = delays.size == 1
    begin, end, sent = np.empty(gids.size, np.int64), np.empty(gids.size, np.int64), np.empty(gids.size, np.int64)
    n = rows_of(gids, stamps, table, begin, end, sent)
    for k in range(-ROWS_AHEAD, n):
        if k + ROWS_AHEAD < n:
            ask_for(begin[k + ROWS_AHEAD], end[k + ROWS_AHEAD], table)
        if k < 0:
            continue
        row = targets[begin[k] : end[k]]
        row_weights = weights if one_weight else weights[begin[k] : end[k]]
        row_delays = delays if one_delay else delays[begin[k] : end[k]]
        if one_delay:
            slot = ring[(sent[k] + np.int64(delays[0])) % n_slots]
            if one_weight:
                units = to_units(weights[0], per_unit)
                for i in range(row.size):
                    slot[row[i]] += units
            else:
                for i in range(row.size):
                    slot[row[i]] += to_units(row_weights[i], per_unit)
        else:
            base = sent[k] % n_slots
            for i in range(row.size):
                arrival = base + np.int64(row_delays[i])
                arrival = arrival - n_slots if arrival >= n_slots else arrival
                ring[np.uint64(arrival), row[i]] += to_units(row_weights[0 if one_weight else i], per_unit)
    return 0


@inline
def rows_of(gids, stamps, table, begin, end, sent):  # type: ignore[no-untyped-def]
    """Write the first edge and the one after the last of every spike that has edges, and its step; returns how many.

    Where rows begin is known of all before the first is delivered: no spike waits for it.
    """
    place, offsets, _, _, _ = table
    n = 0
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row >= 0:
            begin[n], end[n], sent[n] = offsets[row], offsets[row + 1], stamps[spike]
            n += 1
    return n


@inline
def ask_for(begin, end, table):  # type: ignore[no-untyped-def]
    """Start to load the first of the edges begin .. end - 1 into the cache."""
    _, _, targets, weights, delays = table
    asked = min(end, begin + ASKED)
    if begin < asked:
        prefetch_between(targets, begin, asked)
        if weights.size > 1:
            prefetch_between(weights, begin, asked)
        if delays.size > 1:
            prefetch_between(delays, begin, asked)
