"""What was recorded of a network as SONATA has it: spikes, and a report of each state variable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.populations import StateRecording
from distsim.parallel.gather import gather_spikes, gather_states, in_ms
from distsim.record.store import Store
from distsim.spiking.sonata_file import PIECE, finish, new_file
from distsim.spiking.spike_file import SORTING, states_group

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation


def write_spikes(simulation: Simulation, folder: Path) -> None:
    """Write spikes.h5, the recorded spikes of all populations."""
    recordings = simulation.network.spike_recordings

    def layout(store: Store) -> None:
        for recording in recordings:
            group = f"spikes/{recording.population}"
            store.choice(group, "sorting", "by_time", SORTING)
            store.number(group, "size", simulation.network.find(recording.population).size, np.uint64)
            store.column(f"{group}/timestamps", np.float64, unit="ms")
            store.column(f"{group}/node_ids", np.uint64)

    output = new_file(simulation, folder / "spikes.h5", layout)
    for recording in recordings:
        for times, neurons in _spikes_in_pieces(simulation, recording.population):
            output.append(f"spikes/{recording.population}", timestamps=times, node_ids=neurons)
    finish(simulation, output)


def _spikes_in_pieces(simulation: Simulation, name: str) -> Iterator[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
    """Times (ms) and neurons of all recorded spikes in order, some at a time, on rank 0; as many pieces on others."""
    if simulation.output is not None:
        if simulation.comm.rank == 0:
            yield from simulation.output.pieces(f"spikes/{name}", "timestamps", "node_ids")  # type: ignore[misc]
        return
    step, neuron = simulation.recorders.of_spikes[name].all()
    n = simulation.comm.allreduce(len(step))
    order = np.argsort(step, kind="stable")
    step, neuron = step[order], neuron[order]
    ends = np.linspace(0, simulation.step + 1, 1 + max(1, n // PIECE)).astype(np.int64)
    places = np.searchsorted(step, ends)
    for k in range(len(ends) - 1):
        some = slice(places[k], places[k + 1])
        spikes = gather_spikes(step[some], neuron[some], simulation.comm, everywhere=False)
        yield spikes.times(simulation.dt), spikes.neuron


@dataclass(frozen=True)
class Report:
    """A report of a state variable. file: its name; start, stop (ms): the first of its times, and where one more is.

    columns: which of the recorded ones are the neurons, each once, ascending.
    """

    recording: StateRecording
    unit: str
    n_times: int
    dt: float
    start: float
    stop: float

    @classmethod
    def of(cls, recording: StateRecording, simulation: Simulation) -> Report:
        model: Any = simulation.network.find(recording.population).model
        unit = model.unit_of(recording.variable)
        first = recording.next_after(0)
        n = max(0, (simulation.step - first) // recording.interval + 1)
        steps = np.array([recording.interval, first, first + n * recording.interval])
        return cls(recording, unit, n, *in_ms(steps, simulation.dt).tolist())

    @property
    def name(self) -> str:
        return f"{self.recording.population}_{self.recording.variable}"

    @property
    def file(self) -> str:
        return f"report_{self.name}.h5"

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        return np.unique(self.recording.neurons, return_index=True)[1]

    def lay_out(self, store: Store) -> None:
        """Add the datasets of the report, and all of the mapping."""
        group = f"report/{self.recording.population}"
        neurons = np.unique(np.array(self.recording.neurons, np.uint64))
        store.column(f"{group}/data", np.float32, width=len(neurons), rows=self.n_times, unit=self.unit)
        for name, values, dtype, unit in (
            ("node_ids", neurons, np.uint64, ""),
            ("index_pointers", np.arange(len(neurons) + 1), np.uint64, ""),
            ("element_ids", np.zeros(len(neurons)), np.uint32, ""),
            ("time", np.array([self.start, self.stop, self.dt]), np.float64, "ms"),
        ):
            store.fixed(f"{group}/mapping/{name}", dtype, len(values), unit)
            store.append(f"{group}/mapping/{name}", values)
        store.number(f"{group}/mapping/node_ids", "sorted", 1, np.uint8)


def write_reports(simulation: Simulation, folder: Path) -> list[Report]:
    """Write a report of each recorded state variable."""
    reports = [Report.of(recording, simulation) for recording in simulation.network.state_recordings]
    for report in reports:
        output = new_file(simulation, folder / report.file, report.lay_out)
        for values in _states_in_pieces(simulation, report.recording):
            output.append(f"report/{report.recording.population}", data=values[:, report.columns])
        finish(simulation, output)
    return reports


def _states_in_pieces(simulation: Simulation, recording: StateRecording) -> Iterator[npt.NDArray[np.float64]]:
    """Recorded values (T, n), some times at a time, on rank 0; as many pieces without values on the others."""
    if simulation.output is not None:
        if simulation.comm.rank == 0:
            group = states_group(recording.population, recording.variable)
            yield from (values for (values,) in simulation.output.pieces(group, "value"))
        return
    recorder = next(r for r in simulation.recorders.of_states[recording.population] if r.recording is recording)
    together = max(1, PIECE // max(1, len(recording.neurons)))
    for begin in range(0, len(recorder.steps), together):
        some = slice(begin, begin + together)
        mine = recorder.steps[some], recorder.columns, recorder.values[some]
        yield gather_states(*mine, recording.neurons, simulation.comm, everywhere=False).value
