"""The course of windows: how far this rank has guessed, how far all is settled, and how long windows are, as kernels.

In every exchange a rank tells of the corrections that followed from the one before, and of the flips of one more
window. The earliest change of all ranks is the front: all have taken in whatever comes before it, so what was decided
there is settled. So there is one exchange for each window, however many it takes until a decision is right.

How long a window is changes nothing but speed. Exchanges are the rarer the longer it is, and corrections the more: both
together cost the least where they cost the same, and towards that it grows or shrinks, on all ranks alike.
"""

from __future__ import annotations

import numpy as np

from distsim.binary.window_kernels import correct, settle, speculate, take_in
from distsim.core.clock import lap
from distsim.core.jit import jit, native
from distsim.parallel.capacity import CAPACITY, adapt
from distsim.parallel.compiled_collectives import FAILED, NEEDS_PYTHON, allgather

BEGIN, END, CHANGES, FLIPS, TO_EXCHANGE, DONE, WINDOWS, EXCHANGES = range(8)
"""Entries of ``course`` (int64). The updates BEGIN .. END - 1 are guessed and not settled; CHANGES: what there is to
tell; FLIPS: how many are listed; TO_EXCHANGE: whether a window is guessed and not exchanged; DONE: whether all is
settled up to STOP; WINDOWS, EXCHANGES: so far."""
NOW, BEFORE, STOP, LENGTH, LONGEST, GIVEN, CORRECTION = range(7)
"""Entries of ``times`` (float64, ms). Guessed is up to NOW, and was up to BEFORE at the exchange before; LENGTH: of the
next window; LONGEST: that a window may have; GIVEN: its length where it does not adapt, else 0. CORRECTION: what one
costs all ranks, in exchanges."""
GROWS, SHRINKS = 1.25, 0.8
SPECULATING, EXCHANGING, CORRECTING, SETTLING = range(4)
"""Entries of the time spent (ns)."""


@jit
def guess_window(course, times, neurons, m_ext, updates, known, couplings, changes):  # type: ignore[no-untyped-def]
    """Guess the updates of one more window, where there is more to come, and list the flips after the corrections.

    known: the updates that are drawn.
    """
    times[BEFORE] = times[NOW]
    course[TO_EXCHANGE] = 1
    if times[NOW] >= times[STOP]:
        return
    length = times[GIVEN] if times[GIVEN] > 0.0 else times[LENGTH]
    after = np.nextafter(times[NOW], np.inf)  # a window may be shorter than the resolution of time
    times[NOW] = min(max(times[NOW] + length, after), times[STOP])
    begin = course[END]
    end = begin
    while end < known and updates[0][end] <= times[NOW]:
        end += 1
    n = speculate(begin, end, known, neurons, m_ext, updates, couplings, changes, course[CHANGES])
    course[END], course[CHANGES] = end, n
    course[WINDOWS] += 1


@jit
def settle_before(front, course, neurons, updates, flips):  # type: ignore[no-untyped-def]
    """Settle what comes before the time ``front``."""
    n = course[FLIPS : FLIPS + 1]
    course[BEGIN] = settle(course[BEGIN], course[END], front, neurons, updates, flips, n)


@jit
def settle_all(course, times, neurons, updates, flips):  # type: ignore[no-untyped-def]
    """Settle what a rank alone has guessed: it is right."""
    settle_before(np.inf, course, neurons, updates, flips)
    course[CHANGES] = 0
    course[DONE] = times[NOW] >= times[STOP]


@jit
def survey(incoming, before):  # type: ignore[no-untyped-def]
    """The time of the earliest change of all ranks; how many there are, and how many not after the time ``before``.

    incoming (ranks, 1 + capacity, 2): incoming[r, 0, 0] changes of rank r follow, by time.
    """
    front, total, corrections = np.inf, np.int64(0), np.int64(0)
    for r in range(incoming.shape[0]):
        n = np.int64(incoming[r, 0, 0])
        total += n
        if n > 0:
            front = min(front, incoming[r, 1, 0])
        k = 1
        while k <= n and incoming[r, k, 0] <= before:
            k += 1
        corrections += k - 1
    return front, total, corrections


@jit
def settle_front(course, times, incoming, neurons, updates, flips):  # type: ignore[no-untyped-def]
    """After an exchange: settle what comes before the earliest change, and choose how long the next window is."""
    front, total, corrections = survey(incoming, times[BEFORE])
    settle_before(front, course, neurons, updates, flips)
    if times[BEFORE] < times[NOW]:
        scale = GROWS if corrections * times[CORRECTION] < 1.0 else SHRINKS
        times[LENGTH] = min(scale * times[LENGTH], times[LONGEST])
    course[DONE] = total == 0 and times[NOW] >= times[STOP]
    course[TO_EXCHANGE] = 0
    course[EXCHANGES] += 1


@jit
def correct_rest(course, rank, incoming, neurons, updates, scratch, couplings, changes):  # type: ignore[no-untyped-def]
    """After an exchange: let the changes of the other ranks act on what is not settled, and list what follows.

    scratch: see ``take_in`` and ``revise``.
    """
    marks, inputs, hits = scratch
    begin, end = course[BEGIN], course[END]
    for r in range(incoming.shape[0]):
        if r != rank:
            take_in(begin, end, incoming[r], np.int64(incoming[r, 0, 0]), neurons, updates, marks, inputs, couplings)
    course[CHANGES] = correct(begin, end, neurons, updates, marks, couplings, hits, changes)


@native
def settle_windows(  # type: ignore[no-untyped-def]
    course, times, rank, neurons, m_ext, updates, known, scratch, couplings, changes, flips, exchange, clock
):
    """All windows up to STOP. NEEDS_PYTHON where Python is to do the next exchange, with other buffers; FAILED.

    exchange: outgoing (1 + capacity, 2), incoming (ranks, 1 + capacity, 2); what ``capacity.adapt`` takes; handles.
    clock: words of a clock, and the time spent in each phase.
    """
    outgoing, incoming, room, handles = exchange
    words, spent = clock
    while course[DONE] == 0:
        if course[TO_EXCHANGE] == 0:
            guess_window(course, times, neurons, m_ext, updates, known, couplings, changes)
            lap(words, spent, SPECULATING)
        if outgoing.shape[0] != 1 + room[CAPACITY]:
            return NEEDS_PYTHON
        n = course[CHANGES]
        outgoing[0, 0] = n
        for k in range(min(n, room[CAPACITY])):
            outgoing[1 + k, 0], outgoing[1 + k, 1] = changes[k, 0], changes[k, 1]
        size = outgoing.size
        if allgather(outgoing.ctypes.data, incoming.ctypes.data, size, handles[0], handles[1]) != 0:
            return FAILED
        most = np.int64(0)
        for r in range(incoming.shape[0]):
            most = max(most, np.int64(incoming[r, 0, 0]))
        lap(words, spent, EXCHANGING)
        if not adapt(room, most):
            return NEEDS_PYTHON
        settle_front(course, times, incoming, neurons, updates, flips)
        lap(words, spent, SETTLING)
        correct_rest(course, rank, incoming, neurons, updates, scratch, couplings, changes)
        lap(words, spent, CORRECTING)
    return 0
