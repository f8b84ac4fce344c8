"""The state of synapses at any time, replayed from the spikes of their sources (collective)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.parts import Neurons
from distsim.parallel.array_collectives import gather_array
from distsim.parallel.gather import Spikes
from distsim.spiking.local_network import LocalTable
from distsim.spiking.network import Pair, Projection

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SynapseStates:
    """States of synapses, sorted by source, then target, at the ends of step (T,) int64.

    source, target (n,) int64 count within their populations. values: (T, n) float64 by name of the state variable,
    which are attributes too: those of Tsodyks-Markram synapses are x, y, u.
    """

    step: Int64Array
    source: Int64Array
    target: Int64Array
    values: dict[str, FloatArray]

    def __getattr__(self, name: str) -> FloatArray:
        values: dict[str, FloatArray] = self.__dict__.get("values", {})
        if name not in values:
            raise AttributeError(f"there is no state variable '{name}'; known: {', '.join(values) or 'none'}")
        return values[name]


def with_states(found: list[Projection], where: str) -> list[Projection]:
    """Those whose synapses have states; InputError where there are none, or they are of several kinds."""
    projections = [p for p in found if p.synapse.states]
    if not projections:
        kind = type(found[0].synapse).__name__
        raise InputError(f"{where}: {kind} synapses have no state that can be told")
    if len({type(p.synapse) for p in projections}) > 1:
        raise InputError(f"{where}: these synapses are of several kinds that have states")
    return projections


def synapse_states(
    tables: list[LocalTable],
    ends: Pair,
    chosen: tuple[Int64Array, Int64Array],
    step: Int64Array,
    spikes: Callable[[Neurons], Spikes],
    dt: float,
    comm: MPI.Comm,
) -> SynapseStates:
    """The states of the synapses of ``tables`` between the ``chosen`` neurons of ``ends`` at the ends of ``step``.

    ``spikes`` gives all spikes of the sources, each by its number among them.
    """
    fired = spikes(ends.source)
    names = tables[0].projections[0].synapse.states if tables else ()
    source, target, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, len(names), len(step)))]
    for local in tables:
        edges, _, from_, to = local.between(ends, *chosen)  # such synapses share no table with others
        source.append(from_)
        target.append(to)
        values.append(_replayed(local, edges, from_, fired, step, dt))
    ends_and_states = np.concatenate(source), np.concatenate(target), np.concatenate(values)
    found = [gather_array(part.ravel(), comm, everywhere=True) for part in ends_and_states]
    all_sources, all_targets = found[:2]
    states = found[2].reshape(-1, *ends_and_states[2].shape[1:])
    order = np.lexsort((all_targets, all_sources))
    by_name = dict(zip(names, states[order].transpose(1, 2, 0), strict=True))
    return SynapseStates(step, all_sources[order], all_targets[order], by_name)


def _replayed(
    local: LocalTable, edges: Int64Array, sources: Int64Array, fired: Spikes, step: Int64Array, dt: float
) -> FloatArray:
    """States (edges, states, T) of some edges of a table."""
    table, synapse = local.table, local.projections[0].synapse
    values = np.empty((len(edges), len(synapse.states), len(step)))
    delays = np.broadcast_to(table.delays, table.n_edges)[edges]
    attributes = [np.broadcast_to(own, table.n_edges)[edges] for own in table.attributes.values()]
    for i, (source, delay, *own) in enumerate(zip(sources, delays, *attributes, strict=True)):
        stamps = fired.step[fired.neuron == source]
        values[i] = synapse.replay(stamps, int(delay), tuple(map(float, own)), dt, step)
    return values
