"""Spike-timing-dependent plasticity with power-law potentiation (Morrison, Aertsen & Diesmann 2007, Neural Comput 19).

With a purely dendritic delay d, each presynaptic spike at t (the one before it at t_last) does to a weight w:

    for each postsynaptic spike s in (t_last - d, t - d]:  w += lambda w**mu K_plus exp((t_last - (s + d)) / tau_plus)
    K_minus = sum over postsynaptic s < t - d of exp((s - (t - d)) / tau_minus)
    w = max(0, w - lambda alpha w K_minus);  transmit w
    K_plus = K_plus exp((t_last - t) / tau_plus) + 1;  t_last = t

K_plus and t_last belong to the source and are kept once per source. Times are whole steps, so that all exponents are
multiples of dt / tau.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from distsim.core import accurate
from distsim.core.distributions import Distribution
from distsim.core.elementary import LOG2_E
from distsim.core.errors import InputError, check_arguments
from distsim.core.units import MAX_STEPS, check_number
from distsim.core.values import Value, typical_sizes
from distsim.spiking.synapses.history import NEVER, History
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.potentiation import settle, weights_at
from distsim.spiking.synapses.stdp_kernels import deliver
from distsim.spiking.synapses.synapse_checks import Shape, check_delay, check_weight, freeze_value
from distsim.spiking.synapses.table import Int64Array, Table

SHORT_HISTORY = 32  # spikes that a history may hold, however few synapses there are


@check_arguments
@dataclass(frozen=True, eq=False)
class StdpPowerLaw:
    """A plastic synapse: initial ``weight`` (pA, >= 0), ``delay`` (ms, dendritic), time constants in ms.

    ``lambda_`` is the learning rate, ``alpha`` the asymmetry of depression, ``mu`` the exponent of potentiation.
    """

    weight: Value = 1.0
    delay: Value = 1.0
    alpha: float = 1.0
    lambda_: float = 0.1
    mu: float = 0.4
    tau_plus: float = 20.0
    tau_minus: float = 20.0
    plastic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        freeze_value(self, "weight", low=0.0)
        freeze_value(self, "delay", above=0.0)
        for name in ("alpha", "lambda_", "mu"):
            object.__setattr__(self, name, check_number(getattr(self, name), f"StdpPowerLaw: {name}", low=0.0))
        for name in ("tau_plus", "tau_minus"):
            object.__setattr__(self, name, check_number(getattr(self, name), f"StdpPowerLaw: {name}", above=0.0))

    def check(self, dt: float, shape: Shape, where: str) -> None:
        if isinstance(self.weight, Distribution) and self.weight.bounds()[0] < 0.0:
            raise InputError(
                f"{where}: weights of StdpPowerLaw are not negative; wrap {self.weight} in Clipped(..., low=0)"
            )
        check_weight(self.weight, shape, where)
        check_delay(self.delay, dt, shape, where)

    def delivery(self, table: Table, n_target: int, dt: float) -> StdpDelivery:
        """What delivers the spikes of ``table`` to ``n_target`` local neurons."""
        return StdpDelivery(self, table, n_target, dt)

    def rates(self, dt: float) -> tuple[float, float]:
        """Decay of the two traces per step, as powers of two: dt / (tau ln 2) for tau_plus and tau_minus."""
        return dt / self.tau_plus * LOG2_E, dt / self.tau_minus * LOG2_E

    def least_change(self) -> float:
        """The least part of an initial weight, of those there are, by which a spike that meets a trace of 1 changes it.

        That is lambda w**(mu - 1) for potentiation and lambda alpha for depression; infinite where neither occurs.
        """
        sizes = typical_sizes(self.weight)
        extremes = (float(sizes.min()), float(sizes.max())) if len(sizes) else ()
        changes = [self.lambda_ * accurate.exp((self.mu - 1.0) * accurate.log(w)) for w in extremes]
        return min((change for change in (*changes, self.lambda_ * self.alpha) if change > 0.0), default=math.inf)

    def log2_lambda(self) -> float:
        """log2(lambda), and a number that makes every potentiation 0 where lambda is 0."""
        return accurate.log2(self.lambda_) if self.lambda_ > 0.0 else -2000.0


class StdpDelivery:
    """Delivers the spikes of one table of plastic synapses.

    It holds the traces of the sources and the histories of the targets; the weights as last transmitted stand in the
    table. settled (edges,) float64, empty where there are none: the weights of sources that have been silent for long,
    potentiated by all that reached the synapse up to settled_until (rows,), the step of the row; a row of which that
    is not after its last spike is not settled. The memory of rows that never are is not touched.
    """

    def __init__(self, synapse: StdpPowerLaw, table: Table, n_target: int, dt: float) -> None:
        self.table = table
        rate_plus, rate_minus = synapse.rates(dt)
        self.constants = (synapse.log2_lambda(), synapse.lambda_ * synapse.alpha, synapse.mu, rate_plus, rate_minus)
        rows = len(table.offsets) - 1
        self.k_plus = np.zeros(rows)
        self.t_last = np.zeros(rows, np.int64)
        self.settled = np.empty(0)
        self.settled_until = np.zeros(rows, np.int64)
        self.history = History(n_target, rate_minus, int(table.delays.max(initial=1)))
        self.longest_history = max(SHORT_HISTORY, table.n_edges // max(n_target, 1))
        self._settle(NEVER, 0)  # nothing yet: it is compiled here, and not in the middle of a run

    def archive(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int) -> None:
        """Append the spikes (local index, step) of the interval that began after step ``start`` to the histories."""
        begin = self.history.append(neurons, stamps, 0, start)
        while begin < len(neurons):
            self._make_room(int(neurons[begin]), start)
            begin = self.history.append(neurons, stamps, begin, start)

    def _make_room(self, neuron: int, start: int) -> None:
        """Make room for half of a history, that of ``neuron``, so that this is rarely done.

        Where a source still asks for what is to be dropped, histories grow; where they hold as many spikes as neurons
        have synapses, those of that source are settled instead, which takes about as much memory.
        """
        history = self.history
        middle = history.middle(neuron)
        keep_from = min(self._oldest_asked(), start) - history.longest_delay
        if keep_from < middle:
            if 2 * history.capacity <= self.longest_history or middle > start - history.longest_delay:
                history.lengthen()
                return
            self._settle(middle + history.longest_delay, start)
            keep_from = middle
        history.keep_from = keep_from

    def _oldest_asked(self) -> int:
        """The oldest step up to which the synapses of a source that has fired are up to date."""
        asks = (self.k_plus > 0.0) & (np.diff(self.table.offsets) > 0)
        return int(np.maximum(self.t_last, self.settled_until)[asks].min(initial=MAX_STEPS))

    def _settle(self, before: int, until: int) -> None:
        """Settle the rows that are up to date to a step earlier than ``before``: bring them up to step ``until``."""
        if before > NEVER and not len(self.settled):
            self.settled = np.empty(self.table.n_edges)
        settle(before, until, self.table.offsets, self._state(), self.constants)

    def _state(self) -> tuple[npt.NDArray[Any], ...]:
        """What ``brought_up`` needs of the synapses."""
        t, history = self.table, self.history
        return (
            t.targets, t.weights, t.delays, history.steps, history.older, self.k_plus, self.t_last, self.settled,
            self.settled_until,
        )  # fmt: skip

    def deliver(self, gids: Int64Array, stamps: Int64Array, ring: Int64Array, grid: Grid) -> int:
        """Update the synapses of the spikes, sorted by step, and add their weights to ring (slots, n).

        Returns the number of weights that grew beyond the range of exact sums.
        """
        t, history = self.table, self.history
        return int(
            deliver(
                gids, stamps, t.place, t.offsets, t.targets, t.weights, t.delays, 1.0 / grid.unit, grid.largest_weight,
                ring, history.steps, history.trace, history.older, self.k_plus, self.t_last, self.settled,
                self.settled_until, self.constants,
            )
        )  # fmt: skip

    def weights_at(self, now: int, edges: Int64Array, rows: Int64Array) -> npt.NDArray[np.float64]:
        """Weights (n,) of ``edges``, which lie in ``rows``, brought up to step ``now``."""
        result = np.empty(len(edges))
        weights_at(now, edges, rows, self._state(), self.constants, result)
        return result
