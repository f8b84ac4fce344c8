"""The Poisson input of all populations of a group, in the form in which kernels add it."""

from __future__ import annotations

from typing import Any

from distsim.core.jit import inline
from distsim.core.poisson_counts import LANES, add_each, add_lane, draw_lanes

PoissonInput = tuple[Any, ...]
"""Rows, one for each rate of each Poisson input of a stretch: begins (stretches + 1,), those of stretch p are begins[p]
.. begins[p + 1] - 1; rows (rows, ENTRIES) int64, see below; keys (all neurons of all inputs,) uint64 and salts (rows,)
uint64 of their streams; quick (rows, longest) and rest (rows, longest) of their tables; kept (LANES * keys,) uint8, the
counts of four steps; due (1,) int64, the step of which they are those if it is the next. A plain tuple: to look at the
type of a named one, as every call of a kernel does, takes microseconds."""

ENTRIES = 8
INPUT, OFFSET, QUICK, FIRST, WEIGHT, DELAY, AFTER, UNTIL = range(ENTRIES)
"""Entries of a row: the input that it drives; the key of neuron i of the group is number i + offset; number of quick
entries and first of the table; the weight in units of the rings; the delay in steps; events are sent in the steps
after + 1 .. until."""


@inline
def stale_step(poisson, first_step, n_steps):  # type: ignore[no-untyped-def]
    """The first of some steps, which are gone through next, where counts that are kept are none of it, else -1."""
    due = poisson[-1]
    stale = -1 if due[0] == first_step else first_step
    if n_steps > 0:
        due[0] = first_step + n_steps
    return stale


@inline
def add_poisson(poisson, p, begin, size, first_step, n_steps, stale, rings, random):  # type: ignore[no-untyped-def]
    """Add to rings (slots, n) what arrives in some steps at the neurons begin .. begin + size - 1, of stretch p."""
    begins, rows, keys, salts, quick, rest, kept, _ = poisson
    for r in range(begins[p], begins[p + 1]):
        ring, start, delay = rings[rows[r, INPUT]], begin + rows[r, OFFSET], rows[r, DELAY]
        key, counts = keys[start : start + size], kept[LANES * start : LANES * (start + size)]
        begin_step = max(first_step, rows[r, AFTER] + delay + 1)
        end_step = min(first_step + n_steps, rows[r, UNTIL] + delay + 1)
        for step in range(begin_step, end_step):
            sent, slot = step - delay, ring[step % ring.shape[0], begin : begin + size]
            if rows[r, QUICK] == 0:
                add_each(key, salts[r], sent, rows[r, FIRST], rest[r], rows[r, WEIGHT], slot)
            else:
                if sent % LANES == 0 or sent == rows[r, AFTER] + 1 or step == stale:
                    draw_lanes(key, salts[r], sent // LANES, quick[r, : rows[r, QUICK]], rest[r], random, counts)
                add_lane(counts, sent % LANES, rows[r, FIRST], rows[r, WEIGHT], slot)
