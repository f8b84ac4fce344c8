"""The HDF5 file of a run, written by rank 0, readable at any moment, also after the job was killed.

Spikes are laid out as in SONATA: /spikes/<population>/timestamps (ms) and node_ids, counted from 0 within the
population, sorted by time. States: /states/<population>/<variable>/{time, neuron, value}; value is (T, n).
Weights: /weights/<source>-><target>/{source, target, weight, delay, time}: a row per synapse and recorded time (ms).
Root attributes: ``distsim``, all that was known at the start as JSON (see record/provenance.py), and ``T``, the
simulated time (ms) up to which the file is complete.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.errors import InputError
from distsim.network.network import Network, StateRecording, WeightRecording
from distsim.network.protocols import weight_unit
from distsim.simulate.gather import Connections

CHUNK = 4096
FloatArray = npt.NDArray[np.float64]
Int64Array = npt.NDArray[np.int64]


class RunFile:
    """Create the file at ``path``; raises InputError where it exists or cannot be written."""

    def __init__(self, path: Path, network: Network, about: dict[str, Any]) -> None:
        import h5py

        if path.exists():
            raise InputError(f"{path} exists already; remove it or choose another file")
        try:
            self.file = h5py.File(path, "w-", libver="latest")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error}") from None
        self.path = path
        self.file.attrs["distsim"] = json.dumps(about, allow_nan=False)
        self.file.attrs["T"] = 0.0
        sorting = h5py.enum_dtype({"none": 0, "by_id": 1, "by_time": 2}, basetype="u1")
        for spikes in network.spike_recordings:
            group = self.file.create_group(f"spikes/{spikes.population}")
            group.attrs.create("sorting", 2, dtype=sorting)
            _growing(group, "timestamps", np.float64).attrs["units"] = "ms"
            _growing(group, "node_ids", np.uint64)
        for states in network.state_recordings:
            group = self.file.create_group(f"states/{states.population}/{states.variable}")
            group["neuron"] = np.array(states.neurons, np.uint64)
            _growing(group, "time", np.float64).attrs["units"] = "ms"
            _growing(group, "value", np.float64, len(states.neurons))
        for weights in network.weight_recordings:
            group = self.file.create_group(f"weights/{weights.source}->{weights.target}")
            for name in ("source", "target"):
                _growing(group, name, np.uint64)
            for name in ("weight", "delay", "time"):
                _growing(group, name, np.float64)
            unit = weight_unit(network.find(weights.target).model)
            group.attrs["units"] = (
                f"weight: {unit}, delay: ms, time: ms of the run's end at which the weight was recorded"
            )
        self.file.swmr_mode = True  # from here on every flush leaves a file that can be read

    def add_spikes(self, population: str, time: FloatArray, neuron: Int64Array) -> None:
        """Append spikes, later than those before, sorted by time, then neuron."""
        group = self.file[f"spikes/{population}"]
        _append(group["timestamps"], time)
        _append(group["node_ids"], neuron)

    def add_states(self, recording: StateRecording, time: FloatArray, value: FloatArray) -> None:
        """Append rows of a state variable."""
        group = self.file[f"states/{recording.population}/{recording.variable}"]
        _append(group["value"], value)
        _append(group["time"], time)

    def add_weights(self, recording: WeightRecording, time: float, edges: Connections) -> None:
        """Append the recorded synapses as they are at ``time`` (ms)."""
        group = self.file[f"weights/{recording.source}->{recording.target}"]
        for name in ("source", "target", "weight", "delay"):
            _append(group[name], getattr(edges, name))
        _append(group["time"], np.full(len(edges.weight), time))

    def spikes(self, population: str, dt: float) -> tuple[Int64Array, Int64Array]:
        """Steps and neurons of all spikes written so far."""
        group = self.file[f"spikes/{population}"]
        return np.rint(group["timestamps"][:] / dt).astype(np.int64), group["node_ids"][:].astype(np.int64)

    def states(self, population: str, variable: str, dt: float) -> tuple[Int64Array, Int64Array, FloatArray]:
        """Steps, neurons and values of a state variable written so far."""
        group = self.file[f"states/{population}/{variable}"]
        steps = np.rint(group["time"][:] / dt).astype(np.int64)
        return steps, group["neuron"][:].astype(np.int64), group["value"][:]

    def flush(self, time: float) -> None:
        """Hand everything up to ``time`` (ms) to the operating system."""
        self.file.attrs.modify("T", time)
        self.file.flush()

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    def discard(self) -> None:
        """Close the file and remove it."""
        self.file.close()
        self.path.unlink()


def _growing(group: Any, name: str, dtype: Any, columns: int | None = None) -> Any:
    tail = () if columns is None else (columns,)
    chunk = (max(1, CHUNK // max(1, columns or 1)), *(max(1, n) for n in tail))
    return group.create_dataset(name, (0, *tail), dtype, maxshape=(None, *tail), chunks=chunk)


def _append(dataset: Any, values: npt.NDArray[Any]) -> None:
    n = dataset.shape[0]
    dataset.resize(n + len(values), axis=0)
    dataset[n:] = values
