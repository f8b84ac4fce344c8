"""``BinarySimulation``: what users call to simulate a network of binary neurons."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.binary import couplings as building
from distsim.binary.activity_file import BinaryOutput
from distsim.binary.binary_memory import memory_of_binary
from distsim.binary.binary_network import BinaryNetwork, BinaryPopulation
from distsim.binary.flip_recorder import Activity, BinaryRecorder, Flips
from distsim.binary.window_loop import BinaryLoop, call_kernels
from distsim.core.errors import InputError, check_arguments
from distsim.core.units import MAX_STEPS, check_number, check_path, check_seed, shown
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import one_per_node_first
from distsim.parallel.gather import allgather_array
from distsim.parallel.job import faults
from distsim.parallel.machine import check_memory
from distsim.parallel.resident import peak_bytes, resident_bytes
from distsim.parallel.timers import over_ranks
from distsim.record.provenance import PACKAGES, versions

if TYPE_CHECKING:
    from mpi4py import MPI

LEAST_IN_WINDOW = 1e-3  # updates, on average: shorter windows are nearly all empty
PHASES = ("draw", "speculate", "exchange", "correct", "settle", "record")

SHORTEST_WINDOW = 1e-6  # ms; windows much shorter would not come to an end


@check_arguments
class BinarySimulation:
    """Simulate a ``BinaryNetwork`` on the ranks of ``comm``; every method is collective.

    seed: any integer; with the network it fixes every bit of the result, on any number of ranks. window (ms, at least
    1e-6): settle the updates of so long a time together, instead of a length that adapts; it changes no result. file:
    write what is recorded to this HDF5 file, which must not exist, as the run goes.

    Raises InputError for wrong input, and StorageError where the file can no longer be written, on all ranks alike; any
    other error on one rank ends the whole job.
    """

    def __init__(
        self,
        network: BinaryNetwork,
        comm: MPI.Comm,
        seed: int = 1,
        *,
        window: float | None = None,
        file: str | Path | None = None,
    ) -> None:
        require_same(comm, "BinarySimulation", network=network, seed=seed, window=window, file=file)
        if not isinstance(network, BinaryNetwork):
            raise InputError(f"BinarySimulation needs a BinaryNetwork, got {shown(network)}")
        self.network = network
        self.comm = comm
        self.seed = check_seed(seed)
        self.window = None if window is None else check_number(window, "window", low=SHORTEST_WINDOW)
        self.compile_time = self.build_time = self.sim_time = 0.0
        self._output: BinaryOutput | None = None
        if file is not None:
            check_path(file, "BinarySimulation: file")
            about = {"seed": self.seed, "ranks": comm.size, "versions": versions(PACKAGES)}
            description = {**about, "network": network.description()}
            self._output = BinaryOutput(Path(file), network, comm, description)
        try:
            with faults(comm):
                self._build()
                self._write_start()
        except BaseException:
            if self._output:
                self._output.discard()
            raise
        network.freeze()

    def _build(self) -> None:
        needed = memory_of_binary(self.network, self.comm.size).total
        check_memory(self.comm, needed, "BinarySimulation: the network")
        self._compile(lambda: building.call_kernels(self.network, self.comm, self.seed))
        begin = time.perf_counter()
        couplings = building.build_couplings(self.network, self.comm, self.seed)
        self.build_time = time.perf_counter() - begin
        self._compile(lambda: call_kernels(self.network, self.seed, couplings))
        begin = time.perf_counter()
        self._loop = BinaryLoop(self.network, self.comm, self.seed, couplings, self.window)
        self._recorder = BinaryRecorder(self.network, self._loop.neurons)
        self.build_time += time.perf_counter() - begin
        self._n_edges = len(couplings.targets)
        self._built_bytes = resident_bytes()

    def _compile(self, call: Callable[[], None]) -> None:
        """Let ``call`` call kernels with nothing to do, so that they are compiled or loaded, and take the time."""
        begin = time.perf_counter()
        one_per_node_first(self.comm, call)
        self.compile_time += time.perf_counter() - begin

    def __enter__(self) -> BinarySimulation:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):  # rank 0 closes it alone
            self.close()

    def close(self) -> None:
        """Close the file of the run, if there is one."""
        if self._output:
            self._output.close()

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return self._loop.time

    def run(self, duration: float, progress: Callable[[float], None] | None = None) -> None:
        """Simulate ``duration`` (ms) more: all updates up to and including its end.

        ``progress`` is told the time (ms) simulated in this run now and then, on rank 0 only. Several runs equal one
        that ends at the same time, to the last bit of the sum of their durations.
        """
        require_same(self.comm, "run", duration=duration)
        start = self.time
        stop = start + check_number(duration, "duration", low=0.0)
        updates = self._loop.rate * stop
        if updates > MAX_STEPS * self.network.size:
            longest = MAX_STEPS * self.network.size / self._loop.rate
            raise InputError(f"a simulation ends after {MAX_STEPS} updates per neuron on average, {longest:g} ms")
        if self.window is not None and 0.0 < self.window * self._loop.rate < LEAST_IN_WINDOW:
            shortest = LEAST_IN_WINDOW / self._loop.rate
            raise InputError(
                f"window = {self.window:g} ms must be at least {shortest:.3g} ms: neurons are updated every "
                f"{1.0 / self._loop.rate:.3g} ms"
            )
        with faults(self.comm):
            begin = time.perf_counter()
            while self._loop.time < stop:
                flips = self._loop.advance(stop)
                self._recorder.add(*flips)
                self._loop.timers.lap("record")
                if self._output and self._output.due <= self._loop.time < stop:
                    self._write()
                if progress is not None and self.comm.rank == 0:
                    progress(self._loop.time - start)
            self._write(at_end=True)
            self.sim_time += time.perf_counter() - begin

    def activity(self, population: BinaryPopulation | str) -> Activity:
        """The recorded mean activity of ``population`` so far."""
        name = self.network.find(population).name
        if name not in self.network.activity_recordings:
            raise InputError(f"the activity of '{name}' is not recorded; call network.record_activity('{name}')")
        return self._recorder.activity(name, self.time, self.comm)

    def flips(self, population: BinaryPopulation | str) -> Flips:
        """The recorded changes of state in ``population`` so far."""
        name = self.network.find(population).name
        if name not in self.network.flip_recordings:
            raise InputError(f"the flips of '{name}' are not recorded; call network.record_flips('{name}')")
        return self._recorder.flips(name, self.comm)

    def states(self, population: BinaryPopulation | str) -> npt.NDArray[np.uint8]:
        """The states (size,), 0 or 1, of the neurons of ``population`` now."""
        return self._gather(population, self._loop.neurons.state)

    def initial_states(self, population: BinaryPopulation | str) -> npt.NDArray[np.uint8]:
        """The states (size,) at the start."""
        return self._gather(population, self._loop.neurons.initial)

    def _gather(self, population: BinaryPopulation | str, local: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        whole = self.network.find(population)
        gids = self._loop.neurons.gids
        mine = (gids >= whole.first_gid) & (gids < whole.first_gid + whole.size)
        states = np.empty(whole.size, np.uint8)
        states[allgather_array(gids[mine], self.comm) - whole.first_gid] = allgather_array(local[mine], self.comm)
        return states

    def inputs(self, population: BinaryPopulation | str) -> npt.NDArray[np.float64]:
        """The inputs h (size,) of the neurons of ``population`` now: whole numbers of units (build/couplings.py)."""
        whole = self.network.find(population)
        gids = self._loop.neurons.gids
        mine = (gids >= whole.first_gid) & (gids < whole.first_gid + whole.size)
        units = np.empty(whole.size, np.int64)
        local = self._loop.neurons.h[mine].astype(np.int64) >> 1  # half units
        units[allgather_array(gids[mine], self.comm) - whole.first_gid] = allgather_array(local, self.comm)
        unit = self._loop.unit
        inputs: npt.NDArray[np.float64] = np.multiply(units, unit.numerator, dtype=np.float64)
        return inputs / np.float64(unit.denominator)

    def update_count(self) -> int:
        """Number of updates of all neurons so far."""
        return int(self.comm.allreduce(self._loop.n_updates))

    def flip_count(self) -> int:
        """Number of changes of state of all neurons so far, recorded or not."""
        return int(self.comm.allreduce(self._loop.n_flips))

    def coupling_count(self) -> int:
        """Number of couplings on all ranks."""
        return int(self.comm.allreduce(self._n_edges))

    def window_count(self) -> tuple[int, int]:
        """Number of windows so far, and of exchanges in them."""
        return self._loop.windows, self._loop.rounds

    def phase_times(self) -> dict[str, dict[str, float]]:
        """Seconds spent in every phase: min, mean and max over ranks."""
        return over_ranks({name: self._loop.timers.seconds[name] for name in PHASES}, self.comm)

    def memory(self) -> list[dict[str, int]]:
        """Resident bytes of every rank: built (after building) and peak (so far)."""
        return self.comm.allgather({"built": self._built_bytes, "peak": peak_bytes()})

    def _write(self, at_end: bool = False) -> None:
        """Bring the file, if there is one, up to the present; the states are written at the end of a run alone."""
        if not self._output:
            return
        self._loop.timers.start()
        self._output.write(self._recorder, self.time)
        for population in self.network.populations if at_end else []:
            self._output.write_states(population.name, "final", self.states(population))
        self._output.flush(self.time, sure=at_end)
        self._loop.timers.lap("record")

    def _write_start(self) -> None:
        """Put activities and states at the start, also the last ones so far, into the file, if there is one."""
        if self._output:
            self._output.write(self._recorder, 0.0)
            for population in self.network.populations:
                states = self.initial_states(population)
                for name in ("initial", "final"):
                    self._output.write_states(population.name, name, states)
            self._output.flush(0.0)
