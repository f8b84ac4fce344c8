"""The loop over intervals, run by one compiled function (``interval``) where that is possible.

It gives what ``SpikingLoop`` gives, to the bit. To that one are left intervals with recorded states that only Python
can work out, and the rest of an interval in which an array was full. Between two calls of the function all is where
Python sees it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core import clock as clocks
from distsim.core.calls import DATA, Block, Blocks, address_of
from distsim.core.jit import COMPILED
from distsim.parallel.communicator import first_told
from distsim.parallel.lone_rank import is_lone
from distsim.spiking import interval as stages
from distsim.spiking.exchange import Exchange
from distsim.spiking.exchange_plans import can_be_compiled
from distsim.spiking.exchange_steps import step_in_python
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable
from distsim.spiking.loop import SpikingLoop
from distsim.spiking.recorders import Fired, Recorders
from distsim.spiking.state_rows import StateRows
from distsim.spiking.synapses.history import append

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]

AT_ONCE = 0.1  # s that the compiled function runs before it returns, for progress and signals
PREPARED = 20  # times as long as it takes to prepare that
FASTER = 8.0  # at most, of the intervals that it runs from one call to the next
MOST_AT_ONCE = 1 << 20  # intervals
CURRENT_BYTES = 1 << 20  # of the currents of the intervals that it runs at once
RECEIVED = 1 << 10  # spikes for which there is room before any have come
ROOM = 1 << 15  # spikes of a group that are kept before they are handed to the recorders


def why_not_compiled(local: LocalNetwork, exchange: Exchange, comm: MPI.Comm) -> str:
    """Why the intervals of ``local`` cannot run in compiled code, in a few words; nothing where they can."""
    if not COMPILED:
        return "nothing is compiled"
    if not clocks.at_hand():
        return "compiled code cannot ask this system for the time"
    if exchange.step is step_in_python:
        return f"'{exchange.name}' exchanges in Python"
    if comm.size > 1 and not is_lone(comm) and not can_be_compiled(comm):
        return "compiled code finds no MPI library"
    for group in local.groups:
        name = group.shares[0].population.name
        if group.has_inputs:
            return f"a stimulus of '{name}' adds input from Python"
        if group.neurons.compiled() is None or overridden(group.neurons, "update", "compiled"):
            return f"the neurons of '{name}' are advanced by Python"
    for table in local.tables:
        delivery = table.delivery
        if delivery.compiled(table.target.grid) is None or overridden(delivery, "deliver", "compiled"):
            return f"the spikes of {table.name} are delivered by Python"
        if table.plastic and overridden(delivery, "archive", "past"):
            return f"the histories of {table.name} are kept by Python"
    return ""


def overridden(thing: Any, method: str, compiled: str) -> bool:
    """Whether a subclass has a ``method`` of its own, but not the ``compiled`` one that does the same."""
    first = next(c for c in type(thing).__mro__ if method in vars(c) or compiled in vars(c))
    return compiled not in vars(first)


@dataclass
class Kept:
    """Spikes of recorded neurons that the recorders have not got yet: see ``interval.keep``."""

    recorded: npt.NDArray[np.uint8]
    index: npt.NDArray[np.int32]
    stamp: Int64Array
    used: Int64Array

    @classmethod
    def of(cls, local: LocalNetwork, recorders: Recorders) -> Kept:
        """Room for those of all groups."""
        n = len(local.groups)
        masks = [recorders.recorded(k) for k in range(n)]
        every = [np.ones(len(g.gids), np.uint8) if m is None else m for g, m in zip(local.groups, masks, strict=True)]
        mask = np.concatenate([np.zeros(0, np.uint8), *every]).astype(np.uint8)
        return cls(mask, np.empty((n, ROOM), np.int32), np.empty((n, ROOM), np.int64), np.zeros(n, np.int64))


class CompiledLoop(SpikingLoop):
    """As ``SpikingLoop``; reason: why intervals are run by that one after all."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.reason = ""
        self._at_once = 1
        self._blocks = Blocks()  # holds what compiled code works on
        self._state = np.zeros(len(stages.STATE), np.int64)
        self._counts = np.zeros(len(self.local.groups), np.int64)
        self._clock = clocks.new_clock()
        self._spent = np.zeros(len(stages.PHASES), np.int64)
        self._kept = Kept.of(self.local, self.recorders)
        self._all_gids = np.concatenate([np.zeros(0, np.int64), *(group.gids for group in self.local.groups)])
        self._states = [
            StateRows(k, recorder, self.interval)
            for k, group in enumerate(self.local.groups)
            for recorder in self.recorders.states_of(group)
        ]
        self._received = np.empty(0, np.uint64)
        self._hold(RECEIVED)

    def make_room(self, models: Mapping[str, Any]) -> None:
        super().make_room(models)
        most = max((len(buffer.index) for buffer in self._fired), default=0)
        self._of_targets = np.empty(most, np.int32), np.empty(most, np.int64)

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None:
        if self.reason:
            super().run(n_steps, tick)
            return
        end = self.step + n_steps
        while self.step < end:
            due = self.recorders.next_states(self.step) if self._states_in_python() else None
            stop = end if due is None else min(end, self.step + (due - 1 - self.step) // self.interval * self.interval)
            if stop > self.step:
                self._run_compiled(stop, tick)
            else:
                super().run(min(self.interval, end - self.step), tick)

    def _states_in_python(self) -> bool:
        """Whether a state is recorded that compiled code cannot find."""
        return any(self._arrays_of(rows) is None for rows in self._states)

    def _arrays_of(self, rows: StateRows) -> tuple[npt.NDArray[Any], ...] | None:
        """The arrays of which a recorded state is the sum; None where Python works it out."""
        neurons = self.local.groups[rows.group].neurons
        return None if overridden(neurons, "state", "summed") else neurons.summed(rows.recorder.recording.variable)

    def _run_compiled(self, end: int, tick: Callable[[int], None]) -> None:
        """Run intervals up to step ``end``, at which one ends."""
        clocks.start(self._clock)
        while self.step < end:
            begin = time.perf_counter()
            most = max(1, min(self._at_once, CURRENT_BYTES // max(1, self._current_bytes())))
            arguments = self._arguments(most, end)
            ready, start = time.perf_counter(), self.step
            done = stages.run((most, self.interval, end), *arguments, (self._clock, self._spent))
            self._after_run()
            self._hand_over_states(arguments[1][1], start)
            if self._state[stages.STAGE] != stages.DONE:
                self._end_interval()
                clocks.start(self._clock)
            self._hand_over()
            tick(self.step)
            if done == most:
                wanted = max(AT_ONCE, PREPARED * (ready - begin)) / (time.perf_counter() - ready)
                self._at_once = int(min(MOST_AT_ONCE, max(1.0, most * min(FASTER, wanted))))

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
            if self.waits and self.exchange.post is None:
                self.comm.Barrier()
            self.timers.lap("wait")
        if stage <= stages.EXCHANGE:
            spikes = self.exchange(self._packed[: state[stages.PACKED]])
            self._hold(len(spikes))
            self.timers.lap("communicate")
            self.archive(fired, start)
        else:
            spikes = self._received[: state[stages.RECEIVED]]
            if stage == stages.ARCHIVE:
                self.archive(fired, start, place, found)
        if stage == stages.DELIVER and found > 0:
            self.refuse(self.local.tables[place])
        self.deliver(spikes, start, place if stage == stages.DELIVER else 0)
        self.timers.lap("deliver")

    def _hand_over(self) -> None:
        """Let the recorders have the spikes that were kept."""
        kept = self._kept
        for k in np.flatnonzero(kept.used).tolist():
            n = kept.used[k]
            self.recorders.add(k, kept.index[k, :n], kept.stamp[k, :n])
        kept.used[:] = 0

    def _hand_over_states(self, samples: Int64Array, start: int) -> None:
        """Let the recorders have the states that were recorded after step ``start``."""
        for rows, n in zip(self._states, samples[:, stages.KEPT].tolist(), strict=False):
            rows.hand_over(n, rows.recorder.recording.next_after(start))

    def _current_bytes(self) -> int:
        """Bytes of the currents of one interval."""
        return sum(8 * self.interval * group.stretches.n for group in self.local.groups if group.has_currents)

    def _arguments(self, most: int, end: int) -> tuple[Any, ...]:
        """state, rows, memory, neurons, spikes, kept and exchanged, as ``interval.run`` describes them."""
        self._state[stages.STEP], self._state[stages.STAGE] = self.step, stages.DONE
        self._hold(RECEIVED)
        self._blocks.start()
        numbered = list(enumerate(self.local.groups))
        groups = [self._of_group(k, group, most, end) for k, group in numbered]
        samples = [] if self._states_in_python() else [self._of_state(rows) for rows in self._states]
        plastic = [self._of_history(k, table) for k, group in numbered for table in group.plastic_inputs]
        tables = [self._of_table(table) for table in self.local.tables]
        widths = (groups, 14), (samples, 9), (plastic, 7), (tables, 4)
        rows = tuple(_rows(entries, n) for entries, n in widths)
        neurons = self._all_gids, self.counts.every, self.spike_hash.sums
        received = self._packed, self._received, self._gids, self._stamps
        spikes = (self._every.index, self._every.stamp), self._of_targets, received, self._counts
        kept = self._kept.recorded, self._kept.index, self._kept.stamp, self._kept.used
        return self._state, rows, self._blocks.memory, neurons, spikes, kept, self._exchanged()

    def _of_group(self, k: int, group: LocalGroup, most: int, end: int) -> list[int]:
        """The row of a group: see ``interval.STEPS``."""
        kernel, own = group.neurons.compiled()  # type: ignore[misc] # there is one
        current, further = self._currents(group, most, end)
        buffer, begin = self._fired[k], self.counts.begins[k]
        given = (
            1,
            1,
            group.neurons.taken(group.rings),
            group.grid.unit,
            current,
            group.poisson,
            buffer.index,
            buffer.stamp,
        )
        block = self._blocks.add(kernel, (*own, *given))
        steps, _, _, _, of_current, _, of_index, of_stamp = block.places[len(own) :]
        recorded = self.recorders.recorded(k)
        keeps = stages.KEEPS_ALL if recorded is None else stages.KEEPS_SOME if recorded.any() else stages.KEEPS_NONE
        neurons = begin, begin + len(group.gids)
        hashed = len(self.spike_hash.sums) if group.model.receives else 0
        places = steps, of_current + DATA, current.ctypes.data, further
        written = of_index + DATA, of_stamp + DATA
        return [*row_of(block), *places, self._begins[k], *neurons, hashed, keeps, *written]

    def _of_state(self, rows: StateRows) -> list[int]:
        """The row of a state that is recorded: see ``interval.OF_GROUP``."""
        block, recording = rows.block(self._blocks, self._arrays_of(rows) or ()), rows.recorder.recording
        due = recording.next_after(self.step), recording.interval
        return [*row_of(block), rows.group, block.places[-1], *due, 0, len(rows.rows)]

    def _of_history(self, group: int, table: LocalTable) -> list[int]:
        """The row of a plastic table: see ``interval.GROUP``."""
        history: Any = table.delivery.past()
        arguments = (*self._of_targets, 0, (history.keep_from, 0), history.rate, history.arrays)
        return [*row_of(self._blocks.add(append, arguments)), group, *table.span, history.longest_delay]

    def _of_table(self, table: LocalTable) -> list[int]:
        """The row of a table: see ``interval.TIME``."""
        delivery = table.delivery
        kernel, before, after = delivery.compiled(table.target.grid)  # type: ignore[misc] # there is one
        ring = table.target.rings[table.input]
        given = (self._gids, self._stamps, *before, ring, *after, *((0, 0) if delivery.timed else ()))
        block = self._blocks.add(kernel, given)
        return [*row_of(block), block.places[-2] if delivery.timed else 0]

    def _currents(self, group: LocalGroup, most: int, end: int) -> tuple[npt.NDArray[np.float64], int]:
        """Current (stretches, steps) of the next interval, and how many bytes further that of each later one is."""
        if not group.has_currents:
            return self.current(group, self.step, self.interval), 0
        n = min(most, -(-(end - self.step) // self.interval))
        every = self.current(group, self.step, n * self.interval).reshape(-1, n, self.interval)
        currents = np.ascontiguousarray(every.swapaxes(0, 1))
        return currents[0], currents.strides[0]

    def _exchanged(self) -> tuple[int, int, int, Int64Array]:
        """What ``interval.run`` exchanges spikes by."""
        plan, waits = self.exchange, self.waits and self.comm.size > 1
        post = address_of(plan.post, (plan.own, self._packed, 0)) if plan.post else 0
        wait = address_of(plan.wait, (plan.own,)) if waits else 0
        return post, wait, address_of(plan.step, (plan.own, self._packed, 0, self._received)), plan.own

    def _hold(self, n: int) -> None:
        """Let ``n`` spikes be received, and give back what a burst took."""
        if n > len(self._received) or self.exchange.is_roomy(len(self._received)):
            self._received = np.empty(2 * n, np.uint64)
            self._gids, self._stamps = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)

    @property
    def how(self) -> str:  # type: ignore[override]
        return f"python: {self.reason}" if self.reason else "compiled"

    def compile(self, compiling: Callable[[Callable[[], None]], None]) -> None:
        """As that of ``SpikingLoop``; all ranks agree on what runs intervals."""
        super().compile(compiling)
        self.reason = first_told(self.comm, self.reason or None) or ""

    def call_kernels(self) -> None:
        """As that of ``SpikingLoop``, whose kernels end intervals; and the compiled function, for no interval."""
        super().call_kernels()
        self.reason = why_not_compiled(self.local, self.exchange, self.comm)
        if self.transmissions:
            self.reason = "Python notes transmissions"
        if self.reason:
            return
        try:
            arguments = self._arguments(1, self.step + 1)
        except TypeError as error:
            self.reason = str(error)
            return
        stages.run((0, self.interval, self.step), *arguments, (self._clock, self._spent))
        self._spent[:] = 0


def row_of(block: Block) -> tuple[int, int, int]:
    """The first entries of a row: see ``interval.THUNK``."""
    return block.thunk, block.address, block.begin


def _rows(entries: list[list[int]], width: int) -> Int64Array:
    return np.array(entries, np.int64).reshape(-1, width)
