"""A checksum of arrays, of 64 bits, that costs little beside writing them: one pass at the speed of the memory.

It is the sum, modulo 2^64, of a random number for each word of 32 bits and its place (``core.rng.mix``): a single word
that is changed always shows, any other damage but for one in 2^64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit_beside
from distsim.core.rng import INCREMENT, mix

WORD = 4  # bytes


def checksum(values: npt.NDArray[Any], begin: int = 0) -> int:
    """The checksum of an array (n,), the entries from number ``begin`` on of a whole: those of its parts add up to it.

    Numbers of fewer bytes than a word are a word each.
    """
    data = np.ascontiguousarray(values)
    words = data.view(np.uint32) if data.itemsize % WORD == 0 else data.view(f"u{data.itemsize}").astype(np.uint32)
    return int(sum_of_words(words, begin * max(1, data.itemsize // WORD)))


@jit_beside
def sum_of_words(words, begin):  # type: ignore[no-untyped-def]
    """The sum over words (n,) of a random number for each and its place, which is ``begin`` for the first."""
    total = np.uint64(0)
    for i in range(words.size):
        total += mix(np.uint64(words[i]) + np.uint64(begin + i) * INCREMENT)
    return total
