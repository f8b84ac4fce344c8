"""What simulations of all kinds share: how they are made, advanced, timed and closed on the ranks of a communicator."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, Self, TypeVar

from distsim.core.errors import InputError
from distsim.core.populations import Populations
from distsim.core.units import MAX_STEPS, check_count, check_path, check_seed, shown, to_steps
from distsim.parallel.agreement import require_same
from distsim.parallel.communicator import in_ranks, largest, nodes, one_per_node_first, world
from distsim.parallel.gather import DECIMALS, gather_numbers
from distsim.parallel.job import faults
from distsim.parallel.lone_rank import is_lone, require_ranks
from distsim.parallel.machine import check_memory, peak_bytes, resident_bytes
from distsim.parallel.timers import Timers, over_ranks
from distsim.record.checkpoint import Archive, of_network, open_checkpoint
from distsim.record.output import FLUSH_TIME, Output
from distsim.record.restored_checkpoint import Restoring
from distsim.record.saved_checkpoint import save
from distsim.record.store import Store
from distsim.record.surroundings import versions

if TYPE_CHECKING:
    from mpi4py import MPI

NOT_COMPUTING = ("communicate", "wait", "exchange")
"""Phases of a run in which a rank waits for others."""
TICK = 0.2  # s of wall time between reports of progress
AnyNetwork = TypeVar("AnyNetwork", bound=Populations[Any])
Progress = Callable[[float], None]
Tick = Callable[[float], None]


class Prepared(ABC, Generic[AnyNetwork]):
    """A network, checked, about to be built on the ranks of ``comm``: by default those of the job.

    compile_time, build_time: what this rank has spent (s) in compiling or loading kernels, and in building.
    """

    simulates: ClassVar[type]
    runs_dry: ClassVar[bool] = False
    """Whether one rank can be simulated without the others."""

    def __init__(self, network: AnyNetwork, comm: MPI.Comm | None, seed: int, **options: Any) -> None:
        """Collective; raises InputError, on all ranks, where they are not given the same, options included."""
        self._name = type(self).__name__
        self.comm = world() if comm is None else comm
        require_same(self.comm, self._name, network=network, seed=seed, **options)
        if not self.runs_dry:
            require_ranks(self.comm, f"{self._name}, which cannot replay what other ranks do")
        if not isinstance(network, self.simulates):
            raise InputError(f"{self._name}: needs a {self.simulates.__name__}, got {shown(network)}")
        self.network = network
        self.seed = check_seed(seed)
        self.compile_time = self.build_time = 0.0

    def _check_memory(self, needed: Callable[[], float]) -> None:
        """InputError where the bytes ``needed`` on a rank are not there; to estimate them may take kernels."""
        most = one_per_node_first(self.comm, needed)
        check_memory(self.comm, most, f"{self._name}: the network")

    def _compile(self, call: Callable[[], object]) -> None:
        """Let ``call`` call kernels with nothing to do, so that they are compiled or loaded, and take the time."""
        begin = time.perf_counter()
        one_per_node_first(self.comm, call)
        self.compile_time += time.perf_counter() - begin

    @contextmanager
    def _building(self) -> Iterator[None]:
        """What is done inside is part of the time of building."""
        begin = time.perf_counter()
        yield
        self.build_time += time.perf_counter() - begin


class SimulationBase(Prepared[AnyNetwork]):
    """A simulation: it can be run, tells its times, and writes what is recorded to a file, if there is one.

    A wing says what is built, how the loop advances, and what goes to the file.
    """

    build_phases: ClassVar[tuple[str, ...]]
    run_phases: ClassVar[tuple[str, ...]]
    connections: ClassVar[str]
    kept_recordings: ClassVar[tuple[str, ...]]
    """Attributes of a network, all that end in "recordings", of which the wing's checkpoint keeps what they ask for."""
    fixed: ClassVar[tuple[str, ...]] = ("seed",)
    """Arguments, with attributes of the same name, by which results differ: a checkpoint goes on with the same ones."""
    can_record_anew: ClassVar[bool] = True
    """Whether recordings may begin at any time."""
    found: Mapping[str, list[float]] = MappingProxyType({})
    """What ranks found together while they built, by name: a checkpoint keeps it, so that they need not again."""

    def __init__(self, network: AnyNetwork, comm: MPI.Comm | None, seed: int, **options: Any) -> None:
        super().__init__(network, comm, seed, **options)
        self.sim_time = 0.0
        self._output: Output | None = None
        self._closed = False
        self._built, self._timers = Timers(), Timers()  # of building, and of the loop

    def _start(self, file: str | Path | None, layout: Callable[[Store, AnyNetwork], None], **settings: Any) -> None:
        """Open ``file``, if there is one, and build; no file is left where that fails.

        ``layout`` adds its groups and datasets; ``settings`` are kept in it, beside the seed and the network.
        """
        self._layout, self._settings = layout, settings
        if file is not None:
            self._open_file(file)
        try:
            with faults(self.comm):
                self._n_local = self._build()
                self._n_connections = int(self.comm.allreduce(self._n_local))
                self._built_bytes = resident_bytes()
        except BaseException:
            if self._output:
                self._output.discard()
            raise
        self.network.freeze()

    def _open_file(self, file: str | Path, going_on: Any = None) -> Output:
        """Begin the file of the run; ``going_on``: what of the one that is there is kept, see ``Output.going_on``."""
        check_path(file, f"{self._name}: file")
        require_ranks(self.comm, f"{self._name}: file")
        made = {"seed": self.seed, "ranks": self.comm.size, "versions": versions()}
        about = self._settings | made | {"network": self.network.description()}
        self._output = Output(self.comm, Path(file), about, lambda store: self._layout(store, self.network), going_on)
        return self._output

    @abstractmethod
    def _build(self) -> int:
        """Build this rank's part of the network and the loop that advances it; the number of its connections."""

    @abstractmethod
    def _advance(self, duration: Any, tick: Tick) -> None:
        """Simulate ``duration`` (ms) more, once it is checked; ``tick`` is called again and again."""

    @abstractmethod
    def _write_records(self, output: Output, at_end: bool) -> None:
        """Add what was recorded since the last time to the file; ``at_end``: of a run."""

    @abstractmethod
    def _transfer(self, archive: Archive) -> None:
        """Tell ``archive`` all that the simulation remembers: a new one keeps it, an old one brings it back."""

    def _write_beside(self, output: Output) -> None:
        """Put into a file that begins, or goes on from a checkpoint, what it has beside records."""
        return

    @property
    @abstractmethod
    def time(self) -> float:
        """Simulated time so far (ms)."""

    def __repr__(self) -> str:
        when = f"{self.time:g} ms{', closed' if self._closed else ''}"
        size, n = self.network.size, self._n_connections
        return f"{self._name} at {when}: {size:,} neurons, {n:,} {self.connections}, on {in_ranks(self.comm.size)}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, KeyboardInterrupt):  # rank 0 closes it alone
            self.close()

    def close(self) -> None:
        """Close the file of the run, if there is one; what went there can be read with ``distsim.analysis.read``."""
        if self._output and not self._closed:
            self._output.close()
            self._closed = True

    @property
    def output(self) -> Output | None:
        """The file of the run, where there is one."""
        return self._output

    def _require_open(self) -> None:
        if self._closed:
            raise InputError("the simulation is closed: its file is complete; read it with distsim.analysis.read")

    def run(self, duration: float, progress: Progress | None = None, *, goes_on: bool = False) -> None:
        """Simulate ``duration`` (ms) more; several runs equal one of the same length.

        ``progress`` is told the time (ms) simulated in this run now and then, and at its end, on rank 0 only.
        ``goes_on``: this is not the end of a run, but a part of it; what is recorded at the end waits for that.
        """
        self._require_open()
        require_same(self.comm, "run", duration=duration)
        with faults(self.comm):
            start, begin = self.time, time.perf_counter()
            told = progress if self.comm.rank == 0 or is_lone(self.comm) else None
            self._advance(duration, self._ticker(told, start))
            self._write(at_end=not goes_on)
            self.sim_time += time.perf_counter() - begin
            if told is not None:
                told(self.time - start)

    def _ticker(self, progress: Progress | None, start: float) -> Tick:
        """Report progress at most every TICK seconds, and at no cost where nobody wants it."""
        if progress is None:
            return lambda now: None
        last = time.perf_counter()

        def tick(_: float) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - last > TICK:
                last = now
                progress(self.time - start)

        return tick

    def _write(self, at_end: bool = False) -> None:
        """Bring the file, if there is one, up to the present."""
        if self._output:
            with self._timers.phase("record"):
                self._write_records(self._output, at_end)
                self._output.flush(self.time, sure=at_end)

    def save(self, path: str | Path, files: int | None = None, note: Any = None) -> None:
        """Keep all that the simulation remembers in a checkpoint at ``path``, from which ``restore`` goes on.

        A checkpoint that is there becomes ``path``.before, once the new one is complete. It is one file on one node,
        else one for each, or as many as ``files``. note: plain data that is kept with it. Raises InputError or
        StorageError, on all ranks, where it cannot be written; what was there before stays.
        """
        self._require_open()
        require_same(self.comm, "save", path=path, files=files)
        require_ranks(self.comm, "save")
        check_path(path, "save: path")
        self._check_recordings()
        parts = nodes(self.comm) if files is None else check_count(files, "save: files", low=1, high=self.comm.size)
        if self._output:
            self._output.flush(self.time, sure=True)  # the checkpoint counts on what the file has
        about = {name: getattr(self, name) for name in self.fixed}
        about |= {"simulation": self._name, "network": of_network(self.network), "versions": versions()}
        about |= {"time": self.time, "file": self._output.kept() if self._output else None, "note": note}
        about["found"] = dict(self.found)
        with faults(self.comm):
            save(self.comm, Path(path), parts, about, self._transfer)

    def _check_recordings(self) -> None:
        """InputError where something is recorded of which a checkpoint does not know: it would be lost."""
        for name, asked in vars(self.network).items():
            if name.endswith("recordings") and asked and name not in self.kept_recordings:
                raise InputError(f"save: a checkpoint of a {self._name} cannot keep {name}; record nothing of the kind")

    @classmethod
    def restore(
        cls,
        network: AnyNetwork,
        path: str | Path,
        comm: MPI.Comm | None = None,
        *,
        file: str | Path | None = None,
        record_anew: bool = False,
        **options: Any,
    ) -> Self:
        """The simulation of ``network`` that was kept in the checkpoint at ``path``, on the ranks of ``comm``.

        The network must be as it was, on any number of ranks. options: as those of a new simulation; what results
        depend on is that of the checkpoint, and may be left out. file: the file of the run, if it wrote one, which is
        taken back to the time of the checkpoint and goes on; or a new one, to which goes all that is still in memory,
        and what comes. record_anew: the network may ask for other recordings, which begin now, in a new file if in any;
        what was recorded before is left out. Raises InputError, on all ranks, where the checkpoint is damaged, of
        another network, seed or precision, or of another version of the format.
        """
        name = f"{cls.__name__}.restore"
        comm = world() if comm is None else comm
        require_same(comm, name, network=network, path=path, file=file, record_anew=record_anew, **options)
        require_ranks(comm, name)
        if record_anew and not cls.can_record_anew:
            raise InputError(f"{name}: recordings of these neurons count from the beginning, and cannot begin anew")
        check_path(path, f"{name}: path")
        head = open_checkpoint(comm, Path(path), cls.__name__, network, not record_anew)
        for fixed in cls.fixed:
            if options.setdefault(fixed, head[fixed]) != head[fixed]:
                raise InputError(f"'{path}' is a checkpoint with {fixed} = {head[fixed]}, not {options[fixed]}")
        simulation = cls.__new__(cls)
        simulation.found = head.get("found", cls.found)
        archive = Restoring(comm, Path(path), head, not record_anew)
        try:
            cls.__init__(simulation, network, comm, **options)
            with faults(comm):
                simulation._transfer(archive)
        finally:
            archive.close()
        with faults(comm):
            if file is not None:
                kept = None if record_anew else (head["file"], simulation.time)
                simulation._write_beside(simulation._open_file(file, kept))
                simulation._write()
        return simulation

    def forget_times(self) -> None:
        """Start the times of the run anew, as after a pre-simulation that is not to be measured."""
        self._timers.seconds.clear()
        self.sim_time = 0.0

    def phase_times(self) -> dict[str, dict[str, float]]:
        """Seconds spent in every phase: min, mean and max over ranks.

        "other" is what of build and run is in none of the phases.
        """
        seconds = {name: self._built.seconds[name] for name in self.build_phases}
        seconds |= {name: self._timers.seconds[name] for name in self.run_phases}
        other = self.build_time + self.sim_time - sum(seconds.values())
        return over_ranks(seconds | {"other": max(0.0, other)}, self.comm)

    def slowest(self) -> dict[str, float]:
        """build_time, sim_time and compile_time (s) of the slowest rank."""
        names = "build_time", "sim_time", "compile_time"
        return dict(zip(names, largest(self.comm, [getattr(self, name) for name in names]), strict=True))

    def loads(self, everywhere: bool = True) -> list[dict[str, float]]:
        """What every rank had to do since ``forget_times()``.

        connections; bytes of their tables; busy: seconds of the run in which the rank computed, neither waiting nor
        communicating. On every rank, or, unless ``everywhere``, on rank 0 alone.
        """
        busy = sum(self._timers.seconds[name] for name in self.run_phases if name not in NOT_COMPUTING)
        mine = {"connections": self._n_local, "bytes": self._table_bytes(), "busy": busy}
        return gather_numbers(mine, self.comm, everywhere)

    @abstractmethod
    def _table_bytes(self) -> int:
        """Bytes of the tables of this rank's connections."""

    def memory(self, everywhere: bool = True) -> list[dict[str, int]]:
        """Resident bytes of every rank: built (after building) and peak (so far).

        On every rank, or, unless ``everywhere``, on rank 0 alone.
        """
        return gather_numbers({"built": self._built_bytes, "peak": peak_bytes()}, self.comm, everywhere)


class GridLoop(Protocol):
    """A loop in steps of one length; ``step`` is the last one done, ``interval`` how many it always does together."""

    step: int
    interval: int

    def run(self, n_steps: int, tick: Callable[[int], None]) -> None: ...


class GridSimulation(SimulationBase[AnyNetwork]):
    """A simulation in steps of ``dt`` (ms)."""

    dt: float
    _loop: GridLoop

    @property
    def step(self) -> int:
        """The last step done."""
        return self._loop.step

    @property
    def time(self) -> float:
        """Simulated time so far (ms)."""
        return round(self.step * self.dt, DECIMALS)

    def _advance(self, duration: Any, tick: Tick) -> None:
        left = to_steps(duration, self.dt, "duration")
        if self.step + left > MAX_STEPS:
            raise InputError(f"a simulation ends after {MAX_STEPS} steps, {MAX_STEPS * self.dt:g} ms")
        together = self._loop.interval
        longest = max(1, round(FLUSH_TIME / self.dt) // together) * together if self._output else left
        while left > 0:
            self._loop.run(min(left, longest), tick)
            left -= longest
            if left > 0:
                self._write()
