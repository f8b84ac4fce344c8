"""How many spikes can arrive in a step at neurons that repeat them: no more than there is room for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distsim.core.errors import InputError
from distsim.spiking.local_network import LocalNetwork, LocalTable, bound_of

if TYPE_CHECKING:
    from mpi4py import MPI


def check_arriving(local: LocalNetwork, dt: float, comm: MPI.Comm) -> None:
    """InputError where more can arrive in a step at the first input of a neuron than its model takes (collective).

    Neurons that repeat spikes have no more of them than arrive, which may be fewer than they take: what arrives is
    summed up again with what was found, once for each of their populations, which is as long as a chain of them can be.
    """
    limits = {
        share.population.name: limit
        for share, _ in local.populations
        if (limit := share.population.model.most_arriving()) < math.inf
    }
    found = dict(limits)

    def at_once(table: LocalTable) -> int:
        sources = [population for p in table.projections for population, _ in p.source.pieces]
        return max(round(found[s.name]) if s.name in found else s.model.multiplicity(dt) for s in sources)

    for _ in limits:
        most: dict[str, float] = {}
        for group in (g for g in local.groups if any(share.population.name in limits for share in g.shares)):
            first = [table for table in local.tables if table.target is group and table.input == 0]
            bound = bound_of(group, first, dt, at_once)
            arriving = bound.fixed + bound.plastic
            most |= {s.population.name: float(arriving[s.begin : s.end].max(initial=0.0)) for s in group.shares}
        everywhere = comm.allgather(most)
        most = {name: max(of_rank[name] for of_rank in everywhere) for name in most}
        found = {name: min(limit, max(1.0, math.ceil(most[name]))) for name, limit in limits.items()}
    for name, limit in limits.items():
        if most[name] > limit:
            raise InputError(
                f"'{name}': up to {most[name]:g} spikes can arrive at a neuron in one step, but it repeats {limit:g} "
                f"at most; give Parrot(most={math.ceil(most[name])})"
            )
