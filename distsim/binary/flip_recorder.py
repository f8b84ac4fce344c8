"""What is recorded of binary neurons: changes of state, the mean activity of populations, updates and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.state_sampler import StateSampler
from distsim.binary.update_recorder import UpdateRecorder
from distsim.parallel.array_collectives import sum_array
from distsim.parallel.gather import gather_columns

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.binary.local_neurons import LocalNeurons
    from distsim.binary.stretch import Stretch
    from distsim.record.checkpoint import Archive

FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]
StateArray = npt.NDArray[np.uint8]


class Flips(NamedTuple):
    """Changes of state by time, then neuron: time (n,) (ms), neuron (n,) in its population, state (n,) after."""

    time: FloatArray
    neuron: Int64Array
    state: StateArray


@dataclass(frozen=True)
class MeanActivity:
    """Fraction of active neurons: ``value`` (n,) at ``time`` (n,) (ms), the first of which is 0.

    Recorded at every update, value[k] holds from time[k] until the next; ``stop`` (ms) is how far it is known.
    """

    time: FloatArray
    value: FloatArray
    stop: float

    def mean(self, start: float, stop: float) -> float:
        """Mean over the time from ``start`` to ``stop`` (ms), every value holding until the next."""
        return _moment(self, start, stop, 1)

    def sd(self, start: float, stop: float) -> float:
        """Standard deviation over the time from ``start`` to ``stop`` (ms)."""
        mean = self.mean(start, stop)
        return float(np.sqrt(max(0.0, _moment(self, start, stop, 2) - mean * mean)))


def _moment(activity: MeanActivity, start: float, stop: float, power: int) -> float:
    """Mean of value or (power 2) its square from ``start`` to ``stop``, as far as it is known; NaN where it is not."""
    edges = np.clip(np.append(activity.time, activity.stop), start, stop)
    lengths = np.diff(edges)
    total = float(lengths.sum())
    values = activity.value * activity.value if power == 2 else activity.value
    return float((values * lengths).sum()) / total if total > 0.0 else float("nan")


@dataclass
class Taken:
    """How much of the activity of a population was taken: samples, and the active neurons at the last of them."""

    samples: int = 0
    active: int = 0


class BinaryRecorder:
    """Keeps what is to be recorded of the local flips, population by population.

    updates: where these are recorded, else None; states: by name of the population.
    """

    def __init__(self, network: BinaryNetwork, neurons: LocalNeurons) -> None:
        self.network = network
        self.neurons = neurons
        names = [p.name for p in network.populations]
        self._flips: dict[str, list[tuple[FloatArray, Int64Array, StateArray]]] = {
            name: []
            for name in names
            if name in network.flip_recordings or network.activity_recordings.get(name, 0.0) is None
        }
        sampled = {name: dt for name, dt in network.activity_recordings.items() if dt is not None}
        self._steps: dict[str, Int64Array] = {name: np.zeros(1, np.int64) for name in sampled}
        self._begin = dict(zip(names, neurons.first[:-1], strict=True))
        self._end = dict(zip(names, neurons.first[1:], strict=True))
        self._taken = {name: Taken() for name in names}
        self.updates = UpdateRecorder(network, neurons) if network.update_recordings else None
        self.states = {name: StateSampler(network, neurons, name) for name in network.state_recordings}

    def add(self, stretch: Stretch, flips: tuple[FloatArray, npt.NDArray[np.int32], StateArray], now: float) -> None:
        """Record a settled stretch that ended at ``now`` (ms) and its local flips: time, local index, new state."""
        if self.updates is not None:
            self.updates.add(stretch)
        self.add_flips(flips, now)

    def add_flips(self, flips: tuple[FloatArray, npt.NDArray[np.int32], StateArray], now: float) -> None:
        """Record local flips up to ``now`` (ms), or such as are made then."""
        time, index, state = flips
        for sampler in self.states.values():
            sampler.add(time, index, state, now)
        for name in {**self._flips, **self._steps}:
            begin, end = self._begin[name], self._end[name]
            mine = (index >= begin) & (index < end)
            if name in self._flips:
                neuron = self.neurons.gids[index[mine]] - self.network.find(name).first_gid
                self._flips[name].append((time[mine], neuron, state[mine]))
            if name in self._steps:
                self._count(name, time[mine], 2 * state[mine].astype(np.int64) - 1)

    def _count(self, name: str, time: FloatArray, change: Int64Array) -> None:
        """Add changes of the number of active neurons to the first sample at or after each."""
        samples = first_sample(time, self.network.activity_recordings[name] or 1.0)
        more = max(0, int(samples.max(initial=0)) + 1 - len(self._steps[name]))
        self._steps[name] = np.pad(self._steps[name], (0, more))
        np.add.at(self._steps[name], samples, change)

    def flips(self, name: str, comm: MPI.Comm, everywhere: bool = True) -> Flips:
        """The flips that are to be recorded of a population, and were not taken (collective).

        On every rank or on rank 0 alone.
        """
        return self._chosen(name, self._every_flip(name, comm, everywhere))

    def _every_flip(self, name: str, comm: MPI.Comm, everywhere: bool) -> Flips:
        return Flips(*gather_columns(self._flips[name], (np.float64, np.int64, np.uint8), comm, everywhere))

    def _chosen(self, name: str, flips: Flips) -> Flips:
        """Those of the neurons whose flips are to be recorded: the mean activity takes all of them."""
        chosen = self.network.flip_recordings.get(name)
        if chosen is None:
            return flips
        wanted = np.isin(flips.neuron, chosen)
        return Flips(flips.time[wanted], flips.neuron[wanted], flips.state[wanted])

    def transfer(self, archive: Archive) -> None:
        """Tell ``archive`` all that was recorded, and what of it was taken."""
        for name, pieces in self._flips.items():
            index = self.neurons.gids[self._begin[name] : self._end[name]] - self.network.find(name).first_gid
            columns = zip(*pieces, strict=True) if pieces else ([np.zeros(0)], [index[:0]], [self.neurons.state[:0]])
            time, neuron, state = map(np.concatenate, columns)
            neuron, time, state = archive.events(
                f"flips/{name}", self.network.find(name).size, index, neuron, time=time, state=state
            )
            pieces[:] = [(time, neuron, state)]
        for name, samples in self._steps.items():
            n = archive.number(f"samples of {name}", archive.most(len(samples)))
            mine = np.pad(samples, (0, n - len(samples))) if archive.saving else np.zeros(n, np.int64)
            whole = archive.shared(f"samples/{name}", sum_array(mine, archive.comm) if archive.saving else mine)
            if not archive.saving:
                self._steps[name] = whole * (archive.comm.rank == 0)
        for name, taken in self._taken.items():
            taken.samples = archive.number(f"samples taken of {name}", taken.samples)
            taken.active = archive.number(f"active then in {name}", taken.active)
        for sampler in self.states.values():
            sampler.transfer(archive)
        if self.updates is not None:
            self.updates.transfer(archive)

    def activity(self, name: str, stop: float, comm: MPI.Comm, everywhere: bool = True) -> MeanActivity:
        """The mean activity of a population up to ``stop`` (ms), of which nothing was taken (collective).

        Not ``everywhere``: on rank 0 alone.
        """
        flips = self._every_flip(name, comm, everywhere) if name in self._flips else None
        return self._activity_after(Taken(), name, flips, stop, comm)

    def take(self, name: str, stop: float, comm: MPI.Comm) -> tuple[Flips | None, MeanActivity | None]:
        """What was recorded of a population since this was last asked for, up to ``stop`` (ms) (collective).

        On rank 0 alone; None for what is not to be recorded. Flips that were taken are forgotten.
        """
        flips = activity = None
        if name in self._flips:
            flips = self._every_flip(name, comm, everywhere=False)
            self._flips[name].clear()
        if name in self.network.activity_recordings:
            activity = self._activity_after(self._taken[name], name, flips, stop, comm)
        wanted = flips is not None and name in self.network.flip_recordings
        return self._chosen(name, flips) if wanted and flips is not None else None, activity

    def _activity_after(
        self, taken: Taken, name: str, flips: Flips | None, stop: float, comm: MPI.Comm
    ) -> MeanActivity:
        """The activity that was not taken, which then is; ``flips``: those after it, where all samples are kept."""
        if taken.samples == 0:
            mine = self.neurons.initial[self._begin[name] : self._end[name]]
            taken.active = comm.allreduce(int(mine.sum()))
        interval = self.network.activity_recordings[name]
        if interval is None and flips is not None:
            first = 1 if taken.samples == 0 else 0  # the sample at time 0
            time = np.concatenate((np.zeros(first), flips.time))
            change = np.concatenate((np.zeros(first, np.int64), 2 * flips.state.astype(np.int64) - 1))
        else:
            time, change = self._samples_after(taken, name, interval or 1.0, stop, comm)
        active = taken.active + np.cumsum(change)
        taken.samples += len(time)
        taken.active = int(active[-1]) if len(active) else taken.active
        return MeanActivity(time, active / np.float64(max(self.network.find(name).size, 1)), stop)

    def _samples_after(
        self, taken: Taken, name: str, interval: float, stop: float, comm: MPI.Comm
    ) -> tuple[FloatArray, Int64Array]:
        """Times (ms) of the samples that were not taken, and the change of the number of active neurons at each."""
        n = len_of_samples(stop, interval)
        mine = np.zeros(max(0, n - taken.samples), np.int64)
        known = self._steps[name][taken.samples : n]
        mine[: len(known)] = known
        times: FloatArray = np.multiply(np.arange(taken.samples, n), interval, dtype=np.float64)
        return times, sum_array(mine, comm)


def first_sample(time: FloatArray, interval: float) -> Int64Array:
    """Number k (n,) of the first sample, at k * interval, that is not before each ``time`` (n,)."""
    k = np.ceil(time / interval).astype(np.int64)
    k[k * interval < time] += 1
    k[(k - 1) * interval >= time] -= 1
    return k


def len_of_samples(stop: float, interval: float) -> int:
    """How many samples there are from 0 to ``stop``, ends included."""
    return int(first_sample(np.array([np.nextafter(stop, np.inf)]), interval)[0])
