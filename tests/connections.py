"""Shorthands for tests of connectivity: edges as they are drawn, and as every rank of a job without MPI stores them."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np

from distsim import IafPscAlpha, Network, Static
from distsim.connect.rule import Rule, Targets
from distsim.core.placement import local_gids
from distsim.parallel.gather import Connections
from distsim.parallel.lone_rank import LoneRank
from distsim.spiking.local_network import LocalNetwork, build
from distsim.spiking.network import Projection
from distsim.spiking.plastic_weights import select


def connected(rule: Rule, n_source: int, n_target: int | None = None, synapse: Any = None) -> Projection:
    """A projection of ``rule`` between two populations, or within one where there is no ``n_target``."""
    network = Network(dt=0.5)
    network.population("before", 3, IafPscAlpha())  # so that gids differ from indices
    source = network.population("A", n_source, IafPscAlpha())
    target = source if n_target is None else network.population("B", n_target, IafPscAlpha(tau_syn_in=5.0))
    return network.connect(source, target, rule, synapse or Static(weight=1.0, delay=0.5))


def draw(projection: Projection, seed: int = 1, rank: int = 0, ranks: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """source, target (edges,) of one rank, as indices within their populations, in the order of drawing."""
    population = projection.target
    gids = local_gids(population.first_gid, population.size, rank, ranks)
    source, target = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for piece in projection.rule.edges(Targets.of(projection, seed, gids)):
        source.append(piece.source.astype(np.int64))
        target.append(gids[piece.target] - population.first_gid)
    return np.concatenate(source), np.concatenate(target)


def counts(projection: Projection, seed: int = 1) -> np.ndarray:
    """Number of synapses (targets, sources) of every pair."""
    source, target = draw(projection, seed)
    n_source, n_target = projection.source.size, projection.target.size
    return np.bincount(target * n_source + source, minlength=n_source * n_target).reshape(n_target, n_source)


def built(network: Network, rank: int = 0, ranks: int = 1, seed: int = 1, precision: str = "double") -> LocalNetwork:
    """The part of a network that one rank holds."""
    return build(network, LoneRank(rank, ranks), seed, precision, lambda name: nullcontext())  # type: ignore[arg-type]


def stored(network: Network, ranks: int = 1, seed: int = 1, precision: str = "double") -> list[Connections]:
    """The synapses of every projection from the tables of all ranks, sorted by source, then target."""
    columns: list[list[tuple[np.ndarray, ...]]] = [[] for _ in network.projections]
    for rank in range(ranks):
        for local in built(network, rank, ranks, seed, precision).tables:
            for p in local.projections:
                everyone = np.arange(p.source.size), np.arange(p.target.size)
                c = select(local, p, everyone, network.dt, None)
                columns[p.index].append((c.source, c.target, c.weight, c.delay))
    found = []
    for parts in columns:
        source, target, weight, delay = (np.concatenate(column) for column in zip(*parts, strict=True))
        order = np.lexsort((target, source))
        found.append(Connections(source[order], target[order], weight[order], delay[order]))
    return found
