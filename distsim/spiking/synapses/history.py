"""The recent postsynaptic spikes of the targets of plastic synapses, and the trace they leave.

steps (capacity, n) int32: steps of the newest spikes of every neuron, NEVER where there is none.
trace (capacity, n) float64: K_minus just after each of them, the sum over it and all spikes s before it of
exp((s - t) / tau_minus).
older (n,) int64: where the ring of older spikes begins.

The first RECENT rows hold the newest spikes, the newest first, and are shifted with every spike. The other rows are a
ring, so that a long history takes no longer than a short one: the newest of the older spikes is in row older[neuron],
the one before it in the next row, and the first row of the ring follows the last. Neurons lie side by side, so that the
newest spikes of all of them fit the cache.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.elementary import exp2
from distsim.core.jit import inline, jit

Int64Array = npt.NDArray[np.int64]

NEVER = -(1 << 30)  # so long ago that every decay since is 0
INITIAL_CAPACITY = 8
RECENT = 4  # spikes that are looked at without a branch: most windows hold fewer


class History:
    """Postsynaptic spikes of ``n`` neurons.

    rate: decay of the trace per step as a power of two. longest_delay: of the synapses that look back, in steps.
    keep_from: no synapse asks for spikes at or before this step. arrays: what kernels take, (steps, trace, older).
    """

    def __init__(self, n: int, rate: float, longest_delay: int) -> None:
        self.rate = rate
        self.longest_delay = longest_delay
        self.keep_from = NEVER
        self.steps = np.full((INITIAL_CAPACITY, n), NEVER, np.int32)
        self.trace = np.zeros((INITIAL_CAPACITY, n))
        self.older = np.full(n, RECENT)
        self.arrays = (self.steps, self.trace, self.older)

    @property
    def capacity(self) -> int:
        """How many spikes of every neuron are kept."""
        return len(self.steps)

    def append(self, neurons: npt.NDArray[np.int32], stamps: Int64Array, begin: int, start: int) -> int:
        """Append the spikes begin.. (local index, step) of the interval that began after step ``start``.

        Returns how far it came: to the end, or to a neuron whose oldest spike may not be dropped.
        """
        seen = start - self.longest_delay
        return int(append(neurons, stamps, begin, (self.keep_from, seen), self.rate, self.arrays))

    def middle(self, neuron: int) -> int:
        """Step of the newest in the older half of the spikes of ``neuron``, whose history is full."""
        return int(np.sort(self.steps[:, neuron])[self.capacity // 2 - 1])

    def newest_first(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Steps or traces (capacity, n), from the newest to the oldest."""
        ring = self.capacity - RECENT
        rows = RECENT + (self.older - RECENT + np.arange(ring)[:, None]) % ring
        return np.concatenate([values[:RECENT], np.take_along_axis(values, rows, axis=0)])

    def lengthen(self) -> None:
        """Double the capacity."""
        old = (self.steps, NEVER), (self.trace, 0)
        longer = [np.concatenate([self.newest_first(own), np.full_like(own, nothing)]) for own, nothing in old]
        self.steps, self.trace = longer
        self.older[:] = RECENT
        self.arrays = (self.steps, self.trace, self.older)

    def since(
        self, step: int, begin: int, end: int
    ) -> tuple[Int64Array, npt.NDArray[np.int32], npt.NDArray[np.float64]]:
        """The spikes of the neurons begin .. end - 1 after ``step``, and of each the last one before, if it is known.

        How many each has (n,), their steps, neuron after neuron, ascending, and the trace after the first of each (n,).
        """
        steps, trace = (self.newest_first(values)[:, begin:end] for values in (self.steps, self.trace))
        counts = np.minimum((steps > step).sum(axis=0) + 1, (steps > NEVER).sum(axis=0))
        first = np.take_along_axis(trace, np.maximum(counts - 1, 0)[None], axis=0)[0]
        kept = np.arange(len(steps))[:, None] < counts
        return counts, steps[::-1].T[kept[::-1].T], first

    def bring_back(
        self, begin: int, counts: Int64Array, steps: npt.NDArray[np.int32], first: npt.NDArray[np.float64]
    ) -> None:
        """Put what ``since`` gave into a history without spikes; later traces follow from the first of each neuron."""
        while self.capacity < counts.max(initial=0):
            self.lengthen()
        neurons = np.repeat(np.arange(begin, begin + len(counts), dtype=np.int32), counts)
        firsts = (np.cumsum(counts) - counts)[counts > 0]
        self.steps[0, neurons[firsts]] = steps[firsts]
        self.trace[0, neurons[firsts]] = first[counts > 0]
        others = np.delete(np.arange(len(steps)), firsts)
        stamps = steps[others].astype(np.int64)
        append(neurons[others], stamps, 0, (NEVER, NEVER), self.rate, self.arrays)


@jit
def append(neurons, stamps, begin, forgotten, rate, history):  # type: ignore[no-untyped-def]
    """Append spikes begin.. (those of one neuron in the order of time) to ``History.arrays``; returns how far it came.

    forgotten: steps (keep_from, seen). The oldest spike of a full history is dropped if no presynaptic spike can ask
    for it: it is at or before ``keep_from``, and the one after it at or before ``seen``, so that it never is the newest
    one a synapse has seen. Stops, for the caller to make room, where it may not be dropped.
    """
    keep_from, seen = forgotten
    steps, trace, older = history
    capacity = steps.shape[0]
    for spike in range(begin, neurons.size):
        neuron = neurons[spike]
        oldest = row_of_newest(capacity - 1, neuron, older, capacity)
        if steps[oldest, neuron] > keep_from:
            return spike
        if steps[oldest, neuron] > NEVER and steps[row_of_newest(capacity - 2, neuron, older, capacity), neuron] > seen:
            return spike
        before = trace[0, neuron] * exp2((steps[0, neuron] - stamps[spike]) * rate)
        steps[oldest, neuron] = steps[RECENT - 1, neuron]
        trace[oldest, neuron] = trace[RECENT - 1, neuron]
        older[neuron] = oldest
        for k in range(RECENT - 1, 0, -1):
            steps[k, neuron] = steps[k - 1, neuron]
            trace[k, neuron] = trace[k - 1, neuron]
        steps[0, neuron] = stamps[spike]
        trace[0, neuron] = before + 1.0
    return neurons.size


@inline
def up_to_date(row, t_last, settled_until):  # type: ignore[no-untyped-def]
    """The step up to which the synapses of a row are, see ``PlasticDelivery``."""
    last = np.int64(t_last[row])
    return max(last, np.int64(settled_until[row])) if settled_until.size > 0 else last


@inline
def row_of_newest(k, neuron, older, capacity):  # type: ignore[no-untyped-def]
    """Row of the spike of ``neuron`` after which there were ``k`` more."""
    if k < RECENT:
        return np.int64(k)
    row = older[neuron] + (k - RECENT)
    return row if row < capacity else row - (capacity - RECENT)


@inline
def newer(place, older, shape):  # type: ignore[no-untyped-def]
    """Place in the flat history of the spike after one in the ring."""
    capacity, n = shape
    row, neuron = place // n, place % n
    if row == older[neuron]:
        row = RECENT
    elif row == RECENT:
        row = capacity
    return (row - 1) * n + neuron


@inline
def count_after(steps, older, neuron, step):  # type: ignore[no-untyped-def]
    """How many spikes of ``neuron`` are after ``step``."""
    n = 0
    for k in range(RECENT):
        n += steps[k, neuron] > step
    if n == RECENT:
        while n < steps.shape[0] and steps[row_of_newest(n, neuron, older, steps.shape[0]), neuron] > step:
            n += 1
    return n


@inline
def trace_before(step, neuron, steps, trace, older, rate):  # type: ignore[no-untyped-def]
    """K_minus of ``neuron`` at ``step``, over the spikes strictly before it."""
    later = count_after(steps, older, neuron, step)
    if later == steps.shape[0]:  # and there never was another: the newest one seen is never dropped
        return 0.0
    row = row_of_newest(later, neuron, older, steps.shape[0])
    newest = np.int64(steps[row, neuron])
    now = count_after(steps, older, neuron, step - 1) - later if newest == step else 0  # several where it repeats
    return (trace[row, neuron] - now) * exp2((newest - step) * rate)
