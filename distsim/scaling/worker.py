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
from typing import TYPE_CHECKING, Any

from distsim.core.errors import InputError, StorageError
from distsim.parallel import on_root, run_main, world
from distsim.parallel.job import NOT_STORED
from distsim.parallel.progress import silent
from distsim.record.jsonable import plain
from distsim.record.storage import write_whole
from distsim.scaling.parent import end_with_parent

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.scaling.point import Task

TASK, RESULT = "task.json", "record.json"
"""Exit code where the disk has no room for the record."""
SPOKEN = "distsim-progress "
"""How a line begins by which the job tells its progress."""


def main() -> int:
    """Run the point on all ranks; returns the exit code.

    It ends with whoever started it: what nobody waits for would take the cores from the next point.
    """
    end_with_parent()
    return run_main(partial(run, folder=Path(sys.argv[1])), world())


def run(comm: MPI.Comm, folder: Path) -> int:
    """Run the point whose task ``folder`` holds; collective."""
    from distsim.scaling.run import attempt

    task, live = on_root(comm, partial(read, folder))
    if comm.size != task.point.ranks:
        raise InputError(f"the launcher started {comm.size} ranks for a point on {task.point.ranks}")
    outcome = attempt(comm, task, spoken if live and comm.rank == 0 else silent)
    if isinstance(outcome, Exception):
        raise outcome
    try:
        on_root(comm, partial(_leave, folder, outcome))
    except StorageError as error:
        if comm.rank == 0:
            print(f"distsim: error: {error}", file=sys.stderr, flush=True)
        return NOT_STORED
    return 0


def _leave(folder: Path, record: dict[str, Any]) -> None:
    """Write the record; rank 0 only."""
    write_whole(folder / RESULT, json.dumps(plain(record), allow_nan=False).encode())


def read(folder: Path) -> tuple[Task, bool]:
    """The task in ``folder``, and whether somebody watches its progress; rank 0 only."""
    from distsim.scaling.experiment import Experiment, Point
    from distsim.scaling.plan import model_of, overrides
    from distsim.scaling.point import Task

    held = json.loads((folder / TASK).read_text(encoding="utf-8"))
    experiment, point = Experiment(**held["settings"]), Point.from_dict(held["point"])
    model = model_of(experiment, held["digest"])
    return Task(experiment, point, model.load(overrides(experiment, point))), held["live"]


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
        return str(label), float(total), float(done)
    except (ValueError, TypeError, OverflowError, RecursionError):  # mixed with what another rank wrote
        return None


if __name__ == "__main__":
    sys.exit(main())
