"""The state of Tsodyks-Markram synapses at any time, replayed from the spikes of their sources (collective)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.parallel.gather import Spikes
from distsim.spiking.local_network import LocalTable
from distsim.spiking.synapses.tsodyks_markram import ATTRIBUTES, replay

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SynapseStates:
    """State of synapses, sorted by source, then target: x, y, u (T, n) float64 at the ends of step (T,) int64.

    source, target (n,) int64 count within their populations.
    """

    step: Int64Array
    source: Int64Array
    target: Int64Array
    x: FloatArray
    y: FloatArray
    u: FloatArray


def synapse_states(
    tables: list[LocalTable],
    chosen: tuple[Int64Array, Int64Array],
    step: Int64Array,
    spikes: Callable[[str], Spikes],
    dt: float,
    comm: MPI.Comm,
) -> SynapseStates:
    """The states of the synapses of ``tables`` between the ``chosen`` sources and targets at the ends of ``step``.

    ``spikes`` gives all spikes of a population by name.
    """
    source, target, values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)], [np.zeros((0, 3, len(step)))]
    for local in tables:
        projection = local.projections[0]  # such synapses share no table with others
        fired = spikes(projection.source.name)
        edges, rows = local.table.edges_of(chosen[0])
        targets = local.target.gids[local.table.targets[edges]] - projection.target.first_gid
        wanted = np.isin(targets, chosen[1])
        sources = rows if local.table.sources is None else local.table.sources[rows]
        source.append(sources[wanted])
        target.append(targets[wanted])
        values.append(_replayed(local, edges[wanted], sources[wanted], fired, step, dt))
    parts = comm.allgather((np.concatenate(source), np.concatenate(target), np.concatenate(values)))
    all_sources, all_targets, states = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((all_targets, all_sources))
    x, y, u = states[order].transpose(1, 2, 0)
    return SynapseStates(step, all_sources[order], all_targets[order], x, y, u)


def _replayed(
    local: LocalTable, edges: Int64Array, sources: Int64Array, fired: Spikes, step: Int64Array, dt: float
) -> FloatArray:
    """x, y and u (edges, 3, T) of some edges of a table."""
    table = local.table
    values = np.empty((len(edges), 3, len(step)))
    delays = np.broadcast_to(table.delays, table.n_edges)[edges]
    parameters = [np.broadcast_to(table.attributes[name], table.n_edges)[edges] for name in ATTRIBUTES]
    for i, (source, delay, *constants) in enumerate(zip(sources, delays, *parameters, strict=True)):
        stamps = fired.step[fired.neuron == source]
        replay(stamps, np.int64(delay), *map(float, constants), local.delivery.tau_I, dt, step, *values[i])
    return values
