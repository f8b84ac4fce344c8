"""Independent Poisson input to every neuron of a population, exact at any rate.

The number of events in a step is Poisson distributed with mean rate * dt / 1000 and drawn from the stream of the
neuron, see ``distsim.core.poisson_counts``.
"""

from __future__ import annotations

from typing import ClassVar

from distsim.core.declared import duration, number
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.spiking.drives.driven import Driven
from distsim.spiking.protocols import Drive

MAX_MEAN = 1e8


class Poisson(Drive, eq=True):
    """Poisson input of ``rate`` (1/s) to each neuron; an event has ``weight`` and ``delay`` (ms, default dt).

    The unit of weights is that of the target's input: pA, but mV for iaf_psc_delta.
    """

    rate: float = number(unit="1/s", low=0.0)
    weight: float = number()
    delay: float | None = duration(None, low=1)
    neuron_bytes: ClassVar[int] = 8  # the key of its stream

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        if self.mean(dt) > MAX_MEAN:
            raise InputError(f"{where}: Poisson rate = {self.rate:g} /s means more than {MAX_MEAN:g} events per step")

    def mean(self, dt: float) -> float:
        """Mean number of events in a step."""
        return self.rate * dt / MS_PER_S

    def bind(self, driven: Driven) -> None:
        """Let the kernel of the neurons draw the events."""
        delay = 1 if self.delay is None else to_steps(self.delay, driven.share.dt, "Poisson delay")
        driven.add_poisson(self.mean(driven.share.dt), self.weight, delay)
