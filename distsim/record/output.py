"""From what the ranks recorded to the file of the run: gathered from all of them, written by rank 0.

What goes wrong on rank 0 is told to all ranks at the next flush, so that none is left waiting for another.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from distsim.errors import DistsimError
from distsim.network.binary import BinaryNetwork
from distsim.network.network import Network, WeightRecording
from distsim.parallel.communicator import on_root
from distsim.record.binary_file import BinaryFile, StateArray
from distsim.record.run_file import RunFile
from distsim.record.store import Store
from distsim.simulate.binary_records import BinaryRecorder
from distsim.simulate.gather import Connections, Spikes, States, gather_spikes
from distsim.simulate.recorders import Recorders

if TYPE_CHECKING:
    from mpi4py import MPI

FLUSH_TIME = 200.0  # ms of simulated time between two flushes within a run


class HasStore(Protocol):
    """A file of either kind."""

    store: Store


File = TypeVar("File", bound=HasStore)
Result = TypeVar("Result")


class Output(Generic[File]):
    """The file of a run, which ``create`` makes on rank 0; every method is collective.

    Raises InputError, on all ranks, where the file exists or cannot be written, and StorageError, on all ranks, from
    the first ``flush`` that cannot be done: the file then has what the flush before left.
    """

    def __init__(self, comm: MPI.Comm, create: Callable[[], File]) -> None:
        self.comm = comm
        self._file: File | None = None  # on rank 0
        self._failure: DistsimError | None = None
        on_root(comm, lambda: self._open(create))

    def _open(self, create: Callable[[], File]) -> None:
        self._file = create()

    def flush(self, time: float, sure: bool = False) -> None:
        """Make the file complete up to ``time`` (ms), whatever becomes of the job; ``sure``: forced to the disk."""
        self._do(lambda file: file.store.flush(time, sure))
        self._failure = self.comm.bcast(self._failure)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file; StorageError on all ranks where that fails."""
        on_root(self.comm, lambda: self._file.store.close() if self._file else None)

    def discard(self) -> None:
        """Remove the file: the run it was made for did not begin. Not collective."""
        if self._file:
            self._file.store.discard()

    def _do(self, action: Callable[[File], None]) -> None:
        """Let rank 0 do something with its file, unless something went wrong before."""
        if self._file is not None and self._failure is None:
            try:
                action(self._file)
            except DistsimError as failure:
                self._failure = failure

    def _read(self, action: Callable[[File], Result]) -> Result:
        """The result of ``action`` on rank 0's file, on every rank."""
        return on_root(self.comm, lambda: action(self._file))  # type: ignore[arg-type] # called on rank 0 only


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
