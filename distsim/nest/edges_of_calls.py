"""The edges of calls of ``Connect`` on this rank, and their ports, by which NEST numbers the edges of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.connection_calls import Batch, Call, SynapseKind
from distsim.nest.engine_bridge import Engine
from distsim.nest.kernel import KERNEL
from distsim.nest.node_blocks import blocks_of

Int64Array = npt.NDArray[np.int64]
FEW = 1_000_000  # edges of a model that are drawn in a fraction of a second
CATEGORIES = {"neurons": 0, "record": 1, "sample": 2, "drive": 2, "rates": 0}


def edges_of(
    call: Call, source: Int64Array | None, target: Int64Array | None, everywhere: bool = False
) -> Iterator[Batch]:
    """The edges of a call from and to some nodes, ascending, or all; those on this rank, or of all ranks."""
    for own, wanted in ((call.source, source), (call.target, target)):
        if wanted is not None and (not len(wanted) or wanted[-1] < own[0] or own[-1] < wanted[0]):
            return
    if source is not None and not np.isin(call.source, source).any():
        return
    index = np.arange(len(call.target)) if target is None else np.flatnonzero(np.isin(call.target, target))
    apart = KERNEL.comm.size > 1 and not everywhere
    engine = KERNEL.describe() if call.random or apart else None
    if engine is not None and apart and call.way != "record":
        index = index[_on_this_rank(engine, call.target[index])]
    connected: Any = engine.projections[call.number] if call.random and engine is not None else call.stand_in()
    for batch in call.batches(connected, KERNEL.seed, KERNEL.clock, index, source):
        here = engine is not None and apart and call.way == "record"
        yield batch.take(_on_this_rank(engine, batch.source)) if here and engine is not None else batch


def _on_this_rank(engine: Engine, ids: Int64Array) -> npt.NDArray[np.bool_]:
    parts = [engine.local(block)[index] for block, index in blocks_of(KERNEL.blocks, ids)]
    return np.concatenate([np.zeros(0, np.bool_), *parts])


def categories(parts: list[Batch]) -> list[Int64Array]:
    """What each edge of batches connects, in NEST's order: 0 neurons, 1 neurons to devices, 2 devices to neurons."""
    generators = np.array([block.first for block in KERNEL.blocks if block.kind == "generator"], np.int64)
    return [
        np.where(np.isin(part.source, generators) & (part.call.way == "neurons"), 2, CATEGORIES[part.call.way])
        for part in parts
    ]


def few_edges(kind: SynapseKind) -> bool:
    """Whether a model has so few edges that their ports are told unasked: to number them all edges are drawn."""
    return sum(call.expected() for call in KERNEL.calls if call.kind is kind) <= FEW


def ports_of(part: Batch) -> Int64Array:
    """The ports (n,) of the edges of a batch."""
    edges, ports = _ports(part.call.kind)
    own = np.column_stack([np.full(len(part.source), part.call.number), part.target, part.place])
    return ports[_places(edges[:, [0, 2, 3]], own)[0]]


def ports_between(kind: SynapseKind, call: Int64Array, source: Int64Array, target: Int64Array) -> Int64Array:
    """The ports (n,) of edges of a model by their calls and ends; of several that are alike by turns."""
    edges, ports = _ports(kind)
    first, number = _places(edges[:, :3], np.column_stack([call, source, target]))
    return ports[first + np.arange(len(first)) % np.maximum(number, 1)] if len(ports) else np.zeros_like(first)


def _places(known: Int64Array, wanted: Int64Array) -> tuple[Int64Array, Int64Array]:
    """Where rows (n, 3) stand among known ones (m, 3), and how many of these are alike."""
    if not len(known):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    mine, theirs = _codes(wanted, known)
    order = np.argsort(theirs, kind="stable")
    theirs = theirs[order]
    low = np.searchsorted(theirs, mine)
    number = np.searchsorted(theirs, mine, side="right") - low
    return order[np.minimum(low, len(order) - 1)], number


def _codes(*tables: Int64Array) -> list[Int64Array]:
    """A number for each row (n, 3) of some tables, the same for equal rows: of the columns as digits if these fit."""
    lengths = np.max([table.max(axis=0, initial=0) for table in tables], axis=0) + 1
    if math.prod(lengths.tolist()) < 2**63:
        return [(table[:, 0] * lengths[1] + table[:, 1]) * lengths[2] + table[:, 2] for table in tables]
    _, codes = np.unique(np.concatenate(tables), axis=0, return_inverse=True)
    return np.split(codes.ravel(), np.cumsum([len(table) for table in tables])[:-1])


def _ports(kind: SynapseKind) -> tuple[Int64Array, Int64Array]:
    """All edges of a model on this rank, rows (n, 4) of call, source, target and place, and their ports (n,).

    Edges between neurons are numbered by source through the whole model, those of devices for each source.
    """
    if kind.name not in KERNEL.ports:
        parts = [part for call in KERNEL.calls if call.kind is kind for part in edges_of(call, None, None)]
        rows = [np.column_stack([np.full(len(p.source), p.call.number), p.source, p.target, p.place]) for p in parts]
        edges = np.concatenate([np.zeros((0, 4), np.int64), *rows])
        senders = np.concatenate([np.zeros(0, np.int64), *categories(parts)])
        order = np.lexsort((edges[:, 1], senders))
        ports = np.empty(len(edges), np.int64)
        begins = np.flatnonzero(np.diff(senders[order], prepend=-1) != 0)
        devices = senders[order] > 0
        begins = np.union1d(begins, np.flatnonzero(devices & (np.diff(edges[order, 1], prepend=-1) != 0)))
        ports[order] = np.arange(len(edges)) - np.repeat(begins, np.diff(begins, append=len(edges)))
        KERNEL.ports[kind.name] = edges, ports
    return KERNEL.ports[kind.name]
