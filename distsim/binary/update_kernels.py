"""Kernels that draw the updates of asynchronous binary neurons: when there is one, and what external neurons become."""

from __future__ import annotations

import numpy as np

from distsim.core.elementary import log
from distsim.core.jit import inline, jit
from distsim.core.rng import draw_open_uniform, draw_uniform


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
