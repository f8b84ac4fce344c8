"""Sources of pulse packets: bursts of spikes scattered around given times, as NEST's pulsepacket_generator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.declared import check_stop, count, duration, number
from distsim.core.distributions import Normal
from distsim.core.errors import InputError
from distsim.core.rng import Streams, streams_of
from distsim.core.units import MAX_STEPS, to_steps
from distsim.core.values import check_array
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.protocols import Source
from distsim.spiking.sources.spike_trains import SpikeTrainsGroup

MOST_SPIKES = 10**7  # of a source, for all of which the engine has room in one step


class PulsePackets(Source):
    """A model of sources of which each fires ``activity`` times around each of ``times`` (ms), with SD ``sdev`` (ms).

    The times of spikes are normal numbers, rounded to dt; targets of one source share them. Those at 0 ms or before, up
    to ``start`` and after ``stop`` (ms; None: for ever) are missing.
    """

    times: Sequence[float]
    activity: int = count()
    sdev: float = number(0.0, "ms", low=0.0)
    start: float = duration(0.0)
    stop: float | None = duration(None)

    def __post_init__(self) -> None:
        super().__post_init__()
        times = np.atleast_1d(check_array(self.times, "PulsePackets: times"))
        if times.ndim != 1:
            raise InputError("PulsePackets: times must be a one-dimensional array of times (ms)")
        if self.activity * len(times) > MOST_SPIKES:
            raise InputError(f"PulsePackets: activity means more than {MOST_SPIKES} spikes of a source")
        object.__setattr__(self, "times", times)

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_stop(self, dt, where)

    def multiplicity(self, dt: float) -> int:
        return max(1, self.activity * len(self.times))

    def trains(self, share: PopulationShare) -> list[npt.NDArray[np.float64]]:
        """Times (ms) at which each of the local sources fires."""
        streams = streams_of(share.seed, "pulse packets", 0, share.gids)
        return [self._train(streams.part(slice(i, i + 1)), share.dt) for i in range(share.n)]

    def _train(self, stream: Streams, dt: float) -> npt.NDArray[np.float64]:
        n = self.activity * len(self.times)
        centres = np.repeat(np.asarray(self.times, np.float64), self.activity)
        every = Streams(np.repeat(stream.keys, n), stream.salt)
        scattered = Normal(0.0, 1.0).sample(every, np.arange(n))
        steps = np.rint((centres + self.sdev * scattered) / dt)
        first = max(to_steps(self.start, dt, "start"), 0)
        last = MAX_STEPS if self.stop is None else to_steps(self.stop, dt, "stop")
        kept: npt.NDArray[np.float64] = np.sort(steps[(steps > first) & (steps <= last)]) * dt
        return kept

    @staticmethod
    def group(shares: list[PopulationShare]) -> PulsePacketsGroup:
        return PulsePacketsGroup(shares)


class PulsePacketsGroup(SpikeTrainsGroup):
    """The spikes of the local sources."""

    def __init__(self, shares: list[PopulationShare]) -> None:
        super().__init__(shares)
        self._shares: list[Any] = list(shares)

    def draw_anew(self, seed: int) -> None:
        """Draw with another seed what is drawn for steps from the present on."""
        super().__init__([replace(share, seed=seed) for share in self._shares])
