"""The populations of a network as nodes of SONATA: positions and parameters of each neuron."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from distsim.core.kept_objects import object_kept
from distsim.core.values import Value, values_of_neurons
from distsim.parallel.in_turn import in_turn
from distsim.record.kept_network import KeptArrays
from distsim.record.store import Store
from distsim.spiking.network import Population
from distsim.spiking.sonata_file import PIECE, Columns, finish, new_file, stored

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation


def _of_nodes(population: Population) -> dict[str, tuple[Value, str]]:
    """What each neuron has of its own by name of its dataset: the values, and the purpose of their streams."""
    model = population.model
    found = {}
    for f in fields(model):
        value = getattr(model, f.name)
        if f.metadata.get("what") == "of each" or isinstance(value, float):
            found[f"dynamics_params/{f.name}"] = value, f"parameter {f.name}"
    found |= {f"initial_{name}": (value, f"initial {name}") for name, value in population.initial.items()}
    return found


def write_nodes(simulation: Simulation, folder: Path) -> None:
    """Write nodes.h5."""
    network, seed = simulation.network, simulation.seed

    def layout(store: Store) -> None:
        arrays = KeptArrays(store)
        for population in network.populations:
            _lay_out_nodes(store, population, arrays)

    output = new_file(simulation, folder / "nodes.h5", layout)
    for population in network.populations:
        begins = range(0, population.size, PIECE)

        def columns(k: int, population: Population = population, begins: range = begins) -> Columns:
            index = np.arange(begins[k], min(begins[k] + PIECE, population.size))
            own: Columns = {"node_group_index": index}
            if population.positions is not None:
                own |= {f"0/{axis}": population.positions[index, d] for d, axis in _axes(population)}
            for name, (value, purpose) in _of_nodes(population).items():
                if not isinstance(value, float):
                    gids = population.first_gid + index
                    found = values_of_neurons(value, seed, purpose, gids, population.first_gid)
                    own[f"0/{name}"] = np.broadcast_to(found, len(gids))
            return own

        for piece in in_turn(simulation.comm, len(begins), columns):
            output.append(f"nodes/{population.name}", **(piece or {}))
    finish(simulation, output)


def _axes(population: Population) -> list[tuple[int, str]]:
    """Number and name of each dimension of the positions."""
    dimensions = 0 if population.positions is None else population.positions.shape[1]
    return [(d, "xyz"[d] if d < 3 else f"x{d}") for d in range(dimensions)]


def _lay_out_nodes(store: Store, population: Population, arrays: KeptArrays) -> None:
    """Add the datasets of a population."""
    group, size, model = f"nodes/{population.name}", population.size, population.model
    store.constant(f"{group}/node_type_id", 0, np.int64, size)
    store.constant(f"{group}/node_group_id", 0, np.uint32, size)
    store.fixed(f"{group}/node_group_index", np.uint64, size)
    words = {
        "model_type": "point_neuron" if model.receives else "virtual",
        "model_template": f"distsim:{type(model).__name__}",
    }
    for name, word in words.items():
        store.texts(f"{group}/0/@library/{name}", [word])
        store.constant(f"{group}/0/{name}", 0, np.uint32, size)
    for _, axis in _axes(population):
        store.fixed(f"{group}/0/{axis}", np.float64, size)
    own = _of_nodes(population)
    for name, (value, _) in own.items():
        if isinstance(value, float):
            store.constant(f"{group}/0/{name}", value, np.float64, size)
        else:
            store.fixed(f"{group}/0/{name}", np.float64, size)
    kept = object_kept(model, arrays.keep)
    initial = {name: stored(value, f"initial_{name}") for name, value in population.initial.items()}
    for name, (value, _) in own.items():
        if name.startswith("dynamics_params/"):
            kept[name.removeprefix("dynamics_params/")] = stored(value, name)
    store.text(group, "distsim", json.dumps({"model": kept, "initial": initial}))
