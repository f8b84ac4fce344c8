"""Static synapses with delays of their own: what arrives in a step is collected when its interval is about to begin.

The edges of a source lie in segments of equal delay. In each step to come, every recent spike gives the segment whose
delay leads there, so that all additions of a step go to one row of input, which stays in the cache; adding each spike
to all its slots at once would touch the input of many steps, far more than the cache holds.
"""

from __future__ import annotations

import numpy as np

from distsim.jit import inline, jit, prefetch
from distsim.synapses.grid import Grid, to_units
from distsim.synapses.table import Int64Array, Table, row_of

AHEAD = 2  # spikes whose segments are asked for from memory before they are needed
LINE = 64  # bytes that memory sends together


class SegmentDelivery:
    """Delivers the spikes of one table of static synapses in segments.

    rows, sent (capacity,) int64: row and step of the ``n`` recent spikes that have sources in the table, by step.
    done: the step up to which all input has been delivered.
    """

    def __init__(self, table: Table) -> None:
        self.table = table
        self.rows, self.sent = np.empty(64, np.int64), np.empty(64, np.int64)
        self.n = 0
        self.done = 0

    def deliver_until(self, gids: Int64Array, stamps: Int64Array, ring: Int64Array, grid: Grid, horizon: int) -> None:
        """Take note of the spikes, sorted by step, and add all that arrives after ``done``, up to step ``horizon``.

        ring (slots, n); all spikes that can arrive by then are known, since no delay is shorter than an interval.
        """
        t = self.table
        if self.n + len(gids) > len(self.rows):
            self.rows = np.resize(self.rows, 2 * (self.n + len(gids)))
            self.sent = np.resize(self.sent, len(self.rows))
        self.n = deliver_until(
            gids, stamps, t.place, t.offsets, t.segments, t.targets, t.weights, 1.0 / grid.unit,
            self.rows, self.sent, self.n, self.done, horizon, ring,
        )  # fmt: skip
        self.done = horizon


@inline
def segment(row, delay, offsets, segments):  # type: ignore[no-untyped-def]
    """First edge of ``row`` with that delay, and the edge after the last."""
    return offsets[row] + np.int64(segments[row, delay - 1]), offsets[row] + np.int64(segments[row, delay])


@inline
def ask_for(begin, end, values):  # type: ignore[no-untyped-def]
    """Start to load values[begin:end] into the cache."""
    for place in range(begin, end, LINE // values.itemsize):
        prefetch(values, place)


@jit
def deliver_until(  # type: ignore[no-untyped-def]
    gids, stamps, place, offsets, segments, targets, weights, per_unit, rows, sent, n, done, horizon, ring
):
    """Append the spikes to the recent ones, and add what arrives in the steps done + 1 .. horizon to ring (slots, n).

    Recent spikes whose last segment has been delivered are forgotten; rows and sent are modified. Returns how many are
    kept.
    """
    longest = segments.shape[1] - 1
    old = 0
    while old < n and sent[old] + longest <= done:
        old += 1
    for s in range(old, n):
        rows[s - old], sent[s - old] = rows[s], sent[s]
    n -= old
    for spike in range(gids.size):
        row = row_of(gids[spike], place)
        if row >= 0:
            rows[n], sent[n] = row, stamps[spike]
            n += 1
    one_weight = weights.size == 1
    first = 0
    for step in range(done + 1, horizon + 1):
        slot = ring[step % ring.shape[0]]
        while first < n and sent[first] + longest < step:
            first += 1
        for s in range(first, n):
            if s + AHEAD < n:
                begin, end = segment(rows[s + AHEAD], step - sent[s + AHEAD], offsets, segments)
                ask_for(begin, end, targets)
                if not one_weight:
                    ask_for(begin, end, weights)
            begin, end = segment(rows[s], step - sent[s], offsets, segments)
            to = targets[begin:end]
            if one_weight:
                units = to_units(weights[0], per_unit)
                for i in range(to.size):
                    slot[to[i]] += units
            else:
                weight = weights[begin:end]
                for i in range(to.size):
                    slot[to[i]] += to_units(weight[i], per_unit)
    return n
