"""How much memory a network of rate neurons takes on one rank, before anything of it is built."""

from __future__ import annotations

import numpy as np

from distsim.connect.expected import WORD, Memory
from distsim.connect.rule import Targets
from distsim.core.placement import most_local
from distsim.rates.afferents import left_out_of_all
from distsim.rates.rate_network import RateNetwork


def memory_of_rates(network: RateNetwork, ranks: int) -> Memory:
    """As ``build_afferents`` keeps it."""
    tables = building = sources = 0.0
    for p in network.projections:
        factors = p.connection.drift_factor, p.connection.diffusion_factor
        single = all(isinstance(factor, float) for factor in factors)
        n = most_local(p.target.size, ranks)
        if single and left_out_of_all(p, Targets.of(p, 0, np.zeros(0, np.int64))) is not None:
            tables += 4.0 * (p.source.size + n)
            sources += p.source.size
            continue
        edges = p.rule.expected_edges(p.ends) / ranks
        sources += edges
        own = edges * (4 + (0 if single else 2 * WORD)) + WORD * n
        tables, building = tables + own, max(building, own)
    n = most_local(network.size, ranks)
    needed = min(float(network.size), sources)
    return Memory(tables=tables, neurons=16.0 * WORD * n + 4.0 * WORD * needed, building=building)
