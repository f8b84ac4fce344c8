"""How much one rank has to do: its neurons, its synapses, and the synaptic events that spikes made there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.spiking.local_network import LocalNetwork
from distsim.spiking.synapses.table import Table

Int64Array = npt.NDArray[np.int64]


def of_rank(local: LocalNetwork, spikes: Int64Array) -> dict[str, int]:
    """neurons, synapses, bytes (of all synapse tables) and events of one rank.

    ``spikes`` (n,): number of spikes of every neuron by its gid; an event is a spike at one synapse.
    """
    tables = [part.table for part in local.tables]
    return {
        "neurons": sum(len(part.gids) for part, _ in local.populations if part.population.model.receives),
        "synapses": sum(table.n_edges for table in tables),
        "bytes": sum(table.nbytes() for table in tables),
        "events": sum(_events(table, spikes) for table in tables),
    }


def _events(table: Table, spikes: Int64Array) -> int:
    synapses = np.diff(table.offsets)
    sources = np.arange(len(synapses)) if table.sources is None else table.sources
    return int(synapses @ spikes[table.first_source_gid + sources])
