"""How many spikes can arrive in a step at neurons that repeat them: no more than there is room for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.parallel.array_collectives import sum_array
from distsim.spiking.local_network import LocalNetwork, LocalTable
from distsim.spiking.population_share import PopulationShare

if TYPE_CHECKING:
    from mpi4py import MPI

FloatArray = npt.NDArray[np.float64]


def check_arriving(local: LocalNetwork, dt: float, comm: MPI.Comm) -> None:
    """InputError where more can arrive in a step at the first input of a neuron than its model takes (collective).

    Neurons that repeat spikes have no more of them than arrive, which may be fewer than they take: what arrives is
    summed up with what was found until that changes no more, which takes as many rounds as their chains are long.
    """
    limits = {
        share.population.name: limit
        for share, _ in local.populations
        if (limit := share.population.model.most_arriving()) < math.inf
    }
    sizes = {share.population.name: share.population.size for share, _ in local.populations}
    found = {name: np.full(sizes[name], limit) for name, limit in limits.items()}
    while limits:
        arriving = {share.population.name: _arriving(local, share, found, dt, comm) for share in _shares(local, limits)}
        before = found
        found = {name: np.minimum(limit, np.maximum(arriving[name], 1.0)) for name, limit in limits.items()}
        if all((found[name] == before[name]).all() for name in limits):
            break
    for name, limit in limits.items():
        if arriving[name].max() > limit:
            most = math.ceil(arriving[name].max())
            raise InputError(
                f"'{name}': up to {most} spikes can arrive at a neuron in one step, but it repeats {limit:g} at most; "
                f"give Parrot(most={most})"
            )


def _shares(local: LocalNetwork, limits: dict[str, float]) -> list[PopulationShare]:
    return [share for share, _ in local.populations if share.population.name in limits]


def _arriving(
    local: LocalNetwork, share: PopulationShare, found: dict[str, FloatArray], dt: float, comm: MPI.Comm
) -> FloatArray:
    """The most that arrives in a step at the first input of each neuron (size,) of a population of all ranks."""
    group = next(group for other, group in local.populations if other is share)
    mine = np.zeros(len(group.gids))
    for driven in group.driven:
        for most in driven.largest_inputs():
            mine[driven.where] += most
    for table in (t for t in local.tables if t.target is group and t.input == 0):
        rows = np.repeat(np.arange(len(table.table.offsets) - 1), np.diff(table.table.offsets))
        sizes = np.abs(table.table.weights_of(np.arange(table.table.n_edges)))
        at_once = _at_once(table, found, dt)[rows]
        mine += np.bincount(table.table.targets, weights=sizes * at_once, minlength=len(mine))
    every = np.zeros(share.population.size)
    every[share.gids - share.population.first_gid] = mine[share.begin : share.end]
    return sum_array(every, comm)  # each of one rank


def _at_once(table: LocalTable, found: dict[str, FloatArray], dt: float) -> FloatArray:
    """The most spikes in a step of the source of every row (rows,)."""
    gids = table.table.source_gids
    most = np.ones(len(gids))
    for population in {p for projection in table.projections for p, _ in projection.source.pieces}:
        index = gids - population.first_gid
        own = (index >= 0) & (index < population.size)
        known = found.get(population.name)
        most[own] = population.model.multiplicity(dt) if known is None else known[index[own]]
    return most
