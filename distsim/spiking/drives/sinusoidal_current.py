"""A current that oscillates, injected into every neuron of a population, as NEST's ac_generator."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.declared import check_stop, duration, number
from distsim.core.elementary import sine_of_turns
from distsim.core.units import MS_PER_S
from distsim.spiking.drives.driven import Driven
from distsim.spiking.drives.transmission import emission
from distsim.spiking.protocols import Drive

DEGREES = 360.0  # of a turn


class SinusoidalCurrent(Drive, eq=True):
    """A current ``offset`` + ``amplitude`` sin(2 pi ``frequency`` t + ``phase``): pA, 1/s, degrees; t since 0 ms.

    From ``start`` to ``stop`` (ms; None: for ever), transmitted with ``delay`` (ms, default dt) as ``ConstantCurrent``
    is. It is held during each step of dt, at its value at the beginning of the step in which it was emitted.
    """

    amplitude: float = number(unit="pA")
    frequency: float = number(unit="1/s", low=0.0)
    phase: float = number(0.0, "deg")
    offset: float = number(0.0, "pA")
    start: float = duration(0.0)
    stop: float | None = duration(None)
    delay: float | None = duration(None, low=1)

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_stop(self, dt, where)

    def bind(self, driven: Driven) -> None:
        """Add the current to that of the steps in which it acts."""
        dt = driven.share.dt
        delay, after, until = emission(self, dt)

        def add(current: npt.NDArray[np.float64], first_step: int) -> None:
            emitted = np.arange(first_step, first_step + len(current)) - delay
            seconds = (emitted.astype(np.float64) - 1.0) * (dt / MS_PER_S)
            turns = self.frequency * seconds + self.phase / DEGREES
            own = self.offset + self.amplitude * sine_of_turns(turns)
            current += np.where((emitted > after) & (emitted <= until), own, 0.0)

        driven.add_current(add)
