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
    fired = np.zeros(sum(part.population.size for part, _ in local.populations), np.int64)
    for part, _ in local.populations:
        if part.population.name in spikes:
            first, recorded = part.population.first_gid, spikes[part.population.name]
            np.add.at(fired, first + recorded.neuron[recorded.step > after], 1)
    return {
        "neurons": sum(len(part.gids) for part, group in local.populations if group.model.receives),
        "synapses": sum(t.table.n_edges for t in local.tables),
        "bytes": sum(t.table.nbytes() for t in local.tables),
        "events": sum(_events(t.table, fired) for t in local.tables),
    }


def _events(table: Table, fired: npt.NDArray[np.int64]) -> int:
    """Events at the synapses of one table; fired (neurons of the network,): spikes by gid."""
    synapses = np.diff(table.offsets)
    sources = np.arange(len(synapses)) if table.sources is None else table.sources
    return int(synapses @ fired[table.first_source_gid + sources])
