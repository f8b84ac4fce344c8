"""The loop over neurons and steps that all models share: input, equations, emission of spikes.

A model gives the equations of one neuron in one step as a function of numbers; ``update_of`` makes of it the kernel
that advances all neurons of a group.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from distsim.core.jit import inline, jit, scratch
from distsim.core.poisson_counts import BLOCK
from distsim.core.tuples import at, looked_up, over_tuples, part, store
from distsim.spiking.drives.poisson_input import add_poisson, stale_step


@cache
def update_of(step: Any, repeats: bool = False) -> Any:
    """The kernel that advances neurons by ``step``, see ``NeuronModel.step``; repeats: it says how often they fire."""
    step = inline(step)
    spikes_of, kind = (as_often, np.int32) if repeats else (once, np.uint8)

    @jit
    def update(  # type: ignore[no-untyped-def]
        state, constants, bounds, first_step, n_steps, rings, unit, current, poisson, index, stamp
    ):
        """Advance all neurons through n_steps steps; see ``Group.update``. state and rings are modified.

        state: arrays (n,). constants: see ``neuron_group.side_by_side``. bounds (populations + 1,): first neuron of
        each population, and n. Neurons go through all steps in blocks, whose state then stays in the L1 cache.
        """
        n_slots = rings[0].shape[0]
        fired = scratch(BLOCK, kind)
        random = scratch(BLOCK, np.uint64)
        spikes = np.int64(0)  # as 0 it would have a type of its own, for which ``emit`` would be compiled once more
        stale = stale_step(poisson, first_step, n_steps)
        for p in range(bounds.size - 1):
            of_population = looked_up(constants[0], constants[1], p)
            for begin in range(bounds[p], bounds[p + 1], BLOCK):
                size = min(BLOCK, bounds[p + 1] - begin)
                own, fixed = part(state, begin, size), part(of_population, begin, size)
                for now in range(first_step, first_step + n_steps):
                    add_poisson(poisson, p, begin, size, now, 1, stale, rings, random)
                    arriving = arriving_in(rings, now % n_slots, begin, size)
                    injected = current[p, now - first_step]
                    any_fired = np.uint8(0)
                    for i in range(size):
                        arrived = in_units_of(at(arriving, i), unit)
                        after, fires = step(at(own, i), arrived, injected, at(fixed, i))
                        store(own, i, after)
                        store(arriving, i, 0)
                        fired[i] = spikes_of(fires)
                        any_fired = np.uint8(any_fired | once(fires))
                    if any_fired > 0:
                        spikes = emit(fired, size, begin, now, index, stamp, spikes)
        return spikes

    return update


@inline
def once(fires):  # type: ignore[no-untyped-def]
    """Spikes of a neuron that fires or does not."""
    return 1 if fires else 0


@inline
def as_often(times):  # type: ignore[no-untyped-def]
    """Spikes of a neuron that fires so often."""
    return times


@over_tuples
@inline
def arriving_in(ring, slot, begin, size):  # type: ignore[no-untyped-def]
    """The input of a block of neurons in a slot."""
    return ring[slot, begin : begin + size]


@over_tuples
@inline
def in_units_of(arriving, unit):  # type: ignore[no-untyped-def]
    """Input (pA, or the unit of weights) that arrives as so many units."""
    return arriving * unit


@inline
def emit(fired, size, begin, step, index, stamp, spikes):  # type: ignore[no-untyped-def]
    """Write the neurons begin + i to index and stamp, each ``fired[i]`` times, i < size; the new number of spikes.

    fired (BLOCK,) is looked at in words of eight bytes, since few neurons fire in a step.
    """
    words, in_word = fired.view(np.uint64), 8 // fired.itemsize
    for word in range((size + in_word - 1) // in_word):
        if words[word] != 0:
            for i in range(word * in_word, min((word + 1) * in_word, size)):
                for _ in range(fired[i]):
                    index[spikes] = begin + i
                    stamp[spikes] = step
                    spikes += 1
    return spikes
