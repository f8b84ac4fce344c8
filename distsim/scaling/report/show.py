"""``python -m distsim.scaling show FOLDER ...``: what is done, missing, failed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.scaling import folder as output
from distsim.scaling import records
from distsim.scaling.experiment import Point, key_of

DESCRIPTION = """\
List the points of experiments: done, failed (and why), missing. Exit code 0 where all are done, else 3.
"""
INCOMPLETE = 3
RUNNING = "it runs since then"


def show(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    parser = Parser(usage="python -m distsim.scaling show FOLDER ...", description=DESCRIPTION)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="output folders of experiments")
    taken = parser.take_apart(arguments, "only folders")
    complete = True
    for name in taken.folders:
        lines, all_done = overview(Path(name))
        print("\n".join(lines))
        complete &= all_done
    return 0 if complete else INCOMPLETE


def overview(folder: Path) -> tuple[list[str], bool]:
    """A line for each point of the last experiment in ``folder``, and whether all are done."""
    points = output.read_settings(folder).points(1)
    done = {key_of(record): record for record in records.read(folder / output.RUNS)}
    failed = output.failures(folder)
    running = output.unfinished(folder)
    if running is not None and key_of(running) not in done:
        failed[key_of(running)] = {**running, "reason": f"{RUNNING}, or {running['reason']}"}
    words = [_state(point, done, failed) for point in points]
    counts = {state: sum(word.startswith(state) for word in words) for state in ("done", "failed", "missing")}
    others = len(done) - counts["done"]
    more = f", and {others} points of other settings" if others else ""
    title = f"{folder}: {len(points)} points: " + ", ".join(f"{n} {state}" for state, n in counts.items()) + more
    lines = [f"  {point}: {word}" for point, word in zip(points, words, strict=True)]
    return [title, *lines], counts["done"] == len(points)


def _state(point: Point, done: dict[str, Any], failed: dict[str, Any]) -> str:
    if point.key() in done:
        return f"done, simulated in {done[point.key()]['sim_time']:.3f} s"
    if point.key() in failed:
        failure = failed[point.key()]
        return f"failed {failure['date']}: {(failure['reason'].splitlines() or [''])[0]}"
    return "missing"
