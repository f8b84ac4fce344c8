"""Building what one rank simulates: neurons, tables of their incoming synapses, rings, stimuli, minimum delay."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import target_type
from distsim.core.cache_lines import zeros_on_line
from distsim.core.parts import Part
from distsim.core.placement import local_count, local_gids
from distsim.core.units import MAX_STEPS
from distsim.core.values import Value
from distsim.parallel.dry_run import Facts
from distsim.parallel.lone_rank import beyond
from distsim.spiking.drawn_edges import Share, drawn_differently
from distsim.spiking.drives.driven import Driven, poisson_input
from distsim.spiking.drives.poisson_input import PoissonInput
from distsim.spiking.drives.stretches import Stretches
from distsim.spiking.incoming import GroupPlan, Incoming, plan_of
from distsim.spiking.input_bound import InputBound, fact_of
from distsim.spiking.needed_spikes import Needed
from distsim.spiking.network import Network, Pair, Population, Projection, Stimulation
from distsim.spiking.neurons.neuron_group import NeuronGroup
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.precision import check_precision, too_coarse, weight_type
from distsim.spiking.protocols import Group
from distsim.spiking.synapses.input_unit import Grid
from distsim.spiking.synapses.synapse_model import Delivery, SynapseModel
from distsim.spiking.synapses.table import Int64Array, Table
from distsim.spiking.tables import build_tables

if TYPE_CHECKING:
    from mpi4py import MPI

FREE_INTERVAL = 16  # steps that a network without synapses may advance at once: the slots of its rings
MOST_AT_ONCE = 1024  # steps between exchanges unless they are asked for: buffers hold a spike of every neuron in each
DELAYS = "delays"
"""Under what name of ``Facts`` the shortest delay, negative, and the longest (steps) are."""
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
        names = [projection.name for projection in self.projections]
        return " and ".join(names[:2] + [f"{len(names) - 2} more"] * (len(names) > 2))

    @property
    def plastic(self) -> bool:
        return self.synapse.plastic

    @property
    def synapse(self) -> SynapseModel:
        """Their synapse, or one of those that share the table, all of one kind."""
        return self.projections[0].synapse

    def between(
        self, ends: Pair, sources: Int64Array, targets: Int64Array
    ) -> tuple[Int64Array, Int64Array, Int64Array, Int64Array]:
        """The synapses (n,) of the table between ``sources`` and ``targets``, indices within ``ends``.

        Edges, the rows that they are in, and their sources and targets; those of all projections of the table.
        """
        edges, rows = self.table.edges_of(ends.source.gids[sources] - self.table.first_source_gid)
        target = ends.target.index_of(self.target.gids[self.table.targets[edges]])
        wanted = np.isin(target, targets)
        edges, rows = edges[wanted], rows[wanted]
        return edges, rows, ends.source.index_of(self.table.source_gids[rows]), target[wanted]

    @cached_property
    def shares(self) -> list[PopulationShare]:
        """The populations of the group of which a projection has targets."""
        targets = {id(population) for p in self.projections for population, _ in p.target.pieces}
        return [share for share in self.target.shares if id(share.population) in targets]

    @cached_property
    def span(self) -> tuple[int, int]:
        """The local neurons of these populations: the first, and the one after the last."""
        return self.shares[0].begin, self.shares[-1].end

    @property
    def segmented(self) -> bool:
        """Whether input is collected when its interval is about to begin, instead of when spikes are delivered."""
        return self.table.segments is not None


@dataclass
class LocalGroup:
    """The neurons that one kernel advances, those of populations of one kind, and what drives them.

    rings: of each input (slots, n) int64 or int32, in units of ``grid.unit``, rows of one array: what arrives in a step
    is in the slot of that number modulo slots. driven: what drives add to each population, and to parts of populations;
    poisson: what of that the kernel adds; has_currents, has_inputs: whether there is more. stretches: neurons that are
    driven alike.
    """

    shares: list[PopulationShare]
    neurons: Group
    grid: Grid = field(default_factory=lambda: Grid(1.0, np.inf))
    rings: tuple[npt.NDArray[Any], ...] = ()
    driven: list[Driven] = field(default_factory=list)
    poisson: PoissonInput = ()
    has_currents: bool = False
    has_inputs: bool = False
    plastic_inputs: list[LocalTable] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gids = np.concatenate([share.gids for share in self.shares])
        self.model = self.shares[0].population.model
        self.stretches = Stretches.of(share.n for share in self.shares)

    @property
    def name(self) -> str:
        """That of its first population, which is in no other group."""
        return self.shares[0].population.name

    def most_spikes(self, n_steps: int, dt: float, models: Mapping[str, Any]) -> int:
        """The most spikes that the local neurons can have in ``n_steps``; ``models``: what populations are now."""
        present = ((s.n, models.get(s.population.name, s.population.model)) for s in self.shares)
        return n_steps * sum(n * model.multiplicity(dt) for n, model in present)


@dataclass
class LocalNetwork:
    """All that one rank simulates. min_delay in steps, over all ranks; None where there are no synapses.

    facts: what ranks found together while they built.
    """

    groups: list[LocalGroup]
    tables: list[LocalTable]
    min_delay: int | None
    facts: Facts

    @property
    def populations(self) -> list[tuple[PopulationShare, LocalGroup]]:
        """Every population, in the order of the network, with its group."""
        pairs = [(share, group) for group in self.groups for share in group.shares]
        return sorted(pairs, key=lambda pair: pair[0].population.first_gid)

    def needed_sources(self) -> Int64Array:
        """gids of all neurons with targets on this rank, ascending."""
        return self.needed.between(0, self.needed.last)

    @property
    def needed(self) -> Needed:
        """The neurons with targets on this rank."""
        return Needed([local.table for local in self.tables])


def call_kernels(
    network: Network, comm: MPI.Comm, seed: int, precision: str, plans: list[GroupPlan] | None = None
) -> None:
    """Call every kernel of ``build`` with arrays of the types that it has on this rank, all of them empty (local).

    So kernels are compiled before the network is built. It is the part of a rank without neurons that is built.
    """
    build(network, beyond(network.size), seed, precision, lambda _: nullcontext(), like=comm, plans=plans)


def build(
    network: Network,
    comm: MPI.Comm,
    seed: int,
    precision: str,
    phase: Phase,
    *,
    segmented: bool | None = None,
    like: MPI.Comm | None = None,
    plans: list[GroupPlan] | None = None,
    known: Mapping[str, list[float]] | None = None,
) -> LocalNetwork:
    """Build the part of ``network`` that this rank simulates (collective).

    ``phase`` times the phases create, connect and index. segmented: keep delays as segments, None: where that is best.
    like: let indices of targets have the types that they have on this rank of another communicator. plans: those of the
    network, where they are known. known: the facts of this network, where it was built before.
    """
    wanted, plans, dt = check_precision(precision), plan_of(network) if plans is None else plans, network.dt
    facts = Facts(known)
    with phase("create"):
        groups = [_create(plan.populations, comm, seed, dt) for plan in plans]
    with phase("connect"):
        of_groups = zip(groups, plans, strict=True)
        tables = [t for g, plan in of_groups for t in _tables_onto(g, plan, dt, seed, wanted, like or comm, segmented)]
        shortest, longest = _delays(tables, comm, facts)
    with phase("index"):
        for group, plan in zip(groups, plans, strict=True):
            incoming = [t for t in tables if t.target is group]
            narrow = _drive(group, incoming, network, plan, comm, precision, facts)
            shape = group.model.inputs(), _slots(incoming, shortest or longest), len(group.gids)
            group.rings = tuple(zeros_on_line(shape, np.int32 if narrow else np.int64))
            for local in incoming:
                if narrow:
                    local.table = local.table.in_units(group.grid.unit)
                local.delivery = local.synapse.delivery(local.table, len(group.gids), dt)
    return LocalNetwork(groups, tables, shortest, facts)


def _create(together: list[Population], comm: MPI.Comm, seed: int, dt: float) -> LocalGroup:
    shares: list[PopulationShare] = []
    for population in together:
        gids = local_gids(population.first_gid, population.size, comm.rank, comm.size)
        shares.append(PopulationShare(population, gids, shares[-1].end if shares else 0, seed, dt))
    return LocalGroup(shares, together[0].model.group(shares))


def _tables_onto(
    group: LocalGroup, plan: GroupPlan, dt: float, seed: int, wanted: Any, comm: MPI.Comm, segmented: bool | None
) -> list[LocalTable]:
    """The tables of all projections onto a group; wanted: type of weights; comm: that of the types of indices."""
    index_type = target_type(sum(local_count(p.first_gid, p.size, comm.rank, comm.size) for p in plan.populations))
    share_of = _shares(group, seed, comm.size)
    tables = []
    for together in plan.tables:
        expected = together.expected_edges / comm.size
        kinds = enumerate(together.kinds)
        shares = [share_of(incoming, number, expected) for number, kind in kinds for incoming in kind]
        projections = tuple(share.projection for share in shares)
        shares = shares if len(group.gids) else drawn_differently(shares)
        kind = weight_type((p.synapse for p in projections), wanted)
        found = build_tables(together, shares, dt, kind, index_type, segmented)
        tables += [LocalTable(projections, table, k, group) for k, table in found]
    return tables


def _shares(group: LocalGroup, seed: int, ranks: int) -> Callable[[Incoming, int, float], Share]:
    """What a projection, of that kind within its table, has in a table of ``group`` of so many edges."""
    local = {share.population.name: np.arange(share.begin, share.end) for share in group.shares}
    gids = {share.population.name: share.gids for share in group.shares}

    def share_of(incoming: Incoming, kind: int, expected: float) -> Share:
        target = incoming.projection.target
        if not isinstance(target, Part):
            return Share(incoming, kind, seed, gids[target.name], local[target.name], ranks, expected)
        here = np.flatnonzero(target.index_of(group.gids) >= 0)
        return Share(incoming, kind, seed, group.gids[here], here, ranks, expected)

    return share_of


def _delays(tables: list[LocalTable], comm: MPI.Comm, facts: Facts) -> tuple[int | None, int]:
    """Minimum and maximum delay in steps over the edges of all ranks; (None, FREE_INTERVAL) where there are none."""
    used = [bounds for t in tables if (bounds := t.table.delay_bounds())]
    shortest = min((low for low, _ in used), default=MAX_STEPS)
    longest = max((high for _, high in used), default=0)
    negative, longest = (int(most) for most in facts.most(comm, DELAYS, (-shortest, longest)))
    shortest = -negative
    return (shortest, longest) if longest else (None, FREE_INTERVAL)


def _slots(incoming: list[LocalTable], shortest: int) -> int:
    """Slots of the rings of a group: as many steps as the longest of its own delays; of segments, those of an interval.

    shortest: the minimum delay of the network, which no interval exceeds.
    """
    bounds = [local.table.delay_bounds() for local in incoming if not local.segmented]
    return max([shortest, *(longest for _, longest in filter(None, bounds))])


def _drive(
    group: LocalGroup,
    incoming: list[LocalTable],
    network: Network,
    plan: GroupPlan,
    comm: MPI.Comm,
    precision: str,
    facts: Facts,
) -> bool:
    """Bind the drives of ``group``, and choose its grid; returns whether its sums have 32 bits.

    Unless double, they do where all synapses are constant and no weight would be rounded too much.
    """
    group.plastic_inputs += [local for local in incoming if local.plastic]
    bind_drives(group, network.stimulations)
    bound = InputBound(0, group.name)
    if fact_of(group.name) not in facts.known:
        bound = bound_of(group, incoming, network.dt)
    synapses = [projection.synapse for projection in plan.projections]
    group.grid = bound.grid(comm, facts=facts)
    narrow = precision != "double" and all(synapse.constant for synapse in synapses)
    narrow = narrow and not group.has_inputs
    if narrow:
        weights: list[Value] = [events.weight for driven in group.driven for events in driven.poisson]
        grid = bound.grid(comm, narrow=True, facts=facts)
        narrow = not too_coarse(grid.unit, weights + [synapse.weight for synapse in synapses])
        group.grid = grid if narrow else group.grid
    group.poisson = poisson_input(group.driven, group.grid.unit, group.stretches)
    return narrow


def bind_drives(group: LocalGroup, stimulations: Iterable[Stimulation]) -> None:
    """Let the drives of ``group`` say what they add, and find the stretches that are driven alike."""
    group.driven = [driven for number in range(len(group.shares)) for driven in _driven(group, number, stimulations)]
    divide(group)
    group.has_currents = any(driven.currents or driven.currents_of_each for driven in group.driven)
    group.has_inputs = any(driven.inputs for driven in group.driven)


def divide(group: LocalGroup) -> None:
    """Find the stretches of ``group``: neurons of the same constants that are driven alike."""
    parts = [driven.local for driven in group.driven if driven.local is not None]
    for driven in group.driven:
        if driven.currents_of_each:
            parts += list(np.arange(len(group.gids))[driven.where][:, None])
    joined = np.zeros(len(group.shares), np.bool_)
    if isinstance(group.neurons, NeuronGroup):
        cut = {driven.population for driven in group.driven if driven.local is not None}
        like = [None if d.population in cut else d.like() for d in group.driven if d.local is None]
        joined[1:] = [a is not None and a == b for a, b in itertools.pairwise(like)]
        joined &= group.neurons.alike() if joined.any() else False
    before, group.stretches = group.stretches, Stretches.of((share.n for share in group.shares), parts, joined)
    if not np.array_equal(before.bounds, group.stretches.bounds):
        group.neurons.divide(group.stretches)


def bound_of(
    group: LocalGroup, incoming: Iterable[LocalTable], dt: float, models: Mapping[str, Any] | None = None
) -> InputBound:
    """What the synapses of ``group`` and its drives can add to the input of each neuron in a step.

    ``models``: what populations are now, by name, where they were changed.
    """
    bound = InputBound(len(group.gids), group.name)
    for local in incoming:
        at_once = max(projection.most_at_once(dt, models) for projection in local.projections)
        bound.add_table(local.table, local.synapse.unbounded, at_once)
    for driven in group.driven:
        for most in driven.largest_inputs():
            bound.fixed[driven.where] += most
    return bound


def _driven(group: LocalGroup, number: int, stimulations: Iterable[Stimulation]) -> Iterator[Driven]:
    """What drives add to the local neurons of a population of the group, and then to each driven part of them."""
    share = group.shares[number]
    whole, parts = Driven(share, number), []
    for stimulation in stimulations:
        target = stimulation.target
        if target is share.population:
            driven = whole
        elif isinstance(target, Part) and any(share.population is population for population, _ in target.pieces):
            mine = np.flatnonzero(target.index_of(share.gids) >= 0)
            driven = whole
            if len(mine) < share.n:
                driven = Driven(replace(share, gids=share.gids[mine]), number, share.begin + mine)
                parts.append(driven)
        else:
            continue
        driven.index, driven.seed = stimulation.index, stimulation.seed
        stimulation.stimulus.bind(driven)
    yield whole
    yield from parts
