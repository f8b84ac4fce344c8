"""Writes the synapses of a network as edges of SONATA, by target, with the indices of targets and of sources."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.core.kept_objects import object_kept
from distsim.parallel.array_collectives import sum_array
from distsim.record.kept_network import KeptArrays
from distsim.record.store import Store
from distsim.spiking.edge_populations import ENDS, EdgePopulation, edge_populations
from distsim.spiking.sonata_file import NAMES, finish, new_file, stored
from distsim.spiking.sonata_index import EdgesOfSources, Index, lay_out_index

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation

INDICES = "target_to_source", "source_to_target"


def write_edges(simulation: Simulation, folder: Path) -> list[EdgePopulation]:
    """Write edges.h5: count, lay out, fill."""
    comm = simulation.comm
    every = list(edge_populations(simulation))
    mine = [np.array([edges.count(k) for k in range(len(edges.blocks))], np.int64) for edges in every]
    begins = [np.concatenate(([0], np.cumsum(sum_array(counts, comm)))) for counts in mine]

    def layout(store: Store) -> None:
        for edges, begin in zip(every, begins, strict=True):
            _lay_out_edges(store, edges, int(begin[-1]))

    output = new_file(simulation, folder / "edges.h5", layout)
    for edges, counts, begin in zip(every, mine, begins, strict=True):
        group = f"edges/{edges.name}"
        of_sources = EdgesOfSources(edges.source.size, int(counts.sum()))
        onto, out_of = (Index(output, f"{group}/indices/{of}") for of in INDICES)
        for k, columns in enumerate(edges.pieces(begin, of_sources)):
            if columns is not None:
                number = np.arange(begin[k], begin[k + 1])
                ends = {name: columns.pop(name) for name in ENDS}
                own = {f"0/{name}": values for name, values in columns.items()}
                output.append(group, **ends, edge_group_index=number, **own)
                onto.append(edges.blocks[k], ends[ENDS[1]], number)
        for sources, source, number in of_sources.in_order(comm):
            out_of.append(sources, source, number)
    finish(simulation, output)
    return every


def _lay_out_edges(store: Store, edges: EdgePopulation, n: int) -> None:
    """Add the datasets of a population of ``n`` edges."""
    group, unit = f"edges/{edges.name}", edges.target.model.weight_unit
    for end, population in (("source", edges.source), ("target", edges.target)):
        store.fixed(f"{group}/{end}_node_id", np.uint64, n)
        store.text(f"{group}/{end}_node_id", "node_population", population.name)
    store.constant(f"{group}/edge_type_id", 0, np.int64, n)
    store.constant(f"{group}/edge_group_id", 0, np.uint32, n)
    store.fixed(f"{group}/edge_group_index", np.uint64, n)
    for name, value in edges.shared.items():
        dataset, of_unit = f"{group}/0/{NAMES.get(name, name)}", {"weight": unit, "delay": "ms"}.get(name, "")
        if value is None:
            store.fixed(dataset, np.float64, n, of_unit)
        else:
            store.constant(dataset, value, np.float64, n, of_unit)
    for of, population in zip(INDICES, (edges.target, edges.source), strict=True):
        lay_out_index(store, f"{group}/indices/{of}", population.size)
    synapse = edges.projection.synapse
    arrays = KeptArrays(store)
    kept = {
        f.name: object_kept(getattr(synapse, f.name), arrays.keep)
        for f in fields(synapse)
        if f.name not in synapse.values
    }
    kept |= {name: stored(value, NAMES.get(name, name)) for name, value in edges.shared.items()}
    store.text(group, "distsim", json.dumps({"synapse": {"class": type(synapse).__name__, **kept}}))
