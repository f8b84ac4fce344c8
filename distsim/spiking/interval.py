"""A whole interval as one compiled function: update, exchange, delivery, as in ``loop``, for many intervals in a row.

Groups and tables of a network are of different types, so the function is made for theirs: each brings the address of
its kernel, and what that works on, as tuples of arrays. Tuples of tuples, (first, (second, ())), are gone through one
after the other.

What is rare stays in Python: where an array is full, the function returns in the middle of an interval and says how far
it came, so that the loop in Python ends the interval, makes room, and calls it again.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numba import config, njit

from distsim.core.calls import call
from distsim.core.clock import lap
from distsim.core.jit import inline, jit
from distsim.core.kernel_cache import KernelCache
from distsim.parallel.compiled_collectives import allgather, barrier
from distsim.spiking.exchange import collect, pack, unpack
from distsim.spiking.synapses.history import append

DONE, RECORD, EXCHANGE, ARCHIVE, DELIVER, FAILED = range(6)
"""How far an interval came: to the end; or what is to be done next, or has failed."""
STEP, START, PACKED, RECEIVED, STAGE, PLACE, FOUND = range(7)
"""Entries of ``state`` (int64): the last step done, the one before the interval; spikes of this rank and of all;
how far the last interval came; which group or table is next; what its function returned."""
UPDATE_TIME, RECORD_TIME, WAIT_TIME, COMMUNICATE_TIME, DELIVER_TIME = range(5)
PHASES = ("update", "record", "wait", "communicate", "deliver")
FEW = 24  # spikes that are sorted by insertion


@cache
def run_of(n_groups: int, n_plastic: int, timed: tuple[bool, ...]) -> Any:
    """The function that runs intervals of a network with so many groups and plastic tables.

    timed: of each table, whether its kernel is told the time, see ``deliver_all``.
    """
    advance, keep = advance_all(n_groups), keep_all(n_groups)
    archive, deliver = archive_all(n_plastic), deliver_all(timed)

    def run(most, interval, end, state, groups, tables, plastic, exchanged, spikes, clock):  # type: ignore[no-untyped-def]
        """Run at most ``most`` intervals of ``interval`` steps, not beyond step ``end``; returns how many were ended.

        state: see STEP. groups, tables, plastic: see ``advance_all``, ``deliver_all``, ``archive_all``; exchanged: address
        of the kernel of the exchange, and what it works on. spikes: (packed, received, gids, stamps, counts of each group). clock: (words, ns spent
        in each phase).
        """
        packed, received, gids, stamps, counts = spikes
        words, spent = clock
        lap(words, spent, RECORD_TIME)
        for i in range(most):
            if state[STEP] >= end:
                return i
            start = state[STEP]
            stop = min(start + interval, end)
            state[START], state[STEP] = start, stop
            state[PACKED] = advance(groups, 0, i, start, stop - start, counts, packed, 0)
            lap(words, spent, UPDATE_TIME)
            state[STAGE], state[PLACE] = RECORD, keep(groups, 0, counts)
            lap(words, spent, RECORD_TIME)
            if state[PLACE] < counts.size:
                return i
            state[STAGE] = EXCHANGE
            n = call(exchanged[0], (exchanged[1], packed, state[PACKED], received, words, spent))
            lap(words, spent, COMMUNICATE_TIME)
            state[RECEIVED] = n
            if n < 0 or n > gids.size:
                state[STAGE] = FAILED if n < -1 else EXCHANGE
                return i
            state[STAGE] = ARCHIVE
            state[PLACE], state[FOUND] = archive(plastic, 0, counts, start)
            if state[PLACE] >= 0:
                return i
            unpack(received[:n], start, gids, stamps)
            state[STAGE] = DELIVER
            state[PLACE], state[FOUND] = deliver(tables, 0, gids[:n], stamps[:n], stop, stop + interval)
            lap(words, spent, DELIVER_TIME)
            if state[PLACE] >= 0:
                return i
            state[STAGE] = DONE
        return most

    return _compiled(run)


def _compiled(run: Any) -> Any:
    """``run`` as ``jit`` compiles it, but so that other threads go on: one waits for signals."""
    dispatcher = njit(error_model="numpy", nogil=True)(run)
    if not config.DISABLE_JIT:
        dispatcher._cache = KernelCache(run, dispatcher.targetoptions)
    return dispatcher


@cache
def advance_all(n: int) -> Any:
    """Advances ``n`` groups by their kernels (*own, first_step, n_steps, rings, unit, current, poisson, index, stamp).

    groups: of each (address of its kernel, own, rings, unit, currents (intervals, stretches, steps), poisson, gids,
    index, stamp, sums of the hash, spikes of each neuron so far, kept); counts (groups,) is written. Returns the number
    of packed spikes.
    """
    if not n:

        @inline
        def none(groups, k, i, start, n_steps, counts, packed, end):  # type: ignore[no-untyped-def]
            return end

        return none
    others = advance_all(n - 1)

    @inline
    def advance(groups, k, i, start, n_steps, counts, packed, end):  # type: ignore[no-untyped-def]
        kernel, own, rings, unit, currents, poisson, gids, index, stamp, sums, spiked, _ = groups[0]
        current = currents[i % currents.shape[0]]
        n = call(kernel, (*own, start + 1, n_steps, rings, unit, current, poisson, index, stamp))
        counts[k] = n
        end = pack(gids, index[:n], stamp[:n], start, packed, end, sums, spiked)
        return others(groups[1], k + 1, i, start, n_steps, counts, packed, end)

    return advance


@cache
def keep_all(n: int) -> Any:
    """Keeps the spikes of the neurons of ``n`` groups that are recorded; returns the first that has no room, or n.

    kept, of each group: which neurons are recorded (neurons,) uint8, empty where all are; index and stamp (room,), and
    how many there are (1,); no room at all where none is recorded.
    """
    if not n:

        @inline
        def none(groups, k, counts):  # type: ignore[no-untyped-def]
            return k

        return none
    others = keep_all(n - 1)

    @inline
    def keep(groups, k, counts):  # type: ignore[no-untyped-def]
        _, _, _, _, _, _, _, index, stamp, _, _, kept = groups[0]
        recorded, kept_index, kept_stamp, used = kept
        if kept_index.size > 0:
            if used[0] + counts[k] > kept_index.size:
                return k
            for spike in range(counts[k]):
                kept_index[used[0]] = index[spike]
                kept_stamp[used[0]] = stamp[spike]
                used[0] += 1 if recorded.size == 0 or recorded[index[spike]] else 0
        return others(groups[1], k + 1, counts)

    return keep


@cache
def archive_all(n: int) -> Any:
    """Tells ``n`` tables of plastic synapses of the spikes of their targets.

    plastic: of each table (own, group, index and stamp of the spikes of the group, first target, the one after the
    last, scratch for index and stamp), own: ``History.own``. Returns the first table that has no room and how far it
    came, or -1.
    """
    if not n:

        @inline
        def none(plastic, k, counts, start):  # type: ignore[no-untyped-def]
            return -1, 0

        return none
    others = archive_all(n - 1)

    @inline
    def archive(plastic, k, counts, start):  # type: ignore[no-untyped-def]
        own, group, index, stamp, begin, end, of_targets, their_stamps = plastic[0]
        keep_from, longest_delay, rate, history = own
        n = 0
        for spike in range(counts[group]):
            of_targets[n], their_stamps[n] = index[spike], stamp[spike]
            n += 1 if begin <= index[spike] < end else 0
        came = append(of_targets[:n], their_stamps[:n], 0, (keep_from, start - longest_delay), rate, history)
        if came < n:
            return k, came
        return others(plastic[1], k + 1, counts, start)

    return archive


@cache
def deliver_all(timed: tuple[bool, ...]) -> Any:
    """Delivers spikes to tables by their kernels (gids, stamps, *before, ring, *after) -> 0, or what stops it.

    A kernel that is ``timed`` is called without spikes, too, and told (now, horizon) behind everything else. tables: of
    each (address of its kernel, before, ring, after). Returns the table that stopped it and what that returned, or -1.
    """
    if not timed:

        @inline
        def none(tables, k, gids, stamps, now, horizon):  # type: ignore[no-untyped-def]
            return -1, 0

        return none
    others = deliver_all(timed[1:])

    @inline
    def deliver(tables, k, gids, stamps, now, horizon):  # type: ignore[no-untyped-def]
        kernel, before, ring, after = tables[0]
        if gids.size > 0:
            found = call(kernel, (gids, stamps, *before, ring, *after))
            if found != 0:
                return k, found
        return others(tables[1], k + 1, gids, stamps, now, horizon)

    @inline
    def deliver_timed(tables, k, gids, stamps, now, horizon):  # type: ignore[no-untyped-def]
        kernel, before, ring, after = tables[0]
        found = call(kernel, (gids, stamps, *before, ring, *after, now, horizon))
        if found != 0:
            return k, found
        return others(tables[1], k + 1, gids, stamps, now, horizon)

    return deliver_timed if timed[0] else deliver


@inline
def sort(spikes):  # type: ignore[no-untyped-def]
    """Sort packed spikes in place."""
    if spikes.size > FEW:
        spikes.sort()
        return
    for place in range(1, spikes.size):
        spike, k = spikes[place], place
        while k > 0 and spikes[k - 1] > spike:
            spikes[k] = spikes[k - 1]
            k -= 1
        spikes[k] = spike


@jit
def alone(exchanged, packed, n, received, words, spent):  # type: ignore[no-untyped-def]
    """The exchange of one rank; returns the number of spikes, -1 where ``received`` cannot hold them."""
    if n > received.size:
        return -1
    for spike in range(n):
        received[spike] = packed[spike]
    sort(received[:n])
    return n


@jit
def with_all(exchanged, packed, n, received, words, spent):  # type: ignore[no-untyped-def]
    """One Allgather of buffers of fixed capacity; returns the number of spikes.

    -1 where a rank has more spikes than its buffer holds, or ``received`` cannot hold them; -2 where MPI failed.
    """
    outgoing, incoming, kind, comm, waits = exchanged
    if waits:
        if barrier(comm) != 0:
            return -2
        lap(words, spent, WAIT_TIME)
    capacity = outgoing.size - 1
    outgoing[0] = n
    for spike in range(min(n, capacity)):
        outgoing[1 + spike] = packed[spike]
    if allgather(outgoing, incoming, kind, comm) != 0:
        return -2
    total = 0
    for rank in range(incoming.shape[0]):
        if incoming[rank, 0] > capacity:
            return -1
        total += np.int64(incoming[rank, 0])
    if total > received.size:
        return -1
    collect(incoming, received)
    sort(received[:total])
    return total
