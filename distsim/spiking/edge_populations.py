"""The synapses of a network between two populations each, by target, as SONATA has them: drawn again, or as learnt."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute, reduced
from distsim.connect.edge_values import in_steps
from distsim.connect.rule import Edges, Targets
from distsim.core.parts import Neurons, Part, common
from distsim.parallel.array_collectives import gather_arrays, in_order, sum_array
from distsim.parallel.gather import in_ms
from distsim.parallel.in_turn import in_turn
from distsim.spiking.local_network import LocalTable
from distsim.spiking.network import Population, Projection
from distsim.spiking.plastic_weights import by_target
from distsim.spiking.sonata_file import NAMES, PIECE, Columns
from distsim.spiking.sonata_index import EdgesOfSources
from distsim.spiking.sonata_rule import numbers_in

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation

Int64Array = npt.NDArray[np.int64]
ENDS = "source_node_id", "target_node_id"


@dataclass(frozen=True)
class EdgePopulation(ABC):
    """The synapses of a projection between two populations; those onto a block of targets are made together."""

    name: str
    projection: Projection
    source: Population
    target: Population
    simulation: Simulation

    @cached_property
    def blocks(self) -> list[range]:
        """The targets of each piece."""
        expected = self.projection.rule.expected_edges(self.projection.ends) / max(1, self.projection.target.size)
        together = max(1, int(PIECE / max(1.0, expected)))
        size = self.target.size
        return [range(begin, min(begin + together, size)) for begin in range(0, size, together)]

    @property
    def shared(self) -> dict[str, float | None]:
        """What synapses have beside their ends, by parameter: the value of all, or None where each has its own.

        Weights that are not those of the description are of the second kind.
        """
        values = {name: reduced(value) for name, value in self.projection.synapse.values.items()}
        single = {name: value if isinstance(value, float) else None for name, value in values.items()}
        return single | ({"weight": None} if self.changed else {})

    def _columns(self, pieces: Iterable[tuple[Int64Array, Int64Array, Columns]]) -> Columns:
        """Sources, targets, and what each synapse has of its own by parameter, of all pieces, as SONATA names them."""
        own = [name for name, value in self.shared.items() if value is None]
        found: list[list[npt.NDArray[Any]]] = [[np.zeros(0, np.int64)] for _ in ENDS] + [[np.zeros(0)] for _ in own]
        for source, target, values in pieces:
            for column, piece in zip(found, (source, target, *(values[name] for name in own)), strict=True):
                column.append(piece)
        return dict(zip((*ENDS, *(NAMES.get(name, name) for name in own)), map(np.concatenate, found), strict=True))

    @property
    @abstractmethod
    def changed(self) -> bool:
        """Whether weights are not those of the description."""

    @abstractmethod
    def count(self, k: int) -> int:
        """How many synapses onto block ``k`` this rank has to make."""

    @abstractmethod
    def pieces(self, begins: Int64Array, of_sources: EdgesOfSources) -> Iterator[Columns | None]:
        """Ends of synapses and what each has of its own, by target, block after block, on rank 0 (collective).

        begins (blocks + 1,): the number of the first synapse of each block. ``of_sources`` is told of all that this
        rank made.
        """


@dataclass(frozen=True)
class DrawnEdges(EdgePopulation):
    """Synapses drawn again from the description, each block by one rank, with weights that were set since.

    set_weights: between which neurons, and the weight, or those of each target and source.
    """

    set_weights: list[tuple[list[Neurons], Any]]

    @property
    def changed(self) -> bool:
        return bool(self.set_weights)

    def count(self, k: int) -> int:
        comm = self.simulation.comm
        return sum(int((source >= 0).sum()) for source, *_ in self._drawn(k)) if k % comm.size == comm.rank else 0

    def pieces(self, begins: Int64Array, of_sources: EdgesOfSources) -> Iterator[Columns | None]:
        def make(k: int) -> Columns:
            columns = self._columns(self._made(k))
            of_sources.add(columns[ENDS[0]], np.arange(begins[k], begins[k + 1]))
            return columns

        return in_turn(self.simulation.comm, len(self.blocks), make)

    def _drawn(self, k: int) -> Iterator[tuple[Int64Array, Int64Array, Targets, Edges]]:
        """Index (edges,) of source and target of each synapse onto block ``k``, piece by piece, and their draw.

        A source of another population is -1.
        """
        projection, block = self.projection, self.blocks[k]
        gids = self.target.first_gid + np.arange(block.start, block.stop)
        if isinstance(projection.target, Part):
            gids = gids[projection.target.index_of(gids) >= 0]
        targets = Targets.of(projection, self.simulation.seed, gids, projection.synapse.values.values())
        of = projection.source.gids if isinstance(projection.source, Part) else None
        for edges in projection.rule.edges(targets):
            source = edges.source.astype(np.int64) if of is None else self.source.index_of(of[edges.source])
            yield source, gids[edges.target] - self.target.first_gid, targets, edges

    def _made(self, k: int) -> Iterator[tuple[Int64Array, Int64Array, Columns]]:
        dt = self.simulation.dt
        for source, target, targets, edges in self._drawn(k):
            mine, values = source >= 0, {}
            for name in (name for name, value in self.shared.items() if value is None):
                attribute = Attribute.of(targets, name, self.projection.synapse.values[name])
                of_edges = np.broadcast_to(attribute.of_edges(edges), len(source))[mine]
                values[name] = in_ms(in_steps(of_edges, dt), dt) if name == "delay" else of_edges
            if self.changed:
                values["weight"] = self._set(source[mine], target[mine], values["weight"])
            yield source[mine], target[mine], values

    def _set(self, source: Int64Array, target: Int64Array, weight: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The weights (edges,) of synapses as they were set."""
        weight = weight.copy()
        for (sources, targets), given in self.set_weights:
            of, to = sources.index_of(self.source.gids[source]), targets.index_of(self.target.gids[target])
            mine = (of >= 0) & (to >= 0)
            weight[mine] = given if isinstance(given, float) else given[to[mine], of[mine]]
        return weight


@dataclass(frozen=True)
class LearntEdges(EdgePopulation):
    """Plastic synapses, with the weights that they last transmitted: each rank has those onto its own neurons."""

    @property
    def changed(self) -> bool:
        return True

    @cached_property
    def _tables(self) -> list[tuple[LocalTable, Int64Array, npt.NDArray[Any], Int64Array, Int64Array, Int64Array]]:
        """The tables of this rank that have any, and of each what ``by_target`` finds.

        Then its neurons that are targets, each by index in its population and by that in the table; and sources by row.
        """
        found = []
        for local in self.simulation.local.tables:
            if self.projection in local.projections:
                index = self.target.index_of(local.target.gids)
                mine = np.flatnonzero(index >= 0)
                begin, order = by_target(local.table.targets, len(local.target.gids))
                sources = self.source.index_of(local.table.source_gids)
                found.append((local, begin, order, index[mine], mine, sources))
        return found

    def count(self, k: int) -> int:
        return sum(len(edges) for _, edges, *_ in self._onto(k))

    def _onto(self, k: int) -> Iterator[tuple[LocalTable, Int64Array, Int64Array, Int64Array, Int64Array]]:
        """The synapses (edges,) of each table onto block ``k``: edges, rows, sources and targets."""
        block = self.blocks[k]
        for local, begin, order, index, mine, sources in self._tables:
            some = mine[np.searchsorted(index, block.start) : np.searchsorted(index, block.stop)]
            edges = order[numbers_in(np.stack((begin[some], begin[some + 1]), axis=1))].astype(np.int64)
            rows = np.searchsorted(local.table.offsets, edges, side="right") - 1
            own = sources[rows] >= 0
            edges, rows = edges[own], rows[own]
            yield local, edges, rows, sources[rows], self.target.index_of(local.target.gids[local.table.targets[edges]])

    def pieces(self, begins: Int64Array, of_sources: EdgesOfSources) -> Iterator[Columns | None]:
        comm = self.simulation.comm
        for k, block in enumerate(self.blocks):
            columns = _by_target(self._columns(self._made(k)))
            source, target = (columns[name] for name in ENDS)
            degree = np.bincount(target - block.start, minlength=len(block))
            every = sum_array(degree, comm)
            first = begins[k] + np.cumsum(every) - every - (np.cumsum(degree) - degree)
            of_sources.add(source, first[target - block.start] + np.arange(len(source)))  # a target is on one rank
            found = gather_arrays(list(columns.values()), comm, everywhere=False)
            yield _by_target(dict(zip(columns, found, strict=True))) if comm.rank == 0 else None

    def _made(self, k: int) -> Iterator[tuple[Int64Array, Int64Array, Columns]]:
        dt = self.simulation.dt
        for local, edges, rows, source, target in self._onto(k):
            table = local.table
            values: Columns = {"weight": table.weights_of(edges), "delay": in_ms(table.delays_of(edges, rows), dt)}
            for name, own in table.attributes.items():
                values[name] = np.broadcast_to(own, table.n_edges)[edges].astype(np.float64)
            yield source, target, values


def _by_target(columns: Columns) -> Columns:
    """Synapses sorted by target, then source."""
    source, target = ENDS
    in_this_order = target, source, *(name for name in columns if name not in ENDS)
    found = dict(zip(in_this_order, in_order([columns[name] for name in in_this_order]), strict=True))
    return {name: found[name] for name in columns}


def edge_populations(simulation: Simulation) -> Iterator[EdgePopulation]:
    """The populations of edges of a network: one for each two populations that a projection is between."""
    used: dict[str, int] = {}
    every_change = [(ends, values["weight"]) for ends, values in simulation.requested("weights")]
    for projection in simulation.network.projections:
        for source, target in (
            (s, t) for s in _populations(projection.source) for t in _populations(projection.target)
        ):
            name = f"{source.name}_to_{target.name}"
            used[name] = used.get(name, 0) + 1
            name += f"_{used[name]}" if used[name] > 1 else ""
            if projection.synapse.plastic:
                yield LearntEdges(name, projection, source, target, simulation)
            else:
                mine = [
                    change for change in every_change if common(change[0][0], source) and common(change[0][1], target)
                ]
                yield DrawnEdges(name, projection, source, target, simulation, mine)


def _populations(neurons: Neurons) -> list[Any]:
    return [piece.population for piece in neurons.by_population()]
