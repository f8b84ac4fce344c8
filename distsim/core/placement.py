"""Which rank owns which neuron: round robin over global ids. Pure functions, the whole rule in one place.

Global ids count the neurons of all populations in the order of their creation, from 0.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def owner(gid: int, ranks: int) -> int:
    """Rank that integrates neuron ``gid``."""
    return gid % ranks


def first_local(first_gid: int, rank: int, ranks: int) -> int:
    """Smallest gid >= ``first_gid`` that ``rank`` owns."""
    return first_gid + (rank - first_gid) % ranks


def local_count(first_gid: int, size: int, rank: int, ranks: int) -> int:
    """How many of the gids first_gid .. first_gid + size - 1 ``rank`` owns."""
    skipped = (rank - first_gid) % ranks
    return max(0, -(-(size - skipped) // ranks))


def local_gids(first_gid: int, size: int, rank: int, ranks: int) -> npt.NDArray[np.int64]:
    """The gids among first_gid .. first_gid + size - 1 that ``rank`` owns, ascending (n,) int64."""
    return np.arange(first_local(first_gid, rank, ranks), first_gid + size, ranks, dtype=np.int64)
