"""How much memory a network takes on one rank, before anything of it is built."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from distsim.connect.attribute import Attribute, smallest_unsigned, target_type
from distsim.connect.expected import Memory, expected_edges
from distsim.core.distributions import Distribution, Invertible
from distsim.core.placement import most_local
from distsim.core.values import Value
from distsim.spiking.drives.poisson import Poisson
from distsim.spiking.local_network import FREE_INTERVAL, groups_of, multiplicity
from distsim.spiking.network import Network, Population, Projection
from distsim.spiking.precision import check_precision
from distsim.spiking.sort_edges import record_type
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.stdp_power_law import StdpPowerLaw
from distsim.spiking.synapses.tsodyks_markram import TsodyksMarkram
from distsim.spiking.tables import DENSE_ROWS_PER_EDGE, EDGES_PER_SEGMENT, Member

SAMPLE = 256  # sources and targets whose distances are looked at
WORD = 8  # bytes
FEWEST_UPDATES, BYTES_OF_UPDATE = 1 << 15, 76  # of binary neurons, drawn together


@dataclass
class _Table:
    """What is expected of the table that some projections onto one group share, on one rank.

    longest, shortest: delays in steps. edges: of the rank; most: those of the source population that has most.
    """

    members: list[Member]
    edges: float
    most: float
    n_source: int
    longest: int
    shortest: int
    segmented: bool

    @property
    def rows(self) -> float:
        """Sources that have a row."""
        if self.n_source * DENSE_ROWS_PER_EDGE <= self.edges:
            return float(self.n_source)
        return self.n_source * -math.expm1(-self.edges / self.n_source)

    @property
    def synapse(self) -> Any:
        return self.members[0].projection.synapse


def memory_of_spiking(network: Network, ranks: int = 1, precision: str = "double") -> Memory:
    """The memory (bytes) that ``network`` takes on each of ``ranks`` ranks; ``precision`` as for a Simulation."""
    weight_bytes = np.dtype(check_precision(precision)).itemsize
    groups = [(together, _tables_onto(network, together, ranks)) for together in groups_of(network)]
    tables = [table for _, of_group in groups for table in of_group if table.edges]
    longest = max((table.longest for table in tables), default=FREE_INTERVAL)
    shortest = min((table.shortest for table in tables), default=FREE_INTERVAL)
    parts = [
        _group(network, together, own, ranks, (shortest, longest), weight_bytes, precision) for together, own in groups
    ]
    building = max((part.building for part in parts), default=0.0)
    names = ("tables", "plasticity", "rings", "neurons")
    return Memory(**{name: sum(getattr(part, name) for part in parts) for name in names}, building=building)


def _group(
    network: Network,
    together: list[Population],
    tables: list[_Table],
    ranks: int,
    delays: tuple[int, int],
    weight_bytes: int,
    precision: str,
) -> Memory:
    """The memory of one group of neurons, and of the synapses onto it."""
    n = most_local(sum(p.size for p in together), ranks)
    model: Any = together[0].model
    index_bytes = np.dtype(target_type(n)).itemsize
    static = all(type(table.synapse) is Static for table in tables)
    narrow = static and precision != "double"
    table_bytes = [_table_bytes(table, index_bytes, weight_bytes) for table in tables]
    slots = delays[1] if any(not table.segmented for table in tables) else delays[0]
    inputs = model.inputs()
    ring = float(inputs) * slots * n * (4 if narrow else WORD)
    poisson = sum(s.target in together and isinstance(s.stimulus, Poisson) for s in network.stimulations)
    state = WORD * (6 + 2 * inputs + poisson + 2 * len(vars(model)))
    spikes = float(n) * delays[0] * multiplicity(model, network.dt) * (4 + 2 * WORD)
    return Memory(
        tables=sum(table_bytes),
        plasticity=sum(_plasticity_bytes(table, n) for table in tables),
        rings=ring,
        neurons=state * float(n) + spikes,
        building=max((_building_bytes(table, index_bytes, weight_bytes) for table in tables), default=0.0),
    )


def _tables_onto(network: Network, together: list[Population], ranks: int) -> list[_Table]:
    """The tables of one group: static synapses share one as they do in ``local_network``."""
    members: dict[Any, list[Member]] = {}
    for projection in (p for p in network.projections if p.target in together):
        member = _member(projection)
        key: Any = projection.index
        if type(projection.synapse) is Static and len(member.inputs) == 1:
            at_once = multiplicity(projection.source.model, network.dt)
            key = member.inputs, member.weight.single, member.delay.single, at_once
        members.setdefault(key, []).append(member)
    return [_expected(of_table, network.dt, ranks) for of_table in members.values()]


def _member(projection: Projection) -> Member:
    """A member without targets: nothing is drawn."""
    targets: Any = None
    synapse = projection.synapse
    weight, delay = (Attribute.of(targets, name, getattr(synapse, name)) for name in ("weight", "delay"))
    further = tuple(Attribute.of(targets, n, getattr(synapse, n)) for n in getattr(synapse, "attributes", ()))
    return Member(projection, 0, weight, delay, further)


def _expected(members: list[Member], dt: float, ranks: int) -> _Table:
    edges = [expected_edges(m.projection.rule, m.projection.ends) / ranks for m in members]
    of_source: dict[str, float] = {}
    for m, number in zip(members, edges, strict=True):
        of_source[m.projection.source.name] = of_source.get(m.projection.source.name, 0.0) + number
    first = min(m.projection.source.first_gid for m in members)
    n_source = max(m.projection.source.first_gid + m.projection.source.size for m in members) - first
    ranges = [delay_range(m.delay.value, dt, number) for m, number in zip(members, edges, strict=True)]
    shortest, longest = min(low for low, _ in ranges), max(high for _, high in ranges)
    table = _Table(members, sum(edges), max(of_source.values()), n_source, longest, shortest, False)
    own = members[0].delay.single is None and type(table.synapse) is Static
    table.segmented = own and table.edges >= EDGES_PER_SEGMENT * longest * table.rows
    return table


def delay_range(delay: Value, dt: float, edges: float) -> tuple[int, int]:
    """Shortest and longest delay (steps) to be expected of so many edges."""
    if isinstance(delay, Invertible):
        rare = 1.0 / (edges + 2.0)
        low, high = delay.quantile(np.array([rare, max(1.0 - rare, 0.5)]))
    elif isinstance(delay, Distribution):
        low, high = delay.bounds()
        high = high if math.isfinite(high) else low
    else:
        low, high = float(np.min(delay, initial=math.inf)), float(np.max(delay, initial=dt))
    return max(1, round(min(low, high) / dt)), max(1, round(high / dt))


def _table_bytes(table: _Table, index_bytes: int, weight_bytes: int) -> float:
    """Bytes of ``Table.nbytes``."""
    first = table.members[0]
    weight = 0 if first.weight.single is not None and not table.synapse.plastic else weight_bytes
    each = index_bytes + weight + sum(weight_bytes for a in first.further if a.single is None)
    total = table.edges * each + WORD * (table.rows + 1.0) * len(first.inputs)
    if table.rows < table.n_source:
        total += WORD * table.rows
    if table.segmented:
        return total + table.rows * (table.longest + 1.0) * _count_bytes(table)
    return total + (table.edges * _delay_bytes(table) if first.delay.single is None else WORD)


def _count_bytes(table: _Table) -> int:
    """Bytes of a number of edges within a row."""
    return int(np.dtype(smallest_unsigned(max(256, round(1.1 * table.edges / max(table.rows, 1.0))))).itemsize)


def _delay_bytes(table: _Table) -> int:
    return int(np.dtype(smallest_unsigned(min(table.longest, 2**32 - 1))).itemsize)


def _plasticity_bytes(table: _Table, n: int) -> float:
    synapse = table.synapse
    if isinstance(synapse, StdpPowerLaw):
        return 2.0 * WORD * table.rows + 8.0 * n * (4 + WORD)
    if isinstance(synapse, TsodyksMarkram):
        drawn = any(a.single is None for a in table.members[0].further)
        return table.edges * WORD * (6 if drawn else 3) + WORD * table.rows
    return 0.0


def _building_bytes(table: _Table, index_bytes: int, weight_bytes: int) -> float:
    """Records of edges on their way, and counts of sources."""
    counts = 3.0 * WORD * table.n_source
    if table.members[0].delay.single is not None:
        return counts
    weight = f"f{weight_bytes}"
    return counts + table.most * record_type(weight, f"u{index_bytes}", f"u{_delay_bytes(table)}").itemsize
