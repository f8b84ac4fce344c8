"""The report: tables for terminal, Markdown and CSV; all of it as Markdown, and as one page of HTML without links."""

from __future__ import annotations

import base64
import csv
import html as markup
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from string import Template
from typing import Any

from distsim.analysis.published_statistics import STATISTICS
from distsim.command.fitting_table import WIDTH, fitted
from distsim.core.units import FACTOR_NOTE
from distsim.parallel.communicator import in_ranks
from distsim.record.jsonable import flat
from distsim.scaling.report import figure_style
from distsim.scaling.report.summary import HEADINGS, QUANTITIES, WEIGHTS, Record, Spread, Summary, networks

CROWDED, DISTURBED = "*", "!"
NOTES = {
    CROWDED: f"{CROWDED} more ranks than cores: ranks take turns, and their times say nothing of scaling",
    DISTURBED: f"{DISTURBED} other programs used the cores meanwhile: these times say nothing",
}

BRIEF = ("build_time", "sim_time", "real_time_factor", "efficiency", "memory", "rate", "activity")
"""The columns for which a terminal is wide enough, where names are not long."""
DISPENSABLE = ("memory", "build_time", "activity")
"""Which of them are left out first."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
WEIGHTS_TITLE = "Weights of plastic synapses"
CAPTIONS = {
    "overview": "Overview. Hollow markers: more ranks than cores. Crossed out: other programs used the cores.",
    "time": "Time to simulate and to build.",
    "phases": "Phases: mean over ranks, in seconds and as shares of build and run together.",
    "speed": "Speed beside real time, and beside the fewest ranks (or events, or synapses built, per second and core).",
    "memory": "Resident memory at its peak, and bytes of the synapse tables.",
}
WITH_WHAT = {
    "git_commit": "commit", "cpu_model": "processor", "cores": "cores of a node", "hosts": "ranks by node",
    "pinning": "cores of the ranks", "load_average": "load of the busiest node", "mpi_library": "MPI library",
    "platform": "system", "launch_line": "command", "launcher": "launcher",
}  # fmt: skip
"""Fields of records that tell where and with what they were made, and what the report calls them."""
MOST_RANKS = 8
"""Ranks whose cores are told one by one."""

PAGE = Template("""\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1160px; padding: 0 1rem; color: #222; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid #ccc; }
table { border-collapse: collapse; font-size: 12px; line-height: 1.3; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .3rem; border-bottom: 1px solid #e3e3e3; text-align: right; white-space: pre-line; }
th:first-child, td:first-child, .facts td { text-align: left; overflow-wrap: anywhere; min-width: 8.6em; }
.facts td:first-child { min-width: 11rem; }
.error { background: #fbe3e0; border-left: 4px solid #b5281a; padding: .6rem 1rem; }
figure img { width: 100%; max-width: 60rem; } figcaption { color: #555; font-size: 13px; }
</style>
</head>
<body>
<h1>$title</h1>
<p>$summary</p>
$errors
<h2>Results</h2>
$table
<p>$note</p>
$weights
<h2>Figures</h2>
$figures
<h2>Where and with what</h2>
<div class="facts">$facts</div>
</body>
</html>
""")


def html(
    title: str,
    errors: Sequence[str],
    summaries: Sequence[Summary],
    records: Sequence[Record],
    figures: Mapping[str, Any],
) -> str:
    """The page; ``figures`` by file name."""
    from tabulate import tabulate

    header, rows = cells(summaries)
    return PAGE.substitute(
        title=markup.escape(f"Scaling experiment: {title}"),
        summary=markup.escape(summary_line(records)),
        errors="".join(f'<p class="error">Error: {markup.escape(error)}</p>' for error in errors),
        table=tabulate(rows, header, "html", disable_numparse=True),
        note="<br>".join(map(markup.escape, ["Means ± standard deviations over all runs.", *notes(summaries)])),
        weights=_weights_html(records),
        figures="\n".join(_figure(name, figure) for name, figure in figures.items()) or "<p>None.</p>",
        facts=tabulate(facts(records), (), "html", disable_numparse=True),
    )


def markdown(
    title: str, errors: Sequence[str], summaries: Sequence[Summary], records: Sequence[Record], figures: Sequence[str]
) -> str:
    """The report as Markdown; ``figures`` are names of files beside it."""
    said = [f"# Scaling experiment: {escaped(title)}", escaped(summary_line(records))]
    said += [f"**Error:** {escaped(error)}" for error in errors]
    said += [table([replace(summary, curve=escaped(summary.curve)) for summary in summaries], "github")]
    if weights := weight_table(records, "github"):
        said += [f"## {WEIGHTS_TITLE}", weights]
    said += [f"![{_caption(name)}]({name}.png)" for name in figures]
    entries = [f"- {escaped(name)}: {escaped(value)}" for name, value in facts(records)]
    said += ["## Where and with what", "\n".join(entries)]
    return "\n\n".join(said) + "\n"


def escaped(text: str) -> str:
    """``text``, which may hold any signs, as one line of Markdown that is neither markup nor a link."""
    plain = markup.escape(" ".join(text.split()), quote=False)
    return re.sub(r"([\\`|\[\]])", r"\\\1", plain)


def summary_line(records: Sequence[Record]) -> str:
    """How many records there are, of what."""
    models = sorted({record["model"] for record in records})
    networks = len({record["network"] for record in records})
    dates = sorted(record["date"][:10] for record in records)
    when = dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
    return f"{len(records)} runs of {networks} networks, model {', '.join(models)}, {when}."


def facts(records: Sequence[Record]) -> list[tuple[str, str]]:
    """Versions, machine and launch lines, with all values that occur."""
    found: dict[str, list[Any]] = {}
    for record in records:
        entries = {f"version of {name}": value for name, value in record["versions"].items()}
        entries |= {words: record.get(name) for name, words in WITH_WHAT.items()}
        entries[WITH_WHAT["pinning"]] = cores_of_ranks(record.get("pinning"))
        entries |= record["environment"]
        for name, value in entries.items():
            found.setdefault(name, []).append(value)
    return [(name, told) for name, values in found.items() if (told := _told(values)) != "-"]


def cores_of_ranks(pinning: Any) -> Any:
    """The cores of the ranks, such as ["0", "1"], in words; what is no list of texts as it is."""
    if not isinstance(pinning, list) or not pinning or not all(isinstance(cores, str) for cores in pinning):
        return pinning
    ranks = in_ranks(len(pinning))
    if len(set(pinning)) == 1:
        return f"{ranks} on {'core' if pinning[0].isdigit() else 'any of cores'} {pinning[0]}"
    told = [f"rank {rank} on {cores}" for rank, cores in enumerate(pinning[:MOST_RANKS])]
    return f"{ranks}: {', '.join(told)}{', ...' if len(pinning) > MOST_RANKS else ''}"


def _told(values: Sequence[Any]) -> str:
    """All values that occur; of measured ones the least and the most."""
    if all(isinstance(value, float) for value in values):
        return " to ".join(dict.fromkeys(f"{end:.3g}" for end in (min(values), max(values))))
    return "; ".join(dict.fromkeys(map(_listed, values)))


def _listed(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {item}" for name, item in value.items())
    if isinstance(value, list):
        return " | ".join(dict.fromkeys(map(str, value)))
    return "-" if value is None else str(value)


def _caption(name: str) -> str:
    kind, _, what = name.partition("_")
    return f"{kind.capitalize()} scaling. {CAPTIONS[what]}"


def _figure(name: str, figure: Any) -> str:
    """A figure as an image within the page."""
    data, caption = base64.b64encode(figure_style.image(figure, "svg")).decode(), markup.escape(_caption(name))
    source = f"data:image/svg+xml;base64,{data}"
    return f'<figure><img src="{source}" alt="{caption}"><figcaption>{caption}</figcaption></figure>'


# Tables


def table(summaries: Sequence[Summary], style: str = "simple") -> str:
    """The summaries as a table; ``style`` as for ``drawn``: "simple" has the columns ``BRIEF`` alone."""
    said = notes(summaries)
    text = drawn(*cells(summaries, BRIEF if style == "simple" else None), style)
    without: list[str] = []
    for name in DISPENSABLE:
        if style != "simple" or max(map(len, text.splitlines())) <= WIDTH:
            break
        without.append(name)
        text = drawn(*cells(summaries, [column for column in BRIEF if column not in without]), style)
    if without:
        said.append(f"not shown: {', '.join(QUANTITIES[name].label for name in without)}: see summary.csv of a report")
    return "\n\n".join([text, "\n".join(said)])


def drawn(header: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    """Texts as a table, the first column to the left: "simple" for a terminal, or another of tabulate's styles."""
    alignment = ["left"] + ["right"] * (len(header) - 1)
    if style == "simple":
        return fitted(header, rows, alignment)
    from tabulate import tabulate

    headings = [heading.replace("\n", " ") for heading in header]
    return str(tabulate(rows, headings, tablefmt=style, disable_numparse=True, colalign=alignment))


def notes(summaries: Sequence[Summary]) -> list[str]:
    """What the real-time factor is, and what the marks mean that are there."""
    marks = "".join(map(_marks, summaries))
    return [FACTOR_NOTE, *(note for mark, note in NOTES.items() if mark in marks)]


def _marks(summary: Summary) -> str:
    return CROWDED * summary.oversubscribed + DISTURBED * summary.disturbed


def cells(summaries: Sequence[Summary], names: Sequence[str] | None = None) -> tuple[list[str], list[list[str]]]:
    """Headings and texts of the table, with the columns of these names, or all; those without values are left out."""
    shown = [name for name in names or QUANTITIES if any(summary.values[name] for summary in summaries)]
    kinds = len({summary.kind for summary in summaries}) > 1
    before = ["", "kind", "ranks", "N", "K", "runs"] if kinds else ["", "ranks", "N", "K", "runs"]
    header = before + [QUANTITIES[name].heading for name in shown]
    rows = [
        [
            summary.curve,
            *([summary.kind] if kinds else []),
            f"{summary.ranks}{_marks(summary)}",
            str(summary.size),
            "-" if summary.indegree is None else str(summary.indegree),
            str(summary.runs),
            *(_text(summary.values[name], QUANTITIES[name].unit) for name in shown),
        ]
        for summary in summaries
    ]
    return header, rows


def _text(spread: Spread | None, unit: float) -> str:
    """Mean, and standard deviation where there is one, to the same number of digits."""
    if spread is None:
        return "-"
    mean, sd = spread.mean / unit, spread.sd / unit
    digits = max(0, 3 - len(str(int(abs(mean))).lstrip("0")))
    return f"{mean:.{digits}f} ± {sd:.{digits}f}" if sd else f"{mean:.{digits}f}"


def weight_table(records: Sequence[Record], style: str = "simple") -> str:
    """The statistics of the plastic weights of every network, as a table like ``table``; empty where there are none."""
    header, rows = weight_cells(records)
    if style == "github":
        rows = [[escaped(row[0]), *row[1:]] for row in rows]
    return drawn(header, rows, style) if rows else ""


def weight_cells(records: Sequence[Record]) -> tuple[list[str], list[list[str]]]:
    """Headings and texts of the table of weights: a row for each network and each of ``WEIGHTS``."""
    rows = [
        [
            summary.curve,
            str(summary.size),
            "-" if summary.indegree is None else str(summary.indegree),
            str(summary.runs),
            which,
            *(_text(summary.values[f"{begin}_{name}"], 1.0) for name in STATISTICS),
        ]
        for summary in networks(records)
        for begin, which in WEIGHTS.items()
        if any(summary.values[f"{begin}_{name}"] for name in STATISTICS)
    ]
    return ["", "N", "K", "runs", "weights (pA)", *HEADINGS], rows


def _weights_html(records: Sequence[Record]) -> str:
    """The table of weights as a part of the page."""
    from tabulate import tabulate

    header, rows = weight_cells(records)
    if not rows:
        return ""
    table = tabulate(rows, header, "html", disable_numparse=True)
    return f"<h2>{WEIGHTS_TITLE}</h2>\n{table}"


def summary_csv(summaries: Iterable[Summary]) -> str:
    """The summaries as CSV: every quantity with its mean and standard deviation, in the units of the records."""
    return as_csv([_flat_summary(summary) for summary in summaries])


def summary_json(summaries: Iterable[Summary]) -> str:
    """The same as JSON: a list of objects."""
    return json.dumps([_flat_summary(summary) for summary in summaries], indent=2, allow_nan=False) + "\n"


def _flat_summary(summary: Summary) -> dict[str, Any]:
    row = asdict(summary)
    values, phases = row.pop("values"), row.pop("phases")
    for name, spread in values.items():
        row |= {name: spread and spread["mean"], f"{name}_sd": spread and spread["sd"]}
    return row | {f"phase_{name}": seconds for name, seconds in phases.items()}


def records_csv(records: Iterable[Mapping[str, Any]]) -> str:
    """The records as CSV: entries of tables as table.entry, lists as JSON."""
    return as_csv(
        [
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in flat(record)}
            for record in records
        ]
    )


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Rows as CSV, with all names that occur as columns; no text can be taken for a formula."""
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writerow({name: _inert(name) for name in names})
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _inert(value: Any) -> Any:
    """A text that programs for tables would take for a formula, with a mark that makes it a text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
