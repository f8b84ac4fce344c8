"""An experiment within one MPI job: its points one after the other, each on as many ranks as it asks for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from distsim.core.errors import DistsimError, StorageError
from distsim.parallel import on_root
from distsim.parallel.communicator import first_ranks, patient_barrier
from distsim.parallel.job import NOT_STORED
from distsim.parallel.progress import Progress, bars, compilation_shown
from distsim.record import surroundings
from distsim.scaling.budget import BudgetSpentError
from distsim.scaling.point import Task, run_point

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.scaling.desk import Desk
    from distsim.scaling.experiment import Point
    from distsim.scaling.plan import Plan


"""Exit code where a record could not be stored."""


def run(comm: MPI.Comm, arguments: list[str]) -> int:
    """Run the experiment of a command line on the ranks of ``comm``; collective; returns the exit code.

    Raises InputError on all ranks, before anything is computed or overwritten, where command line, experiment file
    or output folder are wrong.
    """
    desks: list[Desk] = []  # on rank 0 alone, one
    try:
        plan = on_root(comm, partial(_open, desks, arguments, comm.size))
        if plan is None:
            return 0
        for point in plan.points:
            if on_root(comm, lambda point=point: _begin(desks[0], point)):  # type: ignore[misc]
                task = Task(plan.experiment, point, plan.parameters_of(point))
                left = (lambda: desks[0].budget.left()) if plan.limited else None
                with compilation_shown(comm):
                    outcome = attempt(comm, task, bars(comm), left)
                on_root(comm, lambda point=point, outcome=outcome: desks[0].finish(point, outcome))  # type: ignore[misc]
        return on_root(comm, lambda: desks[0].report())
    except StorageError as error:  # on all ranks alike
        if comm.rank == 0:
            print(f"distsim: error: {error}", file=sys.stderr, flush=True)
        return NOT_STORED
    except KeyboardInterrupt as stop:
        for desk in desks:
            desk.interrupt()
            if comm.size == 1:
                stop.args = (f"{str(stop) or 'interrupted'}; {desk.progress()}",)
            else:  # the others are ended meanwhile, which has been said
                desk.complain(desk.progress())
        raise
    finally:
        for desk in desks:
            desk.close()


def _begin(desk: Desk, point: Point) -> bool:
    """Whether there is time for ``point``, which then begins; rank 0 only."""
    if not desk.goes_on(point):
        return False
    desk.begin(point)
    return True


def attempt(
    comm: MPI.Comm, task: Task, progress: Progress, left: Callable[[], float] | None = None
) -> dict[str, Any] | Exception:
    """The record of a point run on the first ranks of ``comm``, or the error that all of them met; collective.

    The other ranks sleep. Complete on rank 0. ``left`` tells on rank 0 how many seconds are left, if they are limited:
    where none are, the point ends with BudgetSpentError. What befalls single ranks of several, such as an exhausted
    memory, ends the whole job; the folder then knows which point it was.
    """
    outcome: dict[str, Any] | Exception = {}
    with first_ranks(comm, task.point.ranks) as active:
        if active is not None:
            check = None if left is None else partial(_check_time, active, left)
            try:
                outcome = {**run_point(active, task, progress, check), **surroundings.collect(active)}
            except (DistsimError, BudgetSpentError, MemoryError) as error:
                if isinstance(error, MemoryError) and active.size > 1:
                    raise
                outcome = error
        patient_barrier(comm)
    return outcome


def _open(desks: list[Desk], arguments: list[str], ranks: int) -> Plan | None:
    from distsim.scaling.desk import open_desk

    desk = open_desk(arguments, ranks, ranks)
    if desk is None:
        return None
    desks.append(desk)
    return desk.plan


def _check_time(comm: MPI.Comm, left: Callable[[], float]) -> None:
    """Raise BudgetSpentError on every rank of ``comm`` where rank 0 has no time left."""
    if on_root(comm, left) <= 0.0:
        raise BudgetSpentError
