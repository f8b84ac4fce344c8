"""Counter-based random streams: every number is a function of (seed, purpose, owner, global id, counter).

A stream belongs to one global id and one purpose; its key is a hash of (seed, purpose, owner, gid), where owner is the
index of the population, projection or stimulus that draws. Draw number ``counter`` of a stream is the splitmix64
finaliser (Steele, Lea & Flood 2014) of ``key + counter * INCREMENT``. No rank, loop index or order of calls enters,
so any rank can draw any number. numpy and numba compute the same bits: all is integer arithmetic modulo 2^64.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.jit import inline, jit

INCREMENT = np.uint64(0x9E3779B97F4A7C15)
_FACTOR_1 = np.uint64(0xBF58476D1CE4E5B9)
_FACTOR_2 = np.uint64(0x94D049BB133111EB)
_TO_UNIT = 1.0 / 9007199254740992.0  # 2^-53
_30, _27, _31, _11, _32 = (np.uint64(n) for n in (30, 27, 31, 11, 32))

UInt64Array = npt.NDArray[np.uint64]


@inline
def mix(z: Any) -> Any:
    """The splitmix64 finaliser: a bijection of 64-bit integers that changes half of the bits for each bit of input."""
    z = (z ^ (z >> _30)) * _FACTOR_1
    z = (z ^ (z >> _27)) * _FACTOR_2
    return z ^ (z >> _31)


@inline
def draw(key: Any, counter: Any) -> Any:
    """Random uint64 number ``counter`` of the stream ``key``."""
    return mix(key + np.uint64(counter) * INCREMENT)


@inline
def draw_uniform(key: Any, counter: Any) -> float:
    """Random float64 in [0, 1), a multiple of 2^-53, number ``counter`` of the stream ``key``."""
    return float(draw(key, counter) >> _11) * _TO_UNIT


def stream_base(seed: int, purpose: str, owner: int = 0) -> np.uint64:
    """Hash of what all streams of one purpose share; ``owner`` is the index of the object that draws."""
    text = f"{int(seed)}|{purpose}|{int(owner)}".encode()
    return np.uint64(int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little"))


@jit
def fill_keys(base, gids, keys):  # type: ignore[no-untyped-def]
    """keys[i] = key of the stream of gids[i]: two rounds of mixing, so that neighbouring gids share nothing."""
    for i in range(gids.size):
        keys[i] = mix(mix(base + np.uint64(gids[i]) * INCREMENT) ^ base)


def stream_keys(seed: int, purpose: str, owner: int, gids: npt.NDArray[np.int64]) -> UInt64Array:
    """Keys (n,) uint64 of the streams of ``gids`` (n,) for one purpose."""
    keys = np.empty(len(gids), np.uint64)
    fill_keys(stream_base(seed, purpose, owner), np.asarray(gids, np.int64), keys)
    return keys


def derived_seed(seed: int, purpose: str, owner: int) -> int:
    """A seed for a numpy Generator whose draws are made alike on all ranks (splits of totals down a tree)."""
    return int(stream_base(seed, purpose, owner))
