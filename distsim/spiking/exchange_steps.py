"""The exchange of spikes of one interval, step by step, as kernels: ``step(own, sent, n, received)`` does all of it.

sent: the packed spikes of this rank's neurons, the first ``n`` of which count. received: where those that this rank
needs are written, sorted; returned is how many there are. NEEDS_PYTHON where buffers are too small: once the plan has
made room, the same step is called again, and goes on where it was. FAILED where MPI failed.

Spikes travel in blocks of words: how many there are (low half of the first word; in shared memory the high half is the
number of the exchange, by which others know that the block is written), the most that any block of its rank would hold,
then spikes. Every rank sees the second word of every rank, so all know alike whether all blocks held all spikes, and
how large they are to be.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from distsim.core.jit import COMPILED, jit, jit_beside, native, native_inline
from distsim.core.shared_words import give_way, load, store, words
from distsim.parallel import capacity
from distsim.parallel.capacity import CAPACITY, adapt
from distsim.parallel.compiled_collectives import FAILED, NEEDS_PYTHON, allgather, alltoall, barrier
from distsim.spiking.packed_spikes import GID_MASK, sort
from distsim.spiking.source_filter import collect

(
    ALLOCATED, PENDING, TOTAL, BLOCKS, SOURCES, OUTGOING, INCOMING, KIND, COMM, OFFSETS, RANKS_OF, N_LOCAL, RANKS,
    SEQUENCE, MEMBERS, PLACE, SLOTS, DONE, SPINS, LEADS, FILTER, FILTER_WORDS, ALL, POSTED,
) = range(3, 27)  # fmt: skip
"""Entries of ``own`` (int64), after those of ``capacity``. ALLOCATED: words of a block for which there is memory.
PENDING, TOTAL: whether spikes have come that are not in ``received`` yet, and how many. BLOCKS: to how many places
spikes go, 1 where all go to all; SOURCES: from how many they come. OUTGOING, INCOMING: addresses of blocks; KIND, COMM:
handles. OFFSETS, RANKS_OF, N_LOCAL, RANKS: where the lists of places that need the spikes of each local neuron begin
(n + 1,), the lists, two entries in a word, n; the number of ranks. Of shared memory: SEQUENCE, the number of the
exchange; MEMBERS, PLACE: how many ranks share it, and which of them this is; SLOTS: address of the blocks of all; DONE:
of the word by which the leader tells that spikes have come; SPINS: looks before the core is given away; LEADS: whether
this leads. FILTER, FILTER_WORDS: address of the bits of ``source_filter``, and how many words they are. ALL: the handle
of the communicator of all ranks. POSTED: whether what this rank sends is written, while nothing has been read yet."""
LENGTH = POSTED + 1
ROOMY = 8  # times as large as need be: buffers that are made anew
SMALL = 1 << 14  # words of buffers that are not worth it
HEADER = 2  # words of a block before its spikes
_WORD, _LINE = 8, 8  # bytes; words of a cache line
_HALF = np.uint64(32)
_COUNT = np.uint64((1 << 32) - 1)


@jit
def fill(own, address, stride, sent, n):  # type: ignore[no-untyped-def]
    """Write the blocks of this rank at ``address``, ``stride`` words each: one for all, or one for each place."""
    fits, blocks = own[CAPACITY], own[BLOCKS]
    out = words(address, blocks * stride)
    if own[RANKS_OF] == 0:
        for k in range(min(n, fits)):
            out[HEADER + k] = sent[k]
        out[0] = out[1] = n
        return
    offsets = words(own[OFFSETS], own[N_LOCAL] + 1)
    places = words(own[RANKS_OF], np.int64(offsets[own[N_LOCAL]]) // 2 + 1).view(np.uint32)
    for block in range(blocks):
        out[block * stride] = 0
    for k in range(n):
        local = np.int64(sent[k] & GID_MASK) // own[RANKS]  # as placement.index_of_owner
        if local >= own[N_LOCAL]:
            continue
        for entry in range(np.int64(offsets[local]), np.int64(offsets[local + 1])):
            begin = np.int64(places[entry]) * stride
            there = np.int64(out[begin])
            if there < fits:
                out[begin + HEADER + there] = sent[k]
            out[begin] = there + 1
    tell_most(out, blocks, stride)


@jit
def is_roomy(own):  # type: ignore[no-untyped-def]
    """Whether there is memory for far more than is to be sent, which Python is to give back: all ranks know alike."""
    return own[ALLOCATED] > ROOMY * (HEADER + own[CAPACITY]) and own[SOURCES] * own[ALLOCATED] > SMALL


@jit
def tell_most(out, blocks, stride):  # type: ignore[no-untyped-def]
    """Write into each of the blocks the most spikes that any of them would hold."""
    most = np.uint64(0)
    for block in range(blocks):
        most = max(most, out[block * stride])
    for block in range(blocks):
        out[block * stride + 1] = most


@jit
def finish(own, address, stride, received):  # type: ignore[no-untyped-def]
    """Put the spikes of the blocks that came to ``address`` into ``received``, sorted; returns how many there are.

    Those that surely have no targets here are left out.
    """
    sources = own[SOURCES]
    incoming = words(address, sources * stride)
    bits = words(own[FILTER], own[FILTER_WORDS])
    most, total = np.int64(0), np.int64(0)
    for source in range(sources):
        most = max(most, np.int64(incoming[source * stride + 1]))
    own[PENDING] = most <= own[CAPACITY]
    if own[PENDING] == 0:
        adapt(own, most)
        return NEEDS_PYTHON
    for source in range(sources):
        begin = source * stride + HEADER
        total = collect(incoming[begin : begin + np.int64(incoming[begin - HEADER] & _COUNT)], bits, received, total)
    own[TOTAL] = total
    if total > received.size:
        return NEEDS_PYTHON
    sort(received[:total])
    own[PENDING] = 0
    adapt(own, most)
    return total


# ---------------------------------------------------------------- one rank; what only Python does


@jit_beside
def step_alone(own, sent, n, received):  # type: ignore[no-untyped-def]
    """The exchange of a rank with itself."""
    own[TOTAL] = n
    if n > received.size:
        return NEEDS_PYTHON
    for k in range(n):
        received[k] = sent[k]
    sort(received[:n])
    return n


@jit_beside
def step_in_python(own, sent, n, received):  # type: ignore[no-untyped-def]
    """Leaves every exchange to Python."""
    return NEEDS_PYTHON


# ---------------------------------------------------------------- a collective of all ranks


@native
def wait_for_all(own):  # type: ignore[no-untyped-def]
    """A barrier of all ranks; 0, or the number of an error."""
    return barrier(own[ALL]) + 0


@jit
def begin(own, sent, n):  # type: ignore[no-untyped-def]
    """Write what is sent."""
    fill(own, own[OUTGOING], HEADER + own[CAPACITY], sent, n)


@jit
def end(own, received):  # type: ignore[no-untyped-def]
    """Read what has come; as ``finish``."""
    return finish(own, own[INCOMING], HEADER + own[CAPACITY], received)


@native_inline
def transfer(own):  # type: ignore[no-untyped-def]
    """The collective: an Alltoall where each place has a block of its own, else an Allgather; not 0 where it failed."""
    n = HEADER + own[CAPACITY]
    if own[RANKS_OF] == 0:
        return allgather(own[OUTGOING], own[INCOMING], n, own[KIND], own[COMM])
    return alltoall(own[OUTGOING], own[INCOMING], n, own[KIND], own[COMM])


@jit_beside
def step_of_all(own, sent, n, received):  # type: ignore[no-untyped-def]
    """One collective of all ranks."""
    if own[PENDING] == 0:
        if is_roomy(own):
            return NEEDS_PYTHON
        begin(own, sent, n)
        if transfer(own) != 0:
            return FAILED
    return end(own, received)


# ---------------------------------------------------------------- memory that the ranks of a node share


@jit
def await_word(own, address):  # type: ignore[no-untyped-def]
    """Wait until the word at ``address`` has the number of this exchange, and give the core away if it takes long."""
    spins = 0
    while np.int64(load(address) >> _HALF) != own[SEQUENCE]:
        spins += 1
        if spins > own[SPINS]:
            give_way()


@jit
def post(own, address):  # type: ignore[no-untyped-def]
    """Let others know that what the first word at ``address`` is about is written."""
    store(address, (words(address, 1)[0] & _COUNT) | (np.uint64(own[SEQUENCE]) << _HALF))


@jit
def begin_in_window(own, sent, n):  # type: ignore[no-untyped-def]
    """Write what is sent where the others of the node read it; every other exchange has blocks of its own.

    Who writes the blocks of an exchange has seen those of the one before from all others, and so knows that they
    have read the blocks before these, which lie where these do.
    """
    own[SEQUENCE] = (own[SEQUENCE] + 1) & 0x7FFFFFFF
    size = _WORD * own[BLOCKS] * own[ALLOCATED]
    own[INCOMING] = own[SLOTS] + (own[SEQUENCE] & 1) * own[MEMBERS] * size
    own[OUTGOING] = own[INCOMING] + own[PLACE] * size
    fill(own, own[OUTGOING], own[ALLOCATED], sent, n)
    post(own, own[OUTGOING])


@jit
def await_all(own, first):  # type: ignore[no-untyped-def]
    """Wait until the blocks of all ranks of the node are written, the first of which is at ``first``."""
    for member in range(own[MEMBERS]):
        await_word(own, first + member * _WORD * own[BLOCKS] * own[ALLOCATED])


@jit_beside
def post_in_window(own, sent, n):  # type: ignore[no-untyped-def]
    """Let the others read what is sent, before this rank waits for theirs; returns whether memory may stay as it is."""
    own[POSTED] = not is_roomy(own)
    if own[POSTED] != 0:
        begin_in_window(own, sent, n)
    return own[POSTED]


@jit_beside
def wait_in_window(own):  # type: ignore[no-untyped-def]
    """Wait until the others have posted what they send, if this rank has; returns 0."""
    if own[POSTED] != 0:
        await_all(own, own[INCOMING])
    return 0


@jit_beside
def step_in_window(own, sent, n, received):  # type: ignore[no-untyped-def]
    """All ranks are on one node: each reads what the others have written; what this one sends may be posted."""
    if own[PENDING] == 0:
        if own[POSTED] == 0 and post_in_window(own, sent, n) == 0:
            return NEEDS_PYTHON
        wait_in_window(own)
        own[POSTED] = 0
    return finish(own, own[INCOMING], own[ALLOCATED], received)


# ---------------------------------------------------------------- two levels: ranks of a node, and one rank of each


@jit
def begin_in_node(own, sent, n):  # type: ignore[no-untyped-def]
    """Write what is sent where the leader of the node reads it."""
    own[SEQUENCE] = (own[SEQUENCE] + 1) & 0x7FFFFFFF
    mine = own[SLOTS] + own[PLACE] * _WORD * own[BLOCKS] * own[ALLOCATED]
    fill(own, mine, own[ALLOCATED], sent, n)
    post(own, mine)


@jit_beside
def merge(own):  # type: ignore[no-untyped-def]
    """Wait for the ranks of the node, and put what they send to each place into one block."""
    await_all(own, own[SLOTS])
    fits, blocks, stride = own[CAPACITY], own[BLOCKS], own[ALLOCATED]
    length = HEADER + fits
    slots = words(own[SLOTS], own[MEMBERS] * blocks * stride)
    out = words(own[OUTGOING], blocks * length)
    for block in range(blocks):
        first, n = block * length, np.int64(0)
        for member in range(own[MEMBERS]):
            begin = (member * blocks + block) * stride
            there = np.int64(slots[begin] & _COUNT)
            for k in range(min(there, fits - n)):
                out[first + HEADER + n + k] = slots[begin + HEADER + k]
            n += there
        out[first] = n
    tell_most(out, blocks, length)


@jit
def publish(own):  # type: ignore[no-untyped-def]
    """Let the other ranks of the node know that spikes have come."""
    post(own, own[DONE])


@jit_beside
def await_leader(own):  # type: ignore[no-untyped-def]
    """Wait for the leader of the node."""
    await_word(own, own[DONE])


@jit_beside
def step_of_nodes(own, sent, n, received):  # type: ignore[no-untyped-def]
    """One rank of each node exchanges with those of the others, what all its ranks send and need."""
    if own[PENDING] == 0:
        if is_roomy(own):
            return NEEDS_PYTHON
        begin_in_node(own, sent, n)
        if own[LEADS] == 0:
            await_leader(own)
        else:
            merge(own)
            if transfer(own) != 0:
                return FAILED
            publish(own)
    return end(own, received)


# ---------------------------------------------------------------- compilation


def call_kernels(names: Iterable[str], *, compiled: bool) -> None:
    """Call the kernels of the plans of these ``names`` with no spikes, so that they are compiled (local).

    compiled: whether compiled code calls collectives.
    """
    capacity.call_kernels()
    nothing, memory = np.zeros(0, np.uint64), np.zeros(8 * _LINE, np.uint64)
    own = np.zeros(LENGTH, np.int64)
    own[[BLOCKS, SOURCES, MEMBERS]], own[ALLOCATED], own[CAPACITY] = 1, _LINE, _LINE - HEADER
    own[[OUTGOING, INCOMING, DONE, SLOTS]] = memory.ctypes.data + _WORD * _LINE * np.arange(4)
    nodes = any(name.startswith("nodes") for name in names)
    if not compiled:
        begin(own, nothing, 0)
        end(own, nothing)
        if nodes:
            begin_in_node(own, nothing, 0)
            merge(own)
            publish(own)
            await_leader(own)
    if {"allgatherv", "alltoallv"}.intersection(names):
        step_in_python(own, nothing, 0, nothing)
    if "window" in names:
        step_in_window(own, nothing, 0, nothing)
    for step in (step_of_all, *((step_of_nodes,) if nodes else ())) if compiled or not COMPILED else ():
        own[PENDING] = 1  # nothing is sent
        step(own, nothing, 0, nothing)
