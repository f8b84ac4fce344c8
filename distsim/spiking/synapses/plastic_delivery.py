"""What delivers the spikes of synapses whose weights depend on the spikes of their targets."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit
from distsim.core.units import MAX_STEPS
from distsim.spiking.synapses.history import NEVER, History, up_to_date
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.synapse_model import CompiledDelivery, FloatArray
from distsim.spiking.synapses.table import Int64Array, Table

LONGEST_BITS = 64  # of a number of steps
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


class PlasticDelivery(CompiledDelivery):
    """Delivers the spikes of one table of plastic synapses.

    It holds the traces of the sources and the histories of the targets; the weights as last transmitted stand in the
    table. settled (edges,) float64, empty where there are none: the weights of sources that have been silent for long,
    potentiated by all that reached the synapse up to settled_until (rows,) int32, the step of the row; a row of which
    that is not after its last spike is not settled. Both are (0,) as long as no row was.

    Kernels take, as plain tuples: table, ``Table.arrays``; history, ``History.arrays``; sources, (k_plus (rows,)
    float64: K_plus just after the last spike, 0 where a source has not fired; t_last (rows,) int32: its step; settled,
    settled_until); constants, (p, attributes, rate_plus, rate_minus): numbers of the equations, what each synapse has
    of its own, (edges,) or (1,), and the decay of the traces of sources and targets per step as powers of two.
    for_delivery: the constants that the kernel of delivery takes, of which subclasses may have more.
    """

    def __init__(self, table: Table, n_target: int, kernels: PlasticKernels, constants: tuple[Any, ...]) -> None:
        super().__init__(table)
        self.kernels = kernels
        self.constants = self.for_delivery = constants
        rows = len(table.offsets) - 1
        self.k_plus = np.zeros(rows)
        self.t_last = np.zeros(rows, np.int32)
        self.settled, self.settled_until = np.empty(0), np.zeros(0, np.int32)
        self.sources = (self.k_plus, self.t_last, self.settled, self.settled_until)
        self.history = History(n_target, constants[3], int(table.delays.max(initial=1)))
        self.longest_history = max(SHORT_HISTORY, table.n_edges // max(n_target, 1))
        self._asks_first = 0  # row
        self._settle(NEVER, 0)  # nothing yet: it is compiled here, and not in the middle of a run
        self._oldest_asked(0)

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
        keep_from = min(self._oldest_asked(middle + history.longest_delay), start) - history.longest_delay
        if keep_from < middle:
            if 2 * history.capacity <= self.longest_history or middle > start - history.longest_delay:
                history.lengthen()
                return
            self._settle(middle + history.longest_delay, start)
            keep_from = middle
        history.keep_from = keep_from

    def _oldest_asked(self, enough: int) -> int:
        """The oldest step up to which the synapses of a source that has fired are up to date, or one before ``enough``.

        The search begins where it ended the last time: with a source that was silent for long.
        """
        own = self.k_plus, self.t_last, self.settled_until, self.table.offsets
        oldest, self._asks_first = oldest_asked(enough, self._asks_first, *own)
        return int(oldest)

    def _up_to_date(self) -> npt.NDArray[np.int32]:
        """The step (rows,) up to which the synapses of a source are."""
        return np.maximum(self.t_last, self.settled_until) if len(self.settled_until) else self.t_last

    def _begin_to_settle(self) -> None:
        """Make room for settled weights, where there is none."""
        if not len(self.settled_until):
            self.settled, self.settled_until = np.empty(self.table.n_edges), np.zeros_like(self.t_last)
            self.sources = (self.k_plus, self.t_last, self.settled, self.settled_until)

    def _settle(self, before: int, until: int) -> None:
        """Settle the rows that are up to date to a step earlier than ``before``: bring them up to step ``until``."""
        if before > NEVER:
            self._begin_to_settle()
        self.kernels.settle(before, until, self.table.arrays, self.history.arrays, self.sources, self.constants)

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        limits = 1.0 / grid.unit, grid.largest_weight
        return self.kernels.deliver, (self.table.arrays, limits), (self.history.arrays, self.sources, self.for_delivery)

    def past(self) -> History:
        return self.history

    def weights_at(self, now: int, edges: Int64Array, rows: Int64Array) -> FloatArray:
        result = np.empty(len(edges))
        table, history = self.table.arrays, self.history.arrays
        self.kernels.weights_at(now, edges, rows, table, history, self.sources, self.constants, result)
        return result

    def set_weights(self, edges: Int64Array, new: FloatArray, now: int) -> None:
        """Let the weights of ``edges`` be ``new`` (n,) from step ``now`` on, whatever spikes until then will have done.

        All synapses of the same sources are brought up to it, as those of silent ones are.
        """
        row = np.searchsorted(self.table.offsets, edges, side="right") - 1
        sources = (self.table.source_gids - self.table.first_source_gid)[np.unique(row)]
        every, rows = self.table.edges_of(sources)
        present = self.weights_at(now, every, rows)
        self._begin_to_settle()
        self.table.weights[edges] = new
        self.settled[every] = present
        self.settled[edges] = self.table.weights[edges]
        self.settled_until[rows] = now

    def transfer(self, archive: Any) -> None:
        """The traces of the sources; the histories, as far back as any synapse asks; weights that were settled.

        Synapses of a source that was settled on some rank, or is silent for so long that this takes fewer bytes than
        what it asks of the histories, are brought up to the present.
        """
        archive.of_sources("t_last", self.t_last, k_plus=self.k_plus)
        settled = archive.of_any_source("settled", (self._up_to_date() > self.t_last) | self._long_silent(archive))
        edges, rows = self.table.edges_of((self.table.source_gids - self.table.first_source_gid)[settled])
        values = self.weights_at(archive.now, edges, rows) if archive.saving else np.empty(len(edges))
        archive.of_edges("settled weights", values, edges)
        if not archive.saving and settled.any():
            self._begin_to_settle()
            self.settled[edges] = values
            self.settled_until[settled] = archive.now
        asks = (self.k_plus > 0.0) & (np.diff(self.table.offsets) > 0) & ~settled
        asked = -archive.most(-int(self.t_last[asks].min(initial=archive.now)))
        archive.of_history(self.history, asked - archive.most(self.history.longest_delay))

    def _long_silent(self, archive: Any) -> npt.NDArray[np.bool_]:
        """Which rows (rows,) are those of sources that are silent for 2^k steps, the best k for a new checkpoint.

        There a spike of a history takes 4 bytes and a settled weight 8.
        """
        degrees = np.diff(self.table.offsets)
        asks = (self.k_plus > 0.0) & (degrees > 0)
        silent = np.where(asks, archive.now - self.t_last, 0)
        spikes = self.history.steps[self.history.steps > NEVER]
        of_spikes = np.bincount(bit_length(archive.now - spikes), minlength=LONGEST_BITS)
        of_weights = np.bincount(bit_length(silent), weights=degrees, minlength=LONGEST_BITS).astype(np.int64)
        of_spikes, of_weights = archive.sum(of_spikes), archive.sum(of_weights)
        later = of_weights.sum() - np.cumsum(of_weights)
        k = int(np.argmin(4 * np.cumsum(of_spikes) + 8 * later))
        found: npt.NDArray[np.bool_] = bit_length(silent) > k
        return found


@jit
def oldest_asked(enough, first, k_plus, t_last, settled_until, offsets):  # type: ignore[no-untyped-def]
    """The oldest step up to which the synapses are of any source that has fired, and its row, see ``PlasticDelivery``.

    The search goes from row ``first`` on through all of them in turn, and ends at one that is older than ``enough``.
    """
    oldest, found, row = np.int64(MAX_STEPS), np.int64(first), np.int64(first)
    for _ in range(k_plus.size):
        if k_plus[row] > 0.0 and offsets[row + 1] > offsets[row]:
            step = up_to_date(row, t_last, settled_until)
            if step < oldest:
                oldest, found = step, row
                if step < enough:
                    break
        row = row + 1 if row + 1 < k_plus.size else np.int64(0)
    return oldest, found


def bit_length(values: Int64Array) -> Int64Array:
    """The least n (values,) with values < 2**n."""
    return np.frexp(values.astype(np.float64))[1].astype(np.int64)
