"""The synapses of a network as edges of SONATA, by target, drawn again from the description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute, reduced
from distsim.connect.edge_values import in_steps
from distsim.connect.rule import Edges, Targets
from distsim.core.kept_objects import object_kept
from distsim.core.parts import Neurons, Part
from distsim.core.values import Value
from distsim.parallel.gather import in_ms
from distsim.parallel.in_turn import in_turn
from distsim.record.kept_network import KeptArrays
from distsim.record.output import Output
from distsim.record.store import Store
from distsim.spiking.network import Population, Projection
from distsim.spiking.sonata_file import NAMES, PIECE, Columns, finish, new_file, stored

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class EdgePopulation:
    """The synapses of a projection between two populations; blocks: its targets, begin and end of each piece."""

    name: str
    projection: Projection
    source: Population
    target: Population

    @property
    def blocks(self) -> list[range]:
        expected = self.projection.rule.expected_edges(self.projection.ends) / max(1, self.projection.target.size)
        together = max(1, int(PIECE / max(1.0, expected)))
        size = self.target.size
        return [range(begin, min(begin + together, size)) for begin in range(0, size, together)]

    @property
    def own(self) -> dict[str, Value]:
        """What the synapses have of their own, by the names that SONATA gives, if it has one."""
        return {NAMES.get(name, name): reduced(value) for name, value in self.projection.synapse.values.items()}

    def drawn(self, block: range, seed: int) -> Iterator[tuple[Int64Array, Int64Array, Targets, Edges]]:
        """Index (edges,) of source and target of each synapse onto a block of targets, piece by piece, and their draw.

        A source of another population is -1.
        """
        projection = self.projection
        gids = self.target.first_gid + np.arange(block.start, block.stop)
        if isinstance(projection.target, Part):
            gids = gids[projection.target.index_of(gids) >= 0]
        targets = Targets.of(projection, seed, gids, projection.synapse.values.values())
        of = projection.source.gids if isinstance(projection.source, Part) else None
        for edges in projection.rule.edges(targets):
            source = edges.source.astype(np.int64) if of is None else self.source.index_of(of[edges.source])
            yield source, gids[edges.target] - self.target.first_gid, targets, edges

    def count(self, block: range, seed: int) -> int:
        """The number of synapses onto a block of targets."""
        return sum(int((source >= 0).sum()) for source, *_ in self.drawn(block, seed))

    def columns(self, block: range, seed: int, dt: float) -> Columns:
        """Source, target and all that each synapse has of its own, onto a block of targets, by target."""
        pieces = []
        for source, target, targets, edges in self.drawn(block, seed):
            mine = source >= 0
            piece: Columns = {"source_node_id": source[mine], "target_node_id": target[mine]}
            for name, value in self.projection.synapse.values.items():
                attribute = Attribute.of(targets, name, value)
                if attribute.single is None:
                    values = attribute.of_edges(edges)
                    piece[NAMES.get(name, name)] = (in_ms(in_steps(values, dt), dt) if name == "delay" else values)[
                        mine
                    ]
            pieces.append(piece)
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def edge_populations(projections: list[Projection]) -> Iterator[EdgePopulation]:
    """The populations of edges of some projections: one for each two populations that a projection is between."""
    used: dict[str, int] = {}
    for projection in projections:
        for source, target in (
            (s, t) for s in _populations(projection.source) for t in _populations(projection.target)
        ):
            name = f"{source.name}_to_{target.name}"
            used[name] = used.get(name, 0) + 1
            yield EdgePopulation(name + (f"_{used[name]}" if used[name] > 1 else ""), projection, source, target)


def _populations(neurons: Neurons) -> list[Any]:
    return [piece.population for piece in neurons.by_population()]


def write_edges(simulation: Simulation, folder: Path) -> list[EdgePopulation]:
    """Write edges.h5: count, lay out, fill."""
    comm, seed, dt = simulation.comm, simulation.seed, simulation.dt
    every = list(edge_populations(simulation.network.projections))
    counts = []
    for edges in every:
        mine = edges.blocks[comm.rank :: comm.size]
        counts.append(int(comm.allreduce(sum(edges.count(block, seed) for block in mine))))

    def layout(store: Store) -> None:
        for edges, n in zip(every, counts, strict=True):
            _lay_out_edges(store, edges, n)

    output = new_file(simulation, folder / "edges.h5", layout)
    for edges in every:
        blocks, written = edges.blocks, 0
        make = lambda k, edges=edges, blocks=blocks: edges.columns(blocks[k], seed, dt)  # noqa: E731
        for block, columns in zip(blocks, in_turn(comm, len(blocks), make), strict=True):
            if columns is not None:
                _append_edges(output, edges, block, columns, written)
                written += len(columns["source_node_id"])
    finish(simulation, output)
    return every


def _lay_out_edges(store: Store, edges: EdgePopulation, n: int) -> None:
    """Add the datasets of a population of ``n`` edges."""
    group, unit = f"edges/{edges.name}", edges.target.model.weight_unit
    for end, population in (("source", edges.source), ("target", edges.target)):
        store.fixed(f"{group}/{end}_node_id", np.uint64, n)
        store.text(f"{group}/{end}_node_id", "node_population", population.name)
    store.constant(f"{group}/edge_type_id", 0, np.int64, n)
    store.constant(f"{group}/edge_group_id", 0, np.uint32, n)
    store.fixed(f"{group}/edge_group_index", np.uint64, n)
    for name, value in edges.own.items():
        of_unit = {"syn_weight": unit, "delay": "ms"}.get(name, "")
        if isinstance(value, float):
            store.constant(f"{group}/0/{name}", value, np.float64, n, of_unit)
        else:
            store.fixed(f"{group}/0/{name}", np.float64, n, of_unit)
    for name in ("node_id_to_ranges", "range_to_edge_id"):
        store.column(f"{group}/indices/target_to_source/{name}", np.uint64, width=2, rows=edges.target.size)
    synapse = edges.projection.synapse
    arrays = KeptArrays(store)
    kept = {
        f.name: object_kept(getattr(synapse, f.name), arrays.keep)
        for f in fields(synapse)
        if f.name not in synapse.values
    }
    kept |= {name: stored(reduced(value), NAMES.get(name, name)) for name, value in synapse.values.items()}
    store.text(group, "distsim", json.dumps({"synapse": {"class": type(synapse).__name__, **kept}}))


def _append_edges(output: Output, edges: EdgePopulation, block: range, columns: Columns, written: int) -> None:
    """Append the edges onto a block of targets, ``written`` being those before; on rank 0."""
    group, n = f"edges/{edges.name}", len(columns["source_node_id"])
    own = {f"0/{name}": values for name, values in columns.items() if not name.endswith("_node_id")}
    ends = {name: values for name, values in columns.items() if name.endswith("_node_id")}
    output.append(group, **ends, edge_group_index=np.arange(written, written + n), **own)
    index = np.arange(block.start, block.stop)
    ends_of = written + np.cumsum(np.bincount(columns["target_node_id"] - block.start, minlength=len(block)))
    begins = np.concatenate(([written], ends_of[:-1]))
    output.append(
        f"{group}/indices/target_to_source",
        node_id_to_ranges=np.stack((index, index + 1), axis=1),
        range_to_edge_id=np.stack((begins, ends_of), axis=1),
    )
