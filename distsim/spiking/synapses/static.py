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

ASKED = 256  # edges of the next spike that are asked for from memory at most: it goes on by itself where rows are long


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
    begin, end = asked_for(gids[0], table) if gids.size > 0 else (0, 0)
    for spike in range(gids.size):
        row = targets[begin:end]
        row_weights = weights if one_weight else weights[begin:end]
        row_delays = delays if one_delay else delays[begin:end]
        begin, end = asked_for(gids[spike + 1], table) if spike + 1 < gids.size else (0, 0)
        if one_delay:
            slot = ring[(stamps[spike] + np.int64(delays[0])) % n_slots]
            if one_weight:
                units = to_units(weights[0], per_unit)
                for i in range(row.size):
                    slot[row[i]] += units
            else:
                for i in range(row.size):
                    slot[row[i]] += to_units(row_weights[i], per_unit)
        else:
            base = stamps[spike] % n_slots
            for i in range(row.size):
                arrival = base + np.int64(row_delays[i])
                arrival = arrival - n_slots if arrival >= n_slots else arrival
                ring[np.uint64(arrival), row[i]] += to_units(row_weights[0 if one_weight else i], per_unit)
    return 0


@inline
def asked_for(gid, table):  # type: ignore[no-untyped-def]
    """The first edge of a source, and the one after its last, of which the first are on their way from memory now."""
    place, offsets, targets, weights, delays = table
    row = row_of(gid, place)
    if row < 0:
        return 0, 0
    begin, end = np.int64(offsets[row]), np.int64(offsets[row + 1])
    asked = min(end, begin + ASKED)
    if begin < asked:
        prefetch_between(targets, begin, asked)
        if weights.size > 1:
            prefetch_between(weights, begin, asked)
        if delays.size > 1:
            prefetch_between(delays, begin, asked)
    return begin, end
