"""Time of NEST: tics, steps and milliseconds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from distsim.nest.nest_errors import NESTErrors


@dataclass(frozen=True)
class Clock:
    """The grid: ``resolution`` (ms) and ``tics_per_ms``, the finest times told apart; ``step``: the last one done."""

    resolution: float = 0.1
    tics_per_ms: float = 1000.0
    step: int = 0

    @property
    def tics_per_step(self) -> int:
        return round(self.resolution * self.tics_per_ms)

    @property
    def now(self) -> float:
        """Simulated time so far (ms)."""
        return self.ms(self.step)

    def tics(self, time: float) -> int:
        """A time (ms) in tics, to the nearest."""
        return math.floor(time * self.tics_per_ms + 0.5)

    def ms(self, steps: int) -> float:
        """Steps in ms."""
        return steps * self.tics_per_step / self.tics_per_ms

    def on_grid(self, time: float) -> bool:
        """Whether a time (ms) is a whole number of steps, to the nearest tic."""
        return self.tics(time) % self.tics_per_step == 0

    def steps(self, time: float) -> int:
        """A time (ms) in steps, to the nearest."""
        return math.floor(self.tics(time) / self.tics_per_step + 0.5)

    def steps_up(self, time: float) -> int:
        """A time (ms) in steps: the step in which it lies, counted by its end."""
        return -(-self.tics(time) // self.tics_per_step)

    def delay(self, delay: float) -> float:
        """A delay (ms) in whole steps, to the nearest, in ms; at least one."""
        if not delay < self.resolution * 2.0**53 or self.steps(delay) < 1:
            raise NESTErrors.BadDelay(
                f"Delay value {delay:g} is invalid: Delay must be greater than or equal to resolution"
            )
        return self.steps(delay) * self.resolution
