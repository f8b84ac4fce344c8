"""Sources of Poisson spikes that can be connected like neurons, so that their targets share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments
from distsim.core.jit import jit
from distsim.core.poisson_counts import count_table
from distsim.core.rng import draw, streams_of
from distsim.core.units import MAX_STEPS, MS_PER_S, check_number, to_steps

if TYPE_CHECKING:
    from distsim.spiking.neurons.group import Local

MAX_MEAN = 1e3  # spikes of a source in one step


@check_arguments
@dataclass(frozen=True)
class PoissonSource:
    """A model of sources that fire as independent Poisson processes of ``rate`` (1/s), as often as it comes in a step.

    They fire in the steps that end after ``start`` and not after ``stop`` (ms; None: for ever).
    """

    rate: float
    start: float = 0.0
    stop: float | None = None

    receives: ClassVar[bool] = False
    initial_states: ClassVar[tuple[str, ...]] = ()
    state_variables: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rate", check_number(self.rate, "PoissonSource: rate", low=0.0))
        object.__setattr__(self, "start", check_number(self.start, "PoissonSource: start"))
        if self.stop is not None:
            object.__setattr__(self, "stop", check_number(self.stop, "PoissonSource: stop"))

    def check(self, size: int, dt: float, where: str) -> None:
        start = to_steps(self.start, dt, f"{where}: PoissonSource start")
        if self.stop is not None and to_steps(self.stop, dt, f"{where}: PoissonSource stop") < start:
            raise InputError(f"{where}: PoissonSource stop = {self.stop:g} ms is before start = {self.start:g} ms")
        if self.mean(dt) > MAX_MEAN:
            raise InputError(
                f"{where}: PoissonSource rate = {self.rate:g} /s means more than {MAX_MEAN:g} spikes per step"
            )

    def mean(self, dt: float) -> float:
        """Mean number of spikes of a source in a step."""
        return self.rate * dt / MS_PER_S

    def multiplicity(self, dt: float) -> int:
        """The largest number of spikes that a source can have in one step."""
        return max(1, count_table(self.mean(dt)).largest)

    def inputs(self) -> int:
        return 1

    def input_of(self, negative: bool) -> int:
        return 0

    def group(self, local: Local) -> PoissonSourceGroup:
        return PoissonSourceGroup(self, local)


class PoissonSourceGroup:
    """The local sources: their streams (n,), whose number s is that of step s."""

    def __init__(self, model: PoissonSource, local: Local) -> None:
        self.streams = streams_of(local.seed, "poisson source", 0, local.gids)
        self.table = count_table(model.mean(local.dt))
        self.start = to_steps(model.start, local.dt, "start")
        self.stop = MAX_STEPS if model.stop is None else to_steps(model.stop, local.dt, "stop")

    def update(  # type: ignore[no-untyped-def]
        self, first_step, n_steps, ring, unit, current, drives, index, stamp
    ) -> int:
        """Emit the spikes of the steps; see ``Group.update``."""
        first, last = max(first_step, self.start + 1), min(first_step + n_steps - 1, self.stop)
        return int(emit_counts(self.streams, first, last, self.table.thresholds, self.table.first, index, stamp))

    def state(self, name: str) -> npt.NDArray[np.float64]:
        raise InputError(f"a source of spikes has no state '{name}'")


@jit
def emit_counts(streams, first_step, last_step, thresholds, fewest, index, stamp):  # type: ignore[no-untyped-def]
    """Write the spikes of all sources in the steps first_step .. last_step; returns their number.

    A source fires fewest + (number of ``thresholds`` below its random number) times in a step, see ``counts``.
    """
    spikes = 0
    for step in range(first_step, last_step + 1):
        for i in range(streams.keys.size):
            random = draw(streams, i, step)
            if fewest == 0 and random <= thresholds[0]:
                continue
            for _ in range(fewest + np.searchsorted(thresholds, random)):
                index[spikes] = i
                stamp[spikes] = step
                spikes += 1
    return spikes
