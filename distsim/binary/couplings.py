"""The couplings of one rank of a binary network, in whole numbers of one exact unit.

All edges lie in one array by source, then projection, so that a flip streams memory once. Where neurons are far more
than the edges of a rank, those alone have rows that have targets on it. Where every coupling is a
number (not drawn, not an array), the unit is the greatest common divisor of the couplings as the decimal numbers that
they are written as: 0.1 for 0.1 and -0.2. Sums are then those of exact decimal arithmetic. Otherwise, or where such
sums would not fit 62 bits, the unit is a power of two, 2^-60 of the largest sum of |J| into any one neuron or less:
each coupling is rounded once, by half a unit at most, and sums are exact from there on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork, BinaryPopulation, BinaryProjection
from distsim.connect.attribute import Attribute, target_type
from distsim.connect.edge_kernels import add_by_target, count, fill
from distsim.connect.rule import Edges, Targets
from distsim.connect.source_index import EVERY_SOURCE, SourceIndex
from distsim.core.placement import local_count, local_gids
from distsim.parallel.communicator import largest
from distsim.parallel.lone_rank import beyond

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
TIE = Fraction(1, 10**9)
"""An input that exceeds the threshold by no more than this counts as equal to it, and gives state 0."""

FEWEST = 0.5
"""Edges of a rank for each neuron of all ranks, on average, from which on every neuron has a row."""

BITS = {np.int16: 15, np.int32: 31, np.int64: 62}
"""Inputs are held in the first of these integers that holds twice every sum of |J|, with one bit to spare."""


@dataclass(frozen=True)
class Couplings:
    """Edges by source and projection. Segment ``row * slots + k`` holds those of the k-th projection of a source.

    unit: all strengths are multiples of it. first_gid (populations,) int64. strength (populations * slots,) int64: of
    the k-th projection of each population, in half units, so that it is even; base: the local index at which its
    target population begins. size: of all neurons, of which those have rows that ``index`` tells. offsets
    (rows * slots + 1,) int64: where segments begin. targets (edges,) uint16 or
    uint32: local index within the target population. each (edges,) int64: strength of every edge in half units, empty
    where every projection has one. input_type: the integer that holds any input.
    """

    unit: Fraction
    first_gid: Int64Array
    slots: int
    strength: Int64Array
    base: Int64Array
    size: int
    index: SourceIndex
    offsets: Int64Array
    targets: npt.NDArray[Any]
    each: Int64Array
    input_type: Any

    @property
    def arrays(self) -> tuple[Any, ...]:
        """What kernels take."""
        place = 0, self.size, *self.index
        return self.first_gid, self.slots, self.strength, self.base, place, self.offsets, self.targets, self.each

    def nbytes(self) -> int:
        """Bytes of all arrays."""
        arrays = vars(self).values()
        return sum(a.nbytes for a in (*self.index, *arrays) if isinstance(a, np.ndarray))

    def segments(self, gids: Int64Array, slot: int) -> tuple[Int64Array, Int64Array]:
        """Where the edges of a projection begin that leave each of ``gids`` (n,), and how many they are, (n,)."""
        rows, there = gids, np.ones(len(gids), bool)
        if len(self.index.begin):
            sources = self.index.sources
            rows = np.searchsorted(sources, gids)
            there = np.append(sources, -1)[rows] == gids
        begin, degree = np.zeros((2, len(gids)), np.int64)
        begin[there] = self.offsets[rows[there] * self.slots + slot]
        degree[there] = self.offsets[rows[there] * self.slots + slot + 1] - begin[there]
        return begin, degree

    def threshold(self, theta: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
        """Thresholds in half units (n,), of ``input_type``: h > theta + TIE exactly where the input is larger."""
        limits = np.iinfo(self.input_type)
        distinct, place = np.unique(theta, return_inverse=True)
        exact = [2 * math.floor((Fraction(float(value)) + TIE) / self.unit) + 1 for value in distinct]
        clipped = [min(max(value, limits.min), limits.max) for value in exact]
        return np.array(clipped, self.input_type)[place]


class Placed(NamedTuple):
    """A projection onto neurons of one population, and its ``slot``: its number among those that have its sources."""

    projection: BinaryProjection
    target: BinaryPopulation
    slot: int


def placed(network: BinaryNetwork) -> list[Placed]:
    """All projections, those onto several populations once for each."""
    used = dict.fromkeys((population.name for population in network.populations), 0)
    found = []
    for projection in network.projections:
        sources = [population.name for population, _ in projection.source.pieces]
        for target, _ in projection.target.by_population():
            slot = max(used[name] for name in sources)
            used.update(dict.fromkeys(sources, slot + 1))
            found.append(Placed(projection, target, slot))
    return found


@dataclass(frozen=True)
class Drawn:
    """A projection with the local targets that its edges are drawn for.

    present (n,) int64: the sources that have edges here, ascending, or None: all are looked at. counts (n,) or
    (sources,) int64: edges of each. base: where the target population begins among the local neurons.
    local: which of its local neurons are targets, None for all. slot: see ``Placed``.
    """

    projection: BinaryProjection
    targets: Targets
    J: Attribute
    present: Int64Array | None
    counts: Int64Array
    base: int
    local: Int64Array | None
    slot: int

    @property
    def gids(self) -> Int64Array:
        """The global id of the source of each of ``counts``."""
        source = self.projection.source
        return source.gids if self.present is None else source.gids_at(self.present)

    def numbers(self, piece: Edges) -> npt.NDArray[Any]:
        """Of which of ``counts`` the source of each edge is."""
        if self.present is None:
            return piece.source
        return np.searchsorted(self.present, piece.source).astype(np.int32)

    def strength(self, unit: Fraction) -> int:
        """J in half units where all edges have the same, else 0; 0 without edges, whose J the unit need not suit."""
        return 0 if self.J.single is None or not self.counts.any() else to_half_units(self.J.single, unit)


def _local_sizes(network: BinaryNetwork, comm: MPI.Comm) -> list[int]:
    return [local_count(p.first_gid, p.size, comm.rank, comm.size) for p in network.populations]


def call_kernels(network: BinaryNetwork, comm: MPI.Comm, seed: int) -> None:
    """Call every kernel of ``build_couplings`` with arrays of the types that it has on this rank, all empty (local)."""
    build_couplings(network, beyond(network.size), seed, like=comm)


def build_couplings(network: BinaryNetwork, comm: MPI.Comm, seed: int, like: MPI.Comm | None = None) -> Couplings:
    """Draw, count and store the edges that end on this rank (collective).

    like: let arrays have the types that they have on this rank of another communicator.
    """
    local_sizes = _local_sizes(network, comm)
    dense = is_dense(network, (like or comm).size)
    drawn, bound = _count(network, comm, seed, local_sizes, dense)
    (most,) = largest(comm, [bound.max(initial=0.0)])
    unit, input_type = exact_unit([d.J.single for d in drawn], most)
    slots = max((d.slot + 1 for d in drawn), default=0)
    strength, base = np.zeros((2, len(network.populations), slots), np.int64)
    sources, index = None, EVERY_SOURCE
    if not dense:
        sources = np.unique(np.concatenate([np.zeros(0, np.int64), *(d.gids for d in drawn)]))
        index = SourceIndex.of(sources, network.size)
    rows = [d.gids if sources is None else np.searchsorted(sources, d.gids) for d in drawn]
    counts = np.zeros((network.size if sources is None else len(sources), slots), np.int64)
    for d, row in zip(drawn, rows, strict=True):
        populations = [network.populations.index(population) for population, _ in d.projection.source.pieces]
        strength[populations, d.slot] = d.strength(unit)
        base[populations, d.slot] = d.base
        counts[row, d.slot] = d.counts
    offsets = np.zeros(counts.size + 1, np.int64)
    np.cumsum(counts.ravel(), out=offsets[1:])
    targets = np.empty(int(offsets[-1]), target_type(max(_local_sizes(network, like or comm), default=0)))
    each = np.empty(len(targets) if any(d.J.single is None for d in drawn) else 0, np.int64)
    for d, row in zip(drawn, rows, strict=True):
        begin = offsets[:-1].reshape(-1, max(slots, 1))[row, d.slot]
        _fill(d, begin, unit, targets, each)
    first_gid = np.array([p.first_gid for p in network.populations], np.int64)
    strengths = strength.ravel(), base.ravel()
    return Couplings(unit, first_gid, slots, *strengths, network.size, index, offsets, targets, each, input_type)


def expected_edges(network: BinaryNetwork, ranks: int) -> float:
    """Edges of a rank, on average."""
    return sum(p.rule.expected_edges(p.ends) for p in network.projections) / ranks


def is_dense(network: BinaryNetwork, ranks: int) -> bool:
    """Whether every neuron has a row on every rank."""
    return expected_edges(network, ranks) >= FEWEST * network.size


def _count(
    network: BinaryNetwork, comm: MPI.Comm, seed: int, local_sizes: list[int], dense: bool
) -> tuple[list[Drawn], Any]:
    """Number of edges by source, for each projection, and the sum of |J| (n,) into each local neuron."""
    begins = np.cumsum([0, *local_sizes])
    bound = np.zeros(begins[-1])
    drawn: list[Drawn] = []
    for projection, target, slot in placed(network):
        gids = local_gids(target.first_gid, target.size, comm.rank, comm.size)
        local = None if projection.target is target else np.flatnonzero(projection.target.index_of(gids) >= 0)
        gids = gids if local is None else gids[local]
        targets = Targets.of(projection, seed, gids, (projection.J,))
        strength = Attribute.of(targets, "J", projection.J)
        degrees = Degrees(projection.source.size if dense else None)
        base = int(begins[network.populations.index(target)])
        sums = bound[base : base + local_sizes[network.populations.index(target)]]
        into = sums if local is None else np.zeros(len(local))
        for piece in projection.rule.edges(targets):
            degrees.add(piece)
            if strength.single is None:
                add_by_target(piece.target, strength.of_edges(piece), 1.0, into)
            else:
                into[piece.first : piece.first + len(piece.degree)] += abs(strength.single) * piece.degree
        if local is not None:
            sums[local] += into
        drawn.append(Drawn(projection, targets, strength, *degrees.all(), base, local, slot))
    return drawn, bound


class Degrees:
    """How many edges sources have: all of ``n_source``, or, where that is None, those that have any."""

    def __init__(self, n_source: int | None) -> None:
        self.counts = None if n_source is None else np.zeros(n_source, np.int64)
        self.found = [(np.zeros(0, np.int64), np.zeros(0, np.int64))]

    def add(self, piece: Edges) -> None:
        """Count some edges."""
        if self.counts is not None:
            count(piece.source, self.counts)
        else:
            sources, counts = np.unique(piece.source, return_counts=True)
            self.found.append((sources.astype(np.int64), counts))

    def all(self) -> tuple[Int64Array | None, Int64Array]:
        """The sources (n,), ascending, or None for all of them, and the edges (n,) of each."""
        if self.counts is not None:
            return None, self.counts
        sources, counts = (np.concatenate(column) for column in zip(*self.found, strict=True))
        present, place = np.unique(sources, return_inverse=True)
        total = np.zeros(len(present), np.int64)
        np.add.at(total, place, counts)
        return present, total


def _fill(d: Drawn, cursor: Int64Array, unit: Fraction, targets: npt.NDArray[Any], each: Int64Array) -> None:
    """Write the edges of a projection to their places; cursor (n,): where those of each source begin."""
    begin = cursor.copy()
    for piece in d.projection.rule.edges(d.targets):
        units = np.empty(len(piece.source) if len(each) else 0, np.int64)
        if len(each) and d.J.single is not None:
            units[:] = d.strength(unit)
        elif len(each):
            units[:] = 2 * np.rint(d.J.of_edges(piece) / float(unit))
        places = np.arange(piece.first, piece.first + len(piece.degree))
        fill(d.numbers(piece), piece.degree, places, cursor, targets, units, each)
    if d.local is not None:  # targets were counted among those of the projection
        edges = np.repeat(begin - (np.cumsum(d.counts) - d.counts), d.counts) + np.arange(int(d.counts.sum()))
        targets[edges] = d.local[targets[edges]]


def exact_unit(strengths: Iterable[float | None], most: float) -> tuple[Fraction, Any]:
    """The unit of couplings and the integer type of inputs; ``most`` is the largest sum of |J| into any one neuron.

    ``strengths``: the J of every projection, None where each edge has its own.
    """
    given = list(strengths)
    if None not in given:
        unit = common_divisor(Fraction(repr(J)) for J in given if J)
        for input_type, bits in BITS.items():
            if most / unit < 2 ** (bits - 2):
                return unit, input_type
    return Fraction(2) ** (math.frexp(most)[1] - 60), np.int64


def common_divisor(numbers: Iterable[Fraction]) -> Fraction:
    """The largest fraction that all ``numbers`` are multiples of; 1 where there are none."""
    given = list(numbers)
    bottom = math.lcm(*(number.denominator for number in given))
    return Fraction(math.gcd(*(int(number * bottom) for number in given)), bottom) or Fraction(1)


def to_half_units(J: float, unit: Fraction) -> int:
    """``J`` in half units, rounded to a whole number of units."""
    return 2 * round(Fraction(repr(J)) / unit)
