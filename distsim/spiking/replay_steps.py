"""The step of an exchange in which the spikes of all ranks but this one are known beforehand: see ``exchange_steps``.

A window of intervals is in memory: what this rank receives in each, and what it must have sent. In place of a
collective, spikes are put into the blocks in which they would come from the other ranks.
"""

from __future__ import annotations

import numpy as np

from distsim.core.jit import jit, jit_beside
from distsim.core.shared_words import words
from distsim.parallel.capacity import CAPACITY
from distsim.parallel.compiled_collectives import NEEDS_PYTHON
from distsim.spiking.exchange_steps import HEADER, INCOMING, OUTGOING, PENDING, PLACE, RANKS, begin, end, is_roomy
from distsim.spiking.exchange_steps import LENGTH as LENGTH_OF_ANY
from distsim.spiking.packed_spikes import GID_MASK, sort

NEXT, HELD, COMING, COMING_BEGINS, SENT, SENT_BEGINS, STEP, INTERVAL, END, COMPARED, WRONG, FIRST_WRONG = range(
    LENGTH_OF_ANY, LENGTH_OF_ANY + 12
)
"""Entries of ``own`` after those of any exchange. NEXT, HELD: the next interval of the window, and how many it has.
COMING, SENT: addresses of the spikes that come, and of those that this rank must have sent, sorted in each interval;
COMING_BEGINS, SENT_BEGINS: of where those of each interval begin (intervals + 1,). STEP, INTERVAL, END: the last step
of the interval before, steps of an interval, the last step of the run. COMPARED, WRONG, FIRST_WRONG: intervals so far,
in how many other spikes were sent, and the last step of the first of these."""
LENGTH = FIRST_WRONG + 1


@jit_beside
def step_of_replay(own, sent, n, received):  # type: ignore[no-untyped-def]
    """Let the spikes of the next interval come, and compare what is sent with what must have been."""
    interval, held = own[NEXT], own[HELD]
    if own[PENDING] == 0:
        if interval >= held or is_roomy(own):
            return NEEDS_PYTHON
        begin(own, sent, n)
        bring(own, interval, held)
    came = end(own, received)
    if came == NEEDS_PYTHON:
        return NEEDS_PYTHON
    own[NEXT] += 1
    own[STEP] = min(own[STEP] + own[INTERVAL], own[END])
    own[COMPARED] += 1
    if not as_expected(own, interval, held, sent, n):
        own[WRONG] += 1
        if own[WRONG] == 1:
            own[FIRST_WRONG] = own[STEP]
    return came


@jit
def bring(own, interval, held):  # type: ignore[no-untyped-def]
    """Write the spikes that come in ``interval`` into blocks, one for each rank, as all ranks would have sent them."""
    begins = words(own[COMING_BEGINS], held + 1)
    coming = words(own[COMING], np.int64(begins[held]))
    fits, ranks = own[CAPACITY], own[RANKS]
    stride = HEADER + fits
    incoming = words(own[INCOMING], ranks * stride)
    for rank in range(ranks):
        incoming[rank * stride] = 0
    for k in range(np.int64(begins[interval]), np.int64(begins[interval + 1])):
        block = np.int64(coming[k] & GID_MASK) % ranks * stride  # as placement.owner
        there = np.int64(incoming[block])
        if there < fits:
            incoming[block + HEADER + there] = coming[k]
        incoming[block] = there + 1
    for rank in range(ranks):
        incoming[rank * stride + 1] = incoming[rank * stride]
    own_most = words(own[OUTGOING], HEADER)[1]
    incoming[own[PLACE] * stride + 1] = max(incoming[own[PLACE] * stride + 1], own_most)


@jit_beside
def as_expected(own, interval, held, sent, n):  # type: ignore[no-untyped-def]
    """Whether the first ``n`` spikes of ``sent``, which are sorted, are those that must be sent in that interval."""
    begins = words(own[SENT_BEGINS], held + 1)
    first = np.int64(begins[interval])
    if np.int64(begins[interval + 1]) - first != n:
        return False
    expected = words(own[SENT], np.int64(begins[held]))
    sort(sent[:n])
    same = True
    for k in range(n):
        same &= sent[k] == expected[first + k]
    return same
