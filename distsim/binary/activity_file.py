"""The HDF5 file of a run of binary neurons, written by rank 0, readable at any moment (see store.py).

/states/<population>/{initial, final} (size,) uint8, final at the end of the last run() that came to its end; where
recorded, /flips/<population>/{time, neuron, state} and /activity/<population>/{time, value}, times in ms. Root
attributes: ``distsim``, all that was known at the start as JSON, and ``T``, the simulated time (ms) up to which flips
and activities are complete.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.binary.binary_network import BinaryNetwork
from distsim.binary.flip_recorder import Activity, BinaryRecorder, Flips
from distsim.record.output import FLUSH_TIME, Output
from distsim.record.store import Store

if TYPE_CHECKING:
    from mpi4py import MPI

StateArray = npt.NDArray[np.uint8]
FLIPS = {"time": np.float64, "neuron": np.int64, "state": np.uint8}
ACTIVITY = {"time": np.float64, "value": np.float64}


class BinaryFile:
    """Create the file at ``path``; raises InputError where it exists or cannot be written, else as ``Store``."""

    def __init__(self, path: Path, network: BinaryNetwork, about: dict[str, Any]) -> None:
        self.store = Store(path, about, lambda store: _lay_out(store, network))

    def add_flips(self, population: str, flips: Flips) -> None:
        """Append changes of state, later than those before."""
        for name, values in flips._asdict().items():
            self.store.append(f"flips/{population}/{name}", values)

    def add_activity(self, population: str, activity: Activity) -> None:
        """Append the course of the mean activity after what was added before."""
        self.store.append(f"activity/{population}/value", activity.value)
        self.store.append(f"activity/{population}/time", activity.time)

    def set_states(self, population: str, name: str, states: StateArray) -> None:
        """Put down the "initial" or the "final" states."""
        self.store.replace(f"states/{population}/{name}", states)


def _lay_out(store: Store, network: BinaryNetwork) -> None:
    """Add all groups and datasets that the recordings of ``network`` need."""
    for population in network.populations:
        for name in ("initial", "final"):
            store.column(f"states/{population.name}/{name}", np.uint8, rows=population.size)
    for kind, recorded, columns in (
        ("flips", network.flip_recordings, FLIPS),
        ("activity", network.activity_recordings, ACTIVITY),
    ):
        for population_name in recorded:
            for name, dtype in columns.items():
                unit = "ms" if name == "time" else ""
                store.column(f"{kind}/{population_name}/{name}", dtype, unit=unit)


class BinaryOutput(Output[BinaryFile]):
    """The file of a ``BinarySimulation``; ``due``: simulated time (ms) of the next flush within a run."""

    def __init__(self, path: Path, network: BinaryNetwork, comm: MPI.Comm, about: dict[str, Any]) -> None:
        self.network = network
        self.due = FLUSH_TIME
        super().__init__(comm, lambda: BinaryFile(path, network, about))

    def write(self, recorder: BinaryRecorder, time: float) -> None:
        """Append what was recorded since the last time, up to ``time`` (ms)."""
        for population in self.network.populations:
            name = population.name
            flips, activity = recorder.take(name, time, self.comm)
            if flips is not None:
                self._do(lambda file, name=name, flips=flips: file.add_flips(name, flips))  # type: ignore[misc]
            if activity is not None:
                self._do(lambda file, name=name, a=activity: file.add_activity(name, a))  # type: ignore[misc]
        self.due = time + FLUSH_TIME

    def write_states(self, population: str, name: str, states: StateArray) -> None:
        """Put down the "initial" or the "final" states of a population."""
        self._do(lambda file: file.set_states(population, name, states))
