"""Static synapses with delays of their own: what arrives in a step is added when its interval is about to begin.

The edges of a source lie in segments of equal delay. A spike puts each of its segments into the calendar, under the
step in which it arrives; when that step comes, all segments noted there are added to one row of input, which stays in
the cache. Adding each spike to all its slots at once would touch the input of many steps, far more than a cache holds.
"""

from __future__ import annotations

import numpy as np

from distsim.jit import inline, jit, prefetch
from distsim.synapses.grid import Grid, to_units
from distsim.synapses.table import Int64Array, Table, row_of

AHEAD = 3  # segments that are asked for from memory before they are needed
LINE = 64  # bytes that memory sends together


class SegmentDelivery:
    """Delivers the spikes of one table of static synapses by a calendar of segments.

    begin (longest, capacity) int64, length (longest, capacity) int32: first edge of each segment that arrives in a
    step, and how many edges it has; the row is the step modulo the longest delay. count (longest,): how many segments.
    done: the step up to which all input has been added.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        longest = table.longest
        self.count = np.zeros(longest, np.int64)
        self.begin, self.length = np.empty((longest, 0), np.int64), np.empty((longest, 0), np.int32)
        self.done = 0

    def deliver_until(
        self, gids: Int64Array, stamps: Int64Array, ring: Int64Array, grid: Grid, now: int, horizon: int
    ) -> None:
        """Note the spikes, those of an interval up to step ``now``; add what arrives later, up to step ``horizon``.

        ring (slots, n) is modified; all spikes that can arrive by then are known, since no delay is shorter than an
        interval.
        """
        t = self.table
        most = int(self.count.max(initial=0)) + len(gids)
        if most > self.begin.shape[1]:
            more = ((0, 0), (0, 2 * most - self.begin.shape[1]))
            self.begin, self.length = np.pad(self.begin, more), np.pad(self.length, more)
        note(gids, stamps, t.place, t.offsets, t.segments, self.count, self.begin, self.length)
        add(
            max(self.done, now),
            horizon,
            t.targets,
            t.weights,
            1.0 / grid.unit,
            self.count,
            self.begin,
            self.length,
            ring,
        )
        self.done = horizon


@jit
def note(gids, stamps, place, offsets, segments, count, begin, length):  # type: ignore[no-untyped-def]
    """Put the segments of the spikes into the calendar count, begin, length, under the steps in which they arrive."""
    longest = count.size
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row < 0:
            continue
        first, stop = offsets[row], np.int64(0)
        day = stamps[spike] % longest
        for delay in range(1, longest + 1):
            day = day + 1 if day + 1 < longest else 0
            start, stop = stop, np.int64(segments[row, delay])
            entry = count[day]
            begin[day, entry] = first + start
            length[day, entry] = stop - start
            count[day] = entry + 1 if stop > start else entry


@inline
def ask_for(begin, end, values):  # type: ignore[no-untyped-def]
    """Start to load values[begin:end] into the cache."""
    for place in range(begin, end, LINE // values.itemsize):
        prefetch(values, place)


@jit
def add(done, horizon, targets, weights, per_unit, count, begin, length, ring):  # type: ignore[no-untyped-def]
    """Add the segments of the steps done + 1 .. horizon to ring (slots, n), and take them off the calendar."""
    one_weight = weights.size == 1
    for step in range(done + 1, horizon + 1):
        day = step % count.size
        slot = ring[step % ring.shape[0]]
        for entry in range(count[day]):
            if entry + AHEAD < count[day]:
                later = begin[day, entry + AHEAD]
                ask_for(later, later + length[day, entry + AHEAD], targets)
                if not one_weight:
                    ask_for(later, later + length[day, entry + AHEAD], weights)
            first = begin[day, entry]
            to = targets[first : first + length[day, entry]]
            if one_weight:
                units = to_units(weights[0], per_unit)
                for i in range(to.size):
                    slot[to[i]] += units
            else:
                weight = weights[first : first + to.size]
                for i in range(to.size):
                    slot[to[i]] += to_units(weight[i], per_unit)
        count[day] = 0
