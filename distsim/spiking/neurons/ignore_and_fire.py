"""A neuron that ignores its input and fires at a fixed rate and phase: a load that is known in advance.

The period 1000 / rate and the time to the first firing, 1000 phase / rate (ms; rate in 1/s), are rounded to 1 µs and
then up to whole steps, at least one. When the phase counter is 0 the neuron fires at the end of that step and the
counter becomes period - 1, else it decreases, as in NEST's ignore_and_fire. Where rate or phase are changed between
runs, the clock begins anew, the first firing a ``phase`` of a period later, as there.

Spikes are delivered to it as to others, and dropped. Poisson input, which nobody would see, is not drawn.

With ``integrate`` a second model's equations are computed from the input it ignores, at the cost of the real neuron.

A period of more than 2^62 steps is refused where the rate is given. Where the rate is drawn, it becomes 2^62 steps:
such a neuron never fires, unless its phase lets it do so once at the start.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import Distribution
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.tuples import over_tuples
from distsim.core.units import MS_PER_S, RELATIVE_TOLERANCE, shown
from distsim.core.values import Value, bounds, largest, of_each
from distsim.spiking.drives.stretches import Stretches
from distsim.spiking.neurons.iaf_psc_alpha import IafPscAlpha
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.neurons.neuron_model import State
from distsim.spiking.population_share import FloatArray, PopulationShare
from distsim.spiking.protocols import Group, PopulationModel

TICS_PER_MS = 1000.0
LONGEST_PERIOD = 2**62  # steps; a counter and a period together fit into 64 bits
NEVER = 1e300  # a threshold (mV) that no potential reaches


class IgnoreAndFire(PopulationModel):
    """Parameters: ``rate`` (1/s), ``phase`` (0 <= phase <= 1: part of a period before the first spike), ``integrate``.

    rate and phase are one number, an array (size,), or a distribution.
    """

    rate: Value = of_each(10.0, "1/s", above=0.0)
    phase: Value = of_each(1.0, low=0.0)
    integrate: IafPscAlpha | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if largest(self.phase) > 1.0:
            raise InputError(f"IgnoreAndFire: phase must be at most 1 (of a period), got {largest(self.phase):g}")
        if self.integrate is not None and not isinstance(self.integrate, IafPscAlpha):
            raise InputError(f"IgnoreAndFire: integrate must be an IafPscAlpha, got {shown(self.integrate)}")

    @property
    def initial_states(self) -> tuple[str, ...]:
        return self.integrate.initial_states if self.integrate else ()

    @property
    def state_variables(self) -> tuple[str, ...]:
        return ("phase_steps", *(self.integrate.state_variables if self.integrate else ()))

    def every_state(self) -> list[State]:
        """Those that can be set: what the second model integrates."""
        return self.integrate.every_state() if self.integrate else []

    @property
    def kind(self) -> Hashable:
        return type(self), self.integrate.kind if self.integrate else None

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        lowest, highest = bounds(self.rate)
        if highest > MS_PER_S / dt:
            raise InputError(f"{where}: IgnoreAndFire rate = {highest:g} /s is above one spike per dt = {dt:g} ms")
        if not isinstance(self.rate, Distribution) and lowest < MS_PER_S / (LONGEST_PERIOD * dt):
            raise InputError(
                f"{where}: IgnoreAndFire rate = {lowest:g} /s means a period of more than 2^62 steps of dt = {dt:g} "
                f"ms; give at least {MS_PER_S / (LONGEST_PERIOD * dt):.2g} /s"
            )
        if self.integrate:
            self.integrate.check(size, dt, where)

    def inputs(self) -> int:
        return self.integrate.inputs() if self.integrate else 1

    def input_of(self, negative: bool) -> int:
        return self.integrate.input_of(negative) if self.integrate else 0

    @staticmethod
    def group(shares: list[PopulationShare]) -> IgnoreAndFireGroup:
        return IgnoreAndFireGroup(shares)


def steps_up(time: FloatArray, dt: float) -> npt.NDArray[np.int64]:
    """Times (n,) in ms as whole steps, rounded to the nearest microsecond and then up (NEST's tics and steps).

    At most LONGEST_PERIOD.
    """
    time = np.minimum(time, LONGEST_PERIOD * dt)
    tics = np.floor(time * TICS_PER_MS + 0.5)
    return np.minimum(np.ceil(tics / (dt * TICS_PER_MS) - RELATIVE_TOLERANCE), LONGEST_PERIOD).astype(np.int64)


class IgnoreAndFireGroup(Group):
    """Period (n,) int64 in steps, and the phase counter (n,) int64: steps until the one at whose end it fires.

    The kernel goes from spike to spike of a neuron. In the loop over all neurons and steps that other models share it
    would look at every neuron in each step, and take several times as long.
    """

    def __init__(self, shares: list[PopulationShare]) -> None:
        self._shares = list(shares)
        clocks = [clock_of(share) for share in shares]
        self.period, self.counter = (np.concatenate(column) for column in zip(*clocks, strict=True))
        self.integrated: NeuronGroup | None = None
        if shares[0].population.model.integrate:  # type: ignore[attr-defined]
            self.integrated = IafPscAlpha.group([without_threshold(share) for share in shares])

    def divide(self, stretches: Stretches) -> None:
        """See ``Group.divide``."""
        if self.integrated:
            self.integrated.divide(stretches)

    def update(self, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
        """See ``Group.update``."""
        kernel, own = self.compiled()
        return kernel(*own, first_step, n_steps, rings, unit, current, poisson, index, stamp)

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        if self.integrated is None:
            return ignoring, (self.counter, self.period)
        kernel, own = self.integrated.compiled()
        return integrating(kernel), (self.counter, self.period, own)

    def skip(self, n_steps: int) -> None:
        """Let so many steps pass in which nobody looks at what fires."""
        left = self.counter - n_steps
        self.counter = np.where(left >= 0, left, left % self.period)

    def state(self, name: str) -> FloatArray:
        if name == "phase_steps" or self.integrated is None:
            return self.counter.astype(np.float64)
        return self.integrated.state(name)

    def set_model(self, number: int, model: Any, changed: npt.NDArray[np.int64]) -> None:
        """Give the neurons of population ``number`` the parameters of ``model``.

        The clocks of those ``changed`` (m,), places in the group, begin anew.
        """
        share = self._shares[number]
        share = self._shares[number] = replace(share, population=replace(share.population, model=model))
        period, counter = clock_of(share)
        own = changed - share.begin
        self.period[changed], self.counter[changed] = period[own], counter[own]

    def set_state(self, name: str, local: npt.NDArray[np.int64], new: FloatArray) -> None:
        """Let a state variable of the neurons ``local`` (m,), which they integrate, have the values ``new`` (m,)."""
        if self.integrated:
            self.integrated.set_state(name, local, new)

    def remembered(self) -> Iterator[npt.NDArray[Any]]:
        """See ``Group.remembered``."""
        yield self.counter
        if self.integrated:
            yield from self.integrated.remembered()


def clock_of(share: PopulationShare) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Periods and phase counters (n,) at the start."""
    p = share.parameters()
    period_ms = np.broadcast_to(MS_PER_S / np.maximum(p.rate, MS_PER_S / (LONGEST_PERIOD * share.dt)), share.n)
    return np.maximum(steps_up(period_ms, share.dt), 1), steps_up(p.phase * period_ms, share.dt)


def without_threshold(share: PopulationShare) -> PopulationShare:
    """The neurons that are integrated: they never fire."""
    model: Any = share.population.model
    endless = replace(model.integrate)
    object.__setattr__(endless, "V_th", NEVER)  # beyond what a user may give
    return replace(share, population=replace(share.population, model=endless))


@jit
def update(counter, period, first_step, n_steps, index, stamp):  # type: ignore[no-untyped-def]
    """Let the counters run through n_steps steps; counter, index, stamp are modified; returns the number of spikes."""
    spikes = 0
    for i in range(counter.size):
        if counter[i] >= n_steps:
            counter[i] -= n_steps
        else:
            while counter[i] < n_steps:
                index[spikes] = i
                stamp[spikes] = first_step + counter[i]
                counter[i] += period[i]
                spikes += 1
            counter[i] -= n_steps
    return spikes


@jit
def ignoring(counter, period, first_step, n_steps, rings, unit, current, poisson, index, stamp):  # type: ignore[no-untyped-def]
    """As ``update``; what arrived in these steps is dropped."""
    clear(rings, first_step, n_steps)
    return update(counter, period, first_step, n_steps, index, stamp)


@cache
def integrating(equations: Any) -> Any:
    """As ``update``, where the kernel ``equations`` of a model of neurons takes the input; ``own`` is what it has."""

    @jit
    def update_both(  # type: ignore[no-untyped-def]
        counter, period, own, first_step, n_steps, rings, unit, current, poisson, index, stamp
    ):
        state, constants, bounds = own
        equations(state, constants, bounds, first_step, n_steps, rings, unit, current, poisson, index, stamp)
        return update(counter, period, first_step, n_steps, index, stamp)

    return update_both


@over_tuples
@inline
def clear(ring, first_step, n_steps):  # type: ignore[no-untyped-def]
    """Drop the input of the steps: ring (slots, n) is modified."""
    for step in range(n_steps):
        ring[(first_step + step) % ring.shape[0], :] = 0
    return 0
