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
from distsim.core.rng import Streams
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

        def add(currents: npt.NDArray[np.float64], first_step: int) -> None:
            emitted = np.arange(first_step, first_step + currents.shape[1]) - delay
            active = (emitted > after) & (emitted <= until)
            begins, which = np.unique(after + (emitted[active] - 1 - after) // length * length, return_inverse=True)
            turns = self.frequency * (begins * (dt / MS_PER_S)) + self.phase / DEGREES
            variance = self.std * self.std + self.std_mod * self.std_mod * sine_of_turns(turns)
            every = Streams(np.tile(streams.keys, len(begins)), streams.salt)
            drawn = STANDARD.sample(every, np.repeat(begins, driven.share.n)).reshape(len(begins), driven.share.n)
            values = self.mean + np.sqrt(np.maximum(variance, 0.0))[:, None] * drawn
            currents[:, active] += values[which].T

        driven.add_currents(add)
