"""Points as jobs of their own, started one after the other by a launcher such as mpirun or srun.

``launch`` runs the experiment and takes no part in MPI; a point that fails, or takes too long, is recorded as failed,
and the others go on. ``mpirun -n RANKS python -m distsim.scaling.jobs FOLDER`` is such a job: the folder holds the
task, and the record is left there.
"""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.errors import DistsimError, InputError, StorageError
from distsim.parallel import on_root, run_main, world
from distsim.parallel.job import NOT_STORED
from distsim.parallel.progress import Progress, bars, silent
from distsim.record.jsonable import plain
from distsim.record.storage import read_file, refused, write_whole
from distsim.scaling import process
from distsim.scaling.experiment import Point
from distsim.scaling.options import Options
from distsim.scaling.plan import load_point, model_of
from distsim.scaling.point import Task
from distsim.scaling.session import BudgetSpentError, Outcome, Session, attempt
from distsim.scaling.settings import Experiment, check_record

if TYPE_CHECKING:
    from mpi4py import MPI

JOB = "distsim.scaling.jobs"
TASK, RESULT = "task.json", "record.json"
PREFIX = ".point-"
"""How the folders begin in which a point's job finds its task and leaves its record."""
SPOKEN = "distsim-progress "
"""How a line begins by which the job tells its progress."""


class PointError(DistsimError):
    """The job of a point ended without a record."""


def launch(options: Options) -> int:
    """Run all points of an experiment, each started by ``options.launcher``; returns the exit code."""
    command(options.launcher, 1)
    with Session(None, options, job_ranks=1, most_ranks=math.inf) as session:
        for left_behind in options.out.glob(f"{PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        return session.work(partial(_launched, session))


def command(launcher: str | None, ranks: int) -> list[str]:
    """The words of the launcher for so many ranks; InputError where it does not say where their number goes."""
    line = launcher or ""
    if "{ranks}" not in line:
        raise InputError(f"option --launcher: '{line}' does not contain {{ranks}}, as in \"mpirun -n {{ranks}}\"")
    try:
        words = shlex.split(line.replace("{ranks}", str(ranks)))
        program = shutil.which(words[0])
    except ValueError as error:  # a quote without its end
        raise InputError(f'option --launcher: "{line}" is no command line: {error}') from None
    if program is None:
        raise InputError(f"option --launcher: there is no program '{words[0]}'")
    return words


def _launched(session: Session, task: Task) -> Outcome:
    """The record of a point, or why there is none; StorageError where the disk has no room for it."""
    options, point, progress = session.options, task.point, bars(None)
    launcher = command(options.launcher, point.ranks)
    limit = min(options.timeout or math.inf, session.left())
    told = {
        "settings": task.experiment.settings(),
        "point": point.as_dict(),
        "digest": model_of(task.experiment).digest,
        "folder": None if task.folder is None else str(task.folder),
        "live": progress is not silent,
    }
    begin = time.perf_counter()
    with _folder(options.out) as folder:
        write_whole(folder / TASK, json.dumps(told).encode())
        words = [*launcher, sys.executable, "-m", JOB, str(folder)]
        try:
            with listener(progress) as hear:
                ended = process.run(words, None if limit == math.inf else limit, os.environ, hear)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return PointError(f"the launcher cannot be started: {error}")
        record = _read(folder / RESULT) if ended.code == 0 else None
    if record is not None:
        line = {"launch_line": shlex.join(sys.orig_argv), "launcher": shlex.join(launcher)}
        return {**record, **line, "wall_time": time.perf_counter() - begin}
    if ended.code == NOT_STORED:
        raise StorageError(
            f"the results of {point} found no room in '{options.out}'; earlier ones are safe: make room, then --resume"
        )
    if ended.code is None and session.left() <= 0.0:
        return BudgetSpentError()
    return PointError(ended.reason(limit))


@contextmanager
def _folder(out: Path) -> Iterator[Path]:
    """A folder for the task and the record of a point, as long as its job lasts."""
    try:
        made = tempfile.TemporaryDirectory(prefix=PREFIX, dir=out, ignore_cleanup_errors=True)
    except OSError as error:
        raise refused(f"output folder '{out}'", error) from error
    with made as name:
        yield Path(name)


def _read(path: Path) -> dict[str, Any] | None:
    """The record that a job has left, where there is one."""
    try:
        record: dict[str, Any] = json.loads(read_file(path))
        check_record({**record, "date": "today"}, f"'{path}'")
    except (FileNotFoundError, ValueError):
        return None
    return record


# The job of a point


def main() -> int:
    """Run the point on all ranks; returns the exit code.

    It ends with whoever started it: what nobody waits for would take the cores from the next point.
    """
    process.end_with_parent()
    return run_main(partial(run, folder=Path(sys.argv[1])), world())


def run(comm: MPI.Comm, folder: Path) -> None:
    """Run the point whose task ``folder`` holds; collective."""
    task, live = on_root(comm, partial(_task, folder))
    if comm.size != task.point.ranks:
        raise InputError(f"the launcher started {comm.size} ranks for a point on {task.point.ranks}")
    outcome = attempt(comm, task, spoken if live and comm.rank == 0 else silent)
    if isinstance(outcome, Exception):
        raise outcome
    on_root(comm, lambda: write_whole(folder / RESULT, json.dumps(plain(outcome), allow_nan=False).encode()))


def _task(folder: Path) -> tuple[Task, bool]:
    """The task in ``folder``, and whether somebody watches its progress; rank 0 only."""
    held = json.loads((folder / TASK).read_text(encoding="utf-8"))
    experiment, point = Experiment(**held["settings"]), Point.from_dict(held["point"])
    model_of(experiment, held["digest"])
    kept = None if held["folder"] is None else Path(held["folder"])
    return Task(experiment, point, load_point(experiment, point), kept), held["live"]


# Progress, as lines that the job writes and the experiment hears


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


@contextmanager
def listener(progress: Progress) -> Iterator[Callable[[str], None]]:
    """What hears the lines of a job, and shows on the terminal what they tell."""
    with ExitStack() as bar:
        label, tell = "", None

        def hear(line: str) -> None:
            nonlocal label, tell
            if (told := heard(line)) is None:
                return
            if tell is None or told[0] != label:
                bar.close()
                label, tell = told[0], bar.enter_context(progress(told[0], told[1]))
            tell(told[2])

        yield hear


if __name__ == "__main__":
    sys.exit(main())
