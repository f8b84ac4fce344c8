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

    As NEST's dc_generator: what the generator emits in a step arrives ``delay`` (default dt) later and acts on the
    membrane in the step after, so that a current from 0 ms with delay dt first moves V_m at 3 dt. A current without
    transmission is the neuron's own parameter I_e.
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
        shift = 2 + (1 if self.delay is None else to_steps(self.delay, dt, "delay"))
        start = to_steps(self.start, dt, "start") + shift
        stop = None if self.stop is None else to_steps(self.stop, dt, "stop") + shift

        def add(current: npt.NDArray[np.float64], first_step: int) -> None:
            end = len(current) if stop is None else stop - first_step
            current[max(start - first_step, 0) : max(end, 0)] += self.amplitude

        driven.add_current(add)
