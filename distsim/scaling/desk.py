"""What rank 0 alone does around the points: plan, folder, budget, log lines, and the report at the end."""

from __future__ import annotations

import sys
from typing import Any

from distsim.record.surroundings import now
from distsim.scaling.budget import Budget, BudgetSpentError
from distsim.scaling.experiment import Point, count
from distsim.scaling.options import Options
from distsim.scaling.plan import prepare
from distsim.scaling.report.lines import point_line
from distsim.scaling.report.scaling import with_speed

DONE, POINTS_FAILED, POINTS_LEFT = 0, 1, 3
"""Exit codes; 2 is for wrong input."""


class Desk:
    """An experiment under way: opened with a command line, told of every point, closed with a report.

    ``most_ranks`` are those that a point may ask for, ``job_ranks`` those where it names none.
    """

    def __init__(self, options: Options, job_ranks: int, most_ranks: float) -> None:
        self.options = options
        self.budget = Budget(options.budget)
        self.plan, self._folder = prepare(options, job_ranks, most_ranks)
        self._number = self.plan.total - len(self.plan.points)
        self._failed = self._left = 0
        where = f"each by '{options.launcher}'" if options.launcher else count(job_ranks)
        self.say(f"{self.plan.total} points, {self._number} of them done before; {where}; output folder: {options.out}")

    def goes_on(self, point: Point) -> bool:
        """Whether there is time for ``point``; where there is not, all that follow are left as well."""
        if self._left == 0 and self.budget.allows(point, self._folder.records):
            return True
        self.leave()
        return False

    def begin(self, point: Point) -> None:
        """Note that ``point`` runs within this job, so that a job which ends in it leaves word of it."""
        self._folder.begin(point)

    def leave(self) -> None:
        """Count a point as left for ``--resume``."""
        self._folder.end()
        self._number += 1
        self._left += 1

    def finish(self, point: Point, outcome: dict[str, Any] | Exception) -> None:
        """Store what became of ``point``, its record or why there is none, and say so."""
        if isinstance(outcome, BudgetSpentError):
            self.leave()
            return
        self._number += 1
        if isinstance(outcome, Exception):
            self._failed += 1
            reason = str(outcome).strip() or (
                "no memory left" if isinstance(outcome, MemoryError) else type(outcome).__name__
            )
            self._folder.add_failure(point, reason, now())
            self.say(f"{self._place()} {point}: FAILED: {reason.splitlines()[0]}")
        else:
            self._folder.add(with_speed({**outcome, "date": now()}, self._folder.records))
            self.say(f"{self._place()} {point_line(point, outcome)}")

    def interrupt(self) -> None:
        """Take back that a point runs: it did not end this job, somebody else did."""
        self._folder.end()

    def progress(self) -> str:
        """How many points are done, and how the others are reached."""
        done = self._number - self._failed - self._left
        return f"{done} of {self.plan.total} points are done, --resume goes on with the others"

    def _place(self) -> str:
        """Which point of how many, as in "[ 3/12]"."""
        return f"[{self._number:{len(str(self.plan.total))}d}/{self.plan.total}]"

    def close(self) -> None:
        """Unlock the output folder."""
        self._folder.close()

    def report(self) -> int:
        """Table and figure of all that the output folder holds, earlier points included; the exit code of the job."""
        from distsim.scaling.report.command import brief

        if self._folder.records:
            self.say(brief(self._folder.path, self._folder.records, plot=self.options.plot))
        if self._failed:
            self.say(f"{self._failed} of {self.plan.total} points failed; --resume tries them again")
        if self._left:
            self.say(f"{self._left} of {self.plan.total} points left: the budget is spent; --resume goes on with them")
        return POINTS_FAILED if self._failed else POINTS_LEFT if self._left else DONE

    def complain(self, text: str) -> None:
        """Print a line among the errors at once."""
        print(f"distsim: {text}", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Print a line at once."""
        print(text, flush=True)


def open_desk(arguments: list[str], job_ranks: int, most_ranks: float) -> Desk | None:
    """The desk of a command line; None where only help was asked for. Raises InputError."""
    from distsim.scaling.options import parse

    try:
        return Desk(parse(arguments), job_ranks, most_ranks)
    except SystemExit:  # argparse has printed the help
        return None
