"""Building what one rank simulates: neurons, tables of their incoming synapses, rings, stimuli, minimum delay."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.build.grid import InputBound, empty_ring
from distsim.build.tables import build_tables, target_type
from distsim.counts import NO_DRIVE, Drive, count_table
from distsim.errors import InputError, nearest
from distsim.network.network import Network, Population, Projection, Stimulation
from distsim.neurons.group import Group, Local
from distsim.placement import local_count, local_gids
from distsim.stimuli.constant_current import ConstantCurrent
from distsim.stimuli.poisson import Poisson, PoissonInput, poisson_input
from distsim.synapses.grid import Grid
from distsim.synapses.table import Int64Array, Table
from distsim.units import MAX_STEPS

if TYPE_CHECKING:
    from mpi4py import MPI

FREE_INTERVAL = 16  # steps that a network without synapses may advance at once: the slots of its rings
PRECISIONS = {"double": np.float64, "single": np.float32}
Phase = Callable[[str], AbstractContextManager[None]]


@dataclass
class LocalTable:
    """One table of synapses, the input (0 or 1) of its target population that it drives, and what delivers it."""

    projection: Projection
    table: Table
    input: int
    target: LocalPopulation
    delivery: Any


@dataclass
class LocalPopulation:
    """The neurons of a population on this rank, and what drives them.

    ring (inputs, slots, n) int64: input by step of arrival, in units of ``grid.unit``. drives: the Poisson input that
    the kernel of the neurons adds, one for each input; further_poisson: what is beyond one.
    """

    population: Population
    gids: Int64Array
    group: Group
    grid: Grid = field(default_factory=lambda: Grid(1.0, np.inf))
    ring: npt.NDArray[np.int64] = field(default_factory=lambda: empty_ring(1, 1, 0))
    drives: tuple[Drive, ...] = ()
    further_poisson: list[PoissonInput] = field(default_factory=list)
    currents: list[ConstantCurrent] = field(default_factory=list)
    plastic_inputs: list[LocalTable] = field(default_factory=list)

    def most_spikes(self, n_steps: int, dt: float) -> int:
        """The most spikes that the local neurons can have in ``n_steps``."""
        return len(self.gids) * n_steps * multiplicity(self.population.model, dt)


@dataclass
class LocalNetwork:
    """All that one rank simulates. min_delay in steps, over all ranks; None where there are no synapses."""

    populations: list[LocalPopulation]
    tables: list[LocalTable]
    min_delay: int | None

    def needed_sources(self) -> Int64Array:
        """gids of all neurons with targets on this rank, ascending."""
        gids = [np.zeros(0, np.int64)]
        for local in self.tables:
            table = local.table
            rows = np.flatnonzero(np.diff(table.offsets))
            gids.append(table.first_source_gid + (rows if table.sources is None else table.sources[rows]))
        return np.unique(np.concatenate(gids))


def check_precision(precision: str) -> Any:
    """The type of stored weights; InputError for an unknown precision."""
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision '{precision}'{nearest(precision, PRECISIONS)}")
    return PRECISIONS[precision]


def build(
    network: Network, comm: MPI.Comm, seed: int, precision: str, phase: Phase, types: dict[str, Any] | None = None
) -> LocalNetwork:
    """Build the part of ``network`` that this rank simulates (collective).

    ``phase`` times the phases create, connect and index. ``types`` are those of target indices by population, by
    default the smallest (``index_types``).
    """
    weight_type = check_precision(precision)
    types = types or index_types(network, comm)
    with phase("create"):
        populations = {p.name: _create(p, comm, seed, network.dt) for p in network.populations}
    with phase("connect"):
        tables: list[LocalTable] = []
        for projection in network.projections:
            target = populations[projection.target.name]
            types_of_table = weight_type, types[projection.target.name]
            parts = build_tables(projection, seed, target.gids, network.dt, *types_of_table)
            for k, table in parts:
                delivery = projection.synapse.delivery(table, len(target.gids), network.dt)
                tables.append(LocalTable(projection, table, k, target, delivery))
        shortest, longest = _delays(tables, comm)
    with phase("index"):
        for target in populations.values():
            _drive(target, [t for t in tables if t.target is target], network, comm, seed, longest)
    return LocalNetwork(list(populations.values()), tables, shortest)


def index_types(network: Network, comm: MPI.Comm) -> dict[str, Any]:
    """The type of target indices of each population when ``comm`` shares the network."""
    counts = {p.name: local_count(p.first_gid, p.size, comm.rank, comm.size) for p in network.populations}
    return {name: target_type(n) for name, n in counts.items()}


def multiplicity(model: Any, dt: float) -> int:
    """The largest number of spikes of one neuron in one step: 1, but for explicit spike trains."""
    return int(model.multiplicity(dt)) if hasattr(model, "multiplicity") else 1


def _create(population: Population, comm: MPI.Comm, seed: int, dt: float) -> LocalPopulation:
    gids = local_gids(population.first_gid, population.size, comm.rank, comm.size)
    return LocalPopulation(population, gids, population.model.group(Local(population, gids, seed, dt)))


def _delays(tables: list[LocalTable], comm: MPI.Comm) -> tuple[int | None, int]:
    """Minimum and maximum delay in steps over the edges of all ranks; (None, FREE_INTERVAL) where there are none."""
    used = [t.table.delays for t in tables if t.table.n_edges]
    shortest = min((int(d.min()) for d in used), default=MAX_STEPS)
    longest = max((int(d.max()) for d in used), default=0)
    everywhere = comm.allgather((shortest, longest))
    shortest, longest = min(s for s, _ in everywhere), max(m for _, m in everywhere)
    return (shortest, longest) if longest else (None, FREE_INTERVAL)


def _drive(
    target: LocalPopulation, incoming: list[LocalTable], network: Network, comm: MPI.Comm, seed: int, longest: int
) -> None:
    """Choose the grid of ``target``, allocate its ring, and set up its stimuli."""
    population, n = target.population, len(target.gids)
    stimuli = [s for s in network.stimulations if s.target is population]
    bound = InputBound.zero(n)
    for local in incoming:
        at_once = multiplicity(local.projection.source.model, network.dt)
        synapse = local.projection.synapse
        bound.add_table(local.table, synapse.plastic or getattr(synapse, "unbounded", False), at_once)
        if local.projection.synapse.plastic:
            target.plastic_inputs.append(local)
    for stimulation in stimuli:
        if isinstance(stimulation.stimulus, Poisson):
            stimulus = stimulation.stimulus
            bound.fixed += abs(stimulus.weight) * count_table(stimulus.mean(network.dt)).largest
    target.grid = bound.grid(comm)
    target.ring = empty_ring(population.model.inputs(), longest, n)
    target.drives = (NO_DRIVE,) * population.model.inputs()
    for stimulation in stimuli:
        _add_stimulus(target, stimulation, network.dt, seed)


def _add_stimulus(target: LocalPopulation, stimulation: Stimulation, dt: float, seed: int) -> None:
    stimulus = stimulation.stimulus
    if isinstance(stimulus, Poisson):
        k = target.population.model.input_of(stimulus.weight < 0.0)
        unit = target.grid.unit
        poisson = poisson_input(stimulus, stimulation.index, seed, target.gids, dt, unit, k)
        if target.drives[k] is NO_DRIVE:
            target.drives = (*target.drives[:k], poisson.drive, *target.drives[k + 1 :])
        else:
            target.further_poisson.append(poisson)
    elif isinstance(stimulus, ConstantCurrent):
        target.currents.append(stimulus)
    else:
        raise InputError(f"no way to apply the stimulus {stimulus!r}")
