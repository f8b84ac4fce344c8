"""The loop over intervals, run by one compiled function (``interval``) where that is possible.

It gives what ``SpikingLoop`` gives, to the bit. Intervals in which states are recorded are left to that one, and so is
the rest of an interval in which an array was full.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core import clock as clocks
from distsim.core.calls import address_of
from distsim.parallel import compiled_collectives as collectives
from distsim.spiking import interval as stages
from distsim.spiking.exchange import AllgatherExchange, Exchange
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.recorders import Fired

if TYPE_CHECKING:
    from mpi4py import MPI

AT_ONCE = 0.02  # s that the compiled function runs before it returns, for progress and signals
MOST_AT_ONCE = 1 << 20  # intervals
CURRENT_BYTES = 1 << 20  # of the currents of the intervals that it runs at once
ROOM = 1 << 15  # spikes that are kept before they are handed to the recorders


@dataclass
class Kept:
    """Spikes of recorded neurons of a group that the recorders have not got yet: see ``interval.keep_all``."""

    recorded: npt.NDArray[np.uint8]
    index: npt.NDArray[np.int32]
    stamp: npt.NDArray[np.int64]
    used: npt.NDArray[np.int64]


def can_be_compiled(local: LocalNetwork, exchange: Exchange, comm: MPI.Comm) -> bool:
    """Whether this rank can run intervals of ``local`` in compiled code: all of its parts and MPI take part."""
    from mpi4py import MPI

    if not clocks.at_hand() or any(group.has_inputs or group.neurons.compiled() is None for group in local.groups):
        return False
    if any(table.delivery.compiled(table.target.grid) is None for table in local.tables):
        return False
    alone = comm.size == 1
    return alone or (isinstance(comm, MPI.Comm) and isinstance(exchange, AllgatherExchange) and collectives.at_hand())


class CompiledLoop(SpikingLoop):
    """As ``SpikingLoop``, with ``comm``; ``waits``: whether a barrier comes before every exchange."""

    def __init__(self, *arguments: Any, comm: MPI.Comm, waits: bool) -> None:
        super().__init__(*arguments)
        self.comm, self.waits = comm, waits
        self._at_once = 1
        self._updates: list[Any] = []
        self._deliveries: list[Any] = []
        self._state = np.zeros(7, np.int64)
        self._counts = np.zeros(len(self.local.groups), np.int64)
        self._clock = clocks.new_clock()
        self._spent = np.zeros(len(stages.PHASES), np.int64)
        self._kept = [self._room(k) for k in range(len(self.local.groups))]
        self._scratch = [np.empty(len(b.index), b.index.dtype) for b in self._fired]
        self._their_stamps = [np.empty(len(b.index), np.int64) for b in self._fired]
        self._received = np.empty(0, np.uint64)

    def _room(self, k: int) -> Kept:
        """Room for the spikes of group ``k``."""
        recorded = self.recorders.recorded(k)
        room = 0 if recorded is not None and not recorded.any() else ROOM
        mask = np.zeros(0, np.uint8) if recorded is None else recorded.astype(np.uint8)
        return Kept(mask, np.empty(room, np.int32), np.empty(room, np.int64), np.zeros(1, np.int64))

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None:
        end = self.step + n_steps
        while self.step < end:
            due = self.recorders.next_states(self.step)
            stop = end if due is None else min(end, self.step + (due - 1 - self.step) // self.interval * self.interval)
            if stop > self.step:
                self._run_compiled(stop, tick)
            else:
                super().run(min(self.interval, end - self.step), tick)

    def _run_compiled(self, end: int, tick: Callable[[int], None]) -> None:
        """Run intervals up to step ``end``, at which one ends."""
        run = self._function()
        self._updates.clear()
        self._deliveries.clear()
        self._state[stages.STEP] = self.step
        while self.step < end:
            begin = time.perf_counter()
            most = max(1, min(self._at_once, CURRENT_BYTES // max(1, self._current_bytes())))
            self._clock[2] = time.perf_counter_ns()
            done = run(most, self.interval, end, self._state, *self._arguments(most, end), (self._clock, self._spent))
            self._after_run()
            if self._state[stages.STAGE] != stages.DONE:
                self._end_interval()
            self._hand_over()
            tick(self.step)
            taken = time.perf_counter() - begin
            if done == most:
                self._at_once = int(min(MOST_AT_ONCE, max(1.0, most * min(2.0, AT_ONCE / taken))))

    def _after_run(self) -> None:
        """Take over what compiled code has counted."""
        self.step = int(self._state[stages.STEP])
        for name, spent in zip(stages.PHASES, self._spent.tolist(), strict=True):
            self.timers.seconds[name] += spent / clocks.SECOND
        self._spent[:] = 0

    def _end_interval(self) -> None:
        """Do what is left of the last interval, beginning where compiled code had no room."""
        state = self._state
        stage, place, found, start = (int(state[k]) for k in (stages.STAGE, stages.PLACE, stages.FOUND, stages.START))
        fired = [
            Fired(buffer.index[:n], buffer.stamp[:n])
            for buffer, n in zip(self._fired, self._counts.tolist(), strict=True)
        ]
        self.timers.start()
        if stage == stages.FAILED:
            raise RuntimeError("MPI could not exchange spikes")
        if stage == stages.RECORD:
            self._hand_over()
            self.recorders.spikes(fired, place)
            self.timers.lap("record")
            self.wait()
            self.timers.lap("wait")
        if stage <= stages.EXCHANGE:
            spikes = self.exchange(self._packed[: state[stages.PACKED]])
            self.timers.lap("communicate")
            self.archive(fired, start)
        else:
            spikes = self._received[: state[stages.RECEIVED]]
            if stage == stages.ARCHIVE:
                self.archive(fired, start, place, found)
        self.deliver(spikes, start, place if stage == stages.DELIVER else 0)
        self.timers.lap("deliver")
        state[stages.STAGE] = stages.DONE

    def _hand_over(self) -> None:
        """Let the recorders have the spikes that were kept."""
        for k, kept in enumerate(self._kept):
            n = int(kept.used[0])
            if n:
                self.recorders.add(k, kept.index[:n], kept.stamp[:n])
                kept.used[0] = 0

    def _function(self) -> Any:
        """The compiled function of this network."""
        timed = tuple(table.delivery.timed for table in self.local.tables)
        return stages.run_of(len(self.local.groups), len(self._plastic_tables()), timed)

    def _plastic_tables(self) -> list[Any]:
        return [table for group in self.local.groups for table in group.plastic_inputs]

    def _current_bytes(self) -> int:
        """Bytes of the currents of one interval."""
        return sum(
            8 * self.interval * len(group.stretches.population) for group in self.local.groups if group.has_currents
        )

    def _arguments(self, most: int, end: int) -> tuple[Any, ...]:
        """groups, tables, plastic, exchanged and spikes, as ``interval.run_of`` describes them."""
        exchanged = self._exchanged()
        groups = [self._of_group(k, group, most, end) for k, group in enumerate(self.local.groups)]
        tables = [self._of_table(k, table) for k, table in enumerate(self.local.tables)]
        spikes = (self._packed, self._received, self._gids, self._stamps, self._counts)
        return nested(groups), nested(tables), nested(self._archived()), exchanged, spikes

    def _of_group(self, k: int, group: LocalGroup, most: int, end: int) -> tuple[Any, ...]:
        kept, buffer = self._kept[k], self._fired[k]
        kernel, own = group.neurons.compiled()
        currents = self._currents(group, most, end)
        if len(self._updates) == k:
            given = 1, 1, group.rings, group.grid.unit, currents[0], group.poisson, buffer.index, buffer.stamp
            self._updates.append(address_of(kernel, (*own, *given)))
        return (
            self._updates[k], own, group.rings, group.grid.unit, currents, group.poisson, group.gids,
            buffer.index, buffer.stamp, self.spike_hash.sums if group.model.receives else self._no_sums,
            self.counts.of_group[k], (kept.recorded, kept.index, kept.stamp, kept.used),
        )  # fmt: skip

    def _of_table(self, k: int, table: LocalTable) -> tuple[Any, ...]:
        kernel, before, after = table.delivery.compiled(table.target.grid)
        ring = table.target.rings[table.input]
        if len(self._deliveries) == k:
            given = (self._gids, self._stamps, *before, ring, *after, *((0, 0) if table.delivery.timed else ()))
            self._deliveries.append(address_of(kernel, given))
        return self._deliveries[k], before, ring, after

    def _currents(self, group: LocalGroup, most: int, end: int) -> npt.NDArray[np.float64]:
        """Currents (intervals, populations, steps) of the next intervals; of one interval where there are none."""
        if not group.has_currents:
            return self.current(group, self.step, self.interval)[None]
        starts = [self.step + i * self.interval for i in range(most) if self.step + i * self.interval < end]
        return np.array([self.current(group, start, self.interval) for start in starts])

    def _archived(self) -> list[tuple[Any, ...]]:
        found = []
        for k, group in enumerate(self.local.groups):
            for table in group.plastic_inputs:
                buffer, own = self._fired[k], table.delivery.past()
                ends = table.span
                found.append((own, k, buffer.index, buffer.stamp, *ends, self._scratch[k], self._their_stamps[k]))
        return found

    def _exchanged(self) -> tuple[Any, tuple[Any, ...]]:
        """The kernel of the exchange and what it works on; buffers for all that it can receive are made."""
        kernel, found, room = stages.alone, (), len(self._packed)
        if self.comm.size > 1:
            outgoing, incoming = self.exchange.buffers
            kernel, room = stages.with_all, incoming.size
            found = (outgoing, incoming, *collectives.handles(self.comm), self.waits)
        if len(self._received) < room:
            self._received = np.empty(room, np.uint64)
        if len(self._gids) < room:
            self._gids, self._stamps = np.empty(room, np.int64), np.empty(room, np.int64)
        return address_of(kernel, (found, self._packed, 0, self._received, self._clock, self._spent)), found

    def call_kernels(self) -> None:
        """As that of ``SpikingLoop``, whose kernels end intervals; and the compiled function, for no interval."""
        super().call_kernels()
        self._state[stages.STEP] = self.step
        arguments = self._arguments(1, self.step + 1)
        self._function()(0, self.interval, self.step, self._state, *arguments, (self._clock, self._spent))
        self._spent[:] = 0


def nested(entries: list[Any]) -> tuple[Any, ...]:
    """(first, (second, (third, ()))), as functions of the interval go through them."""
    found: tuple[Any, ...] = ()
    for entry in reversed(entries):
        found = (entry, found)
    return found
