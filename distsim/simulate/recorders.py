"""Recording on one rank: spikes and states of the local neurons, kept in pieces until they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.build.local_network import LocalNetwork, LocalPopulation
from distsim.network.network import Network, StateRecording

if TYPE_CHECKING:
    from distsim.simulate.spiking import Fired

Int64Array = npt.NDArray[np.int64]


@dataclass
class SpikeRecorder:
    """Spikes (step, index within the population) of the local neurons below ``first``, in pieces by interval."""

    gids: Int64Array
    first_gid: int
    first: int
    steps: list[Int64Array] = field(default_factory=list)
    neurons: list[Int64Array] = field(default_factory=list)

    def add(self, fired: Fired) -> None:
        if not len(fired.index):
            return
        neuron = self.gids[fired.index] - self.first_gid
        wanted = neuron < self.first
        self.steps.append(fired.stamp[wanted])
        self.neurons.append(neuron[wanted])

    def all(self) -> tuple[Int64Array, Int64Array]:
        """Steps and neurons of all local spikes so far."""
        empty = [np.zeros(0, np.int64)]
        return np.concatenate(empty + self.steps), np.concatenate(empty + self.neurons)

    def take(self) -> tuple[Int64Array, Int64Array]:
        """As ``all``, and forget them."""
        taken = self.all()
        self.steps.clear()
        self.neurons.clear()
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

    def forget(self) -> None:
        """Drop what was kept so far."""
        self.steps.clear()
        self.values.clear()


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
        intervals = {r.recording.interval for r in self.of_states[local.population.name]}
        stops = {step for n in intervals for step in range(start - start % n + n, end, n)}
        for stop in sorted(stops | {end}):
            yield start, stop
            start = stop

    def states(self, local: LocalPopulation, step: int) -> None:
        """Keep the states at the end of ``step``."""
        for recorder in self.of_states[local.population.name]:
            recorder.add(local, step)
