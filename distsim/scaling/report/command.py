"""``python -m distsim.scaling report`` and ``show``, and the short report at the end of an experiment."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.command.fitting_table import WIDTH
from distsim.core.errors import InputError
from distsim.record.storage import make_folder, write_all
from distsim.scaling import store
from distsim.scaling.experiment import Point, key_of, points_in
from distsim.scaling.report import figure_style, figures, page
from distsim.scaling.report.kept import files_of, kept_points
from distsim.scaling.report.summary import Record, disagreements, summarize

DISAGREEMENT, INCOMPLETE = 1, 3
"""Exit codes: records of one network disagree; points are not done."""

REPORT = """\
Tables and figures of the records in one or more output folders: on the terminal, and in the folder --out as
report.html (one page with everything, nothing loaded from outside), report.md, summary.csv, summary.json, records.csv
and figures (PNG and PDF). Exit code 1 where records of one network disagree: a curve over different networks is none.
"""
SHOW = """\
List the points of experiments: done, failed (and why), missing. Exit code 0 where all are done, else 3.
"""


def report(arguments: list[str]) -> int:
    """Run ``report``; returns its exit code."""
    parser = Parser(usage="python -m distsim.scaling report FOLDER ... [--out FOLDER]", description=REPORT)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="output folders of experiments")
    parser.add_argument("--out", metavar="FOLDER", help="where the files go (default: the first folder)")
    parser.add_argument(
        "--published-limits", action="store_true", help="let rates and weights over N end where the published axes do"
    )
    parser.add_argument(
        "--points", action="store_true", help="also figures and statistics of each point whose data are kept"
    )
    taken = parser.take_apart(arguments, "only folders")
    folders = [Path(name) for name in taken.folders]
    files = []
    for folder in folders if taken.points else ():
        for point in kept_points(folder):
            place = Path(taken.out, store.POINTS, folder.resolve().name, point.name) if taken.out else point
            files += write_point(point, place)
    records = read_all(folders)
    if taken.published_limits and not any(r["kind"] == "size" and r["weight_mean"] is not None for r in records):
        raise InputError("option --published-limits: there are no points of kind size with plastic weights")
    title = ", ".join(folder.resolve().name for folder in folders)
    out = Path(taken.out or folders[0])
    files += write(records, out, title, published_limits=taken.published_limits)
    print(text(records))
    print("\n".join(f"written: {file}" for file in files))
    return DISAGREEMENT if disagreements(records) else 0


def read_all(folders: Sequence[Path]) -> list[Record]:
    """The records of all folders; InputError where one is no output folder, or where there are no records."""
    records: list[Record] = []
    for folder in folders:
        store.read_header(folder)
        records += store.read(folder)
    if not records:
        raise InputError(f"there are no records in {', '.join(map(str, folders))}: no point is done yet")
    return records


def text(records: Sequence[Record]) -> str:
    """Tables, and errors where there are some, for the terminal."""
    errors = [f"ERROR: {sentence}" for sentence in disagreements(records)]
    tables = [page.table(summarize(records)), page.weight_table(records)]
    return "\n".join([*errors, "", "\n\n".join(filter(None, tables)), ""])


def write(records: Sequence[Record], out: Path, title: str, *, published_limits: bool = False) -> list[Path]:
    """All files of the report; where records disagree, without figures. Returns their paths.

    Raises InputError where ``out`` cannot be written, StorageError where there is no room: a report that was there
    before is then as it was.
    """
    errors, summaries = disagreements(records), summarize(records)
    make_folder(out, "report: folder")
    drawn = {} if errors else figures.draw_all(records, published_limits=published_limits)
    texts = {
        "summary.csv": page.summary_csv(summaries),
        "summary.json": page.summary_json(summaries),
        "records.csv": page.records_csv(records),
        "report.md": page.markdown(title, errors, summaries, records, list(drawn)),
        "report.html": page.html(title, errors, summaries, records, drawn),
    }
    contents = {out / name: content.encode("utf-8", "backslashreplace") for name, content in texts.items()}
    for stem, figure in drawn.items():
        contents |= _images(figure, out / stem)
    write_all(contents)
    return list(contents)


def write_point(point: Path, out: Path) -> list[Path]:
    """Figures and statistics of the data that are kept of a point, into the folder ``out``; returns their paths."""
    texts, drawings = files_of(point)
    make_folder(out, "report: folder")
    contents = {out / name: text.encode() for name, text in texts.items()}
    for stem, draw in drawings.items():
        contents |= _images(draw(), out / stem)
    write_all(contents)
    return list(contents)


def brief(folder: Path, records: Sequence[Record], *, plot: bool) -> str:
    """Table and one figure at the end of an experiment, and where they are."""
    said = [text(records), f"records: {folder / store.RUNS}"]
    if plot and not disagreements(records):
        images = _images(figures.draw_overview(records), folder / store.FIGURE)
        write_all(images)
        said += [f"figure: {path}" for path in images]
    return "\n".join(said)


def _images(figure: Any, path: Path) -> dict[Path, bytes]:
    """A figure as the files with the suffixes .png and .pdf; the same records give the same files."""
    return {path.with_name(f"{path.name}.{kind}"): figure_style.image(figure, kind) for kind in ("png", "pdf")}


def show(arguments: list[str]) -> int:
    """Run ``show``; returns its exit code."""
    parser = Parser(usage="python -m distsim.scaling show FOLDER ...", description=SHOW)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="output folders of experiments")
    taken = parser.take_apart(arguments, "only folders")
    complete = [_show_points(Path(name)) for name in taken.folders]
    return 0 if all(complete) else INCOMPLETE


def _show_points(folder: Path) -> bool:
    """Print a line for each point of the last experiment in ``folder``; whether all are done."""
    points = points_in(store.read_header(folder)["settings"], f"{folder / store.HEADER}: settings")
    done = {key_of(record): record for record in store.read(folder)}
    failed = {key_of(record): record for record in store.read_failures(folder)}
    if (running := store.unfinished(folder)) is not None:
        failed[key_of(running)] = {**running, "reason": f"it runs since then, or {running['reason']}"}
    states = [_state(point, done, failed) for point in points]
    counts = {name: sum(state.startswith(name) for state in states) for name in ("done", "failed", "missing")}
    others = len(done) - counts["done"]
    more = f", and {others} points of other settings" if others else ""
    print(f"{folder}: {len(points)} points: " + ", ".join(f"{n} {name}" for name, n in counts.items()) + more)
    for point, state in zip(points, states, strict=True):
        print(textwrap.fill(f"  {point}: {state}", WIDTH, subsequent_indent=" " * 6, break_on_hyphens=False))
    return counts["done"] == len(points)


def _state(point: Point, done: Mapping[str, Record], failed: Mapping[str, Record]) -> str:
    key = point.key()
    if key in done:
        return f"done, simulated in {done[key]['sim_time']:.3f} s"
    if key in failed:
        return f"failed {failed[key]['date']}: {(failed[key]['reason'].splitlines() or [''])[0]}"
    return "missing"
