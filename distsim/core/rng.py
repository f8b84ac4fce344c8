"""Counter-based random streams: every number is a function of (seed, purpose, owner, global id, counter).

A stream belongs to one global id and one purpose. The streams of one (seed, purpose, owner) are a family, where owner
is the index of the population, projection or stimulus that draws; a hash of the three is the salt of the family and the
base of its keys, one for each gid. With the splitmix64 finaliser ``mix`` (Steele, Lea & Flood 2014), draw number
``counter`` of a stream is

    mix(key + mix(salt + counter * INCREMENT))

No rank, loop index or order of calls enters, so any rank can draw any number. numpy and numba compute the same bits:
all is integer arithmetic modulo 2^64.

Streams do not overlap. Keys of a family differ, for they are a bijection of the gid. Streams that began at random
places of one sequence would share a stretch wherever their keys lay close together, as thousands of pairs among 10^9
neurons do over 10^5 steps. Here a counter is hashed before it is added, so that one equal number says nothing about
the next: two streams share two numbers in a row, at counters s, s + 1 and t, t + 1, only where the hashed counters
have equal differences, which is a matter of two families alone. Over 10^6 counters its probability is 10^12 / 2^64 =
5e-8 for each pair of families, however many neurons there are. A single number occurs in two streams as often as
among any random numbers of 64 bits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.jit import inline, jit

VERSION = 3
"""Of the numbers that streams give: raised where they change, and every random network with them."""

INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53
_TO_OPEN_UNIT = 1.0 / 4503599627370496.0  # 2^-52
_30, _27, _31, _11, _12 = (np.uint64(n) for n in (30, 27, 31, 11, 12))

UInt64Array = npt.NDArray[np.uint64]


@inline
def mix(z: Any) -> Any:
    """The splitmix64 finaliser: a bijection of 64-bit integers that changes half of the bits for each bit of input."""
    z = (z ^ (z >> _30)) * _FACTOR_1
    z = (z ^ (z >> _27)) * _FACTOR_2
    return z ^ (z >> _31)


class Streams(NamedTuple):
    """Streams of one family: ``keys`` (n,) uint64, one of each stream, and the ``salt`` that they share."""

    keys: UInt64Array
    salt: np.uint64

    def part(self, piece: slice | UInt64Array) -> Streams:
        """Some of the streams."""
        return Streams(self.keys[piece], self.salt)


@inline
def hashed(salt: Any, counter: Any) -> Any:
    """What number ``counter`` of every stream of a family adds to its key."""
    return mix(salt + np.uint64(counter) * INCREMENT)


@inline
def draw(streams: Any, i: int, counter: Any) -> Any:
    """Random uint64 number ``counter`` of stream i."""
    return mix(streams.keys[i] + hashed(streams.salt, counter))


@inline
def uniform_at(place: Any) -> float:
    """Random float64 in [0, 1), a multiple of 2^-53; ``place`` is the sum of a key and a hashed counter."""
    return float(mix(place) >> _11) * _TO_UNIT


@inline
def open_uniform_at(place: Any) -> float:
    """As ``uniform_at`` in the open interval (0, 1), an odd multiple of 2^-53."""
    return (float(mix(place) >> _12) + 0.5) * _TO_OPEN_UNIT


@inline
def draw_uniform(streams: Any, i: int, counter: Any) -> float:
    """Random float64 in [0, 1), a multiple of 2^-53, number ``counter`` of stream i."""
    return uniform_at(streams.keys[i] + hashed(streams.salt, counter))


@inline
def draw_open_uniform(streams: Any, i: int, counter: Any) -> float:
    """Random float64 in (0, 1), an odd multiple of 2^-53, number ``counter`` of stream i."""
    return open_uniform_at(streams.keys[i] + hashed(streams.salt, counter))


@inline
def hashed_counters(salt, degree):  # type: ignore[no-untyped-def]
    """``hashed`` of the counters below the largest of degree (streams,): where streams draw so many numbers each."""
    most = np.int64(0)
    for t in range(degree.size):
        most = max(most, degree[t])
    result = np.empty(most, np.uint64)
    for counter in range(most):
        result[counter] = hashed(salt, counter)
    return result


def family(seed: int, purpose: str, owner: int = 0) -> tuple[np.uint64, np.uint64]:
    """Base of the keys and salt of all streams of one purpose; ``owner`` is the index of the object that draws."""
    (base,), (salt,) = families(seed, purpose, [owner])
    return base, salt


def families(seed: int, purpose: str, owners: Sequence[int]) -> tuple[UInt64Array, UInt64Array]:
    """``family`` of each of ``owners``: bases and salts (owners,)."""
    begin = f"{int(seed)}|{purpose}|"
    digests = [hashlib.blake2b(f"{begin}{int(owner)}".encode(), digest_size=16).digest() for owner in owners]
    pairs = np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2).astype(np.uint64)
    return np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])


@inline
def key_of(base: Any, gid: Any) -> Any:
    """Key of the stream of ``gid``: two rounds of mixing, so that neighbouring gids share nothing."""
    return mix(mix(base + np.uint64(gid) * INCREMENT) ^ base)


@jit
def fill_keys(base, gids, keys):  # type: ignore[no-untyped-def]
    """keys[i] = key of the stream of gids[i]."""
    for i in range(gids.size):
        keys[i] = key_of(base, gids[i])


def streams_of(seed: int, purpose: str, owner: int, gids: npt.NDArray[np.int64]) -> Streams:
    """The streams of ``gids`` (n,) for one purpose."""
    base, salt = family(seed, purpose, owner)
    keys = np.empty(len(gids), np.uint64)
    fill_keys(base, np.asarray(gids, np.int64), keys)
    return Streams(keys, salt)
