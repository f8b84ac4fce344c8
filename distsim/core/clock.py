"""The time in compiled code, which cannot ask Python for it: that of the system's monotonic clock, in nanoseconds."""

from __future__ import annotations

import sys
import time

import numpy as np
import numpy.typing as npt

from distsim.core.jit import CFunction, native_inline

Int64Array = npt.NDArray[np.int64]

SECOND = 1_000_000_000  # ns
CLOCK = int(getattr(time, "CLOCK_MONOTONIC", 1))
_clock_gettime = CFunction("clock_gettime", "int32", ("int32", "voidptr"))


def at_hand() -> bool:
    """Whether compiled code can ask this system for the time."""
    return sys.platform.startswith(("linux", "darwin"))


def new_clock() -> Int64Array:
    """What ``lap`` needs: two words for the system, and the time of the last lap (ns)."""
    return np.zeros(3, np.int64)


def start(clock: Int64Array) -> None:
    """Begin the first of a row of laps."""
    clock[2] = time.clock_gettime_ns(CLOCK)


@native_inline
def lap(clock, spent, phase):  # type: ignore[no-untyped-def]
    """Add the time (ns) since the last lap to spent[phase]."""
    _clock_gettime(CLOCK, clock.ctypes)
    present = clock[0] * SECOND + clock[1]
    spent[phase] += present - clock[2]
    clock[2] = present
