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


def checksum(values: npt.NDArray[Any]) -> int:
    """The checksum of the bytes of an array (n,); those of the last word are filled up by zeros."""
    data = np.ascontiguousarray(values).view(np.uint8)
    whole = data if values.itemsize % WORD == 0 else np.pad(data, (0, -len(data) % WORD))
    return int(sum_of_words(whole.view(np.uint32)))


@jit_beside
def sum_of_words(words):  # type: ignore[no-untyped-def]
    """The sum over words (n,) of a random number for each and its place."""
    total = np.uint64(0)
    for i in range(words.size):
        total += mix(np.uint64(words[i]) + np.uint64(i) * INCREMENT)
    return total
