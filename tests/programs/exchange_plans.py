"""Exchange made-up spikes by every plan: what arrives must not depend on ranks.

A case is (number of neurons, how they are connected). In every round the neurons fire other spikes; what is given is
a digest of the spikes that each neuron receives from its sources, neuron after neuron.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from mpi4py import MPI

from distsim.connect.source_index import BLOCK_BITS, SourceIndex
from distsim.spiking.exchange import GID_BITS, make_exchange
from distsim.spiking.needed_spikes import Needed
from distsim.spiking.synapses.table import Table

CASES = [(n, graph) for n in (0, 1, 4, 100) for graph in ("all", "ring", "one", "none")]
ROUNDS = (0, 5, 400, 0, 9, 3000, 1, 0)  # spikes, in all
GID_MASK = (1 << int(GID_BITS)) - 1


def needing(gids: np.ndarray) -> Needed:
    """What ranks need that have targets of these neurons (n,), ascending."""
    blocks = int(gids[-1] >> BLOCK_BITS) + 1 if len(gids) else 1
    begin = np.searchsorted(gids, np.arange(blocks + 1) << BLOCK_BITS).astype(np.int32)
    index = SourceIndex(begin, (gids & ((1 << BLOCK_BITS) - 1)).astype(np.uint16))
    targets, ones = np.zeros(len(gids), np.uint16), np.ones(1)
    n_source = int(gids.max(initial=-1)) + 1
    return Needed([Table(0, n_source, index, np.arange(len(gids) + 1), targets, ones, ones.astype(np.uint8))])


def sources(target: int, n: int, graph: str) -> set[int]:
    """From which neurons neuron ``target`` wants spikes."""
    if graph == "ring":
        return {(target + 1) % n, (target + 7) % n}
    return set(range(n)) if graph == "all" or (graph == "one" and target == n - 1) else set()


def made_up(round_number: int, n: int) -> np.ndarray:
    """All spikes of a round, sorted; every other round they all come from one neuron."""
    random = np.random.default_rng(round_number)
    gid = random.integers(0, n, ROUNDS[round_number]) if round_number % 2 else np.zeros(ROUNDS[round_number], np.int64)
    step = random.permutation(ROUNDS[round_number]) + 1
    return np.sort((step.astype(np.uint64) << GID_BITS) | gid.astype(np.uint64))


def exchange_all(comm: MPI.Comm, plan: str, n: int, graph: str) -> dict[str, Any]:
    mine = range(comm.rank, n, comm.size)
    wanted = {target: sources(target, n, graph) for target in mine}
    needed = np.array(sorted(set().union(*wanted.values())), np.int64)
    exchange = make_exchange(plan, comm, needing(needed))
    total = hashlib.sha256()
    correct = in_order = True
    for round_number in range(len(ROUNDS)):
        spikes = made_up(round_number, n) if n else np.zeros(0, np.uint64)
        gids = (spikes & np.uint64(GID_MASK)).astype(np.int64)
        received = exchange(spikes[gids % comm.size == comm.rank]).copy()
        from_whom = (received & np.uint64(GID_MASK)).astype(np.int64)
        correct &= received[np.isin(from_whom, needed)].tolist() == spikes[np.isin(gids, needed)].tolist()
        in_order &= bool((np.diff(received) > 0).all())  # no spike twice
        arrived = {t: received[np.isin(from_whom, list(wanted[t]))].tobytes() for t in mine}
        everywhere = {t: part for rank in comm.allgather(arrived) for t, part in rank.items()}
        for target in sorted(everywhere):
            total.update(everywhere[target] + b"|")
    correct, in_order = (bool(comm.allreduce(flag, MPI.LAND)) for flag in (correct, in_order))
    return {"digest": total.hexdigest(), "correct": correct, "in_order": in_order, "name": exchange.name}
