"""A constant current injected into every neuron of a population."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.declared import duration
from distsim.core.units import to_steps
from distsim.spiking.drives.driven import Driven
from distsim.spiking.pieces_of_time import begins, check_pieces, in_pieces, spans_of
from distsim.spiking.protocols import Drive


class ConstantCurrent(Drive, eq=True):
    """A current of ``amplitude`` (pA) from ``start`` to ``stop`` (ms; None: for ever), transmitted with ``delay`` (ms).

    As NEST's dc_generator: it acts from ``start`` + ``delay`` (default dt) to ``stop`` + ``delay``, so that V_m moves
    first at the end of the step after the former. What it would have to emit before 0 ms is missing: a current from
    0 ms acts as one from dt on. A current without transmission is the neuron's own parameter I_e. A current that
    changes in steps is a sequence of amplitudes, each from one of ``times`` (ms) on; before the first there is none.
    """

    amplitude: float | tuple[float, ...] = in_pieces(unit="pA")
    start: float = duration(0.0)
    stop: float | None = duration(None)
    delay: float | None = duration(None, low=1)
    times: tuple[float, ...] | None = begins()

    def check(self, size: int, dt: float, where: str) -> None:
        super().check(size, dt, where)
        check_pieces(self, "amplitude", dt, where)

    def bind(self, driven: Driven) -> None:
        """Add the amplitudes to the current of the steps in which they act."""
        dt = driven.share.dt
        delay = 1 if self.delay is None else to_steps(self.delay, dt, "delay")
        pieces = spans_of(self, "amplitude", dt)
        spans = [(max(after, 1) + delay, until + delay, amplitude) for after, until, amplitude in pieces]

        def add(current: npt.NDArray[np.float64], first_step: int) -> None:
            for after, until, amplitude in spans:
                current[max(after + 1 - first_step, 0) : max(until + 1 - first_step, 0)] += amplitude

        driven.add_current(add)
