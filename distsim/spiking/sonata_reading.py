"""A network of the nodes and edges of SONATA files, explicit ones, of which each rank reads its own part."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.core.errors import InputError, nearest
from distsim.core.kept_objects import class_finder, object_from
from distsim.core.units import check_path
from distsim.core.values import Value
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import on_root, world
from distsim.parallel.machine import check_memory
from distsim.record.kept_network import kept_array
from distsim.record.sonata_columns import StoredColumn, entries, scan
from distsim.record.sonata_layout import Circuit, SonataPopulation, read_circuit
from distsim.spiking.network import Network
from distsim.spiking.protocols import PopulationModel
from distsim.spiking.sonata_file import NAMES
from distsim.spiking.sonata_rule import SonataEdges
from distsim.spiking.sources.spike_trains import SpikeTrains
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.synapse_model import SynapseModel

if TYPE_CHECKING:
    from mpi4py import MPI

AXES = ("x", "y", "z")
OF_SPIKE, OF_TRAIN = 56, 128  # bytes that spikes of virtual nodes take while they are read, and each of their trains


def read_sonata(
    path: str | os.PathLike[str],
    comm: MPI.Comm | None = None,
    *,
    dt: float | None = None,
    models: Mapping[str, PopulationModel] | None = None,
    synapses: Mapping[str, SynapseModel] | None = None,
) -> Network:
    """The network of a SONATA configuration, of a circuit or of a simulation (collective).

    Populations of nodes become populations, populations of edges projections, whose synapses have the weights and
    delays of the file. No rank reads more of the edges than those onto its own neurons. dt (ms): of the time grid, by
    default that of the configuration; delays are rounded to it.

    models, synapses: what populations of nodes, and of edges, are made of, by name; by default what the files say:
    a ``model_template`` such as "nest:iaf_psc_alpha" with parameters by the same names, and static synapses. Virtual
    nodes play the spikes that the configuration of the simulation gives them, rounded to dt. Raises InputError, on all
    ranks, where files cannot be read, or do not say enough.
    """
    comm = world() if comm is None else comm
    require_same(comm, "read_sonata", path=path, dt=dt, models=models, synapses=synapses)
    check_path(path, "read_sonata: path")
    circuit = on_root(comm, lambda: read_circuit(path))
    step = dt if dt is not None else circuit.dt
    if step is None:
        raise InputError(f"read_sonata: '{path}' does not tell the time step; give dt (ms)")
    for given, known in ((models, circuit.nodes), (synapses, circuit.edges)):
        names = [population.name for population in known]
        for name in given or ():
            if name not in names:
                raise InputError(f"read_sonata: there is no population '{name}'{nearest(name, names)}")
    network = Network(dt=step)
    for population in circuit.nodes:
        _add_nodes(network, population, circuit, comm, (models or {}).get(population.name))
    for population in circuit.edges:
        _add_edges(network, population, comm, (synapses or {}).get(population.name))
    return network


def _add_nodes(
    network: Network, nodes: SonataPopulation, circuit: Circuit, comm: MPI.Comm, model: PopulationModel | None
) -> None:
    """Add a population."""
    columns, initial = _Columns(nodes, comm), {}
    if nodes.own is not None:
        model = model or columns.built(nodes.own["model"])
        initial = {name: columns.value_of(kept) for name, kept in nodes.own["initial"].items()}
    elif model is None and nodes.words.get("model_type") == "virtual":
        model = _played(nodes, circuit, comm, network.dt)
    elif model is None:
        model = _of_template(nodes, columns)
    axes = [axis for axis in AXES if axis in nodes.columns]
    check_memory(
        comm, 8.0 * (1 + 2 * len(axes)) * nodes.size if axes else 0.0, f"read_sonata: '{nodes.name}' with its positions"
    )
    rows = np.arange(nodes.size)
    positions = np.stack([entries(nodes.path, nodes.columns[axis], rows) for axis in axes], axis=1) if axes else None
    network.population(nodes.name, nodes.size, model, positions=positions, **initial)


def _add_edges(network: Network, edges: SonataPopulation, comm: MPI.Comm, synapse: SynapseModel | None) -> None:
    """Add a projection."""
    ends = [scan(comm, edges.path, f"{edges.group}/{end}_node_id") for end in ("source", "target")]
    largest, digests = (int(ends[0].high), int(ends[1].high)), (ends[0].digest, ends[1].digest)
    rule = SonataEdges(os.path.abspath(edges.path), edges.group, edges.size, largest, digests, edges.indexed)
    columns = _Columns(edges, comm)
    if synapse is None and edges.own is not None:
        synapse = columns.built(edges.own["synapse"])
    else:
        synapse = synapse or Static()
        found = {name: columns.find(NAMES.get(name, name)) for name in synapse.values}
        synapse = replace(synapse, **{name: value for name, value in found.items() if value is not None})
    network.connect(*edges.ends, rule, synapse)


def _of_template(nodes: SonataPopulation, columns: _Columns) -> Any:
    """The model that a template names, with parameters of the same names."""
    template = nodes.words.get("model_template", "")
    name = "".join(part[:1].upper() + part[1:] for part in template.partition(":")[2].split("_"))
    where = f"'{nodes.path}': population '{nodes.name}'"
    if not name:
        raise InputError(f"{where} does not tell its model_template; give models={{'{nodes.name}': ...}}")
    found = class_finder((), where)(name)
    given = {f.name: columns.find(f.name) for f in fields(found)}
    return found(**{name: value for name, value in given.items() if value is not None})


def _played(nodes: SonataPopulation, circuit: Circuit, comm: MPI.Comm, dt: float) -> SpikeTrains:
    """The spikes that virtual nodes are given, on the grid: at the nearest step, the first at the earliest."""
    path = circuit.inputs.get(nodes.name)
    if path is None:
        raise InputError(
            f"read_sonata: no spikes are given to the virtual nodes '{nodes.name}': read the configuration of the "
            f"simulation, or give models={{'{nodes.name}': SpikeTrains(...)}}"
        )
    n_spikes = scan(comm, path, f"spikes/{nodes.name}/timestamps").size
    check_memory(
        comm, float(OF_SPIKE) * n_spikes + OF_TRAIN * nodes.size, f"read_sonata: '{nodes.name}' with its spikes"
    )
    every = np.arange(n_spikes)
    times, ids = (entries(path, f"spikes/{nodes.name}/{name}", every) for name in ("timestamps", "node_ids"))
    on_grid = np.maximum(np.rint(times / dt), 1.0) * dt
    order = np.lexsort((on_grid, ids))
    ends = np.searchsorted(ids[order], np.arange(1, nodes.size))
    return SpikeTrains(np.split(on_grid[order], ends))


class _Columns:
    """What each node or edge of a population has of its own (collective)."""

    def __init__(self, population: SonataPopulation, comm: MPI.Comm) -> None:
        self.population, self.comm = population, comm

    def find(self, name: str) -> Any:
        """Values by row, or by type, or one for all; None where the file has none."""
        population = self.population
        if name in population.columns:
            return self._column(population.columns[name])
        by_type = {number: row[name] for number, row in population.types.items() if name in row}
        if not by_type:
            return None
        try:
            values = {number: float(value) for number, value in by_type.items()}
        except (TypeError, ValueError):
            raise InputError(f"'{population.path}': {name} of the types of '{population.name}' is no number") from None
        return self._column(population.columns["type"], tuple(sorted(values.items())))

    def value_of(self, kept: Any) -> Value:
        """A number, or the dataset that ``kept`` names."""
        if not isinstance(kept, dict):
            return float(kept)
        return self._column(f"{self.population.group}/0/{kept['stored']}")

    def built(self, kept: dict[str, Any]) -> Any:
        """The model or synapse of which ``object_kept`` gave that, with the datasets that it names."""
        find_class = class_finder((), f"'{self.population.path}'")
        stored = {n: self.value_of(of) for n, of in kept.items() if isinstance(of, dict) and "stored" in of}
        plain = {name: of for name, of in kept.items() if name not in stored and name != "class"}

        def load(number: Any) -> Any:
            return kept_array(self.population.path, number)

        given = {name: object_from(of, load, find_class) for name, of in plain.items()}
        found: Any = find_class(kept["class"])
        return found(**given, **stored)

    def _column(self, dataset: str, of_types: tuple[tuple[int, float], ...] = ()) -> Value:
        """The values of a dataset, or one number where all are equal."""
        path = self.population.path
        found = scan(self.comm, path, dataset)
        low, high = found.low, found.high
        of_types = tuple((number, value) for number, value in of_types if found.low <= number <= found.high)
        if of_types:
            low, high = min(value for _, value in of_types), max(value for _, value in of_types)
        if low == high and found.size:
            return low
        return StoredColumn(os.path.abspath(path), dataset, found.size, low, high, found.digest, of_types)
