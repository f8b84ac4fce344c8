"""The loop over intervals of a spiking network.

Time levels, for the interval of steps a + 1 .. b with b - a at most the minimum delay:

    update    states a -> b; consumes the input slots a + 1 .. b; stamps spikes with the step at whose end they occur
    exchange  all spikes of the interval reach the ranks that need them
    deliver   each spike into the slots stamp + delay, all beyond b
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, RangeError
from distsim.parallel.event_hash import EventHash
from distsim.parallel.timers import Timers
from distsim.spiking import exchange as exchanges
from distsim.spiking.exchange import Exchange, pack, unpack
from distsim.spiking.local_network import FREE_INTERVAL, MOST_AT_ONCE, LocalGroup, LocalNetwork, LocalTable
from distsim.spiking.recorders import Fired, Recorders
from distsim.spiking.spike_counts import SpikeCounts

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]


def steps_together(longest: int | None, forced: int | None, dt: float) -> int:
    """Steps between exchanges: the minimum delay, but not many, or the ``forced`` number, which may not be larger.

    longest: minimum delay in steps, None without synapses. Raises InputError.
    """
    if longest is None:
        return min(forced or FREE_INTERVAL, FREE_INTERVAL)
    if forced is not None and forced > longest:
        raise InputError(f"interval = {forced * dt:g} ms is longer than the minimum delay of {longest * dt:g} ms")
    return forced or min(longest, MOST_AT_ONCE)


class SpikingLoop:
    """Advances the local part of a network; ``step`` is the last step done.

    interval: steps between exchanges. waits: whether a barrier of ``comm`` comes before every exchange, so that waiting
    for the slowest rank is timed apart from the transfer. how: what runs intervals, in a few words.
    """

    how = "python"

    def __init__(
        self,
        local: LocalNetwork,
        exchange: Exchange,
        interval: int,
        dt: float,
        recorders: Recorders,
        comm: MPI.Comm,
        waits: bool,
    ) -> None:
        self.local = local
        self.exchange = exchange
        self.interval = interval
        self.dt = dt
        self.recorders = recorders
        self.comm, self.waits = comm, waits
        self.transmissions = recorders.transmissions or None
        self.timers = Timers()
        self.step = 0
        self.counts = SpikeCounts(local)
        self.spike_hash, self._no_sums = EventHash(), np.zeros(0, np.uint64)
        self.make_room({})
        self._gids, self._stamps = np.empty(0, np.int64), np.empty(0, np.int64)
        self._no_current = {group.stretches.n: np.zeros((group.stretches.n, interval)) for group in local.groups}

    def make_room(self, models: Mapping[str, Any]) -> None:
        """Let buffers hold all spikes of an interval; ``models``: what populations are now, where they were changed."""
        sizes = [group.most_spikes(self.interval, self.dt, models) for group in self.local.groups]
        self._every = Fired(np.empty(sum(sizes), np.int32), np.empty(sum(sizes), np.int64))
        self._begins = [sum(sizes[:k]) for k in range(len(sizes))]
        ends = [begin + size for begin, size in zip(self._begins, sizes, strict=True)]
        self._fired = [
            Fired(self._every.index[i:j], self._every.stamp[i:j]) for i, j in zip(self._begins, ends, strict=True)
        ]
        self._packed = np.empty(sum(sizes), np.uint64)

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None:
        """Advance by ``n_steps``; ``tick`` is told the last step done after every interval."""
        end = self.step + n_steps
        timers = self.timers
        timers.start()
        while self.step < end:
            start, self.step = self.step, min(self.step + self.interval, end)
            pairs = zip(self.local.groups, self._fired, strict=True)
            fired = [self.update(group, buffer, start, self.step) for group, buffer in pairs]
            timers.lap("update")
            self.recorders.spikes(fired)
            timers.lap("record")
            if self.waits:
                self.comm.Barrier()
            timers.lap("wait")
            spikes = self.exchange(self.pack(fired, start))
            timers.lap("communicate")
            self.archive(fired, start)
            self.deliver(spikes, start)
            timers.lap("deliver")
            tick(self.step)
            timers.lap("record")

    def update(self, group: LocalGroup, buffer: Fired, start: int, end: int) -> Fired:
        """Advance one group from step ``start`` to ``end``, pausing where states are recorded."""
        n_spikes = 0
        for begin, stop in self.recorders.pieces(group, start, end):
            free = Fired(buffer.index[n_spikes:], buffer.stamp[n_spikes:])
            n_spikes += self.advance(group, free, begin, stop - begin)
            self.recorders.states(group, stop)
        return Fired(buffer.index[:n_spikes], buffer.stamp[:n_spikes])

    def advance(self, group: LocalGroup, buffer: Fired, start: int, n_steps: int) -> int:
        """Advance one group by ``n_steps`` after step ``start``; writes spikes to ``buffer`` and returns how many."""
        current, unit = self.current(group, start, n_steps), group.grid.unit
        for driven in group.driven if group.has_inputs else ():
            driven.deposit_inputs(start + 1, n_steps, group.rings, unit)
        return group.neurons.update(
            start + 1, n_steps, group.rings, unit, current, group.poisson, buffer.index, buffer.stamp
        )

    def compile(self, compiling: Callable[[Callable[[], None]], None]) -> None:
        """Let ``compiling`` call ``call_kernels``, on one rank of every node first; collective."""
        compiling(self.call_kernels)

    def call_kernels(self) -> None:
        """Call every kernel of a run on the arrays of the network with nothing to do: no steps, no spikes.

        So they are compiled for exactly these arrays, before any time is taken. Nothing changes.
        """
        exchanges.call_kernels()
        for group, buffer in zip(self.local.groups, self._fired, strict=True):
            self.advance(group, buffer, self.step, 0)
            for plastic in group.plastic_inputs:
                plastic.delivery.archive(buffer.index[:0], buffer.stamp[:0], self.step)
        nothing = np.zeros(0, np.int64)
        for table in self.local.tables:
            ring, grid = table.target.rings[table.input], table.target.grid
            table.delivery.deliver(nothing, nothing, ring, grid, self.step, self.step)

    def current(self, group: LocalGroup, start: int, n_steps: int) -> npt.NDArray[np.float64]:
        """Current (stretches, n_steps) in pA injected into every neuron in the steps after ``start``."""
        n = len(group.stretches.population)
        if n not in self._no_current:  # neurons were divided anew
            self._no_current[n] = np.zeros((n, self.interval))
        current = self._no_current[n]
        if group.has_currents or n_steps != self.interval:
            current = np.zeros((n, n_steps))
            for driven in group.driven:
                if not driven.currents and not driven.currents_of_each:
                    continue
                rows = group.stretches.within(driven.population, driven.local)
                for add in driven.currents:
                    row = np.zeros(n_steps)
                    add(row, start + 1)
                    current[rows] += row
                for add in driven.currents_of_each:
                    own = np.zeros((len(rows), n_steps))
                    add(own, start + 1)
                    current[rows] += own
        return current

    def pack(self, fired: list[Fired], start: int) -> npt.NDArray[np.uint64]:
        """The spikes of this rank's neurons as sortable integers; they are counted and hashed."""
        end = 0
        for group, spikes, counts in zip(self.local.groups, fired, self.counts.of_group, strict=True):
            if len(spikes.index):
                sums = self.spike_hash.sums if group.model.receives else self._no_sums
                end = pack(group.gids, spikes.index, spikes.stamp, start, self._packed, end, sums, counts)
        return self._packed[:end]

    def unpack(self, packed: npt.NDArray[np.uint64], start: int) -> tuple[Int64Array, Int64Array]:
        """gids and steps of packed spikes, in buffers that are overwritten by the next call."""
        if len(packed) > len(self._gids):
            self._gids, self._stamps = np.empty(2 * len(packed), np.int64), np.empty(2 * len(packed), np.int64)
        gids, stamps = self._gids[: len(packed)], self._stamps[: len(packed)]
        unpack(packed, start, gids, stamps)
        return gids, stamps

    def archive(self, fired: list[Fired], start: int, first: int = 0, begin: int = 0) -> None:
        """Tell plastic synapses of the spikes of their targets in the interval after ``start``.

        From table number ``first`` of them on, from spike ``begin`` of its targets on.
        """
        plastic = [
            (table, spikes) for g, spikes in zip(self.local.groups, fired, strict=True) for table in g.plastic_inputs
        ]
        for table, spikes in plastic[first:]:
            mine = spikes.within(*table.span) if len(table.target.shares) > 1 else spikes
            if len(mine.index) > begin:
                table.delivery.archive(mine.index[begin:], mine.stamp[begin:], start)
            begin = 0

    def deliver(self, packed: npt.NDArray[np.uint64], start: int, first: int = 0) -> None:
        """Put the spikes of the interval after ``start`` into the input slots of their targets.

        From table number ``first`` on.
        """
        gids, stamps = self.unpack(packed, start)
        for table in self.local.tables[first:]:
            ring, grid = table.target.rings[table.input], table.target.grid
            if not len(gids) and not table.segmented:
                continue
            beyond = 0
            for piece in self.transmissions.pieces(table, gids) if self.transmissions else (slice(None),):
                now, horizon = self.step, self.step + self.interval
                beyond += table.delivery.deliver(gids[piece], stamps[piece], ring, grid, now, horizon)
                if self.transmissions:
                    self.transmissions.add(table, gids[piece], stamps[piece])
            if beyond:
                self.refuse(table)

    def refuse(self, table: LocalTable) -> None:
        """RangeError: a weight of ``table`` is too large."""
        limit = f"{table.target.grid.largest_weight:g} {table.target.model.weight_unit}"
        raise RangeError(
            f"a weight of {table.name} grew beyond {limit} before {self.step * self.dt:g} ms, where sums of "
            "input are no longer exact: the plasticity is unstable"
        )
