"""A noisy current, injected into every neuron of a population, as NEST's noise_generator: piecewise constant.

    I(t) = mean + sqrt(std^2 + std_mod^2 sin(2 pi frequency t + phase)) x_j  in interval number j

x_j is a standard normal number, another one in each interval and of each neuron. The variance that such a current gives
a membrane depends on the length of its intervals.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import numpy.typing as npt

from distsim.core.declared import check_stop, duration, number
from distsim.core.distributions import Normal
from distsim.core.elementary import sine_of_turns
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.spiking.drives.driven import Driven
from distsim.spiking.drives.sinusoidal_current import DEGREES
from distsim.spiking.drives.transmission import emission
from distsim.spiking.protocols import Drive

STANDARD = Normal(0.0, 1.0)


class NoiseCurrent(Drive, eq=True):
    """A current of normal numbers of ``std`` and ``mean`` (pA), another one every ``interval`` (ms), of each neuron.

    Its variance oscillates with ``std_mod`` (pA, at most std), ``frequency`` (1/s) and ``phase`` (degrees). From
    ``start`` to ``stop`` (ms; None: for ever), transmitted with ``delay`` (ms, default dt) as ``ConstantCurrent`` is.
    """

    std: float = number(unit="pA", low=0.0)
    mean: float = number(0.0, "pA")
    interval: float = duration(1.0, low=1)
    std_mod: float = number(0.0, "pA", low=0.0)
    frequency: float = number(0.0, "1/s", low=0.0)
    phase: float = number(0.0, "deg")
    start: float = duration(0.0)
    stop: float | None = duration(None)
    delay: float | None = duration(None, low=1)
    neuron_bytes: ClassVar[int] = 64  # the key of its stream, and a stretch of its own

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_stop(self, dt, where)
        if self.std_mod > self.std:
            raise InputError(f"{where}: NoiseCurrent std_mod = {self.std_mod:g} pA must be at most std = {self.std:g}")

    def bind(self, driven: Driven) -> None:
        """Add a current of each neuron to that of the steps in which it acts."""
        dt, streams = driven.share.dt, driven.streams("noise")
        delay, after, until = emission(self, dt)
        length = to_steps(self.interval, dt, "interval")

        def current_of(begin: int) -> npt.NDArray[np.float64]:
            """Currents (n,) in the interval that begins after step ``begin``."""
            turns = np.array([self.frequency * (begin * dt / MS_PER_S) + self.phase / DEGREES])
            variance = self.std * self.std + self.std_mod * self.std_mod * sine_of_turns(turns)[0]
            drawn = STANDARD.sample(streams, np.full(driven.share.n, begin, np.int64))
            return self.mean + np.sqrt(max(variance, 0.0)) * drawn

        def add(currents: npt.NDArray[np.float64], first_step: int) -> None:
            first, last = first_step - delay, first_step - delay + currents.shape[1]  # emitted: first .. last - 1
            begin = after + max(first - 1 - after, 0) // length * length
            for start in range(begin, min(last - 1, until), length):
                steps = slice(max(start + 1, first) - first, min(start + length, until, last - 1) + 1 - first)
                currents[:, steps] += current_of(start)[:, None]

        driven.add_currents(add)
