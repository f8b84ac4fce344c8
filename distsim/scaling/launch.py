"""An experiment whose points are jobs of their own, started one after the other by a launcher such as mpirun or srun.

A point that fails, or takes too long, is recorded as failed, and the others go on. This process takes no part in MPI.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from distsim.errors import DistsimError, InputError
from distsim.progress import Progress, bars, silent
from distsim.scaling import process
from distsim.scaling.budget import BudgetSpentError
from distsim.scaling.desk import Desk
from distsim.scaling.experiment import Point
from distsim.scaling.options import Options
from distsim.scaling.worker import RESULT, TASK, heard

WORKER = "distsim.scaling.worker"
PREFIX = ".point-"
"""How the folders begin in which a point's job finds its task and leaves its record."""


class PointError(DistsimError):
    """The job of a point ended without a record."""


def launch(options: Options) -> int:
    """Run all points of an experiment, each started by ``options.launcher``; returns the exit code."""
    desk = Desk(options, job_ranks=1, most_ranks=float("inf"))
    try:
        command(options, 1)
        for left_behind in options.out.glob(f"{PREFIX}*"):
            shutil.rmtree(left_behind, ignore_errors=True)
        for point in desk.plan.points:
            if desk.goes_on(point):
                desk.finish(point, _attempt(desk, point))
        return desk.report()
    finally:
        desk.close()


def command(options: Options, ranks: int) -> list[str]:
    """The words of the launcher for so many ranks; InputError where it does not say where their number goes."""
    line = options.launcher or ""
    if "{ranks}" not in line:
        raise InputError(f"option --launcher: '{line}' does not contain {{ranks}}, as in \"mpirun -n {{ranks}}\"")
    words = shlex.split(line.replace("{ranks}", str(ranks)))
    if shutil.which(words[0]) is None:
        raise InputError(f"option --launcher: there is no program '{words[0]}'")
    return words


def _attempt(desk: Desk, point: Point) -> dict[str, Any] | Exception:
    """The record of a point, or why there is none."""
    launcher = command(desk.options, point.ranks)
    limit = min(desk.options.timeout or float("inf"), desk.budget.left())
    progress = bars(None)
    task = {"settings": desk.plan.experiment.settings(), "point": point.as_dict(), "live": progress is not silent}
    begin = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=desk.options.out, ignore_cleanup_errors=True) as folder:
        (Path(folder) / TASK).write_text(json.dumps(task), encoding="utf-8")
        words = [*launcher, sys.executable, "-m", WORKER, folder]
        with _listener(progress) as hear:
            ended = process.run(words, None if limit == float("inf") else limit, os.environ, hear)
        result = Path(folder) / RESULT
        record = json.loads(result.read_text(encoding="utf-8")) if result.exists() and ended.code == 0 else None
    if record is not None:
        line = {"launch_line": shlex.join(sys.orig_argv), "launcher": shlex.join(launcher)}
        return {**record, **line, "wall_time": time.perf_counter() - begin}
    if ended.code is None and desk.budget.left() <= 0.0:
        return BudgetSpentError()
    return PointError(ended.reason(limit))


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
