"""How much memory a network of binary neurons takes on one rank, before anything of it is built."""

from __future__ import annotations

import numpy as np

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.couplings import expected_edges, is_dense, placed
from distsim.connect.attribute import target_type
from distsim.connect.expected import WORD, Memory
from distsim.core.placement import most_local

FEWEST_UPDATES, BYTES_OF_UPDATE = 1 << 15, 76  # drawn together


def memory_of_binary(network: BinaryNetwork, ranks: int) -> Memory:
    """As ``build_couplings`` and ``BinaryLoop`` keep it."""
    edges = expected_edges(network, ranks)
    dense = is_dense(network, ranks)
    single = all(isinstance(p.J, float) for p in network.projections)
    n = most_local(network.size, ranks)
    largest = max((most_local(p.size, ranks) for p in network.populations), default=0)
    rows = network.size if dense else edges
    slots = float(max((p.slot + 1 for p in placed(network)), default=0)) * rows
    tables = edges * (np.dtype(target_type(largest)).itemsize + (0 if single else WORD)) + WORD * slots
    tables += 0 if dense else 2.0 * rows
    drawn = WORD * (slots + (sum(p.source.size for p in network.projections) if dense else 5.0 * edges))
    updates = max(FEWEST_UPDATES, 0.5 * n)
    words = 9.0 if all(p.m_ext is None for p in network.populations) else 12.0
    return Memory(tables=tables, neurons=words * WORD * n + BYTES_OF_UPDATE * 1.1 * updates, building=drawn)
