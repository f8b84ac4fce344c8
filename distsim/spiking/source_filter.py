"""Which neurons may have targets on this rank, in a byte for each that has: spikes of most others end here.

A set of bits (Bloom's filter with one hash): that of every source is set, so that a spike whose bit is not set has no
target. It costs a nanosecond or few, where to sort a spike and to look it up in every table costs a hundred.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline, jit
from distsim.spiking.packed_spikes import GID_MASK

if TYPE_CHECKING:
    from distsim.spiking.needed_spikes import Needed

UInt64Array = npt.NDArray[np.uint64]
BITS = 8  # of every source: one in eight of the neurons without targets is taken to have some
SHARE = 0.5  # of all neurons up to the last source, of which at most there are targets where a filter is worth it
PIECE = 1 << 20  # sources that are entered together
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio: neighbours come to lie far apart
_WORD, _PLACE, _HALF = np.uint64(6), np.uint64(63), np.uint64(32)


def filter_of(needed: Needed) -> UInt64Array:
    """The bits (n,) of all that are ``needed``; none where nearly all neurons are."""
    end = needed.last + 1
    rows = int(needed.upto(np.array([end]))[0])
    if rows > SHARE * end:
        return np.zeros(0, np.uint64)
    bits = np.zeros(rows * BITS // 64 + 1, np.uint64)
    step = max(1, PIECE * end // max(1, rows))
    for first in range(0, end, step):
        enter(needed.between(first, first + step - 1), bits)
    return bits


@inline
def place_of(gid, bits):  # type: ignore[no-untyped-def]
    """The number of the bit of ``gid``."""
    return ((gid * _MULTIPLIER) >> _HALF) * (np.uint64(bits.size) << _WORD) >> _HALF


@jit
def enter(gids, bits):  # type: ignore[no-untyped-def]
    """Set the bits of ``gids`` (n,)."""
    for k in range(gids.size):
        place = place_of(np.uint64(gids[k]), bits)
        bits[np.int64(place >> _WORD)] |= np.uint64(1) << (place & _PLACE)


@jit
def collect(spikes, bits, received, n):  # type: ignore[no-untyped-def]
    """Write those of the packed spikes that may have targets here into ``received``, behind the first ``n``.

    Without bits that are all. Returns how many there are then, those included for which there was no room.
    """
    if bits.size == 0:
        for k in range(min(spikes.size, received.size - n)):
            received[n + k] = spikes[k]
        return n + spikes.size
    for k in range(spikes.size):
        place = place_of(spikes[k] & GID_MASK, bits)
        if (bits[np.int64(place >> _WORD)] >> (place & _PLACE)) & np.uint64(1):
            if n < received.size:
                received[n] = spikes[k]
            n += 1
    return n
