"""Static synapses with delays of their own: what arrives in a step is added when its interval is about to begin.

The edges of a source lie in segments of equal delay. A spike puts each of its segments into the calendar, under the
step in which it arrives; when that step comes, all segments noted there are added to one row of input, which stays in
the cache. Adding each spike to all its slots at once would touch the input of many steps, far more than a cache holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.source_index import row_of
from distsim.core.cache_lines import LINE
from distsim.core.jit import inline, jit, prefetch, prefetch_between
from distsim.spiking.synapses.input_unit import Grid, to_units
from distsim.spiking.synapses.synapse_model import Delivery
from distsim.spiking.synapses.table import Int64Array, Table

AHEAD = 8  # segments that are asked for from memory before they are needed
SPIKES_AHEAD = 4  # spikes whose rows are asked for so
LENGTH_BITS = 24
PAGE = 512  # entries; rows of the calendar begin a line beyond a multiple of them, so that they differ in cache sets


class SegmentDelivery(Delivery):
    """Delivers the spikes of one table of static synapses by a calendar of segments.

    calendar (longest, capacity) int64: the segments that arrive in a step, first edge << 24 | number of edges; the row
    is the step modulo the longest delay. count (longest,): how many there are. done: the step up to which all input has
    been added (1,).
    """

    def __init__(self, table: Table) -> None:
        super().__init__(table)
        self.arrays = (table.place, table.offsets, table.segments, *table.of_segments())
        self.count = np.zeros(table.longest, np.int64)
        self.calendar = np.empty((table.longest, 0), np.int64)
        self.done = np.zeros(1, np.int64)

    def deliver(
        self, gids: Int64Array, stamps: Int64Array, ring: npt.NDArray[Any], grid: Grid, now: int, horizon: int
    ) -> int:
        """Note the spikes; add what arrives after step ``now``, up to step ``horizon``.

        All spikes that can arrive by then are known, since no delay is shorter than an interval. What is noted already
        may be added before by a call without spikes.
        """
        while deliver_until(gids, stamps, *self._own(grid), ring, now, horizon):
            self._enlarge(len(gids))
        return 0

    timed = True

    def compiled(self, grid: Grid) -> tuple[Any, tuple[Any, ...], tuple[Any, ...]]:
        return deliver_until, self._own(grid), ()

    def _own(self, grid: Grid) -> tuple[Any, ...]:
        return self.arrays, self.table.weight_unit / grid.unit, self.count, self.calendar, self.done

    def forget(self, step: int) -> None:
        """Forget all that is on its way after ``step``: it is in the ring."""
        self.count[:] = 0
        self.done[0] = step

    def on_its_way(self, ring: npt.NDArray[Any], unit: float) -> npt.NDArray[Any]:
        """Input (steps, n) that arrives after step ``done``, in units as that of ``ring``, to which it is not added."""
        n = len(self.count)
        arriving = np.zeros((n, ring.shape[1]), ring.dtype)
        nothing, per_unit, done = np.zeros(0, np.int64), self.table.weight_unit / unit, int(self.done[0])
        own = self.arrays, per_unit, self.count.copy(), self.calendar, self.done.copy()
        deliver_until(nothing, nothing, *own, arriving, done, done + n)
        return np.roll(arriving, -(done + 1), axis=0)

    def transfer(self, archive: Any) -> None:
        """Nothing: what is on its way is kept with the rings."""

    def _enlarge(self, more: int) -> None:
        """Make room for twice as many segments, and ``more``, in each step."""
        old = self.calendar.shape[1]
        capacity = -(-(2 * old + more) // PAGE) * PAGE + LINE // self.calendar.itemsize
        self.calendar = np.pad(self.calendar, ((0, 0), (0, capacity - old)))


@jit
def deliver_until(gids, stamps, table, per_unit, count, calendar, done, ring, now, horizon):  # type: ignore[no-untyped-def]
    """Note the segments of the spikes, add those of the steps after now, up to horizon; see ``SegmentDelivery``.

    table: place, offsets and segments of the table, and ``Table.of_segments``. per_unit: units per weight.
    Returns 0, or -1, with nothing done, where the calendar has no room.
    """
    place, offsets, segments, targets, weight, pairs = table
    if count.max() + gids.size > calendar.shape[1]:
        return -1
    for spike in range(-SPIKES_AHEAD, gids.size):
        row = row_of(gids[spike + SPIKES_AHEAD], place) if spike + SPIKES_AHEAD < gids.size else -1
        if row >= 0:
            prefetch(offsets, row)
            prefetch_between(segments[row], 0, segments.shape[1])
        row = row_of(gids[spike], place) if spike >= 0 else -1
        if row >= 0:
            note(stamps[spike], offsets[row], segments[row], count, calendar)
    for step in range(now + 1, horizon + 1):
        day = step % count.size
        edges = targets, weight, pairs
        add(calendar[day, : count[day]], edges, per_unit, ring[step % ring.shape[0]])
        count[day] = 0
    done[0] = horizon
    return 0


@inline
def note(stamp, first, ends, count, calendar):  # type: ignore[no-untyped-def]
    """Put the segments of a spike, which end at first + ends, into the calendar under their steps of arrival."""
    day, last, start = np.uint64(stamp % count.size), np.uint64(count.size - 1), np.int64(0)  # no look at signs
    for delay in range(1, ends.size):
        day = day + np.uint64(1) if day < last else np.uint64(0)
        end = np.int64(ends[delay])
        calendar[day, np.uint64(count[day])] = (first + start) << LENGTH_BITS | (end - start)
        count[day] += end > start
        start = end


@inline
def edges_of(segment):  # type: ignore[no-untyped-def]
    """First edge of a segment of the calendar, and the edge after the last."""
    first = np.uint64(segment >> LENGTH_BITS)
    return first, first + np.uint64(segment & ((1 << LENGTH_BITS) - 1))


@inline
def add(today, edges, per_unit, slot):  # type: ignore[no-untyped-def]
    """Add the edges of the segments ``today`` to the input ``slot`` (n,) of a step; edges: ``Table.of_segments``."""
    targets, weight, pairs = edges
    for entry in range(-AHEAD, today.size):
        if entry + AHEAD < today.size:
            begin, end = edges_of(today[entry + AHEAD])
            if weight.size:
                prefetch_between(targets, begin, end)
            else:
                prefetch_between(pairs, begin, end)
        if entry < 0:
            continue
        begin, end = edges_of(today[entry])
        if weight.size:
            units = to_units(weight[0], per_unit)
            for edge in range(begin, end):
                slot[targets[edge]] += units
        else:
            for edge in range(begin, end):
                slot[pairs[edge]["target"]] += to_units(pairs[edge]["weight"], per_unit)
