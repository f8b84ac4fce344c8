"""An experiment under way: its points one after the other, within one MPI job or as jobs of their own."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from distsim.core.errors import DistsimError, StorageError
from distsim.parallel import on_root
from distsim.parallel.communicator import first_ranks, in_ranks, largest, patient_barrier
from distsim.parallel.progress import Progress, bars, compilation_shown
from distsim.parallel.signals import SuspendedError, Watch, remarked, watched, words_of
from distsim.record import surroundings
from distsim.scaling.experiment import Point, key_of
from distsim.scaling.options import Options, parse
from distsim.scaling.plan import make_plan
from distsim.scaling.point import Task, run_point
from distsim.scaling.report.command import brief
from distsim.scaling.report.summary import point_line, with_speed
from distsim.scaling.store import Folder, begin_checkpoints, end_checkpoints, point_folder

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")
Outcome = dict[str, Any] | Exception
"""The record of a point, or why there is none."""

DONE, POINTS_FAILED, POINTS_LEFT = 0, 1, 3
"""Exit codes; 2 is for wrong input, 4 for a full disk."""
MARGIN = 1.3
"""A point is begun if so many times its expected duration is left."""


class BudgetSpentError(Exception):
    """The point that is running would not end in time; it is left for later."""


def run(comm: MPI.Comm, arguments: list[str]) -> int:
    """Run the experiment of a command line on the ranks of ``comm``; collective; returns the exit code.

    Raises InputError on all ranks, before anything is computed or overwritten, where command line, experiment file
    or output folder are wrong.
    """
    options = on_root(comm, partial(_parsed, arguments))
    if options is None:
        return DONE
    with Session(comm, options, comm.size, comm.size) as session:
        left = session.left if options.budget is not None else None
        return session.work(lambda task: attempt(comm, task, bars(comm), left))


def attempt(comm: MPI.Comm, task: Task, progress: Progress, left: Callable[[], float] | None = None) -> Outcome:
    """Run a point on the first ranks of ``comm``: its record, or the error that all of them met; collective.

    The other ranks sleep. Complete on rank 0. ``left`` tells on rank 0 how many seconds are left, if they are limited:
    where none are, the point ends with BudgetSpentError. What befalls single ranks of several, such as an exhausted
    memory, ends the whole job; the folder then knows which point it was.
    """
    outcome: Outcome = {}
    with compilation_shown(comm), first_ranks(comm, task.point.ranks) as active:
        if active is not None:
            check = None if left is None else partial(_check_time, active, left)
            try:
                outcome = {**run_point(active, task, progress, check), **surroundings.collect(active)}
            except (DistsimError, BudgetSpentError, SuspendedError, MemoryError) as error:
                if isinstance(error, MemoryError) and active.size > 1:
                    raise
                outcome = error
        patient_barrier(comm)
    return outcome


def _check_time(comm: MPI.Comm, left: Callable[[], float]) -> None:
    """Raise BudgetSpentError on every rank of ``comm`` where rank 0 has no time left."""
    if on_root(comm, left) <= 0.0:
        raise BudgetSpentError


def _parsed(arguments: list[str]) -> Options | None:
    try:
        return parse(arguments)
    except SystemExit:  # argparse has printed the help
        return None


class Session:
    """An experiment under way on all ranks of ``comm`` (None: this process is no rank): a context for ``work``.

    Rank 0 has the output folder, locked, and knows points, counts and time; the others are told what to do next.
    ``job_ranks`` are used where the experiment names none, ``most_ranks`` are those that a point may ask for.

    Raises InputError on all ranks, before anything is overwritten, where anything is wrong.
    """

    def __init__(self, comm: MPI.Comm | None, options: Options, job_ranks: int, most_ranks: float) -> None:
        self.comm = comm
        self.options = options
        self._begun = time.monotonic()
        self._failed = self._left = 0
        self._why_left = "the budget is spent"
        self._on_root(lambda: self._open(job_ranks, most_ranks))

    def work(self, attempt: Callable[[Task], Outcome]) -> int:
        """Call ``attempt`` for every point, store what it gives, report at the end; collective; the exit code.

        Where points keep checkpoints, a signal ends it between two parts of one, or two points.
        """
        keeps = self._on_root(lambda: self.plan.experiment.every() is not None)
        first = self.comm is None or self.comm.rank == 0
        with remarked(self._remark) if first else nullcontext(), watched() if keeps else nullcontext() as watch:
            while (task := self._on_root(partial(self._next, self._stopped(watch)))) is not None:
                outcome = attempt(task)
                self._on_root(partial(self._finish, task.point, outcome))
                if watch is not None:
                    watch.kept = ""
            return self._on_root(self._report)

    def _stopped(self, watch: Watch | None) -> int:
        """The signal that has reached any rank, else 0; collective."""
        number = watch.number if watch else 0
        return int(largest(self.comm, [number])[0]) if self.comm else number

    def left(self) -> float:
        """Seconds left of the budget, infinite without one."""
        budget = self.options.budget
        return math.inf if budget is None else budget - (time.monotonic() - self._begun)

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Unlock the folder. The point that ran when somebody interrupted did not end this job."""
        if self.comm is not None and self.comm.rank > 0:
            return
        if isinstance(error, (KeyboardInterrupt, StorageError)):
            self._folder.end()
        self._folder.close()

    def _on_root(self, function: Callable[[], Result]) -> Result:
        return function() if self.comm is None else on_root(self.comm, function)

    # What follows is done by rank 0.

    def _open(self, job_ranks: int, most_ranks: float) -> None:
        """Read and check everything that can be wrong, make the output folder ready and lock it."""
        options = self.options
        self.plan = make_plan(options, job_ranks, most_ranks)
        self._folder = Folder(options.out, self.plan.identity(), self.plan.settings(), resume=options.resume)
        done = {key_of(record) for record in self._folder.records}
        missing = [point for point in self.plan.points if point.key() not in done]
        # Those that failed come last: a point that ends its job, having exhausted the memory, keeps none from its turn.
        self._missing = deque(sorted(missing, key=lambda point: self._folder.failed[point.key()]))
        self._total = len(self.plan.points)
        self._number = self._total - len(missing)
        where = f"each by '{options.launcher}'" if options.launcher else in_ranks(job_ranks)
        print(f"{self._total} points, {self._number} of them done before; {where}; output folder: {options.out}",
              flush=True)  # fmt: skip

    def _next(self, stopped: int = 0) -> Task | None:
        """The next point, which then runs; None where there is none, or no time for it: all others are left as well."""
        if not self._missing:
            return None
        if stopped:
            self._why_left = words_of(stopped)
            self._leave(len(self._missing))
            return None
        if self.left() <= MARGIN * expected(self._missing[0], self._folder.records):
            self._leave(len(self._missing))
            return None
        point = self._missing.popleft()
        self._folder.begin(point)
        experiment = self.plan.experiment
        path = self._folder.path.absolute()
        folder = point_folder(path, point) if experiment.keeps() else None
        checkpoint = begin_checkpoints(path, point) if experiment.every() else None
        return Task(experiment, point, self.plan.parameters_of(point), folder, checkpoint)

    def _remark(self) -> str:
        """Whoever interrupts is told how to go on."""
        done = self._number - self._failed - self._left
        return f"{done} of {self._total} points are done, --resume goes on with the others"

    def _leave(self, points: int) -> None:
        """So many points are left for ``--resume``."""
        self._folder.end()
        self._number += points
        self._left += points
        self._missing.clear()

    def _finish(self, point: Point, outcome: Outcome) -> None:
        """Store what became of ``point``, and say so."""
        if isinstance(outcome, (BudgetSpentError, SuspendedError)):
            self._why_left = str(outcome) or self._why_left
            self._leave(1 + len(self._missing))
            return
        if isinstance(outcome, StorageError):  # of the data that are kept: no later point would find room
            raise outcome
        self._number += 1
        if isinstance(outcome, Exception):
            self._failed += 1
            silent = "no memory left" if isinstance(outcome, MemoryError) else type(outcome).__name__
            reason = str(outcome).strip() or silent
            self._folder.add_failure(point, reason)
            line = f"{point}: FAILED: {reason.splitlines()[0]}"
        else:
            self._folder.add(with_speed({**outcome, "date": surroundings.now()}, self._folder.records))
            end_checkpoints(self._folder.path, point)
            line = point_line(point, outcome)
        print(f"[{self._number:{len(str(self._total))}d}/{self._total}] {line}", flush=True)

    def _report(self) -> int:
        """Table and figure of all that the output folder holds, earlier points included; the exit code of the job."""
        if self._folder.records:
            print(brief(self._folder.path, self._folder.records, plot=self.options.plot), flush=True)
        for number, what in (
            (self._failed, "failed; --resume tries them again"),
            (self._left, f"left: {self._why_left}; --resume goes on with them"),
        ):
            if number:
                print(f"{number} of {self._total} points {what}", flush=True)
        return POINTS_FAILED if self._failed else POINTS_LEFT if self._left else DONE


def expected(point: Point, records: Iterable[Mapping[str, Any]]) -> float:
    """Seconds that ``point`` should take, from the records of the points most like it; 0 where there are none.

    Taken to be proportional to synapses per rank (neurons, where the in-degree is the model's own) and, since start-up
    does not shrink, never below the time of a smaller point.
    """
    ratios = [(_work(point) / _work(Point.from_dict(record)), record["wall_time"]) for record in records]
    if not ratios:
        return 0.0
    nearest = min(abs(math.log(ratio)) for ratio, _ in ratios)
    return max(time * max(1.0, ratio) for ratio, time in ratios if abs(math.log(ratio)) == nearest)


def _work(point: Point) -> float:
    return point.size * (point.indegree or 1) / point.ranks
