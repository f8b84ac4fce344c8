"""Recording on one rank: spikes and states of the local neurons, kept in pieces until they are gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from distsim.core.populations import columns_of
from distsim.record.state_recorder import StateRecorder
from distsim.spiking.local_network import LocalGroup, LocalNetwork
from distsim.spiking.network import Network
from distsim.spiking.population_share import PopulationShare
from distsim.spiking.transmissions import TransmissionRecorders

Int64Array = npt.NDArray[np.int64]


@dataclass
class Fired:
    """Spikes of one group in one interval: local index (n,) int32 and step (n,) int64."""

    index: npt.NDArray[np.int32]
    stamp: Int64Array

    def within(self, begin: int, end: int) -> Fired:
        """Those of the neurons begin .. end - 1 of the group."""
        mine = (self.index >= begin) & (self.index < end)
        return Fired(self.index[mine], self.stamp[mine])


@dataclass
class SpikeRecorder:
    """Spikes (step, index in the group) of recorded local neurons of the group in pieces by interval.

    Of use are those of the population of ``share``. chosen (n,) int64: which of the group are recorded.
    """

    share: PopulationShare
    chosen: Int64Array
    stamps: list[Int64Array] = field(default_factory=list)
    index: list[npt.NDArray[np.int32]] = field(default_factory=list)

    def all(self) -> tuple[Int64Array, Int64Array]:
        """Steps and neurons of all local spikes so far."""
        step = np.concatenate([np.zeros(0, np.int64), *self.stamps])
        index = np.concatenate([np.zeros(0, np.int32), *self.index])
        mine = (index >= self.share.begin) & (index < self.share.end)
        return step[mine], self.share.gids[index[mine] - self.share.begin] - self.share.population.first_gid

    def bring_back(self, step: Int64Array, neuron: Int64Array) -> None:
        """Make the spikes that ``all`` gave those so far."""
        gids = self.share.population.first_gid + neuron
        self.stamps[:] = [step]
        self.index[:] = [(self.share.begin + np.searchsorted(self.share.gids, gids)).astype(np.int32)]

    def take(self) -> tuple[Int64Array, Int64Array]:
        """As ``all``, and forget them."""
        taken = self.all()
        self.stamps.clear()
        self.index.clear()
        return taken


def _recorded(n: int, recorders: list[SpikeRecorder]) -> npt.NDArray[np.bool_] | None:
    """Which of the ``n`` neurons of a group (n,) have their spikes recorded; None where all have."""
    recorded = np.zeros(n, np.bool_)
    for recorder in recorders:
        recorded[recorder.chosen] = True
    return None if recorded.all() else recorded


class Recorders:
    """All recorders of one rank."""

    def __init__(self, network: Network, local: LocalNetwork) -> None:
        shares = {share.population.name: share for share, _ in local.populations}
        self.of_spikes: dict[str, SpikeRecorder] = {}
        for recording in network.spike_recordings:
            share = shares[recording.population]
            _, here = columns_of(recording.neurons, share.gids - share.population.first_gid)
            self.of_spikes[recording.population] = SpikeRecorder(share, share.begin + here)
        self.of_states: dict[str, list[StateRecorder]] = {name: [] for name in shares}
        for state in network.state_recordings:
            share = shares[state.population]
            recorder = StateRecorder.of(state, share.population.first_gid, share.gids, share.begin)
            self.of_states[state.population].append(recorder)
        self.transmissions = TransmissionRecorders(network, local)
        self._of_group = []
        self._states_of = {}
        for group in local.groups:
            names = [share.population.name for share in group.shares]
            recorders = [self.of_spikes[name] for name in names if name in self.of_spikes]
            self._of_group.append((recorders, _recorded(len(group.gids), recorders)))
            self._states_of[names[0]] = [recorder for name in names for recorder in self.of_states[name]]

    def spikes(self, fired: list[Fired], first: int = 0) -> None:
        """Keep the spikes of one interval, one entry of ``fired`` per group; of group ``first`` and those after it."""
        for k in range(first, len(fired)):
            (recorders, recorded), spikes = self._of_group[k], fired[k]
            if recorders and len(spikes.index):
                kept = slice(None) if recorded is None else recorded[spikes.index]
                self.add(k, spikes.index[kept], spikes.stamp[kept])

    def add(self, k: int, index: npt.NDArray[np.int32], stamp: Int64Array) -> None:
        """Keep spikes of recorded neurons of group ``k``; the arrays are copied."""
        index, stamp = index.copy(), stamp.copy()
        for recorder in self._of_group[k][0]:
            recorder.stamps.append(stamp)
            recorder.index.append(index)

    def recorded(self, k: int) -> npt.NDArray[np.bool_] | None:
        """Which neurons of group ``k`` (n,) have their spikes recorded; None where all have."""
        return self._of_group[k][1]

    def next_states(self, step: int) -> int | None:
        """The first step after ``step`` at whose end states are recorded; None where none ever are."""
        every = (r.recording for recorders in self.of_states.values() for r in recorders)
        return min((recording.next_after(step) for recording in every), default=None)

    def states_of(self, group: LocalGroup) -> list[StateRecorder]:
        """The recorders of states of all populations of ``group``."""
        return self._states_of[group.shares[0].population.name]

    def pieces(self, group: LocalGroup, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The steps from ``start`` to ``end`` in pieces that end where a state of ``group`` is recorded."""
        recorders = self.states_of(group)
        if not recorders:
            yield start, end
            return
        due = {(r.recording.next_after(start), r.recording.interval) for r in recorders}
        stops = {step for first, n in due for step in range(first, end, n)}
        for stop in sorted(stops | {end}):
            yield start, stop
            start = stop

    def states(self, group: LocalGroup, step: int) -> None:
        """Keep the states at the end of ``step``."""
        for recorder in self.states_of(group):
            if recorder.due(step):
                recorder.add(step, group.neurons.state(recorder.recording.variable))
