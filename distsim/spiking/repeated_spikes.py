"""How many spikes can arrive in a step at neurons that repeat them: no more than there is room for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.placement import index_of_owner, owner
from distsim.parallel.communicator import largest
from distsim.parallel.lone_rank import is_lone
from distsim.spiking.local_network import LocalGroup, LocalNetwork, LocalTable
from distsim.spiking.needed_spikes import Asked, once_each
from distsim.spiking.population_share import PopulationShare

if TYPE_CHECKING:
    from mpi4py import MPI

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


def check_arriving(local: LocalNetwork, dt: float, comm: MPI.Comm) -> None:
    """InputError where more can arrive in a step at the first input of a neuron than its model takes (collective).

    Neurons that repeat spikes have no more of them than arrive, which may be fewer than they take: what arrives is
    summed up with what was found until that changes no more, which takes as many rounds as their chains are long. A
    rank has numbers of its own neurons, and asks others for those of its sources.
    """
    shares = [
        (share, group, limit)
        for share, group in local.populations
        if (limit := share.population.model.most_arriving()) < math.inf
    ]
    if not shares:
        return
    sources = _repeating_sources(local, [share for share, *_ in shares])
    asked = None if is_lone(comm) else Asked.of(comm, sources)
    places = [index_of_owner(share.gids, comm.size) for share, *_ in shares]
    own = np.ones(max(int(of_share.max(initial=-1)) for of_share in places) + 1)
    found = [np.full(share.n, limit) for share, _, limit in shares]
    changed = 1.0
    while changed:
        for place, values in zip(places, found, strict=True):
            own[place] = values
        of_sources = _of_own(sources, own, comm) if asked is None else asked.answered(comm, own)
        arriving = [_arriving(local, share, group, sources, of_sources, dt) for share, group, _ in shares]
        before = found
        found = [np.clip(most, 1.0, limit) for most, (*_, limit) in zip(arriving, shares, strict=True)]
        (changed,) = largest(comm, [any((a != b).any() for a, b in zip(found, before, strict=True))])
    most_of = largest(comm, [most.max(initial=0.0) for most in arriving])
    for (share, _, limit), most in zip(shares, map(math.ceil, most_of), strict=True):
        if most > limit:
            raise InputError(
                f"'{share.population.name}': up to {most} spikes can arrive at a neuron in one step, but it repeats "
                f"{limit:g} at most; give Parrot(most={most})"
            )


def _repeating_sources(local: LocalNetwork, shares: list[PopulationShare]) -> Int64Array:
    """The neurons (n,) that repeat spikes and have targets on this rank, ascending."""
    found = [np.zeros(0, np.int64)]
    for table in local.tables:
        gids = table.table.source_gids
        for population in (share.population for share in shares):
            found.append(gids[(gids >= population.first_gid) & (gids < population.first_gid + population.size)])
    return once_each(np.concatenate(found))


def _of_own(sources: Int64Array, own: FloatArray, comm: MPI.Comm) -> FloatArray:
    """The numbers of ``sources`` (n,) where other ranks are not there: one spike of those that are theirs."""
    found = np.ones(len(sources))
    mine = owner(sources, comm.size) == comm.rank
    found[mine] = own[index_of_owner(sources[mine], comm.size)]
    return found


def _arriving(
    local: LocalNetwork, share: PopulationShare, group: LocalGroup, sources: Int64Array, known: FloatArray, dt: float
) -> FloatArray:
    """The most that arrives in a step at the first input of each local neuron (n,) of a population.

    known: the most spikes in a step of ``sources``, those of neurons that repeat them.
    """
    mine = np.zeros(len(group.gids))
    for driven in group.driven:
        for most in driven.largest_inputs():
            mine[driven.where] += most
    for table in (t for t in local.tables if t.target is group and t.input == 0):
        rows = np.repeat(np.arange(len(table.table.offsets) - 1), np.diff(table.table.offsets))
        sizes = np.abs(table.table.weights_of(np.arange(table.table.n_edges)))
        at_once = _at_once(table, sources, known, dt)[rows]
        mine += np.bincount(table.table.targets, weights=sizes * at_once, minlength=len(mine))
    return mine[share.begin : share.end]


def _at_once(table: LocalTable, sources: Int64Array, known: FloatArray, dt: float) -> FloatArray:
    """The most spikes in a step of the source of every row (rows,); see ``_arriving``."""
    gids = table.table.source_gids
    most = np.ones(len(gids))
    for population in {p for projection in table.projections for p, _ in projection.source.pieces}:
        index = gids - population.first_gid
        own = (index >= 0) & (index < population.size)
        if population.model.most_arriving() < math.inf:
            most[own] = known[np.searchsorted(sources, gids[own])]
        else:
            most[own] = population.model.multiplicity(dt)
    return most
