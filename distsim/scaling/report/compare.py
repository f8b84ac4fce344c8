"""``python -m distsim.scaling compare OLD NEW``: ratios of times and memory, and whether they are beyond noise."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.command.fitting_table import fitted
from distsim.core.errors import InputError
from distsim.scaling.experiment import Point, key_of
from distsim.scaling.report.command import read_all
from distsim.scaling.report.summary import Record, changed, curve_names, curve_of

REGRESSION = 1
TOLERANCE = 0.1
CONFIDENCE = 0.95
LARGEST_EXPONENT = 700.0
"""Of what a number can hold: two runs that differ by much tell nothing, and their interval has no end."""
QUANTITIES = {"simulate": "sim_time", "build": "build_time", "memory": "memory_peak"}

DESCRIPTION = """\
Compare the records of two output folders point by point: ratios NEW / OLD of simulation time, build time and peak
memory, geometric means over seeds and repetitions. A point is slower (or larger) where the ratio is above 1 by more
than --tolerance and the 95 % interval of the mean of its runs' ratios lies above 1 as a whole; with one run there is
no interval, and the tolerance alone decides. Exit code 1 where anything is slower or larger.
"""


@dataclass(frozen=True)
class Change:
    """NEW / OLD of one quantity of one point: geometric mean, and the factor by which its interval reaches up and down.

    ``spread`` is None where there is only one run.
    """

    ratio: float
    spread: float | None

    @classmethod
    def of(cls, ratios: Sequence[float]) -> Change:
        """The change that the ratios of single runs tell."""
        logs = [math.log(ratio) for ratio in ratios]
        if len(logs) == 1:
            return cls(ratios[0], None)
        from scipy.stats import t as student

        quantile = float(student.ppf(0.5 + CONFIDENCE / 2.0, len(logs) - 1))
        error = quantile * statistics.stdev(logs) / math.sqrt(len(logs))
        return cls(math.exp(statistics.fmean(logs)), math.exp(min(error, LARGEST_EXPONENT)))

    def __str__(self) -> str:
        return f"{self.ratio:.3f}" if self.spread is None else f"{self.ratio:.3f} (×÷ {self.spread:.3f})"

    def verdict(self, tolerance: float) -> str:
        """One of "worse", "better" and "same"."""
        beyond = self.spread or 1.0
        if self.ratio > 1.0 + tolerance and self.ratio > beyond:
            return "worse"
        if self.ratio < 1.0 / (1.0 + tolerance) and self.ratio < 1.0 / beyond:
            return "better"
        return "same"


def compare(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    parser = Parser(usage="python -m distsim.scaling compare OLD NEW [--tolerance 0.1]", description=DESCRIPTION)
    parser.add_argument("old", metavar="OLD", help="output folder of an experiment")
    parser.add_argument("new", metavar="NEW", help="output folder of the same experiment, run later or elsewhere")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, metavar="X", help="(default: %(default)s)")
    taken = parser.take_apart(arguments, "two folders")
    if not 0.0 <= taken.tolerance < math.inf:
        raise InputError(f"option --tolerance must be a number of at least 0, as in 0.1, not {taken.tolerance:g}")
    old, new = (read_all([Path(name)]) for name in (taken.old, taken.new))
    rows, notes = differences(old, new, taken.tolerance)
    if not rows:
        raise InputError(f"'{taken.old}' and '{taken.new}' have no point in common")
    header = ["", "ranks", "N", "runs", *(f"{name}\nnew / old" for name in QUANTITIES), "verdict"]
    print(fitted(header, rows, ["left", *["right"] * (len(header) - 2), "left"]))
    print("\n".join(["", *notes]) if notes else "")
    worse = sum(row[-1] == "worse" for row in rows)
    print(f"{worse} of {len(rows)} points are worse" if worse else "no regression")
    return REGRESSION if worse else 0


def differences(old: Sequence[Record], new: Sequence[Record], tolerance: float) -> tuple[list[list[str]], list[str]]:
    """A line of the table for every point that both have; notes on what only one has and on results that differ."""
    before = {_run(record): record for record in old}
    pairs: dict[tuple[Any, ...], list[tuple[Record, Record]]] = {}
    for record in new:
        if _run(record) in before:
            point = curve_of(record), record["ranks"], record["N"], record["indegree"] or 0
            pairs.setdefault(point, []).append((before[_run(record)], record))
    names = curve_names([*old, *new])
    rows = [_row(names[point[0]], runs, tolerance) for point, runs in sorted(pairs.items())]
    alone = {where: len(all_of) - sum(map(len, pairs.values())) for where, all_of in (("OLD", old), ("NEW", new))}
    notes = [f"{n} runs are in {where} alone" for where, n in alone.items() if n]
    others = [before for runs in pairs.values() for before, after in runs if changed(before, after)]
    if others:
        notes.append(f"{len(others)} runs have other results than before, the first: {Point.from_dict(others[0])}")
    return rows, notes


def _run(record: Record) -> tuple[Any, ...]:
    return curve_of(record), key_of(record)


def _row(curve: str, runs: Sequence[tuple[Record, Record]], tolerance: float) -> list[str]:
    """Name of the point, how many pairs of runs it has, the change of every quantity (none where one costs nothing)."""
    first = runs[0][1]
    costs = {name: [(_cost(old[field]), _cost(new[field])) for old, new in runs] for name, field in QUANTITIES.items()}
    changes = {
        name: Change.of([new / old for old, new in pairs]) for name, pairs in costs.items() if all(map(all, pairs))
    }
    verdicts = {change.verdict(tolerance) for change in changes.values()}
    verdict = next((word for word in ("worse", "better") if word in verdicts), "same")
    ratios = [str(changes.get(name, "-")) for name in QUANTITIES]
    return [curve, str(first["ranks"]), str(first["N"]), str(len(runs)), *ratios, verdict]


def _cost(value: Any) -> float:
    """A time, or the sum of what the ranks need."""
    return float(sum(value) if isinstance(value, list) else value)
