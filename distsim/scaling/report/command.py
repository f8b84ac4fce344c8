"""``python -m distsim.scaling report FOLDER ...``, and the short report at the end of an experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from distsim.command.arguments import Parser
from distsim.errors import InputError, StorageError
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
    """All files of the report; where records disagree, without figures. Returns their paths."""
    from distsim.scaling.report import page

    errors, summaries = disagreements(records), summarize(records)
    out.mkdir(parents=True, exist_ok=True)
    figures = {} if errors else _figures(records)
    contents = {
        "summary.csv": summary_csv(summaries),
        "records.csv": records_csv(records),
        "report.md": page.markdown(title, errors, summaries, records, list(figures)),
        "report.html": page.html(title, errors, summaries, records, figures),
    }
    for name, content in contents.items():
        (out / name).write_text(content, encoding="utf-8")
    saved = [path for stem, figure in figures.items() for path in save(figure, out / stem)]
    return [*(out / name for name in contents), *saved]


def _figures(records: Sequence[Record]) -> dict[str, Any]:
    from distsim.scaling.report.figures import draw_all

    return draw_all(records)


def brief(folder: Path, records: Sequence[Record], *, plot: bool) -> str:
    """Table and one figure at the end of an experiment, and where they are."""
    said = [text(records), f"records: {folder / output.RUNS}"]
    if plot and not disagreements(records):
        from distsim.scaling.report.figures import draw_overview

        said += [f"figure: {path}" for path in save(draw_overview(records), folder / output.FIGURE)]
    return "\n".join(said)


def save(figure: Any, path: Path) -> list[Path]:
    """Write a figure with the suffixes .png and .pdf; the same records give the same files."""
    paths = [path.with_suffix(suffix) for suffix in (".png", ".pdf")]
    for target in paths:
        try:
            figure.savefig(target, dpi=200, metadata={"CreationDate": None} if target.suffix == ".pdf" else None)
        except OSError as error:
            raise StorageError(f"figure {target} cannot be written: {error.strerror}") from error
    return paths
