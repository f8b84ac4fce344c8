"""Recording on one rank: spikes and states of the local neurons, kept in pieces until they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.build.local_network import LocalNetwork, LocalPopulation
from distsim.network.network import Network, StateRecording
from distsim.simulate.gather import States, gather_states

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.simulate.spiking import Fired

Int64Array = npt.NDArray[np.int64]


@dataclass
class SpikeRecorder:
    """Spikes (step, local index) of the local neurons in pieces by interval; of use are those below ``first``."""

    gids: Int64Array
    first_gid: int
    first: int
    stamps: list[Int64Array] = field(default_factory=list)
    index: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def add(self, fired: Fired) -> None:
        if len(fired.index):
            self.stamps.append(fired.stamp.copy())
            self.index.append(fired.index.copy())

    def all(self) -> tuple[Int64Array, Int64Array]:
        """Steps and neurons of all local spikes so far."""
        step = np.concatenate([np.zeros(0, np.int64), *self.stamps])
        neuron = self.gids[np.concatenate([np.zeros(0, np.int32), *self.index])] - self.first_gid
        return step[neuron < self.first], neuron[neuron < self.first]

    def take(self) -> tuple[Int64Array, Int64Array]:
        """As ``all``, and forget them."""
        taken = self.all()
        self.stamps.clear()
        self.index.clear()
        return taken


@dataclass
class StateRecorder:
    """Values of one state variable of the local ones among the chosen neurons, a row per recorded step.

    columns (n_local,): place of each in ``recording.neurons``; rows: index (n_local,) within the local neurons.
    """

    recording: StateRecording
    columns: Int64Array
    local_index: Int64Array
    steps: list[int] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)

    def add(self, local: LocalPopulation, step: int) -> None:
        if step % self.recording.interval == 0:
            self.steps.append(step)
            self.values.append(local.group.state(self.recording.variable)[self.local_index])

    def all(self, comm: MPI.Comm) -> States:
        """The values of all ranks so far (collective)."""
        return gather_states(self.steps, self.columns, self.values, self.recording.neurons, comm)

    def take(self, comm: MPI.Comm) -> States:
        """As ``all``, and forget them."""
        taken = self.all(comm)
        self.steps.clear()
        self.values.clear()
        return taken


class Recorders:
    """All recorders of one rank."""

    def __init__(self, network: Network, local: LocalNetwork) -> None:
        populations = {p.population.name: p for p in local.populations}
        self.of_spikes: dict[str, SpikeRecorder] = {}
        for recording in network.spike_recordings:
            part = populations[recording.population]
            self.of_spikes[recording.population] = SpikeRecorder(part.gids, part.population.first_gid, recording.first)
        self.of_states: dict[str, list[StateRecorder]] = {name: [] for name in populations}
        for state in network.state_recordings:
            part = populations[state.population]
            gids = np.array(state.neurons, np.int64) + part.population.first_gid
            columns = np.flatnonzero(np.isin(gids, part.gids))
            recorder = StateRecorder(state, columns, np.searchsorted(part.gids, gids[columns]))
            self.of_states[state.population].append(recorder)
        self._names = [p.population.name for p in local.populations]

    def spikes(self, fired: list[Fired]) -> None:
        """Keep the spikes of one interval, one entry of ``fired`` per population."""
        for name, spikes in zip(self._names, fired, strict=True):
            if name in self.of_spikes:
                self.of_spikes[name].add(spikes)

    def pieces(self, local: LocalPopulation, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The steps from ``start`` to ``end`` in pieces that end where a state of ``local`` is recorded."""
        if not self.of_states[local.population.name]:
            yield start, end
            return
        intervals = {r.recording.interval for r in self.of_states[local.population.name]}
        stops = {step for n in intervals for step in range(start - start % n + n, end, n)}
        for stop in sorted(stops | {end}):
            yield start, stop
            start = stop

    def states(self, local: LocalPopulation, step: int) -> None:
        """Keep the states at the end of ``step``."""
        for recorder in self.of_states[local.population.name]:
            recorder.add(local, step)
