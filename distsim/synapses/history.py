"""The recent postsynaptic spikes of the targets of plastic synapses, and the trace they leave.

steps (capacity, n) int32: steps of the newest spikes of every neuron, the newest first, NEVER where there is none.
trace (capacity, n) float64: K_minus just after each of them, the sum over it and all spikes s before it of
exp((s - t) / tau_minus). Neurons lie side by side, so that the newest spikes of all of them fit the cache.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from distsim.elementary import exp2
from distsim.jit import inline, jit

Int64Array = npt.NDArray[np.int64]

NEVER = -(1 << 30)  # so long ago that every decay since is 0
INITIAL_CAPACITY = 8
UNROLLED = 4  # spikes that are looked at without a branch: most windows hold fewer


class History:
    """Postsynaptic spikes of ``n`` neurons, kept as long as a presynaptic spike can ask for them.

    rate: decay of the trace per step as a power of two. longest_delay: of the synapses that look back, in steps.
    """

    def __init__(self, n: int, rate: float, longest_delay: int) -> None:
        self.rate = rate
        self.longest_delay = longest_delay
        self.steps = np.full((INITIAL_CAPACITY, n), NEVER, np.int32)
        self.trace = np.zeros((INITIAL_CAPACITY, n))
        self._keep_from = NEVER

    def append(
        self, neurons: npt.NDArray[np.int32], stamps: Int64Array, start: int, oldest_asked: Callable[[], int]
    ) -> None:
        """Append the spikes (local index, step) of the interval that began after step ``start``.

        ``oldest_asked`` gives the oldest step of a presynaptic spike since which a synapse may still ask for spikes;
        it is only called where a history is full.
        """
        seen = start - self.longest_delay
        begin = append(neurons, stamps, 0, self._keep_from, seen, self.rate, self.steps, self.trace)
        while begin < len(neurons):
            self._make_room(min(oldest_asked(), start) - self.longest_delay)
            begin = append(neurons, stamps, begin, self._keep_from, seen, self.rate, self.steps, self.trace)

    def _make_room(self, keep_from: int) -> None:
        """Forget what is at or before step ``keep_from``, or, where that is old news, double the capacity."""
        if keep_from > self._keep_from:
            self._keep_from = keep_from
            return
        self.steps = np.concatenate((self.steps, np.full_like(self.steps, NEVER)), axis=0)
        self.trace = np.concatenate((self.trace, np.zeros_like(self.trace)), axis=0)


@jit
def append(neurons, stamps, begin, keep_from, seen, rate, steps, trace):  # type: ignore[no-untyped-def]
    """Append spikes begin.. (those of one neuron in the order of time); returns how far it came.

    The oldest spike of a full history is dropped if no presynaptic spike can ask for it: it is at or before
    ``keep_from``, and the one after it at or before ``seen``, so that it never is the newest one a synapse has seen.
    Stops, for the caller to make room, where it may not be dropped.
    """
    last = steps.shape[0] - 1
    for spike in range(begin, neurons.size):
        neuron = neurons[spike]
        if steps[last, neuron] > keep_from or (steps[last, neuron] > NEVER and steps[last - 1, neuron] > seen):
            return spike
        before = trace[0, neuron] * exp2((steps[0, neuron] - stamps[spike]) * rate)
        for k in range(last, 0, -1):
            steps[k, neuron] = steps[k - 1, neuron]
            trace[k, neuron] = trace[k - 1, neuron]
        steps[0, neuron] = stamps[spike]
        trace[0, neuron] = before + 1.0
    return neurons.size


@inline
def count_after(steps, neuron, step):  # type: ignore[no-untyped-def]
    """How many spikes of ``neuron`` are after ``step``: they are entries 0 .. count - 1."""
    n = 0
    for k in range(UNROLLED):
        n += steps[k, neuron] > step
    if n == UNROLLED:
        while n < steps.shape[0] and steps[n, neuron] > step:
            n += 1
    return n
