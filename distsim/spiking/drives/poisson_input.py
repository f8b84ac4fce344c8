"""The Poisson input of all populations of a group, in the form in which kernels add it."""

from __future__ import annotations

from typing import Any

from distsim.core.jit import inline
from distsim.core.poisson_counts import add_events

PoissonInput = tuple[Any, ...]
"""Rows, one for each rate of each Poisson input of a stretch: begins (stretches + 1,), those of stretch p are begins[p]
.. begins[p + 1] - 1; rows (rows, ENTRIES) int64, see below; keys (all neurons of all inputs,) uint64 and salts (rows,)
uint64 of their streams; thresholds (rows, longest) of their count tables. A plain tuple: to look at the type of a named
one, as every call of a kernel does, takes microseconds."""

ENTRIES = 8
INPUT, OFFSET, COMMON, FIRST, WEIGHT, DELAY, AFTER, UNTIL = range(ENTRIES)
"""Entries of a row: the input that it drives; the key of neuron i of the group is number i + offset; common and first
of the count table; the weight in units of the rings; the delay in steps; events are sent in the steps after + 1 ..
until."""


@inline
def add_poisson(poisson, p, begin, size, first_step, n_steps, rings, random):  # type: ignore[no-untyped-def]
    """Add to rings (slots, n) what arrives in some steps at the neurons begin .. begin + size - 1, of stretch p."""
    begins, rows, keys, salts, thresholds = poisson
    for r in range(begins[p], begins[p + 1]):
        ring, start = rings[rows[r, INPUT]], begin + rows[r, OFFSET]
        table = thresholds[r], rows[r, COMMON], rows[r, FIRST]
        drive = keys[start : start + size], salts[r], *table, rows[r, WEIGHT], rows[r, DELAY]
        begin_step = max(first_step, rows[r, AFTER] + rows[r, DELAY] + 1)
        end_step = min(first_step + n_steps, rows[r, UNTIL] + rows[r, DELAY] + 1)
        for step in range(begin_step, end_step):
            add_events(drive, step, ring[step % ring.shape[0], begin : begin + size], random)
