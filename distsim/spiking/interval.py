"""A whole interval as one compiled function: update, exchange, delivery, as in ``loop``, for many intervals in a row.

It is one function for all networks. What differs between groups and tables - their kernels, and what these work on - it
finds in memory: each has a row of whole numbers, with the address of its kernel, that of the thunk by which it is
called, and the place of its arguments, see ``core.calls``. Into these it writes what changes from interval to interval.

What is rare stays in Python: where an array is full, the function returns in the middle of an interval and says how far
it came, so that the loop in Python ends the interval, makes room, and calls it again.
"""

from __future__ import annotations

from distsim.core.calls import OF_ARRAY, SHAPE, SIZE, WORD, call
from distsim.core.clock import lap
from distsim.core.jit import native, native_inline
from distsim.parallel.compiled_collectives import NEEDS_PYTHON
from distsim.spiking.exchange import pack, unpack

DONE, RECORD, EXCHANGE, ARCHIVE, DELIVER, FAILED = range(6)
"""How far an interval came: to the end; or what is to be done next, or has failed."""
STEP, START, PACKED, RECEIVED, STAGE, PLACE, FOUND = STATE = range(7)
"""Entries of ``state`` (int64): the last step done, the one before the interval; spikes of this rank and of all;
how far the last interval came; which group or table is next; what its function returned."""
UPDATE_TIME, RECORD_TIME, WAIT_TIME, COMMUNICATE_TIME, DELIVER_TIME = range(5)
PHASES = ("update", "record", "wait", "communicate", "deliver")
THUNK, KERNEL, BLOCK = range(3)
"""First entries of the row of every group and table: addresses of its thunk and kernel; its first word of memory."""
STEPS, CURRENT, CURRENTS, CURRENT_BYTES, SPIKES, NEURONS, NEURONS_END, HASHED, KEEPS, INDEX, STAMP = range(3, 14)
"""Of a group: words of the first step and of the address of the current, from its first word on; the address of the
currents of the first interval, and how many bytes further those of the next are; its first place among spikes, its
first neuron, the one after its last; how many sums its spikes are hashed into; which spikes are kept; words of the
addresses of index and stamp."""
OF_GROUP, PLACE_OF, DUE, EVERY, KEPT, ROOM = range(3, 9)
"""Of a state that is recorded: its group, the word of the row to write; the step at which it is next recorded, and in
how many steps again; how many rows were written, and how many there are."""
GROUP, FIRST, END, LONGEST = range(3, 7)
"""Of a plastic table: the group of its targets, the first of these in it, the one after the last; longest delay."""
TIME = 3
"""Of a table: the word of (now, horizon), from its first word on; 0 where its kernel is not told the time."""
SEEN = 2 * OF_ARRAY + 2
"""The word of ``seen`` among the arguments of ``history.append``: (neurons, stamps, begin, (keep_from, seen), ...)."""
KEEPS_NONE, KEEPS_SOME, KEEPS_ALL = range(3)


@native
def run(limits, state, rows, memory, neurons, spikes, kept, exchanged, clock):  # type: ignore[no-untyped-def]
    """Run at most ``most`` intervals of ``interval`` steps, not beyond step ``end``; returns how many were ended.

    limits: (most, interval, end). state: see STEP. rows: of groups, recorded states, plastic tables and tables, int64,
    see THUNK; memory: the words of their blocks. neurons: (gids, spikes so far) of all groups, one after the other, and
    the sums of the hash. spikes: index and stamp, of all groups, of the targets of a table, (packed, received, gids,
    stamps) and the number of those of each group. kept: see ``keep``. exchanged: addresses of ``post``, ``wait`` and
    ``step`` of an ``ExchangePlan``, the first two 0 where there is none, and what they work on. clock: (words, ns spent
    in each phase).

    Between posting its spikes and waiting for those of others a rank delivers what was on its way before: so it need
    not wait for one that is behind by less than that takes.
    """
    most, interval, end = limits
    groups, samples, plastic, tables = rows
    fired, of_targets, (packed, received, gids, stamps), counts = spikes
    post, wait, step, own = exchanged
    words, spent = clock
    lap(words, spent, RECORD_TIME)
    for i in range(most):
        if state[STEP] >= end:
            return i
        start = state[STEP]
        stop = min(start + interval, end)
        if not have_room(samples, stop):
            return i
        state[START], state[STEP] = start, stop
        state[PACKED] = advance(groups, samples, memory, i, (start, stop), neurons, fired, packed, counts)
        lap(words, spent, UPDATE_TIME)
        state[STAGE], state[PLACE] = RECORD, keep(groups, fired, counts, kept)
        lap(words, spent, RECORD_TIME)
        if state[PLACE] < groups.shape[0]:
            return i
        state[STAGE] = EXCHANGE
        if post != 0:
            call(post, (own, packed, state[PACKED]))
            lap(words, spent, COMMUNICATE_TIME)
            deliver(tables, memory, 0, stop, stop + interval)
            lap(words, spent, DELIVER_TIME)
        if wait != 0:
            if call(wait, (own,)) != 0:
                state[STAGE] = FAILED
                return i
            lap(words, spent, WAIT_TIME)
        n = call(step, (own, packed, state[PACKED], received))
        state[RECEIVED] = n
        lap(words, spent, COMMUNICATE_TIME)
        if n < 0:
            state[STAGE] = EXCHANGE if n == NEEDS_PYTHON else FAILED
            return i
        state[STAGE] = ARCHIVE
        state[PLACE], state[FOUND] = archive(plastic, memory, counts, groups, fired, of_targets, start)
        if state[PLACE] >= 0:
            return i
        unpack(received[:n], start, gids, stamps)
        state[STAGE] = DELIVER
        state[PLACE], state[FOUND] = deliver(tables, memory, n, stop, stop + interval)
        lap(words, spent, DELIVER_TIME)
        if state[PLACE] >= 0:
            return i
        state[STAGE] = DONE
    return most


@native_inline
def kernel_of(row, memory):  # type: ignore[no-untyped-def]
    """What the kernel of a row returns for the arguments in its block."""
    return call(row[THUNK], (row[KERNEL], memory.ctypes.data + WORD * row[BLOCK]))


@native_inline
def set_length(array, n, memory):  # type: ignore[no-untyped-def]
    """Let the array whose words begin at memory[array] have ``n`` entries."""
    memory[array + SIZE] = n
    memory[array + SHAPE] = n


@native_inline
def advance(groups, samples, memory, i, steps, neurons, fired, packed, counts):  # type: ignore[no-untyped-def]
    """Advance all groups by their kernels (*own, first_step, n_steps, rings, unit, current, poisson, index, stamp).

    i: number of the interval; steps: the last one before it, and its last. counts (groups,) is written. A group pauses
    where a state of it is recorded. Returns the number of packed spikes.
    """
    gids, spiked, sums = neurons
    index, stamp = fired
    start, stop = steps
    end = 0
    for k in range(groups.shape[0]):
        row = groups[k]
        block, first = row[BLOCK], row[SPIKES]
        n, now = 0, start
        while now < stop:
            pause = next_pause(samples, k, stop)
            memory[block + row[STEPS]] = now + 1
            memory[block + row[STEPS] + 1] = pause - now
            memory[block + row[CURRENT]] = row[CURRENTS] + i * row[CURRENT_BYTES] + WORD * (now - start)
            memory[block + row[INDEX]] = index.ctypes.data + index.itemsize * (first + n)
            memory[block + row[STAMP]] = stamp.ctypes.data + stamp.itemsize * (first + n)
            n += kernel_of(row, memory)
            sample(samples, memory, k, pause)
            now = pause
        counts[k] = n
        if n > 0:
            begin, until = row[NEURONS], row[NEURONS_END]
            of_group = gids[begin:until], index[first : first + n], stamp[first : first + n]
            end = pack(*of_group, start, packed, end, sums[: row[HASHED]], spiked[begin:until])
    return end


@native_inline
def have_room(samples, stop):  # type: ignore[no-untyped-def]
    """Whether there are rows for all states that are recorded up to step ``stop``."""
    for s in range(samples.shape[0]):
        row = samples[s]
        if row[DUE] <= stop and row[KEPT] + (stop - row[DUE]) // row[EVERY] >= row[ROOM]:
            return False
    return True


@native_inline
def next_pause(samples, group, stop):  # type: ignore[no-untyped-def]
    """The step, ``stop`` at the latest, at which a state of a group is recorded next."""
    for s in range(samples.shape[0]):
        if samples[s, OF_GROUP] == group:
            stop = min(stop, samples[s, DUE])
    return stop


@native_inline
def sample(samples, memory, group, step):  # type: ignore[no-untyped-def]
    """Record those states of a group that are due at ``step``, by kernels as ``state_rows``."""
    for s in range(samples.shape[0]):
        row = samples[s]
        if row[OF_GROUP] == group and row[DUE] == step:
            memory[row[BLOCK] + row[PLACE_OF]] = row[KEPT]
            row[KEPT] += kernel_of(row, memory)
            row[DUE] += row[EVERY]


@native_inline
def keep(groups, fired, counts, kept):  # type: ignore[no-untyped-def]
    """Keep the spikes of recorded neurons; returns the first group that has no room, or how many there are.

    kept: which neurons are recorded (neurons,) uint8; index and stamp (groups, room), and how many there are (groups,).
    """
    index, stamp = fired
    recorded, kept_index, kept_stamp, used = kept
    for k in range(groups.shape[0]):
        if groups[k, KEEPS] == KEEPS_NONE:
            continue
        end = used[k]
        if end + counts[k] > kept_index.shape[1]:
            return k
        every, begin, first = groups[k, KEEPS] == KEEPS_ALL, groups[k, NEURONS], groups[k, SPIKES]
        for spike in range(first, first + counts[k]):
            kept_index[k, end] = index[spike]
            kept_stamp[k, end] = stamp[spike]
            end += 1 if every or recorded[begin + index[spike]] else 0
        used[k] = end
    return groups.shape[0]


@native_inline
def archive(plastic, memory, counts, groups, fired, of_targets, start):  # type: ignore[no-untyped-def]
    """Tell plastic tables of the spikes of their targets, by kernels as ``history.append``.

    of_targets: index and stamp (capacity,) of these, which the arguments point to. Returns the first table that has no
    room and how far it came, or -1.
    """
    index, stamp = fired
    their_index, their_stamp = of_targets
    for k in range(plastic.shape[0]):
        row = plastic[k]
        first = groups[row[GROUP], SPIKES]
        n = 0
        for spike in range(first, first + counts[row[GROUP]]):
            their_index[n] = index[spike]
            their_stamp[n] = stamp[spike]
            n += 1 if row[FIRST] <= index[spike] < row[END] else 0
        if n > 0:
            set_length(row[BLOCK], n, memory)
            set_length(row[BLOCK] + OF_ARRAY, n, memory)
            memory[row[BLOCK] + SEEN] = start - row[LONGEST]
            came = kernel_of(row, memory)
            if came < n:
                return k, came
    return -1, 0


@native_inline
def deliver(tables, memory, n, now, horizon):  # type: ignore[no-untyped-def]
    """Deliver ``n`` spikes by kernels (gids, stamps, ...) -> 0, or what stops it; some end in (now, horizon).

    Those that are told the time are called without spikes, too. Returns the table that stopped it and what that
    returned, or -1.
    """
    for k in range(tables.shape[0]):
        row = tables[k]
        if row[TIME] > 0:
            memory[row[BLOCK] + row[TIME]] = now
            memory[row[BLOCK] + row[TIME] + 1] = horizon
        elif n == 0:
            continue
        set_length(row[BLOCK], n, memory)
        set_length(row[BLOCK] + OF_ARRAY, n, memory)
        found = kernel_of(row, memory)
        if found != 0:
            return k, found
    return -1, 0
