"""Static synapses of many kinds, each of one delay, in one table: the edges of a source lie in runs of one kind."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit
from distsim.spiking.synapses.input_unit import Grid, to_units
from distsim.spiking.synapses.synapse_model import Delivery
from distsim.spiking.synapses.table import Int64Array, Runs, Table, row_of


class RunDelivery(Delivery):
    """Delivers the spikes of one table of static synapses in runs, each at once: its source is looked up once."""

    def __init__(self, table: Table, runs: Runs) -> None:
        super().__init__(table)
        self.arrays = (table.place, table.offsets, tuple(runs), table.targets, table.weights, table.delays)

    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        kernel, before, after = self.compiled(grid)
        return int(kernel(gids, stamps, *before, ring, *after))

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        """The kernel, and what it takes before and after the ring."""
        return deliver_runs, (self.arrays, self.table.weight_unit / grid.unit), ()


@jit
def deliver_runs(gids, stamps, table, per_unit, ring):  # type: ignore[no-untyped-def]
    """As ``static.deliver``; table: place, offsets, ``Runs``, targets, weights and delays of the table."""
    place, offsets, runs, targets, weights, delays = table
    first, ends, kinds, each = runs
    n_slots = ring.shape[0]
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row < 0:
            continue
        base, begin = stamps[spike] % n_slots, offsets[row]
        for run in range(first[row], first[row + 1]):
            end, kind = offsets[row] + np.int64(ends[run]), kinds[run]
            arrival = base + np.int64(delays[kind])
            slot = ring[arrival - n_slots if arrival >= n_slots else arrival]
            to = targets[begin:end]
            if each:
                own = weights[begin:end]
                for i in range(to.size):
                    slot[to[i]] += to_units(own[i], per_unit)
            else:
                units = to_units(weights[kind], per_unit)
                for i in range(to.size):
                    slot[to[i]] += units
            begin = end
    return 0
