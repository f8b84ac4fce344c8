"""Spikes as they travel: one uint64 each, (step within the interval) << 40 | gid.

To sort the integers sorts spikes by step, then source.
"""

from __future__ import annotations

import numpy as np

from distsim.core.jit import jit
from distsim.parallel.event_hash import add_event

GID_BITS = np.uint64(40)
GID_MASK = np.uint64((1 << 40) - 1)
MANY = 1000  # spikes from which on they are sorted by digits
DIGIT = 11  # bits


@jit
def pack(gids, index, stamps, start, packed, begin, sums, counts):  # type: ignore[no-untyped-def]
    """Write the spikes (local index, step) of neurons ``gids`` as sortable integers from packed[begin] on.

    start: the step after which the interval begins. sums: those of an ``EventHash``, to which the spikes are added, or
    none, for sources. counts (n,) int64: the spikes of each neuron so far. Returns the end of what is written.
    """
    for spike in range(index.size):
        neuron, stamp = index[spike], stamps[spike]
        gid = gids[neuron]
        counts[neuron] += 1
        packed[begin + spike] = (np.uint64(stamp - start) << GID_BITS) | np.uint64(gid)
        add_event(gid, stamp, sums)
    return begin + index.size


@jit
def unpack(packed, start, gids, stamps):  # type: ignore[no-untyped-def]
    """gids and steps (n,) of packed spikes (n,)."""
    for spike in range(packed.size):
        gids[spike] = np.int64(packed[spike] & GID_MASK)
        stamps[spike] = np.int64(packed[spike] >> GID_BITS) + start


@jit
def sort(spikes):  # type: ignore[no-untyped-def]
    """Sort packed spikes (n,) in place: few by insertion over ever shorter distances (Shell's sort), many by digits."""
    if spikes.size >= MANY:
        sort_by_digits(spikes)
        return
    gap = 1
    while gap < spikes.size // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for place in range(gap, spikes.size):
            spike, k = spikes[place], place
            while k >= gap and spikes[k - gap] > spike:
                spikes[k] = spikes[k - gap]
                k -= gap
            spikes[k] = spike
        gap //= 3


@jit
def sort_by_digits(spikes):  # type: ignore[no-untyped-def]
    """Sort packed spikes (n,) in place, digit by digit from the last to the first that differs anywhere."""
    differ = np.uint64(0)
    for k in range(spikes.size):
        differ |= spikes[k] ^ spikes[0]
    begins = np.empty(1 << DIGIT, np.int64)
    now, then, moved = spikes, np.empty_like(spikes), False
    shift, mask = np.uint64(0), np.uint64((1 << DIGIT) - 1)
    while shift < 64 and differ >> shift != 0:
        if (differ >> shift) & np.uint64(1) == 0:
            shift += np.uint64(1)
            continue
        begins[:] = 0
        for k in range(now.size):
            begins[np.int64((now[k] >> shift) & mask)] += 1
        begin = 0
        for place in range(begins.size):
            begin, begins[place] = begin + begins[place], begin
        for k in range(now.size):
            digit = np.int64((now[k] >> shift) & mask)
            then[begins[digit]] = now[k]
            begins[digit] += 1
        now, then, moved = then, now, not moved
        shift += np.uint64(DIGIT)
    if moved:
        for k in range(now.size):
            spikes[k] = now[k]
