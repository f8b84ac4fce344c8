"""The loop over intervals of a spiking network.

Time levels, for the interval of steps a + 1 .. b with b - a at most the minimum delay:

    update    states a -> b; consumes the input slots a + 1 .. b; spikes are stamped with the step at whose end they occur
    exchange  all spikes of the interval reach the ranks that need them
    deliver   each spike into the slots stamp + delay, all beyond b
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.build.local_network import LocalNetwork, LocalPopulation
from distsim.errors import RangeError
from distsim.parallel.exchange import Exchange, pack, unpack
from distsim.simulate.recorders import Recorders
from distsim.simulate.timers import Timers

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]


@dataclass
class Fired:
    """Spikes of one population in one interval: local index (n,) int32 and step (n,) int64."""

    index: npt.NDArray[np.int32]
    stamp: Int64Array


class SpikingLoop:
    """Advances the local part of a network; ``step`` is the last step done."""

    def __init__(
        self, local: LocalNetwork, comm: MPI.Comm, exchange: Exchange, interval: int, dt: float, recorders: Recorders
    ) -> None:
        self.local = local
        self.comm = comm
        self.exchange = exchange
        self.interval = interval
        self.dt = dt
        self.recorders = recorders
        self.timers = Timers()
        self.step = 0
        self.n_spikes = 0
        largest = max((len(p.gids) for p in local.populations), default=0)
        self._index = np.empty(largest * interval, np.int32)
        self._stamp = np.empty(largest * interval, np.int64)

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None:
        """Advance by ``n_steps``; ``tick`` is told the last step done after every interval."""
        end = self.step + n_steps
        timers = self.timers
        timers.start()
        while self.step < end:
            start, self.step = self.step, min(self.step + self.interval, end)
            fired = [self.update(population, start, self.step) for population in self.local.populations]
            timers.lap("update")
            self.recorders.spikes(fired)
            timers.lap("record")
            self.comm.Barrier()
            timers.lap("wait")
            spikes = self.exchange(self.pack(fired, start))
            timers.lap("communicate")
            self.deliver(spikes, fired, start)
            timers.lap("deliver")
            tick(self.step)
            timers.lap("record")

    def update(self, local: LocalPopulation, start: int, end: int) -> Fired:
        """Advance one population from step ``start`` to ``end``, pausing where states are recorded."""
        n_spikes = 0
        for begin, stop in self.recorders.pieces(local, start, end):
            n_steps = stop - begin
            current = np.zeros(n_steps)
            for stimulus in local.currents:
                stimulus.add_to(current, begin + 1, self.dt)
            for k, poisson in local.poisson:
                poisson.deposit(begin + 1, n_steps, local.ring[k])
            index, stamp = self._index[n_spikes:], self._stamp[n_spikes:]
            n_spikes += local.group.update(begin + 1, n_steps, local.ring, local.grid.unit, current, index, stamp)
            self.recorders.states(local, stop)
        return Fired(self._index[:n_spikes].copy(), self._stamp[:n_spikes].copy())

    def pack(self, fired: list[Fired], start: int) -> npt.NDArray[np.uint64]:
        """The spikes of this rank's neurons as sortable integers."""
        packed = []
        for local, spikes in zip(self.local.populations, fired, strict=True):
            if local.population.model.receives:
                self.n_spikes += len(spikes.index)
            packed.append(pack(local.gids[spikes.index], spikes.stamp, start))
        return np.concatenate(packed) if packed else np.zeros(0, np.uint64)

    def deliver(self, packed: npt.NDArray[np.uint64], fired: list[Fired], start: int) -> None:
        """Put the spikes of the interval after ``start`` into the histories and the input slots of their targets."""
        for local, spikes in zip(self.local.populations, fired, strict=True):
            for plastic in local.plastic_inputs:
                plastic.delivery.archive(spikes.index, spikes.stamp, start)
        if not len(packed):
            return
        gids, stamps = unpack(packed, start)
        for table in self.local.tables:
            rows, row_stamps = table.table.rows(gids, stamps)
            if not len(rows):
                continue
            grid = table.target.grid
            largest = table.delivery.deliver(rows, row_stamps, table.target.ring[table.input], 1.0 / grid.unit)
            if largest > grid.largest_weight:
                raise RangeError(
                    f"a weight of {table.projection.name} reached {largest:g} pA before {self.step * self.dt:g} ms: sums "
                    f"of input are exact up to weights of {grid.largest_weight:g} pA; the plasticity is unstable"
                )
