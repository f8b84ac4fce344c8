"""Couplings read out: source, target and strength of each, as they act, in one order on any number of ranks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork, BinaryPopulation, CouplingRecording
from distsim.binary.couplings import Couplings, placed
from distsim.core.parts import Neurons
from distsim.core.placement import local_gids
from distsim.parallel.gather import gather_columns

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
TYPES = (np.int64, np.int64, np.float64)
TOGETHER = 1 << 20  # couplings that rank 0 has at once while they are written, about


class CoupledPairs(NamedTuple):
    """Couplings sorted by source, then target, those of one pair as they were made.

    source, target (n,) int64 within their populations; weight (n,) float64 in the units of thresholds.
    """

    source: Int64Array
    target: Int64Array
    weight: npt.NDArray[np.float64]


class CoupledEnds:
    """The couplings of this rank between chosen neurons, ``sources`` and ``targets`` (n,), of two populations."""

    def __init__(
        self,
        network: BinaryNetwork,
        couplings: Couplings,
        comm: MPI.Comm,
        ends: tuple[BinaryPopulation, BinaryPopulation],
        chosen: tuple[Int64Array, Int64Array],
    ) -> None:
        source, target = ends
        self.couplings, self.comm, self.source = couplings, comm, source
        self.sources, targets = chosen
        leaving = (
            p for p in placed(network) if any(piece.population is source for piece in p.projection.source.pieces)
        )
        self._slots = [p.slot for p in leaving if p.target is target]
        self._population = network.populations.index(source)
        self._index = local_gids(target.first_gid, target.size, comm.rank, comm.size) - target.first_gid
        wanted = np.zeros(target.size, bool)
        wanted[targets] = True
        self._wanted = wanted[self._index]

    def all(self, everywhere: bool) -> CoupledPairs:
        """Those of all ranks, on every rank or on rank 0 alone (collective)."""
        return CoupledPairs(*gather_columns(self._of(self.sources), TYPES, self.comm, everywhere))

    def pieces(self) -> Iterator[CoupledPairs]:
        """Those of all ranks, some sources after the other, on rank 0; empty on the others (collective)."""
        n = sum(int(self._rows(slot, self.sources)[1].sum()) for slot in self._slots)
        total = max(1, self.comm.allreduce(n))
        step = max(1, TOGETHER * len(self.sources) // total)
        for begin in range(0, len(self.sources), step):
            mine = self._of(self.sources[begin : begin + step])
            yield CoupledPairs(*gather_columns(mine, TYPES, self.comm, everywhere=False))

    def _of(self, sources: Int64Array) -> list[tuple[Int64Array, Int64Array, npt.NDArray[np.float64]]]:
        """Source, target and weight of the local couplings of some sources, projection by projection."""
        pieces = []
        for slot in self._slots:
            begin, degree = self._rows(slot, sources)
            edges = np.repeat(begin - (np.cumsum(degree) - degree), degree) + np.arange(int(degree.sum()))
            target = self.couplings.targets[edges]
            kept = self._wanted[target]
            weight = self._weights(slot, edges[kept])
            pieces.append((np.repeat(sources, degree)[kept], self._index[target[kept]], weight))
        return pieces

    def _rows(self, slot: int, sources: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Where the edges of a projection that leave each of ``sources`` (n,) begin, and how many they are, (n,)."""
        return self.couplings.segments(self.source.first_gid + sources, slot)

    def _weights(self, slot: int, edges: Int64Array) -> npt.NDArray[np.float64]:
        """Strengths (n,) of edges: whole numbers of units."""
        c = self.couplings
        if c.each.size:  # the unit is a power of two
            units: npt.NDArray[np.float64] = np.multiply(c.each[edges] >> 1, float(c.unit), dtype=np.float64)
            return units
        shared = int(c.strength[self._population * c.slots + slot]) * c.unit / 2
        return np.full(len(edges), float(Fraction(shared)))


def between(
    network: BinaryNetwork,
    couplings: Couplings,
    comm: MPI.Comm,
    ends: tuple[Neurons, Neurons],
    chosen: tuple[Int64Array, Int64Array],
    everywhere: bool,
) -> CoupledPairs:
    """Those between chosen neurons (n,) of populations or parts, within which they are counted (collective)."""
    found = [CoupledPairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))]
    gids = [np.sort(end.gids[index]) for end, index in zip(ends, chosen, strict=True)]
    populations = {piece.population.name: piece.population for end in ends for piece in end.pieces}.values()
    for pair in itertools.product(populations, repeat=2):
        of, to = (_within(population, own) for population, own in zip(pair, gids, strict=True))
        if len(of) and len(to):
            pairs = CoupledEnds(network, couplings, comm, pair, (of, to)).all(everywhere)
            source, target = (end.index_of(p.first_gid + x) for end, p, x in zip(ends, pair, pairs[:2], strict=True))
            found.append(CoupledPairs(source, target, pairs.weight))
    source, target, weight = (np.concatenate(column) for column in zip(*found, strict=True))
    order = np.lexsort((target, source))
    return CoupledPairs(source[order], target[order], weight[order])


def _within(population: BinaryPopulation, gids: Int64Array) -> Int64Array:
    """Indices of those of ``gids``, ascending, that are of a population."""
    begin, end = np.searchsorted(gids, [population.first_gid, population.first_gid + population.size])
    return gids[begin:end] - population.first_gid


def of_recording(
    network: BinaryNetwork, couplings: Couplings, comm: MPI.Comm, recording: CouplingRecording
) -> CoupledEnds:
    """The couplings that are to be kept in the file."""
    ends = network.find(recording.source), network.find(recording.target)
    return CoupledEnds(network, couplings, comm, ends, (recording.sources, recording.targets))
