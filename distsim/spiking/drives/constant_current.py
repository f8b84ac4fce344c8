"""A constant current injected into every neuron of a population."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.declared import check_stop, duration, number
from distsim.core.units import to_steps
from distsim.spiking.drives.driven import Driven
from distsim.spiking.protocols import Drive


class ConstantCurrent(Drive, eq=True):
    """A current of ``amplitude`` (pA) from ``start`` to ``stop`` (ms; None: for ever), transmitted with ``delay`` (ms).

    As NEST's dc_generator: it acts from ``start`` + ``delay`` (default dt) to ``stop`` + ``delay``, so that V_m moves
    first at the end of the step after the former. What it would have to emit before 0 ms is missing: a current from
    0 ms acts as one from dt on. A current without transmission is the neuron's own parameter I_e.
    """

    amplitude: float = number(unit="pA")
    start: float = duration(0.0)
    stop: float | None = duration(None)
    delay: float | None = duration(None, low=1)

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_stop(self, dt, where)

    def bind(self, driven: Driven) -> None:
        """Add the amplitude to the current of the steps in which it acts."""
        dt = driven.share.dt
        shift = 1 + (1 if self.delay is None else to_steps(self.delay, dt, "delay"))
        start = max(to_steps(self.start, dt, "start"), 1) + shift
        stop = None if self.stop is None else to_steps(self.stop, dt, "stop") + shift

        def add(current: npt.NDArray[np.float64], first_step: int) -> None:
            end = len(current) if stop is None else stop - first_step
            current[max(start - first_step, 0) : max(end, 0)] += self.amplitude

        driven.add_current(add)
