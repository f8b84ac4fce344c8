"""Building what one rank simulates: neurons, tables of their incoming synapses, rings, stimuli, minimum delay."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import target_type
from distsim.core.distributions import Distribution
from distsim.core.errors import InputError
from distsim.core.placement import local_count, local_gids
from distsim.core.poisson_counts import NO_DRIVE, Drive, count_table
from distsim.core.units import MAX_STEPS
from distsim.core.values import Value
from distsim.parallel.communicator import beyond
from distsim.spiking.drives.constant_current import ConstantCurrent
from distsim.spiking.drives.poisson import Poisson, PoissonInput, poisson_input
from distsim.spiking.input_bound import InputBound, empty_ring
from distsim.spiking.network import Network, Population, Projection, Stimulation
from distsim.spiking.neurons.group import Group, Local, drives_of, joins
from distsim.spiking.precision import check_precision, too_coarse, weight_type
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.synapse_model import Delivery, SynapseModel
from distsim.spiking.synapses.table import Int64Array, Table
from distsim.spiking.tables import Share, build_tables, by_table, multiplicity

if TYPE_CHECKING:
    from mpi4py import MPI

FREE_INTERVAL = 16  # steps that a network without synapses may advance at once: the slots of its rings
MOST_AT_ONCE = 1024  # steps between exchanges unless they are asked for: buffers hold a spike of every neuron in each
Phase = Callable[[str], AbstractContextManager[None]]


@dataclass
class LocalTable:
    """The synapses of some projections onto one group, the input (0 or 1) that they drive, and what delivers them.

    delivery: there once the grid of the group is known.
    """

    projections: tuple[Projection, ...]
    table: Table
    input: int
    target: LocalGroup
    delivery: Delivery = field(init=False)

    @property
    def name(self) -> str:
        return " and ".join(projection.name for projection in self.projections)

    @property
    def plastic(self) -> bool:
        return self.synapse.plastic

    @property
    def synapse(self) -> SynapseModel:
        """Their synapse, or one of those that share the table, all of one kind."""
        return self.projections[0].synapse

    def between(
        self, projection: Projection, sources: Int64Array, targets: Int64Array
    ) -> tuple[Int64Array, Int64Array, Int64Array, Int64Array]:
        """The synapses (n,) between ``sources`` and ``targets``, indices within the ends of ``projection``.

        Edges, the rows that they are in, and their sources and targets. Projections with the same ends as this one that
        share the table are included.
        """
        first = projection.source.first_gid - self.table.first_source_gid
        edges, rows = self.table.edges_of(sources + first)
        target = self.target.gids[self.table.targets[edges]] - projection.target.first_gid
        wanted = np.isin(target, targets)
        edges, rows = edges[wanted], rows[wanted]
        source = rows if self.table.sources is None else self.table.sources[rows]
        return edges, rows, source - first, target[wanted]

    @property
    def segmented(self) -> bool:
        """Whether input is collected when its interval is about to begin, instead of when spikes are delivered."""
        return self.table.segments is not None


@dataclass(frozen=True)
class LocalPopulation:
    """The neurons of a population on this rank: global ids (n,), and which of the group the first one is."""

    population: Population
    gids: Int64Array
    begin: int

    @property
    def end(self) -> int:
        return self.begin + len(self.gids)


@dataclass
class LocalGroup:
    """The neurons that one kernel advances, those of one or more populations, and what drives them.

    ring (inputs, slots, n) int64 or int32: input by step of arrival, in units of ``grid.unit``. drives: the Poisson
    input that the kernel adds, one entry for each input; further_poisson: what is beyond one, with its population.
    currents: of each population.
    """

    members: list[LocalPopulation]
    neurons: Group
    grid: Grid = field(default_factory=lambda: Grid(1.0, np.inf))
    ring: npt.NDArray[Any] = field(default_factory=lambda: empty_ring(1, 1, 0))
    drives: tuple[Any, ...] = ()
    further_poisson: list[tuple[LocalPopulation, PoissonInput]] = field(default_factory=list)
    currents: list[list[ConstantCurrent]] = field(default_factory=list)
    plastic_inputs: list[LocalTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gids = np.concatenate([member.gids for member in self.members])
        self.model = self.members[0].population.model
        self.currents = self.currents or [[] for _ in self.members]

    def most_spikes(self, n_steps: int, dt: float) -> int:
        """The most spikes that the local neurons can have in ``n_steps``."""
        return len(self.gids) * n_steps * multiplicity(self.model, dt)


@dataclass
class LocalNetwork:
    """All that one rank simulates. min_delay in steps, over all ranks; None where there are no synapses."""

    groups: list[LocalGroup]
    tables: list[LocalTable]
    min_delay: int | None

    @property
    def populations(self) -> list[tuple[LocalPopulation, LocalGroup]]:
        """Every population, in the order of the network, with its group."""
        pairs = [(member, group) for group in self.groups for member in group.members]
        return sorted(pairs, key=lambda pair: pair[0].population.first_gid)

    def needed_sources(self) -> Int64Array:
        """gids of all neurons with targets on this rank, ascending."""
        gids = [np.zeros(0, np.int64)]
        for local in self.tables:
            table = local.table
            rows = np.flatnonzero(np.diff(table.offsets))
            gids.append(table.first_source_gid + (rows if table.sources is None else table.sources[rows]))
        return np.unique(np.concatenate(gids))


def index_types_of(network: Network, comm: MPI.Comm) -> dict[str, Any]:
    """The type of the target indices on this rank for every group, by the name of its first population."""
    types = {}
    for together in groups_of(network):
        n = sum(local_count(p.first_gid, p.size, comm.rank, comm.size) for p in together)
        types[together[0].name] = target_type(n)
    return types


def call_kernels(network: Network, comm: MPI.Comm, seed: int, precision: str) -> None:
    """Call every kernel of ``build`` with arrays of the types that it has on this rank, all of them empty (local).

    So kernels are compiled before the network is built. It is the part of a rank without neurons that is built.
    """
    nobody = beyond(network.size)
    build(network, nobody, seed, precision, lambda _: nullcontext(), index_types=index_types_of(network, comm))


def build(
    network: Network,
    comm: MPI.Comm,
    seed: int,
    precision: str,
    phase: Phase,
    *,
    segmented: bool | None = None,
    index_types: dict[str, Any] | None = None,
) -> LocalNetwork:
    """Build the part of ``network`` that this rank simulates (collective).

    ``phase`` times the phases create, connect and index. segmented: keep delays as segments, None: where that is best.
    index_types: see ``index_types_of``, which is the default.
    """
    wanted = check_precision(precision)
    index_types = index_types or index_types_of(network, comm)
    with phase("create"):
        groups = [_create(together, comm, seed, network.dt) for together in groups_of(network)]
    with phase("connect"):
        tables = []
        for group in groups:
            index_type = index_types[group.members[0].population.name]
            for shares in by_table(_shares_of(group, network, seed), network.dt):
                projections = tuple(share.projection for share in shares)
                kind = weight_type((p.synapse for p in projections), wanted)
                parts = build_tables(shares, network.dt, kind, index_type, segmented)
                tables += [LocalTable(projections, table, k, group) for k, table in parts]
        shortest, longest = _delays(tables, comm)
    with phase("index"):
        for group in groups:
            incoming = [t for t in tables if t.target is group]
            _drive(group, incoming, network, comm, precision)
            slots = longest if any(t.table.segments is None for t in incoming) else shortest or longest
            narrow = group.ring.dtype == np.int32
            group.ring = empty_ring(group.model.inputs(), slots, len(group.gids), narrow)
            _add_stimuli(group, network, seed)
            for local in incoming:
                if narrow:
                    local.table = local.table.in_units(group.grid.unit)
                local.delivery = local.synapse.delivery(local.table, len(group.gids), network.dt)
    return LocalNetwork(groups, tables, shortest)


def groups_of(network: Network) -> list[list[Population]]:
    """The populations that form one group: models that join, of one kind, without individual parameters or plasticity.

    What is plastic keeps the spikes of its targets, all of them of one population.
    """
    plastic = {p.target.name for p in network.projections if p.synapse.plastic}
    groups: dict[Any, list[Population]] = {}
    for population in network.populations:
        model = population.model
        key: Any = population.name
        if joins(model) and population.name not in plastic and not _individual(model):
            key = type(model), model.inputs()
        groups.setdefault(key, []).append(population)
    return list(groups.values())


def _individual(model: Any) -> bool:
    return any(isinstance(getattr(model, f.name), (np.ndarray, Distribution)) for f in fields(model))


def _create(together: list[Population], comm: MPI.Comm, seed: int, dt: float) -> LocalGroup:
    members: list[LocalPopulation] = []
    for population in together:
        gids = local_gids(population.first_gid, population.size, comm.rank, comm.size)
        members.append(LocalPopulation(population, gids, members[-1].end if members else 0))
    locals_ = [(m.population.model, Local(m.population, m.gids, seed, dt)) for m in members]
    model, local = locals_[0]
    return LocalGroup(members, model.join(locals_) if joins(model) else model.group(local))  # type: ignore[attr-defined]


def _shares_of(group: LocalGroup, network: Network, seed: int) -> list[Share]:
    """What each projection onto a group, by its target, has to be put into tables."""
    return [
        Share.of(projection, seed, part.gids, part.begin)
        for part in group.members
        for projection in network.projections
        if projection.target is part.population
    ]


def _delays(tables: list[LocalTable], comm: MPI.Comm) -> tuple[int | None, int]:
    """Minimum and maximum delay in steps over the edges of all ranks; (None, FREE_INTERVAL) where there are none."""
    used = [bounds for t in tables if (bounds := t.table.delay_bounds())]
    shortest = min((low for low, _ in used), default=MAX_STEPS)
    longest = max((high for _, high in used), default=0)
    everywhere = comm.allgather((shortest, longest))
    shortest, longest = min(s for s, _ in everywhere), max(m for _, m in everywhere)
    return (shortest, longest) if longest else (None, FREE_INTERVAL)


def _drive(group: LocalGroup, incoming: list[LocalTable], network: Network, comm: MPI.Comm, precision: str) -> None:
    """Choose the grid of ``group``, and the type of its ring.

    Unless double, sums have 32 bits where all synapses are constant and no weight would be rounded too much.
    """
    bound = InputBound.zero(len(group.gids))
    for local in incoming:
        at_once = multiplicity(local.projections[0].source.model, network.dt)
        bound.add_table(local.table, local.synapse.unbounded, at_once)
        if local.plastic:
            group.plastic_inputs.append(local)
    weights: list[Value] = []
    for part in group.members:
        for stimulation in _stimuli_of(part, network):
            if isinstance(stimulation.stimulus, Poisson):
                stimulus = stimulation.stimulus
                most = abs(stimulus.weight) * count_table(stimulus.mean(network.dt)).largest
                bound.fixed[part.begin : part.end] += most
                weights.append(stimulus.weight)
    targets = {part.population.name for part in group.members}
    synapses = [p.synapse for p in network.projections if p.target.name in targets]
    group.grid = bound.grid(comm)
    narrow = precision != "double" and all(synapse.constant for synapse in synapses)
    if narrow:
        grid = bound.grid(comm, narrow=True)
        narrow = not too_coarse(grid.unit, weights + [synapse.weight for synapse in synapses])
        group.grid = grid if narrow else group.grid
    group.ring = empty_ring(1, 1, 0, narrow)


def _stimuli_of(part: LocalPopulation, network: Network) -> list[Stimulation]:
    return [s for s in network.stimulations if s.target is part.population]


def _add_stimuli(group: LocalGroup, network: Network, seed: int) -> None:
    """Set up Poisson input and currents of all populations of a group."""
    drives: list[list[Drive]] = [[NO_DRIVE] * len(group.members) for _ in range(group.model.inputs())]
    for j, part in enumerate(group.members):
        for stimulation in _stimuli_of(part, network):
            stimulus = stimulation.stimulus
            if isinstance(stimulus, Poisson):
                k = part.population.model.input_of(stimulus.weight < 0.0)
                unit = group.grid.unit
                poisson = poisson_input(stimulus, stimulation.index, seed, part.gids, network.dt, unit, k)
                if drives[k][j] is NO_DRIVE:
                    drives[k][j] = poisson.drive
                else:
                    group.further_poisson.append((part, poisson))
            elif isinstance(stimulus, ConstantCurrent):
                group.currents[j].append(stimulus)
            else:
                raise InputError(f"no way to apply the stimulus {stimulus!r}")
    sizes = [len(part.gids) for part in group.members]
    group.drives = tuple(drives_of(row, sizes) if joins(group.model) else row[0] for row in drives)
