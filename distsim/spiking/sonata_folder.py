"""A network, and what was recorded of it, as a folder of SONATA files, which other programs read.

nodes.h5: /nodes/<population>, with positions and parameters of each neuron. edges.h5: /edges/<source>_to_<target>, all
synapses by target, with their indices, static ones drawn again from the description. spikes.h5, and
report_<population>_<variable>.h5 for each state variable that was recorded. circuit_config.json and
simulation_config.json say which file is what. What SONATA has no word for stands as JSON in attributes named
``distsim``. See https://github.com/AllenInstitute/sonata.

The ranks make pieces of about PIECE edges, neurons, spikes or values in turn, and rank 0 writes them: none has all.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.units import check_path
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import on_root
from distsim.parallel.job import faults
from distsim.record.jsonable import write_json
from distsim.record.storage import make_folder
from distsim.spiking.edge_populations import EdgePopulation
from distsim.spiking.sonata_edges import write_edges
from distsim.spiking.sonata_nodes import write_nodes
from distsim.spiking.sonata_recordings import Report, write_reports, write_spikes

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation


def write_sonata(simulation: Simulation, folder: str | os.PathLike[str]) -> None:
    """Write the network of ``simulation``, and all that was recorded so far, to ``folder``, as SONATA (collective).

    Weights are those of now: plastic ones as last transmitted, static ones as ``set_weights`` left them; other changes
    are not written. The index of sources takes up to 16 bytes for each synapse of one projection that the rank makes.
    The files must not exist. Raises InputError or StorageError, on all ranks, where they cannot be written.
    """
    check_path(folder, "write_sonata: folder")
    comm = simulation.comm
    require_same(comm, "write_sonata", folder=folder)
    to = Path(folder)
    with faults(comm):
        on_root(comm, lambda: make_folder(to, "folder"))
        write_nodes(simulation, to)
        edges = write_edges(simulation, to)
        write_spikes(simulation, to)
        reports = write_reports(simulation, to)
        on_root(comm, lambda: _write_configs(simulation, to, edges, reports))


def _write_configs(simulation: Simulation, folder: Path, edges: list[EdgePopulation], reports: list[Report]) -> None:
    """Write circuit_config.json, simulation_config.json and node_sets.json, which names the populations."""
    populations = simulation.network.populations
    nodes = {p.name: {"type": "point_neuron" if p.model.receives else "virtual"} for p in populations}
    base = {"manifest": {"$BASE_DIR": "."}, "version": "2.4"}
    networks = {
        "nodes": [{"nodes_file": "$BASE_DIR/nodes.h5", "populations": nodes}],
        "edges": [{"edges_file": "$BASE_DIR/edges.h5", "populations": {e.name: {"type": "chemical"} for e in edges}}],
    }
    simulated = {
        "network": "$BASE_DIR/circuit_config.json",
        "node_sets_file": "$BASE_DIR/node_sets.json",
        "run": {"tstop": simulation.time, "dt": simulation.dt, "random_seed": simulation.seed},
        "output": {"output_dir": "$BASE_DIR", "spikes_file": "spikes.h5", "spikes_sort_order": "by_time"},
        "reports": {report.name: _told(report) for report in reports},
    }
    write_json(folder / "circuit_config.json", base | {"networks": networks})
    write_json(folder / "node_sets.json", {name: {"population": name} for name in nodes})
    write_json(folder / "simulation_config.json", base | simulated)


def _told(report: Report) -> dict[str, Any]:
    """What the configuration says of a report."""
    return {
        "cells": report.recording.population,
        "sections": "soma",
        "type": "compartment",
        "variable_name": report.recording.variable,
        "unit": report.unit,
        "dt": report.dt,
        "start_time": report.start,
        "end_time": report.stop,
        "file_name": report.file,
        "enabled": True,
    }
