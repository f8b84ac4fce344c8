"""The course of a run: parts between which it is saved and may end, and the checkpoint from which another job goes on.

A part takes about ``PART`` s of wall time, measured as the run goes; rank 0 says how long the next one is, so that all
ranks do the same. No result depends on where a run is cut.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.durations import Every
from distsim.core.errors import InputError
from distsim.core.units import shown, to_steps
from distsim.parallel import on_root
from distsim.parallel.communicator import largest
from distsim.parallel.progress import Progress
from distsim.parallel.signals import SuspendedError, Watch, watched, words_of
from distsim.record import checkpoint_files
from distsim.record.jsonable import flat, plain

if TYPE_CHECKING:
    from mpi4py import MPI

PART = 0.5  # s of wall time that a part of a run takes, about
OFTEN = 10  # parts at least between two checkpoints by wall time
FIRST = 1.0  # ms at most of the first part, whose speed is not known
CHANGE = 4.0  # at most, of the length of a part from one to the next
NEARLY = 1e-9  # intervals of checkpoints: a multiple of decimal numbers is one to within that


@dataclass(frozen=True)
class Keeping:
    """A run keeps checkpoints at ``path``, ``every`` so often; ``resume``: it goes on from the one there, if any.

    ``onward`` tells a user what to do then.
    """

    path: Path
    every: Every
    resume: bool = False
    onward: str = "; the same command line with --resume goes on"


def require_same_run(there: Mapping[str, Any], here: Mapping[str, Any], where: str) -> None:
    """InputError where a run that was kept, ``where``, is not the one that is asked for."""
    was, asked = dict(flat(there)), dict(flat(here))
    for name in (*was, *asked):
        if was.get(name) != asked.get(name):
            kept, given = shown(was.get(name)), shown(asked.get(name))
            raise InputError(f"{where} is of another run: {name} is {kept} there, but {given} here; take another --out")


@contextmanager
def course_of(
    comm: MPI.Comm,
    identity: dict[str, Any],
    keeping: Keeping | None = None,
    check: Callable[[], None] | None = None,
) -> Iterator[Course]:
    """The course of a run of that ``identity``; where it keeps checkpoints, signals are noted as long as it lasts."""
    with watched() if keeping else nullcontext() as watch:
        yield Course(comm, identity, keeping, check, watch)


class Course:
    """A run on the ranks of ``comm``: where it began, how far it is, its parts in earlier jobs.

    start: when the measured time began (ms), before: the events until then; None before that. parts: what was done by
    each job that had a part in it, this one left out. origin: of a branch, how the network began, as it notes it.
    ``check`` is called on all ranks between parts, and may raise.
    """

    def __init__(
        self,
        comm: MPI.Comm,
        identity: dict[str, Any],
        keeping: Keeping | None,
        check: Callable[[], None] | None,
        watch: Watch | None,
    ) -> None:
        self.start: float | None = None
        self.before: dict[str, int] = {}
        self.parts: list[dict[str, Any]] = []
        self.origin: dict[str, Any] | None = None
        self._comm, self._identity = comm, identity
        self._keeping, self._check, self._watch = keeping, check, watch
        self._begun = self._last = time.perf_counter()
        self._from = self._saved = 0.0  # ms
        self._wanted = FIRST
        self._checkpoints, self._saving = 0, 0.0

    def open(
        self, make: Callable[[Path | None], Any], file: Path | None, begin: Callable[[], Any] | None = None
    ) -> Any:
        """The simulation that ``make`` makes of the newest checkpoint that is whole, or of None; collective.

        ``begin``: makes it instead of the latter. Raises InputError, on all ranks, where what is there is of another
        run, or none is whole, and SuspendedError where a signal came before. ``file`` of a run that begins again is
        removed.
        """
        keeping = self._keeping
        if keeping is None or not keeping.resume:
            return self._opened(begin or partial(make, None))
        found = on_root(self._comm, lambda: _usable(keeping.path, self._identity))
        failure: InputError | None = None
        for path, note in found:
            self._tell("what was saved before is kept")
            self._heed()
            try:
                simulation = make(path)
            except InputError as error:  # the one before may be whole
                failure = failure or error
                continue
            self.start, self.before, self.parts = note["start"], note["before"], note["parts"]
            self._from = self._saved = simulation.time
            self._tell_saved()
            return simulation
        if failure is not None:
            raise failure
        on_root(self._comm, lambda: file.unlink(missing_ok=True) if file else None)
        return self._opened(begin or partial(make, None))

    def _opened(self, begin: Callable[[], Any]) -> Any:
        """The simulation of a run that begins."""
        self._tell("nothing was saved yet")
        self._heed()
        simulation = begin()
        self._from = self._saved = simulation.time
        return simulation

    def _heed(self) -> None:
        """SuspendedError, on all ranks, where a signal came before there is anything to save; collective."""
        if self._watch is None:
            return
        (signal,) = largest(self._comm, [float(self._watch.number)])
        if signal:
            raise SuspendedError(words_of(int(signal)))

    def begin(self, simulation: Any, events: dict[str, int]) -> float:
        """The measured time begins; when (ms)."""
        self.start, self.before = float(simulation.time), events
        return self.start

    def start_of(self, simulation: Any) -> float:
        """When the measured time began (ms) of a simulation without pre-simulation: now, unless it goes on."""
        return self.begin(simulation, {}) if self.start is None else self.start

    def advance(self, simulation: Any, origin: float, duration: float, label: str, progress: Progress) -> None:
        """Simulate the ``duration`` after ``origin`` (ms), or what is left of it; collective."""
        if not duration:
            return
        with progress(label, duration) as tell:
            if self._keeping is None and self._check is None:
                simulation.run(duration, tell)
                return
            end = origin + duration
            self._wanted = min(FIRST, duration)
            while (left := _left(simulation, end)) > 0.0:
                self._between(simulation)
                part = self._part(simulation, left, end)
                begin = time.perf_counter()
                simulation.run(part, _after(simulation.time - origin, tell), goes_on=part < left)
                taken = max(time.perf_counter() - begin, 1e-9)
                fitting = part * self._target() / taken
                self._wanted = min(max(fitting, self._wanted / CHANGE), self._wanted * CHANGE)
            self._between(simulation, ending=True)

    def added_up(self, totals: dict[str, Any], simulation: Any) -> dict[str, Any]:
        """``totals`` of this job with the times of earlier ones, and ``parts``: what each had; collective."""
        parts = [*self.parts, self._part_done(simulation)]
        phases = {name: dict(spread) for name, spread in totals["phase_times"].items()}
        for part in self.parts:
            for name, spread in part["phase_times"].items():
                for kind, value in spread.items():
                    phases[name][kind] += value
        shown_parts = [{name: value for name, value in part.items() if name != "phase_times"} for part in parts]
        sim_time = sum(part["sim_time"] for part in parts)
        return {**totals, "sim_time": sim_time, "phase_times": phases, "parts": shown_parts}

    def _part_done(self, simulation: Any) -> dict[str, Any]:
        """What this job has done so far: from and to (ms), times (s) of the slowest rank, what it saved; collective."""
        times, phases = simulation.slowest(), simulation.phase_times()
        measured = self.start is not None
        return {
            "ranks": self._comm.size,
            "from": self._from,
            "to": simulation.time,
            **{name: times[name] for name in ("build_time", "compile_time")},
            "sim_time": times["sim_time"] if measured else 0.0,
            "wall_time": time.perf_counter() - self._begun,
            "checkpoints": self._checkpoints,
            "checkpoint_time": self._saving,
            "phase_times": {name: phases[name] for name in simulation.run_phases if measured},
        }

    def _target(self) -> float:
        wall = self._keeping.every.wall if self._keeping else None
        return PART if wall is None else min(PART, wall / OFTEN)

    def _part(self, simulation: Any, left: float, end: float) -> float:
        """The length (ms) of the next part; without a time step the last one begins late enough to end exactly."""
        now, every = simulation.time, self._keeping and self._keeping.every.simulated
        wanted = self._wanted
        if every:
            wanted = min(wanted, (_multiples(now, every) + 1) * every - now)
        dt = dt_of(simulation)
        if dt is None:
            return min(wanted, left if now >= end / 2 else left / 2)
        return min(max(1, round(wanted / dt)), round(left / dt)) * dt

    def _between(self, simulation: Any, ending: bool = False) -> None:
        """What is done between parts: save, where it is time for it or for a signal, and end the run; collective."""
        number = float(self._watch.number) if self._watch else 0.0
        of_root = (float(self._due(simulation.time, ending)), self._wanted) if self._comm.rank == 0 else (0.0, 0.0)
        mine = (number, *of_root)
        signal, due, self._wanted = largest(self._comm, mine)
        if due or (signal and not ending):
            self._save(simulation)
        if ending:
            return
        if signal:
            simulation.close()
            raise SuspendedError(words_of(int(signal)))
        if self._check is not None:
            try:
                self._check()
            except Exception:
                self._save(simulation)
                raise

    def _due(self, now: float, ending: bool) -> bool:
        """Whether it is time to save: at the end of the pre-simulation and of the run already after a part of it."""
        if self._keeping is None or now == self._saved:
            return False
        wall, simulated = self._keeping.every
        if simulated:
            return ending or _multiples(now, simulated) > _multiples(self._saved, simulated)
        return time.perf_counter() - self._last >= (wall or 0.0) / (OFTEN if ending else 1)

    def _save(self, simulation: Any) -> None:
        """Save what is not saved yet, where checkpoints are kept."""
        if self._keeping is None or simulation.time == self._saved:
            return
        begin = time.perf_counter()
        self._checkpoints += 1
        self.leave(simulation, self._keeping.path)
        self._saved, self._last = simulation.time, time.perf_counter()
        self._saving += self._last - begin
        self._tell_saved()

    def leave(self, simulation: Any, path: Path) -> None:
        """Leave a checkpoint, from which this run, or a branch of it, goes on; collective."""
        parts = [*self.parts, self._part_done(simulation)]
        note = {"identity": self._identity, "start": self.start, "before": self.before, "parts": parts}
        simulation.save(path, note=plain({**note, "origin": self.origin}))

    def _tell_saved(self) -> None:
        self._tell(f"the run is kept as it was at {self._saved:g} ms")

    def _tell(self, what: str) -> None:
        """Let signals know what is kept."""
        if self._watch is not None and self._keeping is not None:
            self._watch.kept = f"{what}{self._keeping.onward}"


def _usable(path: Path, identity: dict[str, Any]) -> list[tuple[Path, dict[str, Any]]]:
    """The checkpoints at ``path`` that can be read, the newest first, and what the run noted in them; rank 0 only."""
    found, failure = [], None
    for each in (path, checkpoint_files.before_it(path)):
        if not each.exists():
            continue
        try:
            note = checkpoint_files.read_head(each)["note"]
        except InputError as error:
            failure = failure or error
            continue
        require_same_run(note["identity"], identity, f"the checkpoint '{each}'")
        found.append((each, note))
    if not found and failure is not None:
        raise failure
    return found


def dt_of(network: Any) -> float | None:
    """The time step (ms) of a network, or of its simulation; None where time is continuous."""
    return getattr(network, "dt", None)


def _left(simulation: Any, end: float) -> float:
    """The time (ms) up to ``end``."""
    dt = dt_of(simulation)
    return float(end - simulation.time if dt is None else (to_steps(end, dt, "end") - simulation.step) * dt)


def _multiples(now: float, every: float) -> int:
    return math.floor(now / every + NEARLY)


def _after(offset: float, tell: Callable[[float], None]) -> Callable[[float], None]:
    """Tells the time of a part of the run as that of the whole."""
    return lambda time: tell(offset + time)
