"""Cases of `kernel_cases` about synapses: delivering spikes, and building the tables that they are delivered from."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from kernel_cases import SEED, Case, Limit, Sizes, seconds
from machine_limits import Machine, Operations, operations_of, working_sets

from distsim.connect import attribute, edge_kernels
from distsim.connect.rule import Targets
from distsim.connect.rules.fixed_indegree import FixedIndegree, draw_with_multapses
from distsim.core import elementary
from distsim.core.distributions import Uniform
from distsim.models.two_population.network import build_network
from distsim.parallel.communicator import alone
from distsim.parallel.timers import Timers
from distsim.spiking import tables
from distsim.spiking.drawn_edges import Share
from distsim.spiking.incoming import Together, plan_of
from distsim.spiking.local_network import LocalTable, build
from distsim.spiking.network import Network, Projection
from distsim.spiking.synapses import segments, static, stdp_kernels
from distsim.spiking.synapses.static import Static
from distsim.spiking.synapses.table import Int64Array

SPIKES = 100  # delivered together
LAST, NOW = 1_000, 9_000  # steps of the last presynaptic spike and of the present: 1 s apart at dt = 0.125 ms
PHASES = ("draw", "count", "fill")


def network_of_synapses(sizes: Sizes) -> Network:
    """Excitatory neurons, connected three times: plastic synapses, static ones, static ones of own weight and delay."""
    p = sizes.published
    published = build_network(p)
    plastic = published.find_projections("E", "E")[0]
    network = Network(p.dt)
    population = network.population("E", p.N_E, published.find("E").model)
    own = Static(weight=Uniform(0.5 * p.I_E, 1.5 * p.I_E), delay=Uniform(p.dt, p.delay))
    for synapse in (Static(weight=p.I_E, delay=p.delay), own, plastic.synapse):
        network.connect(population, population, FixedIndegree(p.K_E, autapses=False), synapse)
    return network


# ---------------------------------------------------------------- events


def event_cases(sizes: Sizes) -> list[Case]:
    """Delivery of the spikes of random sources, other ones each time, so that their synapses come from memory."""
    local = build(network_of_synapses(sizes), alone(), SEED, "double", Timers().phase)
    one, own, plastic = local.tables
    spikes_per_target = add_history(plastic)
    return [
        _static_case("static event, one weight and delay", one),
        _static_case("static event, own weight and delay", own),
        _plastic_case(f"plastic event, {spikes_per_target:.2f} postsynaptic spikes since", plastic, LAST),
        _plastic_case("plastic event, no postsynaptic spike since", plastic, NOW + 100),
    ]


def add_history(plastic: LocalTable) -> float:
    """Give every target a Poisson number of spikes of mean 1 between LAST and NOW; returns the mean drawn."""
    generator = np.random.default_rng(SEED)
    n = len(plastic.target.gids)
    neurons = np.repeat(np.arange(n, dtype=np.int32), generator.poisson(1.0, n))
    stamps = np.sort(generator.integers(LAST + 1, NOW - 100, len(neurons)))
    plastic.delivery.archive(generator.permutation(neurons), stamps, NOW)
    return len(neurons) / n


class Volleys:
    """Spikes of SPIKES random sources of a table within one interval, sorted by step; other sources each time."""

    def __init__(self, local: LocalTable, start: int) -> None:
        self.table = local.table
        self.start = start
        self.slots = local.target.rings[0].shape[0]
        self.order = np.random.default_rng(SEED).permutation(self.table.n_source)
        self.degree = np.zeros(self.table.n_source, np.int64)
        rows = slice(None) if self.table.every_source else self.table.sources
        self.degree[rows] = np.diff(self.table.offsets)

    def next(self) -> tuple[Int64Array, Int64Array, int]:
        """gids, steps, and the number of synapses of the spikes."""
        chosen, self.order = self.order[:SPIKES], np.roll(self.order, -SPIKES)
        stamps = self.start + 1 + np.arange(len(chosen)) * self.slots // len(chosen)
        return chosen + self.table.first_source_gid, stamps, int(self.degree[chosen].sum())


def _once(local: LocalTable, start: int, prepare: Callable[[], None]) -> Callable[[], tuple[int, float]]:
    """Deliver one volley into a ring that has just been cleared, as after the update."""
    volleys, ring = Volleys(local, start), local.target.rings[local.input]

    def once() -> tuple[int, float]:
        gids, stamps, events = volleys.next()
        prepare()
        ring[:] = 0
        return events, seconds(lambda: local.delivery.deliver(gids, stamps, ring, local.target.grid, start, start))

    return once


def _segmented_once(local: LocalTable) -> Callable[[], tuple[int, float]]:
    """Deliver one volley in one step, and all that it sends until the longest delay has passed."""
    volleys, ring = Volleys(local, NOW), local.target.rings[local.input]
    delivery, horizon = local.delivery, NOW + local.table.longest

    def once() -> tuple[int, float]:
        gids, _, events = volleys.next()
        stamps = np.full(len(gids), NOW)
        ring[:] = 0
        delivery.done[0] = NOW
        return events, seconds(lambda: delivery.deliver(gids, stamps, ring, local.target.grid, NOW, horizon))

    return once


def _static_case(name: str, local: LocalTable) -> Case:
    table, ring = local.table, local.target.rings[local.input]

    def limits(machine: Machine) -> list[Limit]:
        nbytes = sum(values.itemsize for values in (table.targets, table.weights, table.delays) if len(values) > 1)
        entries = ring.shape[1]  # those of one step: delays of their own come in segments, step by step
        return [_random(machine, entries, table), _streamed(machine, nbytes, 0)]

    if local.segmented:
        return Case(name, "event", _segmented_once(local), (segments.deliver_until,), limits)
    return Case(name, "event", _once(local, NOW, lambda: None), (static.deliver,), limits)


def _plastic_case(name: str, local: LocalTable, last: int) -> Case:
    delivery: Any = local.delivery
    table, ring = local.table, local.target.rings[local.input]
    initial = table.weights.copy()

    def prepare() -> None:
        delivery.t_last[:] = last
        delivery.k_plus[:] = 1.0
        table.weights[:] = initial  # also takes the synapses out of the cache

    def limits(machine: Machine) -> list[Limit]:
        exp2, log2 = operations_of(elementary.exp2), operations_of(elementary.log2)
        operations = exp2 + Operations(6, 2)  # w - lambda alpha w (K_minus exp2(..)), and w in units of the grid
        what = "depression"
        if last < NOW:
            spikes = float((delivery.history.steps > 0).sum() / ring.shape[1])
            operations += (exp2 + log2 + Operations(2, 3)) * spikes
            what += f" and {spikes:.2f} potentiations"
        bound = Limit("operations", f"{operations} ({what})", machine.arithmetic(operations))
        return [
            bound,
            _random(machine, ring.shape[1], table),
            _streamed(machine, table.targets.itemsize, table.weights.itemsize),
        ]

    return Case(name, "event", _once(local, max(last, NOW), prepare), (stdp_kernels.deliver,), limits)


def _random(machine: Machine, entries: int, table: Any) -> Limit:
    row = max(1, table.n_edges // max(1, table.n_source))
    what = f"a random read-modify-write of 8 bytes among {entries:,} (rows of {row:,} events)"
    return Limit("random access", what, machine.random_update(entries, row))


def _streamed(machine: Machine, read: int, updated: int) -> Limit:
    nbytes = working_sets()["beyond L2"]
    ns = read * machine.stream("read", nbytes) + (updated * machine.stream("update", nbytes) if updated else 0.0)
    what = f"{read} bytes of the table read" + (f" and {updated} read and written" if updated else "")
    return Limit("memory", f"{what}, beyond L2", ns)


# ---------------------------------------------------------------- building


def build_cases(sizes: Sizes) -> list[Case]:
    """Fixed in-degree with multapses, one weight and delay: the phases of ``tables.build_tables``, and all of it."""
    network = network_of_synapses(sizes)
    projection = network.projections[0]
    gids = np.arange(projection.target.size)
    targets = Targets.of(projection, SEED, gids)
    index_type = attribute.target_type(len(gids))
    n_edges, dt = sizes.published.K_E * len(gids), sizes.published.dt

    def phase(name: str) -> Callable[[], tuple[int, float]]:
        return lambda: (n_edges, phases(projection, targets, index_type)[name])

    def whole() -> tuple[int, float]:
        (plan,) = plan_of(network)
        incoming = plan.tables[0].first
        share = Share(incoming, 0, SEED, gids, gids, 1, incoming.expected_edges)
        together = Together([[incoming]])
        return n_edges, seconds(lambda: tables.build_tables(together, [share], dt, np.float64, index_type))

    kernels = {"draw": draw_with_multapses, "count": edge_kernels.count, "fill": edge_kernels.fill}
    width = np.dtype(index_type).itemsize
    n_source = projection.source.size
    rows = [
        Case(f"build: {name}", "synapse", phase(name), (kernels[name],), _build_limits(name, n_source, width))
        for name in PHASES
    ]

    def total(machine: Machine) -> list[Limit]:
        best = {row.name: max(limit.ns for limit in row.limits(machine)) for row in rows}
        what = "the sum of the limits of drawing twice, counting and filling"
        return [Limit("all three", what, sum(best.values()) + best["build: draw"])]

    return [*rows, Case("build: in total", "synapse", whole, tuple(kernels.values()), total)]


def phases(projection: Projection, targets: Targets, index_type: npt.DTypeLike) -> dict[str, float]:
    """Seconds of each phase, piece by piece as ``tables.build_tables`` does it; drawing is the mean of both times."""
    timers = Timers()
    counts = np.zeros(projection.source.size, np.int64)
    timers.start()
    for piece in projection.rule.edges(targets):
        timers.lap("draw")
        edge_kernels.count(piece.source, counts)
        timers.lap("count")
    cursor = np.cumsum(counts) - counts
    target, nothing = np.empty(int(counts.sum()), index_type), np.empty(0)
    timers.start()
    for piece in projection.rule.edges(targets):
        timers.lap("draw")
        places = np.arange(piece.first, piece.first + len(piece.degree))
        edge_kernels.fill(piece.source, piece.degree, places, cursor, target, nothing, nothing)
        timers.lap("fill")
    return dict(timers.seconds) | {"draw": timers.seconds["draw"] / 2}


def _build_limits(name: str, n_source: int, width: int) -> Callable[[Machine], list[Limit]]:
    """What one synapse needs at least in that phase; ``width``: bytes of a target."""

    def limits(machine: Machine) -> list[Limit]:
        piece, far = working_sets()["L2"], working_sets()["beyond L2"]
        if name == "draw":
            return [
                Limit("operations", "2 multiplications of 64 bits (the hash)", machine.multiplications(2)),
                Limit("memory", "4 bytes written in L2", 4 * machine.stream("write", piece)),
            ]
        memory, what = 4 * machine.stream("read", piece), "4 bytes read in L2"
        if name == "fill":
            memory += width * machine.stream("update", far)
            what += f", {width} bytes read and written beyond L2"
        counter = "counter" if name == "count" else "cursor"
        return [
            Limit(
                "random access",
                f"a random read-modify-write of 8 bytes among {n_source:,} (the {counter} of the source)",
                machine.random_update(n_source, 1),
            ),
            Limit("memory", what, memory),
        ]

    return limits
