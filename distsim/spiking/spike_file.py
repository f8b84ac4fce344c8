"""The HDF5 file of a run, written by rank 0, readable at any moment, also after the job was killed (see store.py).

Spikes are laid out as in SONATA: /spikes/<population>/timestamps (ms) and node_ids, counted from 0 within the
population, sorted by time. States: /states/<population>/<variable>/{time, neuron, value}; value is (T, n).
Weights: /weights/<source>-><target>/{source, target, weight, delay, time}: a row per synapse and recorded time (ms).
Root attributes: ``distsim``, all that was known at the start as JSON (see record/provenance.py), and ``T``, the
simulated time (ms) up to which the file is complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.populations import StateRecording
from distsim.parallel.gather import Connections, Spikes, States, gather_spikes
from distsim.record.output import FLUSH_TIME, Output
from distsim.record.store import Store
from distsim.spiking.network import Network, WeightRecording
from distsim.spiking.recorders import Recorders

if TYPE_CHECKING:
    from mpi4py import MPI

SORTING = {"none": 0, "by_id": 1, "by_time": 2}  # as SONATA numbers it
FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


class RunFile:
    """Create the file at ``path``; raises InputError where it exists or cannot be written, else as ``Store``."""

    def __init__(self, path: Path, network: Network, about: dict[str, Any]) -> None:
        self.store = Store(path, about, lambda store: _lay_out(store, network))

    def add_spikes(self, population: str, time: FloatArray, neuron: Int64Array) -> None:
        """Append spikes, later than those before, sorted by time, then neuron."""
        self.store.append(f"spikes/{population}/timestamps", time)
        self.store.append(f"spikes/{population}/node_ids", neuron)

    def add_states(self, recording: StateRecording, time: FloatArray, value: FloatArray) -> None:
        """Append rows of a state variable."""
        group = f"states/{recording.population}/{recording.variable}"
        self.store.append(f"{group}/value", value)
        self.store.append(f"{group}/time", time)

    def add_weights(self, recording: WeightRecording, time: float, edges: Connections) -> None:
        """Append the recorded synapses as they are at ``time`` (ms)."""
        group = f"weights/{recording.source}->{recording.target}"
        for name in ("source", "target", "weight", "delay"):
            self.store.append(f"{group}/{name}", getattr(edges, name))
        self.store.append(f"{group}/time", np.full(len(edges.weight), time))

    def spikes(self, population: str, dt: float) -> tuple[Int64Array, Int64Array]:
        """Steps and neurons of all spikes written so far."""
        time, neuron = (self.store.read(f"spikes/{population}/{name}") for name in ("timestamps", "node_ids"))
        return np.rint(time / dt).astype(np.int64), neuron.astype(np.int64)

    def states(self, population: str, variable: str, dt: float) -> tuple[Int64Array, Int64Array, FloatArray]:
        """Steps, neurons and values of a state variable written so far."""
        group = f"states/{population}/{variable}"
        time, neuron, value = (self.store.read(f"{group}/{name}") for name in ("time", "neuron", "value"))
        return np.rint(time / dt).astype(np.int64), neuron.astype(np.int64), value


def _lay_out(store: Store, network: Network) -> None:
    """Add all groups and datasets that the recordings of ``network`` need."""
    for spikes in network.spike_recordings:
        group = f"spikes/{spikes.population}"
        store.choice(group, "sorting", "by_time", SORTING)
        store.column(f"{group}/timestamps", np.float64, unit="ms")
        store.column(f"{group}/node_ids", np.uint64)
    for states in network.state_recordings:
        group = f"states/{states.population}/{states.variable}"
        n = len(states.neurons)
        store.column(f"{group}/neuron", np.uint64, rows=n)
        store.append(f"{group}/neuron", np.array(states.neurons, np.uint64))
        store.column(f"{group}/time", np.float64, unit="ms")
        store.column(f"{group}/value", np.float64, width=n)
    for weights in network.weight_recordings:
        group = f"weights/{weights.source}->{weights.target}"
        for name in ("source", "target"):
            store.column(f"{group}/{name}", np.uint64)
        for name in ("weight", "delay", "time"):
            store.column(f"{group}/{name}", np.float64)
        unit = network.find(weights.target).model.weight_unit
        units = f"weight: {unit}, delay: ms, time: ms of the run's end at which the weight was recorded"
        store.text(group, "units", units)


class SpikingOutput(Output[RunFile]):
    """The file of a ``Simulation``."""

    def __init__(self, path: Path, network: Network, comm: MPI.Comm, about: dict[str, Any]) -> None:
        self.dt = network.dt
        super().__init__(comm, lambda: RunFile(path, network, about))

    def flush_steps(self, interval: int) -> int:
        """Steps between two flushes within a run: whole intervals, the same number on every rank."""
        return max(1, round(FLUSH_TIME / self.dt) // interval) * interval

    def write(self, recorders: Recorders) -> None:
        """Move the spikes and states recorded since the last time to the file."""
        for name, spikes in recorders.of_spikes.items():
            gathered = gather_spikes(*spikes.take(), self.comm)
            self._do(lambda file, name=name, s=gathered: file.add_spikes(name, s.times(self.dt), s.neuron))  # type: ignore[misc]
        for of_population in recorders.of_states.values():
            for r in of_population:
                states = r.take(self.comm)
                self._do(lambda file, r=r, s=states: file.add_states(r.recording, s.times(self.dt), s.value))  # type: ignore[misc]

    def write_weights(self, recording: WeightRecording, time: float, edges: Connections) -> None:
        """Append recorded synapses as they are at ``time`` (ms)."""
        self._do(lambda file: file.add_weights(recording, time, edges))

    def spikes(self, population: str) -> Spikes:
        """All spikes of a population written so far."""
        return Spikes(*self._read(lambda file: file.spikes(population, self.dt)))

    def states(self, population: str, variable: str) -> States:
        """All values of a state variable written so far."""
        return States(*self._read(lambda file: file.states(population, variable, self.dt)))
