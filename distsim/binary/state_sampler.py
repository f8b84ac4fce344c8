"""States of chosen neurons at chosen times."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.parallel.array_collectives import gather_array

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.binary.local_neurons import LocalNeurons
    from distsim.record.checkpoint import Archive

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
StateArray = npt.NDArray[np.uint8]


class BinaryStates(NamedTuple):
    """States ``value`` (T, n) uint8, 0 or 1, at ``time`` (T,) (ms) of the neurons ``neuron`` (n,) of a population.

    Just after all updates up to that time.
    """

    time: FloatArray
    neuron: Int64Array
    value: StateArray


class StateSampler:
    """Keeps the states of the local neurons among ``neurons`` (n,) of a population at ``times``, as they come."""

    def __init__(self, network: BinaryNetwork, neurons: LocalNeurons, name: str) -> None:
        sampling, population = network.state_recordings[name], network.find(name)
        self.name, self.neuron, self.times = name, sampling.neurons, sampling.times
        k = network.populations.index(population)
        self._begin, self._end = (int(i) for i in neurons.first[k : k + 2])
        mine = neurons.gids[self._begin : self._end] - population.first_gid
        self._columns = np.flatnonzero(np.isin(self.neuron, mine))
        self._local = np.searchsorted(mine, self.neuron[self._columns])
        self._neurons, self._state = neurons, neurons.initial[self._begin : self._end].copy()
        self._rows: list[StateArray] = []
        self._taken = 0
        self.add(np.zeros(0), np.zeros(0, np.int32), np.zeros(0, np.uint8), 0.0)  # samples at the start

    def add(self, time: FloatArray, index: npt.NDArray[np.int32], state: StateArray, now: float) -> None:
        """Take in the local flips of a stretch that ended at ``now`` (ms): time, local index, new state."""
        mine = (index >= self._begin) & (index < self._end)
        time, index, state = time[mine], index[mine] - self._begin, state[mine]
        done = 0
        for when in self.times[self._taken + len(self._rows) :]:
            if when > now:
                break
            flips = int(np.searchsorted(time, when, side="right"))
            self._state[index[done:flips]] = state[done:flips]  # of several flips of a neuron the last one stays
            self._rows.append(self._state[self._local])
            done = flips
        self._state[index[done:]] = state[done:]

    def transfer(self, archive: Archive) -> None:
        """Tell ``archive`` the states that were not taken, and how many were; those of the neurons now are known."""
        self._taken = archive.number(f"states taken of {self.name}", self._taken)
        archive.samples(f"states/{self.name}", len(self.neuron), self._columns, self._rows, np.uint8)
        self._state = self._neurons.state[self._begin : self._end].copy()

    def all(self, comm: MPI.Comm, everywhere: bool = True) -> BinaryStates:
        """All states of all ranks, of which none were taken, on every rank or on rank 0 alone (collective)."""
        n = len(self._rows)
        columns: Any = gather_array(self._columns, comm, everywhere)
        mine = np.array(self._rows, np.uint8).reshape(n, len(self._columns))
        whole = np.empty((n, len(columns)), np.uint8)
        whole[:, columns] = gather_array(mine.T.ravel(), comm, everywhere).reshape(len(columns), n).T
        shown = n if everywhere or comm.rank == 0 else 0
        return BinaryStates(self.times[self._taken : self._taken + shown], self.neuron, whole[:shown])

    def take(self, comm: MPI.Comm) -> BinaryStates:
        """The states since this was last asked for, which are forgotten, on rank 0 alone (collective)."""
        found = self.all(comm, everywhere=False)
        self._taken += len(self._rows)
        self._rows.clear()
        return found
