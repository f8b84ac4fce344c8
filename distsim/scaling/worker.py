"""The job of one point: ``mpirun -n RANKS python -m distsim.scaling.worker FOLDER``, as ``launch.py`` starts it.

The folder holds the task; the record is left there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distsim.errors import InputError
from distsim.parallel import on_root, run_main, world
from distsim.progress import silent

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.scaling.point import Task

TASK, RESULT = "task.json", "record.json"
SPOKEN = "distsim-progress "
"""How a line begins by which the job tells its progress."""


def main() -> int:
    """Run the point on all ranks; returns the exit code."""
    return run_main(partial(run, folder=Path(sys.argv[1])), world())


def run(comm: MPI.Comm, folder: Path) -> int:
    """Run the point whose task ``folder`` holds; collective."""
    from distsim.record.jsonable import write_json
    from distsim.scaling.run import attempt

    task, live = on_root(comm, partial(read, folder))
    if comm.size != task.point.ranks:
        raise InputError(f"the launcher started {comm.size} ranks for a point on {task.point.ranks}")
    outcome = attempt(comm, task, spoken if live and comm.rank == 0 else silent)
    if isinstance(outcome, Exception):
        raise outcome
    if comm.rank == 0:
        write_json(folder / RESULT, outcome)
    return 0


def read(folder: Path) -> tuple[Task, bool]:
    """The task in ``folder``, and whether somebody watches its progress; rank 0 only."""
    from distsim.models.registry import find
    from distsim.scaling.experiment import Experiment, Point
    from distsim.scaling.plan import overrides
    from distsim.scaling.point import Task

    held = json.loads((folder / TASK).read_text(encoding="utf-8"))
    experiment, point = Experiment(**held["settings"]), Point.from_dict(held["point"])
    return Task(experiment, point, find(experiment.model).load(overrides(experiment, point))), held["live"]


@contextmanager
def spoken(label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    """Progress as lines for whoever started the job."""

    def tell(done: float) -> None:
        print(SPOKEN + json.dumps([label, total, done]), flush=True)

    tell(0.0)
    yield tell


def heard(line: str) -> tuple[str, float, float] | None:
    """Label, total and what is done of it, where ``line`` tells progress."""
    if not line.startswith(SPOKEN):
        return None
    try:
        label, total, done = json.loads(line[len(SPOKEN) :])
    except ValueError:  # mixed with what another rank wrote
        return None
    return label, total, done


if __name__ == "__main__":
    sys.exit(main())
