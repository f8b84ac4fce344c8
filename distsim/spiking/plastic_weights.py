"""Weights of the plastic synapses of all ranks: hash and statistics that do not depend on ranks (collective)."""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.jit import jit
from distsim.core.populations import check_indices
from distsim.parallel.gather import Connections, allgather_array
from distsim.spiking.local_network import LocalNetwork, LocalTable
from distsim.spiking.network import Between, Pair

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
CHUNK = 1 << 20  # weights that are summed together


def select(
    local: LocalTable, ends: Pair, chosen: tuple[Int64Array, Int64Array], dt: float, now: int | None
) -> Connections:
    """The local synapses of a table that ``LocalTable.between`` finds.

    Weights as last transmitted, or, where ``now`` is a step, plastic ones brought up to that step.
    """
    table = local.table
    edges, rows, source, target = local.between(ends, *chosen)
    weight: npt.NDArray[np.float64] = table.weights_of(edges)
    if now is not None and local.plastic:
        weight = local.delivery.weights_at(now, edges, rows)
    return Connections(source, target, weight, np.multiply(table.delays_of(edges, rows), dt, dtype=np.float64))


def by_target(targets: npt.NDArray[Any], n: int) -> tuple[Int64Array, npt.NDArray[Any]]:
    """(begin, order) of edges with these targets: order[begin[t] : begin[t + 1]] are those of local target t < n."""
    begin = np.concatenate(([0], np.cumsum(np.bincount(targets, minlength=n))))
    order = np.empty(len(targets), np.uint32 if len(targets) < 1 << 32 else np.int64)
    place_by_target(targets, begin[:-1].copy(), order)
    return begin, order


def weight_hash(network: LocalNetwork, comm: MPI.Comm) -> str:
    """SHA-256 of the digests of all neurons with plastic synapses, in the order of gids.

    The digest of a neuron is the SHA-256 of its incoming plastic synapses as little-endian pairs (uint64 gid of the
    source, float64 weight in pA as last transmitted), projection after projection, sorted by source.
    """
    digests: dict[int, hashlib._Hash] = {}
    for local in (t for t in network.tables if t.plastic):
        begin, order = by_target(local.table.targets, len(local.target.gids))
        source = np.repeat(local.table.source_gids, np.diff(local.table.offsets))
        onto = {p.target.name: p.target for p in local.projections}
        for t in np.flatnonzero(np.any([t.index_of(local.target.gids) >= 0 for t in onto.values()], axis=0)):
            gid = int(local.target.gids[t])
            mine = order[begin[t] : begin[t + 1]]
            pairs = np.empty((len(mine), 2), "<u8")
            pairs[:, 0] = source[mine]
            pairs[:, 1] = local.table.weights[mine].astype("<f8").view("<u8")
            digests.setdefault(gid, hashlib.sha256()).update(pairs.tobytes())
    gids = allgather_array(np.array(list(digests), np.int64), comm)
    mine_bytes = np.frombuffer(b"".join(d.digest() for d in digests.values()), np.uint8)
    rows = allgather_array(mine_bytes, comm).reshape(len(gids), hashlib.sha256().digest_size)
    return hashlib.sha256(rows[np.argsort(gids)].tobytes()).hexdigest()


def plastic_statistics(network: LocalNetwork, comm: MPI.Comm) -> dict[str, float] | None:
    """count, mean, sd, min, max and median (pA) of all plastic weights as last transmitted; None where there are none.

    Sums are made per target in the order of sources and added without rounding, so they do not depend on ranks;
    the median is exact, found by bisection over the bits of the weights with integer counts.
    """
    tables = [t for t in network.tables if t.plastic]
    count = comm.allreduce(sum(t.table.n_edges for t in tables))
    if not count:
        return None
    mean = _sum_over(tables, 0.0, 1, comm) / count
    variance = _sum_over(tables, mean, 2, comm) / count
    weights = [t.table.weights for t in tables]
    bounds = comm.allgather([(float(w.min()), float(w.max())) for w in weights if len(w)])
    flat = [pair for rank in bounds for pair in rank]
    low, high = _order_statistic(weights, (count - 1) // 2, comm), _order_statistic(weights, count // 2, comm)
    return {
        "count": count,
        "mean": mean,
        "sd": float(np.sqrt(variance)),
        "min": min(low for low, _ in flat),
        "max": max(high for _, high in flat),
        "median": 0.5 * (low + high),
    }


def _sum_over(tables: list[LocalTable], center: float, power: int, comm: MPI.Comm) -> float:
    """Sum of (weight - center)**power over all plastic synapses of all ranks."""
    sums = [np.zeros(0)]
    for local in tables:
        table, sources = local.table, sorted({p.source.first_gid for p in local.projections})
        total = np.zeros((len(sources), len(local.target.gids)))  # of a target, those of each projection
        row_ends = np.searchsorted(table.source_gids, [*sources[1:], np.inf])
        ends = table.offsets[row_ends]
        for k, (first, end) in enumerate(itertools.pairwise([0, *ends.tolist()])):
            for begin in range(first, end, CHUNK):  # one after the other, in the order of the table
                some = slice(begin, min(begin + CHUNK, end))
                apart = table.weights[some].astype(np.float64) - center
                np.add.at(total[k], table.targets[some], apart if power == 1 else apart * apart)
        sums.append(total.ravel())
    return math.fsum(allgather_array(np.concatenate(sums), comm))


def _order_statistic(weights: list[npt.NDArray[np.floating]], rank: int, comm: MPI.Comm) -> float:
    """The weight with exactly ``rank`` others before it in ascending order."""
    largest = int(np.array(np.finfo(np.float64).max).view(np.int64))
    low, high = -largest, largest
    while low < high:
        middle = (low + high) // 2
        limit = _from_order(middle)
        below = comm.allreduce(sum(int(np.count_nonzero(w <= limit)) for w in weights))
        low, high = (low, middle) if below > rank else (middle + 1, high)
    return float(_from_order(low))


def _from_order(place: int) -> np.float64:
    """The number at a place in the order of all float64, 0 of which is 0.0."""
    return np.float64(np.copysign(np.array(abs(place), np.int64).view(np.float64), place))


@jit
def place_by_target(targets, cursor, order):  # type: ignore[no-untyped-def]
    """order = the edges sorted by target, those of one target in the order of the table; cursor is used up."""
    for edge in range(targets.size):
        t = targets[edge]
        order[cursor[t]] = edge
        cursor[t] += 1


def chosen_between(
    asked: Between, sources: Iterable[int] | None, targets: Iterable[int] | None, where: str
) -> tuple[Int64Array, Int64Array]:
    """Indices of the chosen neurons within the ends that are ``asked`` for, checked; all of them for None."""
    ends = (sources, asked.source, f"{where}: sources"), (targets, asked.target, f"{where}: targets")
    source, target = (np.array(check_indices(*end), np.int64) for end in ends)
    return source, target
