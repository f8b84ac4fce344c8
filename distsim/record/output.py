"""From what the ranks recorded to the file of the run: gathered from all of them, written by rank 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from distsim.network.network import Network, WeightRecording
from distsim.parallel.communicator import on_root
from distsim.record.run_file import RunFile
from distsim.simulate.gather import Connections, Spikes, States, gather_spikes
from distsim.simulate.recorders import Recorders

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")
FLUSH_TIME = 200.0  # ms of simulated time between two flushes within a run


class Output:
    """The file of a run; every method is collective.

    Raises InputError, on all ranks, where the file exists or cannot be written.
    """

    def __init__(self, path: Path, network: Network, comm: MPI.Comm, about: dict[str, Any]) -> None:
        self.comm = comm
        self.dt = network.dt
        self._file: RunFile | None = None  # on rank 0
        on_root(comm, lambda: self._open(path, network, about))

    def _open(self, path: Path, network: Network, about: dict[str, Any]) -> None:
        self._file = RunFile(path, network, about)

    def flush_steps(self, interval: int) -> int:
        """Steps between two flushes within a run: whole intervals, the same number on every rank."""
        return max(1, round(FLUSH_TIME / self.dt) // interval) * interval

    def write(self, recorders: Recorders) -> None:
        """Move the spikes and states recorded since the last time to the file."""
        for name, spikes in recorders.of_spikes.items():
            gathered = gather_spikes(*spikes.take(), self.comm)
            if self._file:
                self._file.add_spikes(name, gathered.times(self.dt), gathered.neuron)
        for of_population in recorders.of_states.values():
            for recorder in of_population:
                states = recorder.take(self.comm)
                if self._file:
                    self._file.add_states(recorder.recording, states.times(self.dt), states.value)

    def write_weights(self, recording: WeightRecording, time: float, edges: Connections) -> None:
        """Append recorded synapses as they are at ``time`` (ms)."""
        if self._file:
            self._file.add_weights(recording, time, edges)

    def flush(self, time: float) -> None:
        """Make the file complete up to ``time`` (ms), whatever becomes of the job."""
        if self._file:
            self._file.flush(time)

    def spikes(self, population: str) -> Spikes:
        """All spikes of a population written so far."""
        return Spikes(*self._read(lambda file: file.spikes(population, self.dt)))

    def states(self, population: str, variable: str) -> States:
        """All values of a state variable written so far."""
        return States(*self._read(lambda file: file.states(population, variable, self.dt)))

    def close(self) -> None:
        """Close the file."""
        if self._file:
            self._file.close()

    def discard(self) -> None:
        """Remove the file: the run it was made for did not begin."""
        if self._file:
            self._file.discard()

    def _read(self, action: Callable[[RunFile], Result]) -> Result:
        """The result of ``action`` on rank 0's file, on every rank."""
        return on_root(self.comm, lambda: action(self._file))  # type: ignore[arg-type] # called on rank 0 only
