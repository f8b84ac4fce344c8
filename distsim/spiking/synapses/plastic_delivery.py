"""What delivers the spikes of synapses whose weights depend on the spikes of their targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.units import MAX_STEPS
from distsim.spiking.synapses.history import NEVER, History
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.synapse_model import Delivery, FloatArray
from distsim.spiking.synapses.table import Int64Array, Table

SHORT_HISTORY = 32  # spikes that a history may hold, however few synapses there are


class PlasticKernels(NamedTuple):
    """Kernels of ``PlasticDelivery``.

    deliver(gids, stamps, table, (units per pA, largest weight), ring, history, sources, constants)
    settle(before, until, table, history, sources, constants)
    weights_at(now, edges, rows, table, history, sources, constants, result)
    """

    deliver: Any
    settle: Any
    weights_at: Any


class PlasticDelivery(Delivery):
    """Delivers the spikes of one table of plastic synapses.

    It holds the traces of the sources and the histories of the targets; the weights as last transmitted stand in the
    table. settled (edges,) float64, empty where there are none: the weights of sources that have been silent for long,
    potentiated by all that reached the synapse up to settled_until (rows,), the step of the row; a row of which that
    is not after its last spike is not settled. The memory of rows that never are is not touched.

    Kernels take, as plain tuples: table, ``Table.arrays``; history, ``History.arrays``; sources, (k_plus (rows,)
    float64: K_plus just after the last spike, 0 where a source has not fired; t_last (rows,) int64: its step; settled,
    settled_until); constants, (p, attributes, rate_plus, rate_minus): numbers of the equations, what each synapse has
    of its own, (edges,) or (1,), and the decay of the traces of sources and targets per step as powers of two.
    """

    def __init__(self, table: Table, n_target: int, kernels: PlasticKernels, constants: tuple[Any, ...]) -> None:
        super().__init__(table)
        self.kernels = kernels
        self.constants = constants
        rows = len(table.offsets) - 1
        self.k_plus = np.zeros(rows)
        self.t_last = np.zeros(rows, np.int64)
        self.settled = np.empty(0)
        self.settled_until = np.zeros(rows, np.int64)
        self.sources = (self.k_plus, self.t_last, self.settled, self.settled_until)
        self.history = History(n_target, constants[3], int(table.delays.max(initial=1)))
        self.longest_history = max(SHORT_HISTORY, table.n_edges // max(n_target, 1))
        self._settle(NEVER, 0)  # nothing yet: it is compiled here, and not in the middle of a run

    def archive(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int) -> None:
        """Append the spikes (local index, step) of the interval that began after step ``start`` to the histories."""
        begin = self.history.append(neurons, stamps, 0, start)
        while begin < len(neurons):
            self._make_room(int(neurons[begin]), start)
            begin = self.history.append(neurons, stamps, begin, start)

    def _make_room(self, neuron: int, start: int) -> None:
        """Make room for half of a history, that of ``neuron``, so that this is rarely done.

        Where a source still asks for what is to be dropped, histories grow; where they hold as many spikes as neurons
        have synapses, those of that source are settled instead, which takes about as much memory.
        """
        history = self.history
        middle = history.middle(neuron)
        keep_from = min(self._oldest_asked(), start) - history.longest_delay
        if keep_from < middle:
            if 2 * history.capacity <= self.longest_history or middle > start - history.longest_delay:
                history.lengthen()
                return
            self._settle(middle + history.longest_delay, start)
            keep_from = middle
        history.keep_from = keep_from

    def _oldest_asked(self) -> int:
        """The oldest step up to which the synapses of a source that has fired are up to date."""
        asks = (self.k_plus > 0.0) & (np.diff(self.table.offsets) > 0)
        return int(np.maximum(self.t_last, self.settled_until)[asks].min(initial=MAX_STEPS))

    def _settle(self, before: int, until: int) -> None:
        """Settle the rows that are up to date to a step earlier than ``before``: bring them up to step ``until``."""
        if before > NEVER and not len(self.settled):
            self.settled = np.empty(self.table.n_edges)
            self.sources = (self.k_plus, self.t_last, self.settled, self.settled_until)
        self.kernels.settle(before, until, self.table.arrays, self.history.arrays, self.sources, self.constants)

    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        kernel, before, after = self.compiled(grid)
        return int(kernel(gids, stamps, *before, ring, *after))

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        limits = 1.0 / grid.unit, grid.largest_weight
        return self.kernels.deliver, (self.table.arrays, limits), (self.history.arrays, self.sources, self.constants)

    def remembered(self) -> tuple[Any, ...]:
        return self.history.own

    def weights_at(self, now: int, edges: Int64Array, rows: Int64Array) -> FloatArray:
        result = np.empty(len(edges))
        table, history = self.table.arrays, self.history.arrays
        self.kernels.weights_at(now, edges, rows, table, history, self.sources, self.constants, result)
        return result
