"""What is recorded update by update: which neuron had one and when, and the mean activities just after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.parallel.gather import gather_columns

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.binary.local_neurons import LocalNeurons
    from distsim.binary.stretch import Stretch
    from distsim.record.checkpoint import Archive

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Updates:
    """Every update of every neuron, by time, then neuron.

    time (n,) (ms); neuron (n,) int64, its global id, which counts through the populations; the fraction of active
    neurons just after the update, of all populations together, mean (n,), and of each by name, activity[name] (n,).
    """

    time: FloatArray
    neuron: Int64Array
    mean: FloatArray
    activity: Mapping[str, FloatArray]


class UpdateRecorder:
    """Keeps the local updates of a run in which they are recorded."""

    def __init__(self, network: BinaryNetwork, neurons: LocalNeurons) -> None:
        self.network = network
        self.neurons = neurons
        self._pieces: list[tuple[FloatArray, Int64Array, npt.NDArray[np.int8]]] = []
        self._active: Int64Array | None = None  # of each population, at the last update that was taken

    def add(self, stretch: Stretch) -> None:
        """Record the settled updates of a stretch: time, neuron, change of its state."""
        before, decided = stretch.before[: stretch.n], stretch.decided[: stretch.n]
        was = np.where(before >= 0, decided[np.maximum(before, 0)], -1 - before)  # -1 or -2 for the first in a window
        change = decided.astype(np.int8) - was.astype(np.int8)
        self._pieces.append((stretch.time[: stretch.n].copy(), self.neurons.gids[stretch.index[: stretch.n]], change))

    def transfer(self, archive: Archive) -> None:
        """Tell ``archive`` the updates that were not taken, and how many neurons were active at the last one taken."""
        active = archive.comm.bcast(None if self._active is None else self._active.tolist())  # rank 0 has taken them
        active = archive.number("active at the last update taken", active)
        self._active = None if active is None else np.array(active, np.int64)
        pieces = [(np.zeros(0), self.neurons.gids[:0], np.zeros(0, np.int8)), *self._pieces]
        time, neuron, change = (np.concatenate(column) for column in zip(*pieces, strict=True))
        neuron, time, change = archive.events(
            "updates", self.network.size, self.neurons.gids, neuron, time=time, change=change
        )
        self._pieces[:] = [(time, neuron, change)]

    def all(self, comm: MPI.Comm, everywhere: bool = True) -> Updates:
        """All updates of all ranks, of which none were taken, on every rank or on rank 0 alone (collective)."""
        return self._found(comm, everywhere)[0]

    def take(self, comm: MPI.Comm) -> Updates:
        """The updates since this was last asked for, which are forgotten, on rank 0 alone (collective)."""
        found, self._active = self._found(comm, everywhere=False)
        self._pieces.clear()
        return found

    def _found(self, comm: MPI.Comm, everywhere: bool) -> tuple[Updates, Int64Array]:
        """The updates that were not taken, and how many neurons of each population are active after them."""
        time, neuron, change = gather_columns(self._pieces, (np.float64, np.int64, np.int8), comm, everywhere)
        active = self._active_at_start(comm) if self._active is None else self._active
        populations = self.network.populations
        of = np.searchsorted([p.first_gid for p in populations], neuron, side="right") - 1
        activity, total, last = {}, np.zeros(len(time), np.int64), active.copy()
        for k, population in enumerate(populations):
            number = active[k] + np.cumsum(np.where(of == k, change, 0), dtype=np.int64)
            total += number
            last[k] = number[-1] if len(number) else active[k]
            activity[population.name] = number / np.float64(max(population.size, 1))
        return Updates(time, neuron, total / np.float64(max(self.network.size, 1)), activity), last

    def _active_at_start(self, comm: MPI.Comm) -> Int64Array:
        """How many neurons of each population are active at the start (collective)."""
        before = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.neurons.initial, dtype=np.int64)])
        total: Int64Array = comm.allreduce(np.diff(before[self.neurons.first]))
        return total
