"""``python -m distsim.scaling report FOLDER ...``, and the short report at the end of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.core.errors import InputError
from distsim.record.storage import make_folder, write_all
from distsim.scaling import folder as output
from distsim.scaling import records as lines
from distsim.scaling.report.checks import disagreements
from distsim.scaling.report.summary import summarize
from distsim.scaling.report.tables import records_csv, summary_csv, table

Record = Mapping[str, Any]
DISAGREEMENT = 1

DESCRIPTION = """\
Tables and figures of the records in one or more output folders: on the terminal, and in the folder --out as
report.html (one page with everything, nothing loaded from outside), report.md, summary.csv, records.csv and figures
(PNG and PDF). Exit code 1 where records of one network disagree: a curve over different networks is none.
"""


def report(arguments: list[str]) -> int:
    """Run the command; returns its exit code."""
    parser = Parser(usage="python -m distsim.scaling report FOLDER ... [--out FOLDER]", description=DESCRIPTION)
    parser.add_argument("folders", nargs="+", metavar="FOLDER", help="output folders of experiments")
    parser.add_argument("--out", metavar="FOLDER", help="where the files go (default: the first folder)")
    taken = parser.take_apart(arguments, "only folders")
    folders = [Path(name) for name in taken.folders]
    held = read_all(folders)
    out = Path(taken.out or folders[0])
    files = write(held, out, title=", ".join(folder.resolve().name for folder in folders))
    print(text(held))
    print("\n".join(f"written: {file}" for file in files))
    return DISAGREEMENT if disagreements(held) else 0


def read_all(folders: Sequence[Path]) -> list[Record]:
    """The records of all folders; InputError where one is no output folder, or where there are no records."""
    held: list[Record] = []
    for folder in folders:
        output.read_header(folder)
        held += lines.read(folder / output.RUNS)
    if not held:
        raise InputError(
            f"there are no records in {', '.join(str(folder) for folder in folders)}: no point is done yet"
        )
    return held


def text(records: Sequence[Record]) -> str:
    """Table, and errors where there are some, for the terminal."""
    errors = [f"ERROR: {sentence}" for sentence in disagreements(records)]
    return "\n".join([*errors, "", table(summarize(records)), ""])


def write(records: Sequence[Record], out: Path, title: str) -> list[Path]:
    """All files of the report; where records disagree, without figures. Returns their paths.

    Raises InputError where ``out`` cannot be written, StorageError where there is no room: a report that was there
    before is then as it was.
    """
    from distsim.scaling.report import page

    errors, summaries = disagreements(records), summarize(records)
    make_folder(out, "report: folder")
    figures = {} if errors else _figures(records)
    texts = {
        "summary.csv": summary_csv(summaries),
        "records.csv": records_csv(records),
        "report.md": page.markdown(title, errors, summaries, records, list(figures)),
        "report.html": page.html(title, errors, summaries, records, figures),
    }
    contents = {out / name: text.encode("utf-8", "backslashreplace") for name, text in texts.items()}
    for stem, figure in figures.items():
        contents |= images(figure, out / stem)
    write_all(contents)
    return list(contents)


def _figures(records: Sequence[Record]) -> dict[str, Any]:
    from distsim.scaling.report.figures import draw_all

    return draw_all(records)


def brief(folder: Path, records: Sequence[Record], *, plot: bool) -> str:
    """Table and one figure at the end of an experiment, and where they are."""
    said = [text(records), f"records: {folder / output.RUNS}"]
    if plot and not disagreements(records):
        from distsim.scaling.report.figures import draw_overview

        figures = images(draw_overview(records), folder / output.FIGURE)
        write_all(figures)
        said += [f"figure: {path}" for path in figures]
    return "\n".join(said)


def images(figure: Any, path: Path) -> dict[Path, bytes]:
    """A figure as the files with the suffixes .png and .pdf; the same records give the same files."""
    from distsim.scaling.report.style import image

    return {path.with_name(f"{path.name}.{kind}"): image(figure, kind) for kind in ("png", "pdf")}
