"""Kernels of asynchronous binary neurons: guessing the decisions of a window of updates, correcting, settling them.

The updates of all ranks have one total order, by time, then gid. Every rank goes through its own window by window, as
if nothing came from others (``speculate``), then learns of flips elsewhere and repairs what they change (``correct``)
before it goes on. All through it, for the states as believed at the moment,

    h[i]      is the input of local neuron i at the end of the last window,
    seen[u]   the input that update u found, and decided[u] = (seen[u] > theta) once the rank has come past it.

Both are even, in half units, and theta is odd; the lowest bit of h[i] is set while neuron i has an update that is not
settled, so that a correction finds the neurons that have one by the inputs that it adds to anyway.
External neurons have no input and are decided beforehand: no change marks them.

A change is (time, code): at that time the state of a neuron is higher by delta than it was believed to be from there
on; code = gid * 8 + delta + 4. Where all ranks have taken in all changes before a time, decisions before it are those
of the sequential algorithm; changes that follow from others are later than these.

Rows of edges, and what is kept of single neurons, lie anywhere in memory, and to wait for them costs most: they are
asked for some updates, or some changes, in advance.
"""

from __future__ import annotations

import numpy as np

from distsim.connect.source_index import row_of
from distsim.core.jit import inline, jit, prefetch

LINE = 64  # bytes of a cache line
FIRST_LINES = 8  # of a row that are asked for: the processor finds out by itself that the others follow
NEURON_AHEAD, OFFSETS_AHEAD, ROW_AHEAD = 24, 14, 6  # updates that are looked ahead
OFFSETS_BEFORE, ROW_BEFORE = 8, 2  # changes that are looked ahead
DELTA_BITS = 3
ZERO = 4


@inline
def population_of(gid, first_gid):  # type: ignore[no-untyped-def]
    """The last population that begins with ``gid`` or before."""
    population = 0
    while population + 1 < first_gid.size and first_gid[population + 1] <= gid:
        population += 1
    return population


@inline
def deliver(gid, delta, couplings, h):  # type: ignore[no-untyped-def]
    """h[i] += delta J for every local target i of ``gid``."""
    first_gid, slots, strength, base, place, offsets, targets, each = couplings
    population, row = population_of(gid, first_gid), row_of(gid, place)
    for k in range(slots if row >= 0 else 0):
        begin, end = offsets[row * slots + k], offsets[row * slots + k + 1]
        low = base[population * slots + k]
        if each.size:
            for edge in range(begin, end):
                h[low + np.int64(targets[edge])] += delta * each[edge]
        else:
            step = delta * strength[population * slots + k]
            for edge in range(begin, end):
                h[low + np.int64(targets[edge])] += step


@inline
def fetch_offsets(gid, couplings):  # type: ignore[no-untyped-def]
    """Ask for where the edges of ``gid`` begin."""
    _, slots, _, _, place, offsets, _, _ = couplings
    prefetch(offsets, max(row_of(gid, place), 0) * slots)


@inline
def fetch_row(gid, couplings):  # type: ignore[no-untyped-def]
    """Ask for the first edges of ``gid``."""
    _, slots, _, _, place, offsets, targets, _ = couplings
    per_line, row = LINE // targets.itemsize, row_of(gid, place)
    if row < 0:
        return
    begin, end = offsets[row * slots], offsets[row * slots + slots]
    for line in range(min(FIRST_LINES, (end - begin + per_line - 1) // per_line)):
        prefetch(targets, begin + line * per_line)


@inline
def change_at(changes, c):  # type: ignore[no-untyped-def]
    """Time, gid and delta of a change."""
    code = np.int64(changes[c, 1])
    return changes[c, 0], code >> DELTA_BITS, (code & ((1 << DELTA_BITS) - 1)) - ZERO


@inline
def flips_soon(i, theta, state, h):  # type: ignore[no-untyped-def]
    """Whether neuron i would flip now."""
    return (h[i] > theta[i]) != (state[i] > 0)


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
def speculate(begin, end, known, neurons, m_ext, updates, couplings, changes, n):  # type: ignore[no-untyped-def]
    """Go through the updates begin .. end - 1 in order, as if no other rank had any; write the flips to changes[n:].

    known: how many updates there are, which may be more.
    neurons: gids, theta, state, h, last (int32: the last update of a neuron that is not settled, -1 if there is none).
    m_ext (neurons,), (0,) where none is external: not negative for external neurons, which are decided beforehand.
    updates: time, index, seen, decided, before (the one before of the same neuron, where it was settled before this
    was reached -1 for a neuron that was inactive, -2 for an active one), after (the next, else -1), delta. Returns the
    number of changes.
    """
    gids, theta, state, h, last = neurons
    time, index, seen, decided, before, after, _ = updates
    for u in range(begin, end):
        i = index[min(u + NEURON_AHEAD, known - 1)]
        prefetch(gids, i)
        prefetch(theta, i)
        prefetch(state, i)
        prefetch(h, i)
        prefetch(last, i)
        i = index[min(u + OFFSETS_AHEAD, known - 1)]
        if flips_soon(i, theta, state, h):
            fetch_offsets(gids[i], couplings)
        i = index[min(u + ROW_AHEAD, known - 1)]
        if flips_soon(i, theta, state, h):
            fetch_row(gids[i], couplings)
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
def revise(t, gid, delta, couplings, hits, neurons, updates, marks):  # type: ignore[no-untyped-def]
    """Let a change act on all local targets of ``gid`` and mark the later updates that saw another input.

    Loops over edges have no branch: the few whose target has an update that is not settled are only listed in ``hits``.
    """
    gids, _, _, h, last = neurons
    time, _, seen, _, before, _, _ = updates
    first_gid, slots, strength, base, place, offsets, targets, each = couplings
    population, row = population_of(gid, first_gid), row_of(gid, place)
    for k in range(slots if row >= 0 else 0):
        begin, end = offsets[row * slots + k], offsets[row * slots + k + 1]
        low, step = base[population * slots + k], delta * strength[population * slots + k]
        n = np.int64(0)
        if each.size:
            for edge in range(begin, end):
                changed = h[low + np.int64(targets[edge])] + delta * each[edge]
                h[low + np.int64(targets[edge])] = changed
                hits[n] = edge
                n += changed & 1
        else:
            for edge in range(begin, end):
                changed = h[low + np.int64(targets[edge])] + step
                h[low + np.int64(targets[edge])] = changed
                hits[n] = edge
                n += changed & 1
        for hit in range(n):
            i = low + np.int64(targets[hits[hit]])
            u = last[i]
            while u >= 0 and (time[u] > t or (time[u] == t and gids[i] > gid)):
                seen[u] += delta * each[hits[hit]] if each.size else step
                marks[u] = 1
                u = before[u]


@inline
def look_again(u, end, t, gid, neurons, updates, marks, inputs):  # type: ignore[no-untyped-def]
    """Let the updates from u on that come before (t, gid) see what they missed; returns the first that does not."""
    gids, _, _, h, _ = neurons
    time, index, seen, _, _, _, _ = updates
    while u < end and (time[u] < t or (time[u] == t and gids[index[u]] < gid)):
        unseen = h[index[u]] - inputs[u]
        if unseen != 0:
            seen[u] += unseen
            marks[u] = 1
        u += 1
    return u


@jit
def take_in(begin, end, changes, n, neurons, updates, marks, inputs, couplings):  # type: ignore[no-untyped-def]
    """Let changes[1 .. n] (time and code) of another rank act, and mark the updates that saw another input.

    The updates begin .. end - 1 are not settled. An update did not see what the changes before it, which act one by
    one, add to the input of its neuron, which was inputs[u] before them all.
    """
    h, index = neurons[3], updates[1]
    for c in range(1, min(OFFSETS_BEFORE, n) + 1):
        fetch_offsets(change_at(changes, c)[1], couplings)
    for u in range(begin, end):
        inputs[u] = h[index[u]]
    for c in range(1, min(ROW_BEFORE, n) + 1):
        fetch_row(change_at(changes, c)[1], couplings)
    u = begin
    for c in range(1, n + 1):
        t, gid, delta = change_at(changes, c)
        u = look_again(u, end, t, gid, neurons, updates, marks, inputs)
        fetch_offsets(change_at(changes, min(c + OFFSETS_BEFORE, n))[1], couplings)
        fetch_row(change_at(changes, min(c + ROW_BEFORE, n))[1], couplings)
        deliver(gid, delta, couplings, h)
    look_again(u, end, np.inf, np.int64(0), neurons, updates, marks, inputs)


@jit
def correct(begin, end, neurons, updates, marks, couplings, hits, changes):  # type: ignore[no-untyped-def]
    """Decide anew, in order, wherever a marked update begin .. end - 1 saw another input.

    What changes is written to ``changes``: a decision that turns over changes the state until the next update of the
    neuron. Returns how many.
    """
    gids, theta, state, _, _ = neurons
    time, index, seen, decided, _, after, delta = updates
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
def settle(begin, end, front, neurons, updates, flips, n):  # type: ignore[no-untyped-def]
    """Settle the updates begin .. end - 1 that come before the time ``front``; returns the first that does not.

    Their flips are listed from flips[n[0]] on as time, neuron (local index) and new state, and n[0] moves on.
    """
    _, _, _, h, last = neurons
    time, index, _, decided, before, _, _ = updates
    flip_time, flip_index, flip_state = flips
    k = n[0]
    u = begin
    while u < end and time[u] < front:
        i = index[u]
        previous = before[u]
        was = decided[previous] if previous >= 0 else np.uint8(-1 - previous)
        if decided[u] != was:
            flip_time[k] = time[u]
            flip_index[k] = i
            flip_state[k] = decided[u]
            k += 1
        if last[i] == u:
            last[i] = -1
            h[i] &= -2
        u += 1
    n[0] = k
    return u
