"""How much buffers of one size on all ranks hold: it grows where somebody has more, and shrinks when nobody has had.

Whoever knows the most entries that any rank had decides alike, so no rank need be asked. What buffers hold changes how
long an exchange takes, and no result.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit

Int64Array = npt.NDArray[np.int64]

CAPACITY, PEAK, LEFT = range(3)
"""Entries of a state (int64): how many entries fit; the most in this period; how many exchanges of the period are left,
or 0 where buffers never shrink."""
LEAST = 6  # entries: with a header of two words a block is a cache line
PERIOD = 256  # exchanges after which buffers may shrink


@jit
def enough(most):  # type: ignore[no-untyped-def]
    """What buffers hold where ``most`` entries were in one: these and a fourth, as 6, 14, 30, 62 ..."""
    capacity = LEAST
    while 4 * capacity < 5 * most:
        capacity = 2 * capacity + 2
    return capacity


@jit
def adapt(state, most):  # type: ignore[no-untyped-def]
    """Choose what buffers hold from the next exchange on; False where ``most`` entries did not fit into this one's."""
    if most > state[CAPACITY]:
        state[CAPACITY] = enough(most)
        return False
    state[PEAK] = max(state[PEAK], most)
    if state[LEFT] > 0:
        state[LEFT] -= 1
        if state[LEFT] == 0:
            state[CAPACITY] = min(state[CAPACITY], enough(state[PEAK]))
            state[PEAK], state[LEFT] = 0, PERIOD
    return True


def begin(state: Int64Array, expected: int, *, shrinks: bool = True) -> None:
    """Begin with buffers for ``expected`` entries."""
    state[CAPACITY], state[PEAK], state[LEFT] = enough(expected), 0, PERIOD if shrinks else 0


def call_kernels() -> None:
    """Call the kernels of this module, so that they are compiled."""
    adapt(np.ones(3, np.int64), 0)
