"""How often each neuron has fired, counted as it does: rates and loads need no recorded spikes, and nothing gathered.

Everything here is reduced over ranks as integers, so it is the same on any number of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.placement import index_of_owner, local_count
from distsim.core.units import MS_PER_S
from distsim.spiking.local_network import LocalNetwork
from distsim.spiking.needed_spikes import Needed

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.record.checkpoint import Archive

Int64Array = npt.NDArray[np.int64]


class Rate(NamedTuple):
    """Spikes of a population in an interval, mean rate (1/s), and standard deviation of the rates of its neurons."""

    spikes: int
    mean: float
    sd: float


class SpikeCounts:
    """Spikes of the local neurons of each group so far, arrays (n,) to which ``exchange.pack`` adds.

    every (neurons,): those of all groups, one after the other, of which group k begins at begins[k].
    ``mark`` begins an interval, that of ``rates`` and ``events``.
    """

    def __init__(self, local: LocalNetwork) -> None:
        sizes = [len(group.gids) for group in local.groups]
        self.begins = [sum(sizes[:k]) for k in range(len(sizes))]
        self.every = np.zeros(sum(sizes), np.int64)
        self.of_group = [self.every[begin : begin + size] for begin, size in zip(self.begins, sizes, strict=True)]
        self._before = [np.zeros_like(counts) for counts in self.of_group]
        owned = [(share, group) for group, found in enumerate(local.groups) for share in found.shares]
        self._shares = sorted(owned, key=lambda pair: pair[0].population.first_gid)

    def mark(self) -> None:
        """Begin a new interval."""
        self._before = [counts.copy() for counts in self.of_group]

    def transfer(self, archive: Archive) -> None:
        """Tell ``archive`` the counts, and those when the interval began."""
        for share, group in self._shares:
            population, here = share.population, slice(share.begin, share.end)
            for name, counts in (("spikes", self.of_group), ("spikes before", self._before)):
                places = share.gids - population.first_gid
                archive.array(f"counts/{population.name}/{name}", population.size, places, counts[group][here])

    def by_population(self, comm: MPI.Comm) -> dict[str, int]:
        """Spikes of each population so far (collective)."""
        mine = np.array([self.of_group[group][s.begin : s.end].sum() for s, group in self._shares], np.int64)
        total = np.empty_like(mine)
        comm.Allreduce(mine, total)
        return {s.population.name: int(n) for (s, _), n in zip(self._shares, total, strict=True)}

    def rates(self, duration: float, comm: MPI.Comm) -> dict[str, Rate]:
        """Of all neurons of each population in the interval of ``duration`` (ms); NaN for none (collective)."""
        recent = self._recent()
        of_population = [recent[group][share.begin : share.end] for share, group in self._shares]
        mine = np.array([(n.sum(), n @ n) for n in of_population], np.int64)
        total = np.empty_like(mine)
        comm.Allreduce(mine, total)
        pairs = zip(self._shares, total.tolist(), strict=True)
        return {s.population.name: _rate(n, squares, s.population.size, duration) for (s, _), (n, squares) in pairs}

    def events(self, needed: Needed, size: int, comm: MPI.Comm) -> int:
        """Spikes in the interval at the synapses of this rank; size: neurons of the network (collective)."""
        recent, mine, events = self._recent(), np.zeros(local_count(0, size, comm.rank, comm.size), np.int64), 0
        for share, group in self._shares:
            mine[index_of_owner(share.gids, comm.size)] = recent[group][share.begin : share.end]
        for asked in needed.pieces(comm):
            events += int(needed.edges_of(asked.gids) @ asked.answered(comm, mine))
        return events

    def _recent(self) -> list[Int64Array]:
        return [now - before for now, before in zip(self.of_group, self._before, strict=True)]


def _rate(spikes: int, squares: int, size: int, duration: float) -> Rate:
    """From the sum and the sum of squares of the counts of ``size`` neurons in ``duration`` (ms)."""
    if not size or duration <= 0.0:
        return Rate(spikes, math.nan, math.nan)
    deviation = math.sqrt(size * squares - spikes * spikes) / size
    return Rate(spikes, spikes * MS_PER_S / (size * duration), deviation * (MS_PER_S / duration))
