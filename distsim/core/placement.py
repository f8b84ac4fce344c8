"""Which rank owns which neuron: round robin over global ids. Pure functions, the whole rule in one place.

Global ids count the neurons of all populations in the order of their creation, from 0.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

MIRRORED = 8  # bits
Int64Array = npt.NDArray[np.int64]
Gids = TypeVar("Gids", int, Int64Array)


def owner(gid: Gids, ranks: int) -> Gids:
    """Rank that integrates neuron ``gid``: of one neuron, or of each in an array (n,)."""
    return gid % ranks


def index_of_owner(gid: Gids, ranks: int) -> Gids:
    """Which of all neurons of its owner, in the order of gids, ``gid`` is: of one neuron, or of each in an array."""
    return gid // ranks


def first_local(first_gid: int, rank: int, ranks: int) -> int:
    """Smallest gid >= ``first_gid`` that ``rank`` owns."""
    return first_gid + (rank - first_gid) % ranks


def local_count(first_gid: int, size: int, rank: int, ranks: int) -> int:
    """How many of the gids first_gid .. first_gid + size - 1 ``rank`` owns."""
    skipped = (rank - first_gid) % ranks
    return max(0, -(-(size - skipped) // ranks))


def most_local(size: int, ranks: int) -> int:
    """The most of ``size`` neurons that a rank owns."""
    return -(-size // ranks)


def local_gids(first_gid: int, size: int, rank: int, ranks: int) -> Int64Array:
    """The gids among first_gid .. first_gid + size - 1 that ``rank`` owns, ascending (n,) int64."""
    return np.arange(first_local(first_gid, rank, ranks), first_gid + size, ranks, dtype=np.int64)


def mirrored(gid: Gids) -> Gids:
    """The last bits of ``gid`` in reverse: sorted by them, neurons of 2, 4, ... ranks lie rank by rank, as ranks do."""
    found = gid & 0
    for bit in range(MIRRORED):
        found |= (gid >> bit & 1) << MIRRORED - 1 - bit
    return found
