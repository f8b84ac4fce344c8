"""Static synapses of many kinds, each of one delay, in one table: a spike is looked up once, not kind by kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.jit import jit
from distsim.spiking.synapses.input_unit import Grid, to_units
from distsim.spiking.synapses.synapse_model import CompiledDelivery
from distsim.spiking.synapses.table import Kinds, Table


class KindDelivery(CompiledDelivery):
    """Delivers the spikes of one table of static synapses of many kinds, each at once."""

    def __init__(self, table: Table, kinds: Kinds) -> None:
        super().__init__(table)
        self._kernel = deliver_runs if kinds.in_runs else deliver_kinds
        self._arrays = (table.place, table.offsets, tuple(kinds), table.targets, table.weights, table.delays)

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        """The kernel, and what it takes before the ring and after it."""
        return self._kernel, (self._arrays, self.table.weight_unit / grid.unit), ()


@jit
def deliver_kinds(gids, stamps, table, per_unit, ring):  # type: ignore[no-untyped-def]
    """As ``static.deliver``, each edge of its kind; table: place, offsets, ``Kinds``, targets, weights, delays."""
    place, offsets, (kinds, each, _, _), targets, weights, delays = table
    n_slots = ring.shape[0]
    for spike in range(gids.size):
        source_row = row_of(gids[spike], place)
        if source_row < 0:
            continue
        base, begin, end = stamps[spike] % n_slots, offsets[source_row], offsets[source_row + 1]
        row, kind_of = targets[begin:end], kinds[begin:end]
        own = weights[begin:end] if each else weights
        for i in range(row.size):
            kind = kind_of[i]
            arrival = base + np.int64(delays[kind])
            arrival = arrival - n_slots if arrival >= n_slots else arrival
            ring[arrival, row[i]] += to_units(own[i if each else np.int64(kind)], per_unit)
    return 0


@jit
def deliver_runs(gids, stamps, table, per_unit, ring):  # type: ignore[no-untyped-def]
    """As ``deliver_kinds``, where the edges of a source lie in runs of one kind."""
    place, offsets, (kinds, each, first, ends), targets, weights, delays = table
    n_slots = ring.shape[0]
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row < 0:
            continue
        base, start = stamps[spike] % n_slots, offsets[row]
        edge = start
        for run in range(first[row], first[row + 1]):  # often of a few edges: slices would take as long as ten
            kind, end = kinds[run], start + np.int64(ends[run])
            arrival = base + np.int64(delays[kind])
            arrival = arrival - n_slots if arrival >= n_slots else arrival
            units = to_units(weights[0 if each else np.int64(kind)], per_unit)
            while edge < end:
                ring[arrival, targets[edge]] += to_units(weights[edge], per_unit) if each else units
                edge += 1
    return 0
