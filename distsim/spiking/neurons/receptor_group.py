"""Neurons with many receptors: their currents, input and constants are arrays with an axis of receptors.

One compiled function serves any number of receptors; ``neuron_loop`` has an input of each by name instead, which is
faster where there are few.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import as_strided

from distsim.core.cache_lines import on_line
from distsim.core.jit import inline, jit, scratch
from distsim.core.poisson_counts import BLOCK
from distsim.core.tuples import at, looked_up, part, row, store
from distsim.spiking.drives.poisson_input import add_poisson, stale_step
from distsim.spiking.drives.stretches import Stretches
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.neurons.neuron_loop import emit, once
from distsim.spiking.population_share import PopulationShare

Rings = tuple[npt.NDArray[Any], ...]


class ReceptorGroup(NeuronGroup):
    """As ``NeuronGroup``, of models as ``receptors.MultisynapseMembrane`` describes them.

    Rows of the arrays of all receptors stand in ``values``, as of any other model.
    """

    def __init__(self, shares: list[PopulationShare]) -> None:
        super().__init__(shares)
        membrane, currents = self.values
        self._currents = tuple(on_line(np.stack(of_receptors)) for of_receptors in currents)
        self.values = membrane, tuple(map(tuple, self._currents))
        self._rings: tuple[Rings, npt.NDArray[Any] | None] = (), None

    def divide(self, stretches: Stretches) -> None:
        super().divide(stretches)
        begins = np.flatnonzero(np.diff(stretches.population, prepend=-1))
        self._runs = np.append(begins, stretches.n)
        (membrane, receptors), table = self.constants
        self.constants = (membrane, tuple(map(_together, receptors))), table

    def compiled(self) -> tuple[Any, tuple[Any, ...]]:
        return self.model.kernel, ((self.values[0], self._currents), self.constants, (self.bounds, self._runs))

    def taken(self, rings: Rings) -> npt.NDArray[Any]:
        """The rings of all receptors as the one array (receptors, slots, n) of which they are the rows."""
        known, together = self._rings
        if together is None or known is not rings:
            addresses = [ring.__array_interface__["data"][0] for ring in rings]
            apart = addresses[-1] - addresses[-2] if len(rings) > 1 else 0
            together = as_strided(rings[0], (len(rings), *rings[0].shape), (apart, *rings[0].strides))
            self._rings = rings, together
        return together


def _together(of_receptors: tuple[Any, ...]) -> Any:
    """A constant of all receptors: the first of columns that follow each other, or (receptors, n) of single neurons."""
    return np.stack(of_receptors) if isinstance(of_receptors[0], np.ndarray) else of_receptors[0]


@cache
def update_of_receptors(step: Any, receive: Any) -> Any:
    """The kernel that advances neurons by ``step`` and the currents of their receptors by ``receive``."""
    step, receive = inline(step), inline(receive)

    @jit
    def update(  # type: ignore[no-untyped-def]
        state, constants, bounds, first_step, n_steps, rings, unit, current, poisson, index, stamp
    ):
        """As the kernels of ``neuron_loop``; rings (receptors, slots, n), currents in ``state`` (receptors, n).

        bounds: also of runs (runs + 1,), stretches of one population, whose receptors are advanced together: there may
        be a stretch for every neuron, as each may be driven through another receptor.
        """
        (membrane, currents), ((of_membrane, of_receptors), table), (of_stretches, runs) = state, constants, bounds
        fired, random, change = scratch(BLOCK, np.uint8), scratch(BLOCK, np.uint64), scratch(BLOCK, np.float64)
        spikes, stale = 0, stale_step(poisson, first_step, n_steps)
        for run in range(runs.size - 1):
            p, last = runs[run], runs[run + 1]
            for begin in range(of_stretches[p], of_stretches[last], BLOCK):
                size = min(BLOCK, of_stretches[last] - begin)
                first, end = among(of_stretches, p, last, begin, begin + size)
                for q in range(first, end):
                    i, j = within(of_stretches, q, begin, size)
                    add_poisson(poisson, q, begin + i, j - i, first_step, n_steps, stale, rings, random)
                own, fixed = part(membrane, begin, size), part(looked_up(of_membrane, table, p), begin, size)
                for now in range(first_step, first_step + n_steps):
                    change[:size] = 0.0
                    for k in range(rings.shape[0]):
                        flowing = part(row(currents, k), begin, size)
                        factors = part(looked_up(row(of_receptors, k), table, p), begin, size)
                        arriving = rings[k, now % rings.shape[1], begin : begin + size]
                        for i in range(size):
                            after, moved = receive(at(flowing, i), arriving[i] * unit, at(factors, i))
                            store(flowing, i, after)
                            arriving[i] = 0
                            change[i] += moved
                    any_fired = np.uint8(0)
                    for q in range(first, end):
                        injected = current[q, now - first_step]
                        begins, ends = within(of_stretches, q, begin, size)
                        for i in range(begins, ends):
                            after, fires = step(at(own, i), change[i], injected, at(fixed, i))
                            store(own, i, after)
                            fired[i] = once(fires)
                            any_fired = np.uint8(any_fired | once(fires))
                    if any_fired > 0:
                        spikes = emit(fired, size, begin, now, index, stamp, spikes)
        return spikes

    return update


@inline
def among(bounds, first, last, begin, end):  # type: ignore[no-untyped-def]
    """Which of the stretches first .. last - 1 have neurons among begin .. end - 1: the first, one after the last."""
    while bounds[first + 1] <= begin:
        first += 1
    after = first
    while after < last and bounds[after] < end:
        after += 1
    return first, after


@inline
def within(bounds, q, begin, size):  # type: ignore[no-untyped-def]
    """The neurons of stretch ``q`` in a block from ``begin`` on, counted from there: the first, one after the last."""
    return max(bounds[q] - begin, 0), min(bounds[q + 1] - begin, size)
