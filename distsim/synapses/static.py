"""Static synapses: the weight never changes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from distsim.jit import inline, jit
from distsim.network.values import Value
from distsim.synapses.parameters import Shape, check_delay, check_weight, freeze_value
from distsim.synapses.table import Int64Array, Table


@dataclass(frozen=True, eq=False)
class Static:
    """A synapse of constant ``weight`` (pA) and ``delay`` (ms): one number, an array, or a distribution each."""

    weight: Value = 1.0
    delay: Value = 1.0
    plastic: ClassVar[bool] = False

    def __post_init__(self) -> None:
        freeze_value(self, "weight")
        freeze_value(self, "delay", above=0.0)

    def check(self, dt: float, shape: Shape, where: str) -> None:
        check_weight(self.weight, shape, where)
        check_delay(self.delay, dt, shape, where)

    def delivery(self, table: Table, n_target: int, dt: float) -> StaticDelivery:
        """What delivers the spikes of ``table``."""
        return StaticDelivery(table)


class StaticDelivery:
    """Delivers the spikes of one table of static synapses."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def deliver(self, rows: Int64Array, stamps: Int64Array, ring: Int64Array, per_unit: float) -> float:
        """Add the weights of the spikes (row of the table, step) to ring (slots, n); returns 0: nothing changes."""
        t = self.table
        deliver(rows, stamps, t.offsets, t.targets, t.weights, t.delays, per_unit, ring)
        return 0.0


@inline
def in_units(weight, per_unit):  # type: ignore[no-untyped-def]
    """A weight (pA) as the nearest number of units of the exact grid."""
    return np.int64(np.rint(weight * per_unit))


@jit
def deliver(rows, stamps, offsets, targets, weights, delays, per_unit, ring):  # type: ignore[no-untyped-def]
    """Add the weight of every synapse of every spike to the input of its target.

    rows, stamps (spikes,) int64: row of the table and step of each spike. offsets (rows + 1,), targets (edges,):
    the table by source. weights (edges,) or (1,) float (pA), times ``per_unit`` the number of units of the exact
    grid; delays (edges,) or (1,) steps. ring (slots, neurons) int64, modified: input that arrives at stamp + delay.
    Integer sums: any order is exact.
    """
    n_slots = ring.shape[0]
    one_weight = weights.size == 1
    one_delay = delays.size == 1
    for spike in range(rows.size):
        begin, end = offsets[rows[spike]], offsets[rows[spike] + 1]
        row = targets[begin:end]
        row_weights = weights if one_weight else weights[begin:end]
        if one_delay:
            slot = ring[(stamps[spike] + delays[0]) % n_slots]
            if one_weight:
                units = in_units(weights[0], per_unit)
                for i in range(row.size):
                    slot[row[i]] += units
            else:
                for i in range(row.size):
                    slot[row[i]] += in_units(row_weights[i], per_unit)
        else:
            row_delays = delays[begin:end]
            base = stamps[spike] % n_slots
            for i in range(row.size):
                arrival = base + row_delays[i]
                arrival = arrival - n_slots if arrival >= n_slots else arrival
                ring[arrival, row[i]] += in_units(row_weights[0 if one_weight else i], per_unit)
