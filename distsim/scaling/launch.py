"""An experiment whose points are jobs of their own, started one after the other by a launcher such as mpirun or srun.

A point that fails, or takes too long, is recorded as failed, and the others go on. This process takes no part in MPI.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from distsim.core.errors import DistsimError, InputError, StorageError
from distsim.parallel.job import NOT_STORED
from distsim.parallel.progress import Progress, bars, silent
from distsim.record.storage import read_file, refused, write_whole
from distsim.scaling import process
from distsim.scaling.budget import BudgetSpentError
from distsim.scaling.desk import Desk
from distsim.scaling.experiment import Point
from distsim.scaling.interruption import Interruption
from distsim.scaling.options import Options
from distsim.scaling.record_fields import check_record
from distsim.scaling.worker import RESULT, TASK, heard

WORKER = "distsim.scaling.worker"
PREFIX = ".point-"
"""How the folders begin in which a point's job finds its task and leaves its record."""


class PointError(DistsimError):
    """The job of a point ended without a record."""


def launch(options: Options) -> int:
    """Run all points of an experiment, each started by ``options.launcher``; returns the exit code."""
    command(options, 1)
    desk = Desk(options, job_ranks=1, most_ranks=float("inf"))
    try:
        for left_behind in options.out.glob(f"{PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        for point in desk.plan.points:
            if desk.goes_on(point):
                desk.finish(point, _attempt(desk, point))
        return desk.report()
    except Interruption as error:
        error.remark = desk.progress()
        raise
    finally:
        desk.close()


def command(options: Options, ranks: int) -> list[str]:
    """The words of the launcher for so many ranks; InputError where it does not say where their number goes."""
    line = options.launcher or ""
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


def _attempt(desk: Desk, point: Point) -> dict[str, Any] | Exception:
    """The record of a point, or why there is none; StorageError where the disk has no room for it."""
    launcher = command(desk.options, point.ranks)
    limit = min(desk.options.timeout or float("inf"), desk.budget.left())
    progress = bars(None)
    plan = desk.plan
    task = {
        "settings": plan.experiment.settings(),
        "point": point.as_dict(),
        "digest": plan.digest,
        "live": progress is not silent,
    }
    begin = time.perf_counter()
    with _folder(desk.options.out) as folder:
        write_whole(folder / TASK, json.dumps(task).encode())
        words = [*launcher, sys.executable, "-m", WORKER, str(folder)]
        try:
            with _listener(progress) as hear:
                ended = process.run(words, None if limit == float("inf") else limit, os.environ, hear)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            return PointError(f"the launcher cannot be started: {error}")
        record = _read(folder / RESULT) if ended.code == 0 else None
    if record is not None:
        line = {"launch_line": shlex.join(sys.orig_argv), "launcher": shlex.join(launcher)}
        return {**record, **line, "wall_time": time.perf_counter() - begin}
    if ended.code == NOT_STORED:
        raise StorageError(
            f"the record of {point} found no room in '{desk.options.out}'; earlier ones are safe: make room, then "
            "--resume"
        )
    if ended.code is None and desk.budget.left() <= 0.0:
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


@contextmanager
def _listener(progress: Progress) -> Iterator[Callable[[str], None]]:
    """What hears the lines of a worker, and shows on the terminal what they tell."""
    with ExitStack() as shown:
        label, tell = "", None

        def hear(line: str) -> None:
            nonlocal label, tell
            told = heard(line)
            if told is None:
                return
            if told[0] != label:
                shown.close()
                label, tell = told[0], shown.enter_context(progress(told[0], told[1]))
            if tell is not None:
                tell(told[2])

        yield hear
