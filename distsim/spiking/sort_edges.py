"""Edges with delays of their own, on their way to rows by source that are sorted by delay.

The edges of one source population are collected as records, all of one edge side by side, for then the processor
writes to one place per source and not to three; the rows are then sorted by delay into their final arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from distsim.core.jit import jit


def record_type(weight_type: Any, index_type: Any, delay_type: Any) -> np.dtype[Any]:
    """What is known of one edge: weight, target and delay."""
    fields = [("weight", weight_type), ("target", index_type), ("delay", delay_type)]
    return np.dtype(fields, align=True)


@jit
def collect(source, degree, places, cursor, weights, delays, records):  # type: ignore[no-untyped-def]
    """Put every edge at the cursor of its source, which moves on; records (edges,) is modified.

    source, degree, places: see ``edge_kernels.fill``. weights (edges,), or (0,) where all are equal; delays (edges,) in
    steps.
    """
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            at = cursor[source[edge]]
            cursor[source[edge]] = at + 1
            record = records[at]
            record["target"] = places[t]
            record["delay"] = delays[edge]
            if weights.size:
                record["weight"] = weights[edge]
            edge += 1


@jit
def sort_rows(offsets, records, longest, targets, weights, delays, segments):  # type: ignore[no-untyped-def]
    """Write the records to targets, weights and delays, each row sorted by delay; equal delays keep their order.

    offsets (rows + 1,): the edges of the rows, of which offsets[0] is the first of the records (edges,). weights and
    delays may be empty: not wanted. segments (rows, longest + 1), unless it is empty: how many edges of each row have
    at most that delay.
    """
    start = np.empty(longest + 2, np.int64)
    for row in range(offsets.size - 1):
        begin, end = offsets[row], offsets[row + 1]
        own = records[begin - offsets[0] : end - offsets[0]]
        start[:] = 0
        for i in range(own.size):
            start[own[i]["delay"] + 1] += 1
        for d in range(1, start.size):
            start[d] += start[d - 1]
        for d in range(longest + 1 if segments.shape[0] else 0):
            segments[row, d] = start[d + 1]
        for i in range(own.size):
            delay = own[i]["delay"]
            place = begin + start[delay]
            start[delay] += 1
            targets[place] = own[i]["target"]
            if weights.size:
                weights[place] = own[i]["weight"]
            if delays.size:
                delays[place] = delay
