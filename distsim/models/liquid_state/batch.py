"""Kernels for many trials of one small network: the trials of a batch advance side by side.

A population of n neurons in a batch of B trials is one of n B neurons for the kernel of its model, neuron after
neuron, the trials of each side by side: neuron i of trial b is i B + b. So a small network fills the vector registers,
and each trial goes through the same operations as it does alone. What synapses remember is kept per trial.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit
from distsim.spiking.neurons.lif_multisynapse import LifMultisynapse
from distsim.spiking.synapses import static, tsodyks_markram

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


update = LifMultisynapse.kernel


class Neurons(NamedTuple):
    """The neurons of a group in all trials; state, constants and bounds are those of the group.

    rings: of each input (slots, n B) int64, in units of ``unit`` (pA); poisson: no Poisson input, as the kernel takes
    it. gids (n,).
    """

    state: tuple[Any, ...]
    constants: tuple[Any, ...]
    bounds: Int64Array
    rings: tuple[Int64Array, ...]
    unit: float
    poisson: tuple[Any, ...]
    gids: Int64Array


class StaticTable(NamedTuple):
    """A table of static synapses (``Table.arrays``), and the population and the input that it drives."""

    population: int
    input: int
    arrays: tuple[Any, ...]


class DynamicTable(NamedTuple):
    """The same of Tsodyks-Markram synapses; constants: those of their kernel; limit: the most that may be transmitted.

    x, y, u (B, edges) and t_last (B, rows) are their state in each trial.
    """

    population: int
    input: int
    arrays: tuple[Any, ...]
    constants: tuple[Any, ...]
    limit: float
    x: FloatArray
    y: FloatArray
    u: FloatArray
    t_last: Int64Array


class TrialSpikes(NamedTuple):
    """Spikes of some trials: trial (its place among them), step, gid (n,) int64; as results sorted in this order."""

    trial: Int64Array
    step: Int64Array
    gid: Int64Array

    def of(self, trial: int) -> tuple[Int64Array, Int64Array]:
        """Steps and gids of one trial."""
        begin, end = np.searchsorted(self.trial, (trial, trial + 1))
        return self.step[begin:end], self.gid[begin:end]


@jit
def by_trial(spikes, trials, begin):  # type: ignore[no-untyped-def]
    """The spikes sorted by trial, keeping their order; those of trial b are begin[b] .. begin[b + 1] - 1, written."""
    trial, step, gid = spikes
    begin[:] = 0
    for s in range(trial.size):
        begin[trial[s] + 1] += 1
    for b in range(trials):
        begin[b + 1] += begin[b]
    cursor = begin[:-1].copy()
    steps, gids = np.empty_like(step), np.empty_like(gid)
    for s in range(trial.size):
        steps[cursor[trial[s]]] = step[s]
        gids[cursor[trial[s]]] = gid[s]
        cursor[trial[s]] += 1
    return steps, gids


@jit
def deliver(spikes, trials, neurons, static_tables, dynamic_tables):  # type: ignore[no-untyped-def]
    """Deliver spikes of all trials; returns how many dynamic synapses transmitted more than the sums can hold."""
    if not spikes.step.size:
        return 0
    begin = np.empty(trials + 1, np.int64)
    steps, gids = by_trial(spikes, trials, begin)
    beyond = 0
    for b in range(trials):
        stamp, gid = steps[begin[b] : begin[b + 1]], gids[begin[b] : begin[b + 1]]
        if not stamp.size:
            continue
        for k in range(len(static_tables)):
            t = static_tables[k]
            target = neurons[t.population]
            ring = target.rings[t.input][:, b::trials]
            static.deliver(gid, stamp, t.arrays, 1.0 / target.unit, ring)
        for k in range(len(dynamic_tables)):
            d = dynamic_tables[k]
            target = neurons[d.population]
            ring = target.rings[d.input][:, b::trials]
            grid, remembered = (1.0 / target.unit, d.limit), ((d.x[b], d.y[b], d.u[b]), d.t_last[b])
            beyond += tsodyks_markram.deliver(gid, stamp, d.arrays, grid, ring, d.constants, remembered)
    return beyond


@jit
def between(spikes, begin, end):  # type: ignore[no-untyped-def]
    """The spikes begin .. end - 1."""
    return TrialSpikes(spikes.trial[begin:end], spikes.step[begin:end], spikes.gid[begin:end])


@jit
def advance(  # type: ignore[no-untyped-def]
    start, end, interval, lead, trials, neurons, static_tables, dynamic_tables, trains, sent, fired
):
    """Advance all trials from step ``start`` to ``end``, or until ``fired`` could overflow.

    interval: the shortest delay between neurons, in steps. trains: the spikes from outside, sorted by step, of which
    the first ``sent`` were delivered before ``start``; their shortest delay is ``lead``, and they are delivered ahead
    of the interval in which the first of them arrive. Spikes are written to ``fired``, those of each interval together.
    Returns the step reached, how many spikes from outside were delivered, the number of spikes, and what ``deliver``
    does.
    """
    most, populations = 0, 0
    for p in range(len(neurons)):
        most += neurons[p].bounds[-1]
        populations = max(populations, neurons[p].bounds.size - 1)
    index, stamp = np.empty(most * interval, np.int32), np.empty(most * interval, np.int64)
    no_current = np.zeros((populations, interval))
    count, beyond = 0, 0
    while start < end and count + most * interval <= fired.step.size:
        stop = min(start + interval, end)
        before = sent
        while sent < trains.step.size and trains.step[sent] + lead <= stop:
            sent += 1
        beyond += deliver(between(trains, before, sent), trials, neurons, static_tables, dynamic_tables)
        begin = count
        for p in range(len(neurons)):
            n = neurons[p]
            found = update(
                n.state, n.constants, n.bounds, start + 1, stop - start, n.rings, n.unit, no_current, n.poisson,
                index, stamp,
            )  # fmt: skip
            for s in range(found):
                fired.trial[count] = index[s] % trials
                fired.step[count] = stamp[s]
                fired.gid[count] = n.gids[index[s] // trials]
                count += 1
        beyond += deliver(between(fired, begin, count), trials, neurons, static_tables, dynamic_tables)
        start = stop
    return start, sent, count, beyond
