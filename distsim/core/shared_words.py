"""Words of memory by address, and what ranks that share memory need: loads and stores that are seen in order.

An address is a whole number, ``array.ctypes.data``; a word is a uint64. What is written before a ``store`` is seen by
whoever sees the stored word by ``load`` (release and acquire).
"""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np


def words(address: int, n: Any) -> Any:
    """The ``n`` words (n,) uint64 at ``address``."""
    return np.ctypeslib.as_array((ctypes.c_uint64 * int(n)).from_address(int(address)))


def load(address: int) -> Any:
    """The word at ``address``; what was written before it was stored can be read."""
    return words(address, 1)[0]


def store(address: int, value: Any) -> None:
    """Write the word at ``address``, after all that was written before."""
    words(address, 1)[0] = value


def give_way() -> None:
    """Let others have the core, if any wait for it."""
    time.sleep(0)
