"""How much memory a network takes on one rank, before anything of it is built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from distsim.connect.attribute import smallest_unsigned, target_type
from distsim.connect.expected import WORD, Memory
from distsim.connect.rule import piece_of
from distsim.core.distributions import Distribution, Invertible
from distsim.core.placement import most_local
from distsim.core.values import Value
from distsim.spiking.incoming import GroupPlan, Together, by_sources, extent, first_of, plan_of
from distsim.spiking.local_network import FREE_INTERVAL
from distsim.spiking.network import Network, Population
from distsim.spiking.precision import check_precision
from distsim.spiking.sort_edges import record_type
from distsim.spiking.synapses.synapse_model import SynapseModel
from distsim.spiking.table_making import is_dense, is_segmented, offset_type

RUN_END, SOURCE, ROW_OF_SOURCE, LOOKED_UP = 4, 4, 2, 12  # bytes


@dataclass(frozen=True)
class _Expected:
    """What is expected of the table that some projections onto one group share, on one rank.

    edges: of the rank; most: those of the source population that has most. rows: sources that have one. longest,
    shortest: delays in steps. index, weight: bytes of a target and of a weight.
    runs: of one source and kind, on each of ``ranks`` ranks.
    """

    together: Together
    edges: float
    most: float
    n_source: int
    rows: float
    longest: int
    shortest: int
    index: int
    weight: int
    runs: float
    ranks: int

    @property
    def synapse(self) -> SynapseModel:
        return self.together.first.projection.synapse

    @property
    def dense(self) -> bool:
        return is_dense(self.n_source, self.edges)

    @property
    def place(self) -> int:
        """Bytes of the place where a row begins."""
        return int(np.dtype(offset_type(self.edges)).itemsize)

    @property
    def one_delay(self) -> bool:
        return self.together.singles["delay"] is not None

    @property
    def segmented(self) -> bool:
        return self.dense and is_segmented(self.together.first, self.edges, self.rows, self.longest)

    @property
    def delay(self) -> int:
        """Bytes of a delay."""
        return _bytes_of(min(self.longest, 2**32 - 1))

    def nbytes(self) -> float:
        """Bytes of ``Table.nbytes``."""
        first, singles = self.together.first, {n: v for n, v in self.together.singles.items() if n != "delay"}
        each = self.together.many_kinds and first.singles["weight"] is not None
        own = [
            (single is None and not (each and name == "weight")) or (name == "weight" and self.synapse.plastic)
            for name, single in singles.items()
        ]
        total = self.edges * (self.index + self.weight * sum(own))
        total += self.place * (self.rows + 1.0) * len(first.inputs) + (0.0 if self.dense else ROW_OF_SOURCE * self.rows)
        if self.together.many_kinds:
            kinds = len(self.together.kinds)
            of_kinds = self.edges * _bytes_of(kinds)
            if self.together.in_runs(self.ranks):
                of_kinds = self.runs * (RUN_END + _bytes_of(kinds)) + WORD * self.rows
            return total + 2.0 * WORD * kinds + of_kinds
        if self.segmented:
            in_row = round(1.1 * self.edges / max(self.rows, 1.0))
            return total + self.rows * (self.longest + 1.0) * _bytes_of(max(256, in_row))
        return total + (WORD if self.one_delay else self.edges * self.delay)

    def building(self) -> float:
        """Bytes of edges as they are drawn, and of their records, or their sources, until there are rows."""
        piece = 3.0 * WORD * min(self.edges, piece_of(self.edges, None in self.together.singles.values()))
        for incoming in self.together.all:
            rule, ends = incoming.projection.rule, incoming.projection.ends
            piece += rule.bytes_of_all(ends) + (
                0.0 if incoming.neighbours else LOOKED_UP * min(ends.n_source, self.edges)
            )
        if not self.dense:
            return piece + SOURCE * self.edges - ROW_OF_SOURCE * self.rows
        record = 0 if self.one_delay else record_type(f"f{self.weight}", f"u{self.index}", f"u{self.delay}").itemsize
        return piece + float(self.place) * self.n_source + self.most * record


def _bytes_of(largest: int) -> int:
    return int(np.dtype(smallest_unsigned(largest)).itemsize)


def memory_of_spiking(
    network: Network, ranks: int = 1, precision: str = "double", plans: list[GroupPlan] | None = None
) -> Memory:
    """The memory (bytes) that ``network`` takes on each of ``ranks`` ranks; ``precision`` as for a Simulation.

    plans: those of the network, where they are known.
    """
    weight = np.dtype(check_precision(precision)).itemsize
    plans = plan_of(network) if plans is None else plans
    groups = [(plan.populations, _tables_onto(plan, network.dt, ranks, weight)) for plan in plans]
    tables = [table for _, of_group in groups for table in of_group if table.edges]
    shortest = min((table.shortest for table in tables), default=FREE_INTERVAL)
    parts = [_group(network, *group, ranks, shortest, precision) for group in groups]
    building = max((part.building for part in parts), default=0.0)
    names = ("tables", "plasticity", "rings", "neurons")
    return Memory(**{name: sum(getattr(part, name) for part in parts) for name in names}, building=building)


def _group(
    network: Network,
    together: list[Population],
    tables: list[_Expected],
    ranks: int,
    shortest: int,
    precision: str,
) -> Memory:
    """The memory of one group of neurons, and of the synapses onto it; shortest: delay of the network, in steps."""
    n = most_local(sum(p.size for p in together), ranks)
    model: Any = together[0].model
    narrow = precision != "double" and all(table.synapse.constant for table in tables)
    slots = max([shortest, *(table.longest for table in tables if table.edges and not table.segmented)])
    inputs = model.inputs()
    drives = sum(s.stimulus.neuron_bytes for s in network.stimulations if first_of(s.target, together))
    state = WORD * (8 + 2 * inputs + 2 * len(vars(model))) + drives
    spikes = float(n) * shortest * max(p.model.multiplicity(network.dt) for p in together) * (4 + 2 * WORD)
    return Memory(
        tables=sum(table.nbytes() for table in tables),
        plasticity=sum(table.synapse.state_bytes(table.edges, table.rows, n) for table in tables),
        rings=float(inputs) * slots * n * (4 if narrow else WORD),
        neurons=state * float(n) + spikes,
        building=max((table.building() for table in tables), default=0.0),
    )


def _tables_onto(plan: GroupPlan, dt: float, ranks: int, weight: int) -> list[_Expected]:
    """The tables of one group; nothing is drawn."""
    index = np.dtype(target_type(most_local(sum(p.size for p in plan.populations), ranks))).itemsize
    return [_expected(of_table, dt, ranks, index, weight) for of_table in plan.tables]


def _expected(together: Together, dt: float, ranks: int, index: int, weight: int) -> _Expected:
    """What is expected of one table."""
    numbers: dict[int, float] = {}
    ranges, runs = [], 0.0
    for incoming in together.all:
        number = incoming.expected_edges / ranks
        numbers[id(incoming)] = number
        ranges.append(delay_range(incoming.values["delay"], dt, number))
        runs += _rows(len(incoming.rows), number)
    of_source = [sum(numbers[id(incoming)] for incoming in some) for _, some in by_sources(together.all)]
    edges, n_source = sum(of_source), len(extent(together.all))
    rows = float(n_source) if is_dense(n_source, edges) else _rows(n_source, edges)
    shortest, longest = min(low for low, _ in ranges), max(high for _, high in ranges)
    return _Expected(together, edges, max(of_source), n_source, rows, longest, shortest, index, weight, runs, ranks)


def _rows(n_source: int, edges: float) -> float:
    """How many of so many sources have one of so many edges, on average."""
    return n_source * -math.expm1(-edges / n_source) if n_source else 0.0


def delay_range(delay: Value, dt: float, edges: float) -> tuple[int, int]:
    """Shortest and longest delay (steps) to be expected of so many edges."""
    if isinstance(delay, float):
        low = high = delay
    elif isinstance(delay, Invertible):
        rare = 1.0 / (edges + 2.0)
        low, high = delay.quantile(np.array([rare, max(1.0 - rare, 0.5)]))
    elif isinstance(delay, Distribution):
        low, high = delay.bounds()
        high = high if math.isfinite(high) else low
    else:
        low, high = float(np.min(delay, initial=math.inf)), float(np.max(delay, initial=dt))
    return max(1, round(min(low, high) / dt)), max(1, round(high / dt))
