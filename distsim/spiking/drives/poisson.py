"""Independent Poisson input to every neuron of a population, exact at any rate.

The number of events in a step is Poisson distributed with mean rate * dt / 1000 and drawn from the stream of the
neuron, see ``distsim.core.poisson_counts``.
"""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

from distsim.core.declared import duration, number
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, to_steps
from distsim.spiking.drives.driven import Driven
from distsim.spiking.pieces_of_time import begins, check_pieces, in_pieces, spans_of
from distsim.spiking.protocols import Drive

MAX_MEAN = 1e8


class Poisson(Drive, eq=True):
    """Poisson input of ``rate`` (1/s) to each neuron; an event has ``weight`` and ``delay`` (ms, default dt).

    The unit of weights is that of the target's input: pA, but mV for iaf_psc_delta. Events are sent in the steps that
    end after ``start`` and not after ``stop`` (ms; None: for ever). A rate that changes in steps is a sequence of
    rates, each from one of ``times`` (ms) on; before the first there are no events. ``receptor`` names the input of the
    target, where it has several to choose from.
    """

    rate: float | tuple[float, ...] = in_pieces(unit="1/s", low=0.0)
    weight: float = number()
    delay: float | None = duration(None, low=1)
    times: tuple[float, ...] | None = begins()
    start: float = duration(0.0, told=False)
    stop: float | None = duration(None, told=False)
    receptor: int | str | None = field(default=None, kw_only=True, metadata={"told": False})
    neuron_bytes: ClassVar[int] = 12  # the key of its stream, and the counts of four steps

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_pieces(self, "rate", dt, where)
        rate = max(self.rates)
        if rate * dt / MS_PER_S > MAX_MEAN:
            raise InputError(f"{where}: Poisson rate = {rate:g} /s means more than {MAX_MEAN:g} events per step")

    @property
    def rates(self) -> tuple[float, ...]:
        """The rate (1/s), or all of them."""
        return (self.rate,) if isinstance(self.rate, float) else self.rate

    def bind(self, driven: Driven) -> None:
        """Let the kernel of the neurons draw the events."""
        dt = driven.share.dt
        delay = 1 if self.delay is None else to_steps(self.delay, dt, "Poisson delay")
        spans = [(after, until, rate * dt / MS_PER_S) for after, until, rate in spans_of(self, "rate", dt)]
        driven.add_poisson(spans, self.weight, delay, self.receptor)
