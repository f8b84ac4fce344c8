"""Short-term plasticity given by the equations of one synapse: a base for users' own."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.declared import numbers_of
from distsim.core.jit import jit
from distsim.spiking.synapses.input_unit import Grid, to_units
from distsim.spiking.synapses.per_edge import entries, equation, put
from distsim.spiking.synapses.synapse_model import CompiledDelivery, Delivery, SynapseModel
from distsim.spiking.synapses.table import Table

NEVER = -1  # the last spike of a source that has not fired yet


class ShortTermSynapse(SynapseModel, abstract=True):
    """Base of synapses whose weight stays, but of which a spike transmits a part that depends on the spikes before.

    A subclass declares its parameters, as ``initial`` its state variables with their values at the start, by name, and
    as ``kernel`` what ``make_kernel(transmit)`` makes: a static function deliver(gids, stamps, table, (units per pA,
    most transmitted), ring, constants, (state, t_last)). unbounded: whether more than the weight can be transmitted;
    True unless a subclass says otherwise.
    """

    initial: ClassVar[dict[str, float]]
    kernel: ClassVar[Any]
    needs: ClassVar[dict[str, str]] = {
        "initial": "its state variables and their values at the start, as {'x': 1.0}",
        "kernel": "what make_kernel(transmit) makes of its equation",
    }

    @property
    def unbounded(self) -> bool:
        return True

    def delivery(self, table: Table, n_target: int, dt: float) -> Delivery:
        return ShortTermDelivery(self, table, dt)

    def constants(self, table: Table, dt: float) -> tuple[Any, ...]:
        """What the kernel takes: numbers, what each synapse has of its own, (edges,) or (1,), and dt (ms)."""
        return tuple(numbers_of(self).values()), tuple(table.attributes.values()), dt

    def state_bytes(self, edges: float, rows: float, n_target: int) -> float:
        return 8.0 * (len(self.initial) * edges + rows)


class ShortTermDelivery(CompiledDelivery):
    """Delivers the spikes of one table.

    state: that of each synapse just after the last spike, arrays (edges,). t_last (rows,): the last spike of a source.
    """

    def __init__(self, synapse: ShortTermSynapse, table: Table, dt: float) -> None:
        super().__init__(table)
        self.kernel = synapse.kernel
        self.unbounded = synapse.unbounded
        self.constants = synapse.constants(table, dt)
        self.state = tuple(np.full(table.n_edges, float(value)) for value in synapse.initial.values())
        self.t_last = np.full(len(table.offsets) - 1, NEVER)

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        limits = 1.0 / grid.unit, grid.largest_weight if self.unbounded else np.inf
        return self.kernel, (self.table.arrays, limits), (self.constants, (self.state, self.t_last))

    def transfer(self, archive: Any) -> None:
        archive.of_sources("t_last", self.t_last)
        for k, state in enumerate(self.state):
            archive.of_edges(f"state {k}", state)


def make_kernel(transmit: Any) -> Any:
    """The kernel of synapses with this equation, a plain function of numbers that numba compiles.

    transmit(w, state, elapsed, p) -> (state, sent): the state, a tuple as in ``initial``, just after a spike that
    arrives ``elapsed`` ms after the one before (0 for the first), and what it transmits, of a weight w. p: the numbers
    of the synapse, then what each has of its own, in the order of declaration.
    """
    transmit = equation(transmit, "w", "state", "elapsed", "p")

    @jit
    def deliver(gids, stamps, table, grid, ring, constants, remembered):  # type: ignore[no-untyped-def]
        """As ``static.deliver``; returns how many transmitted more than the most, grid[1]."""
        place, offsets, targets, weights, delays = table
        numbers, attributes, dt = constants
        state, t_last = remembered
        per_unit, limit = grid
        beyond = 0
        for spike in range(gids.size):
            row = row_of(gids[spike], place)
            if row < 0:
                continue
            stamp = stamps[spike]
            elapsed = float(stamp - t_last[row]) * dt if t_last[row] != NEVER else 0.0
            t_last[row] = stamp
            for edge in range(offsets[row], offsets[row + 1]):
                w = float(weights[0 if weights.size == 1 else edge])
                after, sent = transmit(w, entries(state, edge), elapsed, numbers + entries(attributes, edge))
                put(after, state, edge)
                beyond += abs(sent) > limit
                delay = np.int64(delays[0 if delays.size == 1 else edge])
                ring[(stamp + delay) % ring.shape[0], targets[edge]] += to_units(sent, per_unit)
        return beyond

    return staticmethod(deliver)  # a kernel takes no synapse
