"""How much one rank has to do: its neurons, its synapses, and the synaptic events that its spikes made."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.build.local_network import LocalNetwork
from distsim.simulate.gather import Spikes
from distsim.synapses.table import Table


def of_rank(local: LocalNetwork, spikes: dict[str, Spikes], after: int) -> dict[str, int]:
    """neurons, synapses, bytes (of all synapse tables) and events of one rank.

    An event is a spike at one synapse; counted are the spikes after step ``after`` of the populations in ``spikes``.
    """
    counts = {name: np.bincount(recorded.neuron[recorded.step > after]) for name, recorded in spikes.items()}
    return {
        "neurons": sum(len(part.gids) for part in local.populations if part.population.model.receives),
        "synapses": sum(t.table.n_edges for t in local.tables),
        "bytes": sum(t.table.nbytes() for t in local.tables),
        "events": sum(_events(t.table, counts.get(t.projection.source.name)) for t in local.tables),
    }


def _events(table: Table, counts: npt.NDArray[np.int64] | None) -> int:
    """Events at the synapses of one table; counts (n,): spikes of the first n neurons of its source population."""
    if counts is None or not len(counts):
        return 0
    synapses = np.diff(table.offsets)
    sources = np.arange(len(synapses)) if table.sources is None else table.sources
    known = sources < len(counts)
    return int(synapses[known] @ counts[sources[known]])
