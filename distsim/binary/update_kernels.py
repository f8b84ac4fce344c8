"""Kernels of asynchronous binary neurons: drawing updates, guessing a window of them, correcting it.

The updates of all ranks have one total order, by time, then gid. In a window of them every rank first goes through its
own as if nothing came from others (``speculate``), then learns of flips elsewhere and repairs what they change
(``correct``), until nothing changes. All through it, for the states as believed at the moment,

    h[i]      is the input of local neuron i at the end of the window,
    seen[u]   the input that update u found, and decided[u] = (seen[u] > theta) once the rank has come past it.

Both are even, in half units, and theta is odd; the lowest bit of h[i] is set while neuron i has an update in the
window, so that a change finds the neurons that have one by the inputs that it adds to anyway.
External neurons have no input and are decided beforehand: no change marks them.

A change is (time, code): at that time the state of a neuron is higher by delta than it was believed to be from there
on; code = gid * 8 + delta + 4.
"""

from __future__ import annotations

import numpy as np

from distsim.core.elementary import log
from distsim.core.jit import inline, jit, prefetch
from distsim.core.rng import draw_open_uniform, draw_uniform

LINE = 64  # bytes of a cache line
MOST_LINES = 64  # of a row that are asked for in advance
AHEAD = 4  # updates that are looked ahead
DELTA_BITS = 3
ZERO = 4


@inline
def interval(streams, i, counter, tau):  # type: ignore[no-untyped-def]
    """Exponential interval of mean tau: number ``counter`` of stream i."""
    return -tau * log(draw_open_uniform(streams, i, counter))


@jit
def draw_states(streams, m_0, state):  # type: ignore[no-untyped-def]
    """state[i] = 1 with probability m_0[i], else 0."""
    for i in range(streams.keys.size):
        state[i] = np.uint8(draw_uniform(streams, i, 0) < m_0[i])


@jit
def first_updates(streams, tau, upcoming, counter):  # type: ignore[no-untyped-def]
    """upcoming[i] = time of the first update of neuron i; tau (n,) or (1,)."""
    for i in range(streams.keys.size):
        upcoming[i] = interval(streams, i, 0, tau[i if tau.size > 1 else 0])
        counter[i] = 1


@jit
def draw_updates(streams, tau, upcoming, counter, stop, first, n, time, index):  # type: ignore[no-untyped-def]
    """Append the updates up to ``stop`` of the neurons from ``first`` on to time[n:], index[n:].

    Returns the neuron at which the arrays were full (the number of neurons where they were not) and the new n. The
    updates of a neuron are strictly later than each other.
    """
    for i in range(first, streams.keys.size):
        t = upcoming[i]
        while t <= stop:
            if n == time.size:
                upcoming[i] = t
                return i, n
            time[n] = t
            index[n] = i
            n += 1
            t = max(t + interval(streams, i, counter[i], tau[i if tau.size > 1 else 0]), np.nextafter(t, np.inf))
            counter[i] += 1
        upcoming[i] = t
    return streams.keys.size, n


@jit
def sort_updates(time, index, start, stop, sorted_time, sorted_index):  # type: ignore[no-untyped-def]
    """Sort updates between ``start`` and ``stop``, listed by neuron, by time, then neuron.

    One bucket for each on average, then insertion; both keep the order of equal times.
    """
    n = time.size
    scale = n / (stop - start)
    ends = np.zeros(n + 1, np.int64)
    for u in range(n):
        ends[min(np.int64((time[u] - start) * scale), n - 1) + 1] += 1
    for b in range(n):
        ends[b + 1] += ends[b]
    for u in range(n):
        bucket = min(np.int64((time[u] - start) * scale), n - 1)
        place = ends[bucket]
        ends[bucket] = place + 1
        sorted_time[place] = time[u]
        sorted_index[place] = index[u]
    for u in range(1, n):
        t, i = sorted_time[u], sorted_index[u]
        place = u
        while place > 0 and sorted_time[place - 1] > t:
            sorted_time[place] = sorted_time[place - 1]
            sorted_index[place] = sorted_index[place - 1]
            place -= 1
        sorted_time[place] = t
        sorted_index[place] = i


@inline
def deliver(gid, delta, couplings, h):  # type: ignore[no-untyped-def]
    """h[i] += delta J for every local target i of ``gid``."""
    first_gid, slots, strength, base, offsets, targets, each = couplings
    population = np.searchsorted(first_gid, gid, side="right") - 1
    for k in range(slots):
        begin, end = offsets[gid * slots + k], offsets[gid * slots + k + 1]
        input_of = h[base[population * slots + k] :]
        if each.size:
            for edge in range(begin, end):
                input_of[targets[edge]] += delta * each[edge]
        else:
            step = delta * strength[population * slots + k]
            for edge in range(begin, end):
                input_of[targets[edge]] += step


@inline
def fetch_row(gid, couplings):  # type: ignore[no-untyped-def]
    """Ask for the edges of ``gid``, which are needed soon: rows lie anywhere in memory, and waiting costs most."""
    _, slots, _, _, offsets, targets, _ = couplings
    per_line = LINE // targets.itemsize
    begin, end = offsets[gid * slots], offsets[gid * slots + slots]
    for edge in range(begin, min(end, begin + MOST_LINES * per_line), per_line):
        prefetch(targets, edge)


@jit
def add_active(gids, couplings, h):  # type: ignore[no-untyped-def]
    """Add the input that the neurons ``gids`` give while they are active."""
    for source in range(gids.size):
        deliver(gids[source], 1, couplings, h)


@inline
def put(changes, n, t, gid, delta):  # type: ignore[no-untyped-def]
    """Write a change to changes (capacity, 2) float64 and return how many there are now."""
    changes[n, 0] = t
    changes[n, 1] = float((gid << DELTA_BITS) + delta + ZERO)
    return n + 1


@jit
def decide_external(index, streams, m_ext, done, decided):  # type: ignore[no-untyped-def]
    """decided[u] = 1 with probability m_ext[i], else 0, for the updates u, in order, of external neurons i.

    index (n,): the neuron of each update; m_ext (neurons,), negative for those that are not external; done (neurons,):
    the updates of each before these, which moves on.
    """
    for u in range(index.size):
        i = index[u]
        if m_ext[i] >= 0.0:
            decided[u] = np.uint8(draw_uniform(streams, i, done[i]) < m_ext[i])
            done[i] += 1


@jit
def speculate(begin, end, neurons, m_ext, updates, couplings, changes):  # type: ignore[no-untyped-def]
    """Go through the updates begin .. end - 1 in order, as if no other rank had any; write the flips to ``changes``.

    neurons: gids, theta, state, h, last (int32: the last update of a neuron in the window, -1 if there is none).
    m_ext (neurons,), (0,) where none is external: not negative for external neurons, which are decided beforehand.
    updates: time, index, seen, decided, before (the one before of the same neuron in the
    window, where there is none -1 for a neuron that was inactive at its start, -2 for an active one), after (the next,
    else -1), delta. Returns the number of changes.
    """
    gids, theta, state, h, last = neurons
    time, index, seen, decided, before, after, _ = updates
    n = 0
    for u in range(begin, end):
        soon = index[min(u + AHEAD, end - 1)]
        if (h[soon] > theta[soon]) != (state[soon] > 0):
            fetch_row(gids[soon], couplings)
        i = index[u]
        seen[u] = h[i]
        if m_ext.size and m_ext[i] >= 0.0:
            now = decided[u]
        else:
            now = np.uint8(h[i] > theta[i])
        decided[u] = now
        previous = last[i]
        after[u] = -1
        if previous >= 0:
            before[u] = previous
            after[previous] = u
        else:
            before[u] = -1 - np.int64(state[i])
            h[i] |= 1
        last[i] = u
        flip = np.int64(now) - np.int64(state[i])
        if flip != 0:
            state[i] = now
            n = put(changes, n, time[u], gids[i], flip)
            deliver(gids[i], flip, couplings, h)
    return n


@inline
def find_later(begin, end, t, gid, step, base, each, delta, targets, hits, neurons, updates, marks):  # type: ignore[no-untyped-def]
    """Let the edges begin .. end - 1 of a change at (t, gid) act, and mark the later updates that saw another input.

    The first loop has no branch: the few edges whose target has an update in the window are only listed in ``hits``.
    """
    gids, _, _, h, last = neurons
    time, _, seen, _, before, _, _ = updates
    n = np.int64(0)
    input_of = h[base:]
    if each.size:
        for edge in range(begin, end):
            changed = input_of[targets[edge]] + delta * each[edge]
            input_of[targets[edge]] = changed
            hits[n] = edge
            n += changed & 1
    else:
        for edge in range(begin, end):
            changed = input_of[targets[edge]] + step
            input_of[targets[edge]] = changed
            hits[n] = edge
            n += changed & 1
    for k in range(n):
        i = base + np.int64(targets[hits[k]])
        u = last[i]
        while u >= 0 and (time[u] > t or (time[u] == t and gids[i] > gid)):
            seen[u] += delta * each[hits[k]] if each.size else step
            marks[u] = 1
            u = before[u]


@inline
def revise(t, gid, delta, couplings, hits, neurons, updates, marks):  # type: ignore[no-untyped-def]
    """Let a change act on all local targets of ``gid`` and mark the updates that saw another input."""
    first_gid, slots, strength, base, offsets, targets, each = couplings
    population = np.searchsorted(first_gid, gid, side="right") - 1
    for k in range(slots):
        segment = gid * slots + k
        step, low = delta * strength[population * slots + k], base[population * slots + k]
        begin, end = offsets[segment], offsets[segment + 1]
        find_later(begin, end, t, gid, step, low, each, delta, targets, hits, neurons, updates, marks)


@jit
def correct(begin, end, rank, incoming, neurons, updates, marks, couplings, hits, changes):  # type: ignore[no-untyped-def]
    """Take in the changes of the other ranks and decide anew, in order, wherever an update saw another input.

    incoming (ranks, 1 + capacity, 2): incoming[r, 0, 0] changes of rank r follow. What changes on this rank is written
    to ``changes``: a decision that turns over changes the state until the next update of the neuron. Returns how many.
    """
    gids, theta, state, _, _ = neurons
    time, index, seen, decided, _, after, delta = updates
    for r in range(incoming.shape[0]):
        if r != rank:
            given = np.int64(incoming[r, 0, 0])
            for c in range(1, given + 1):
                fetch_row(np.int64(incoming[r, min(c + 1, given), 1]) >> DELTA_BITS, couplings)
                code = np.int64(incoming[r, c, 1])
                step = (code & ((1 << DELTA_BITS) - 1)) - ZERO
                gid = code >> DELTA_BITS
                revise(incoming[r, c, 0], gid, step, couplings, hits, neurons, updates, marks)
    n = 0
    for u in range(begin, end):
        if marks[u]:
            marks[u] = 0
            i = index[u]
            now = np.uint8(seen[u] > theta[i])
            if now != decided[u]:
                turn = np.int64(now) - np.int64(decided[u])
                decided[u] = now
                delta[u] += turn
                if after[u] >= 0:
                    delta[after[u]] -= turn
                    marks[after[u]] = 1
                else:
                    state[i] = now
            if delta[u] != 0:
                n = put(changes, n, time[u], gids[i], np.int64(delta[u]))
                revise(time[u], gids[i], np.int64(delta[u]), couplings, hits, neurons, updates, marks)
                delta[u] = 0
    return n


@jit
def settle(begin, end, neurons, updates, flips, n):  # type: ignore[no-untyped-def]
    """End a window: list its flips from flips[n] on as time, neuron (local index) and new state; the new n.

    The neurons are made ready for the next window.
    """
    _, _, _, h, last = neurons
    time, index, _, decided, before, _, _ = updates
    flip_time, flip_index, flip_state = flips
    for u in range(begin, end):
        i = index[u]
        previous = before[u]
        was = decided[previous] if previous >= 0 else np.uint8(-1 - previous)
        if decided[u] != was:
            flip_time[n] = time[u]
            flip_index[n] = i
            flip_state[n] = decided[u]
            n += 1
        last[i] = -1
        h[i] &= -2
    return n
