"""``BinarySimulation``: what users call to simulate a network of binary neurons."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.build.couplings import Couplings, build_couplings
from distsim.build.estimate import memory_of
from distsim.build.miniature import binary_miniature
from distsim.errors import InputError, check_arguments
from distsim.network.binary import BinaryNetwork, BinaryPopulation
from distsim.parallel.communicator import alone, check_communicator, on_root, one_per_node_first
from distsim.parallel.job import faults
from distsim.parallel.machine import check_memory
from distsim.record.binary_file import BinaryFile
from distsim.record.provenance import PACKAGES, versions
from distsim.simulate.binary import BinaryLoop
from distsim.simulate.binary_records import Activity, BinaryRecorder, Flips
from distsim.simulate.gather import allgather_array
from distsim.simulate.memory import peak_bytes, resident_bytes
from distsim.simulate.timers import over_ranks
from distsim.units import MAX_STEPS, check_number, check_path, check_seed, shown

if TYPE_CHECKING:
    from mpi4py import MPI

LEAST_IN_WINDOW = 1e-3  # updates, on average: shorter windows are nearly all empty
PHASES = ("draw", "speculate", "exchange", "correct", "settle", "record")


@check_arguments
class BinarySimulation:
    """Simulate a ``BinaryNetwork`` on the ranks of ``comm``; every method is collective.

    seed: any integer; with the network it fixes every bit of the result, on any number of ranks. window (ms): settle
    the updates of so long a time together, instead of a length that adapts; it changes no result. file: write what is
    recorded to this HDF5 file, which must not exist, after every run.

    Raises InputError for wrong input, on all ranks alike; any other error on one rank ends the whole job.
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
        if not isinstance(network, BinaryNetwork):
            raise InputError(f"BinarySimulation needs a BinaryNetwork, got {shown(network)}")
        check_communicator(comm, "BinarySimulation")
        self.network = network
        self.comm = comm
        self.seed = check_seed(seed)
        self.window = None if window is None else check_number(window, "window", above=0.0)
        self.compile_time = self.build_time = self.sim_time = 0.0
        self._file: BinaryFile | None = None  # on rank 0
        if file is not None:
            check_path(file, "BinarySimulation: file")
            on_root(comm, lambda: self._open(Path(file)))
        with faults(comm):
            self._build()
        network.freeze()

    def _open(self, path: Path) -> None:
        about = {"seed": self.seed, "ranks": self.comm.size, "versions": versions(PACKAGES)}
        self._file = BinaryFile(path, {**about, "network": self.network.description()})

    def _build(self) -> None:
        needed = memory_of(self.network, self.comm.size).total
        check_memory(self.comm, needed, "BinarySimulation: the network")
        small = binary_miniature(self.network)
        self._compile(lambda: build_couplings(small, alone(), self.seed))
        begin = time.perf_counter()
        couplings = build_couplings(self.network, self.comm, self.seed)
        self.build_time = time.perf_counter() - begin
        self._compile(lambda: self._rehearse(small, couplings))
        begin = time.perf_counter()
        self._loop = BinaryLoop(self.network, self.comm, self.seed, couplings, self.window)
        self._recorder = BinaryRecorder(self.network, self._loop.neurons)
        self.build_time += time.perf_counter() - begin
        self._n_edges = len(couplings.targets)
        self._built_bytes = resident_bytes()

    def _compile(self, function: Callable[[], Any]) -> None:
        begin = time.perf_counter()
        one_per_node_first(self.comm, function)
        self.compile_time += time.perf_counter() - begin

    def _rehearse(self, small: BinaryNetwork, couplings: Couplings) -> None:
        """Simulate a miniature with arrays of the same types, so that every kernel is compiled or loaded."""
        own = build_couplings(small, alone(), self.seed)
        each = np.zeros(len(own.targets), np.int64) if len(couplings.each) else own.each[:0]
        targets = own.targets.astype(couplings.targets.dtype)
        own = replace(own, targets=targets, each=each, input_type=couplings.input_type)
        BinaryLoop(small, alone(), self.seed, own).rehearse()

    def __enter__(self) -> BinarySimulation:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.close()

    def close(self) -> None:
        """Close the file of the run, if there is one."""
        if self._file:
            self._file.close()

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return self._loop.time

    def run(self, duration: float, progress: Callable[[float], None] | None = None) -> None:
        """Simulate ``duration`` (ms) more: all updates up to and including its end.

        ``progress`` is told the time (ms) simulated in this run now and then, on rank 0 only. Several runs equal one
        that ends at the same time, to the last bit of the sum of their durations.
        """
        start = self.time
        stop = start + check_number(duration, "duration", low=0.0)
        updates = self._loop.rate * stop
        if updates > MAX_STEPS * self.network.size:
            longest = MAX_STEPS * self.network.size / self._loop.rate
            raise InputError(f"a simulation ends after {MAX_STEPS} updates per neuron on average, {longest:g} ms")
        if self.window is not None and self.window * self._loop.rate < LEAST_IN_WINDOW:
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
                if progress is not None and self.comm.rank == 0:
                    progress(self._loop.time - start)
            self.sim_time += time.perf_counter() - begin
            self._write()

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

    def _write(self) -> None:
        """Bring the file, if there is one, up to the present."""
        if not self.comm.bcast(self._file is not None):
            return
        for population in self.network.populations:
            name = population.name
            flips = self.flips(name) if name in self.network.flip_recordings else None
            activity = self.activity(name) if name in self.network.activity_recordings else None
            initial, final = self.initial_states(name), self.states(name)
            if self._file:
                self._file.write(name, initial, final, flips, activity)
        if self._file:
            self._file.flush(self.time)
