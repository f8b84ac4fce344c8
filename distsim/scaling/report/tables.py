"""Tables of summaries for terminal and Markdown, and of summaries and records as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from distsim.scaling.report.summary import QUANTITIES, Spread, Summary
from distsim.scaling.store import flat

CROWDED = "*"
CROWDED_NOTE = f"{CROWDED} more ranks than cores: ranks take turns, and their times say nothing of scaling"

BRIEF = ("build_time", "sim_time", "real_time_factor", "efficiency", "memory", "rate", "weight_mean")
"""The columns for which a terminal is wide enough."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def table(summaries: Sequence[Summary], style: str = "simple") -> str:
    """The summaries as a table; ``style`` is one of tabulate's: "simple" for a terminal, with the columns ``BRIEF``."""
    from tabulate import tabulate

    brief = style == "simple"
    header, rows = cells(summaries, BRIEF if brief else None)
    if not brief:
        header = [heading.replace("\n", " ") for heading in header]
    alignment = ["left"] + ["right"] * (len(header) - 1)
    text: str = tabulate(rows, header, tablefmt=style, disable_numparse=True, colalign=alignment)
    crowded = any(summary.oversubscribed for summary in summaries)
    return f"{text}\n\n{CROWDED_NOTE}" if crowded else text


def cells(summaries: Sequence[Summary], names: Sequence[str] | None = None) -> tuple[list[str], list[list[str]]]:
    """Headings and texts of the table, with the columns of these names, or all; those without values are left out."""
    shown = [name for name in names or QUANTITIES if any(summary.values[name] for summary in summaries)]
    kinds = len({summary.kind for summary in summaries}) > 1
    header = [
        "",
        *(["kind"] if kinds else []),
        "ranks",
        "N",
        "K",
        "runs",
        *(QUANTITIES[name].heading for name in shown),
    ]
    rows = [
        [
            summary.curve,
            *([summary.kind] if kinds else []),
            f"{summary.ranks}{CROWDED if summary.oversubscribed else ''}",
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


def summary_csv(summaries: Iterable[Summary]) -> str:
    """The summaries as CSV: every quantity with its mean and standard deviation, in the units of the records."""
    rows = []
    for summary in summaries:
        row = asdict(summary)
        values, phases = row.pop("values"), row.pop("phases")
        for name, spread in values.items():
            row |= {name: spread and spread["mean"], f"{name}_sd": spread and spread["sd"]}
        rows.append(row | {f"phase_{name}": seconds for name, seconds in phases.items()})
    return _csv(rows)


def records_csv(records: Iterable[Mapping[str, Any]]) -> str:
    """The records as CSV: entries of tables as table.entry, lists as JSON."""
    return _csv(
        [
            {name: json.dumps(value) if isinstance(value, list) else value for name, value in flat(record)}
            for record in records
        ]
    )


def _csv(rows: list[dict[str, Any]]) -> str:
    names = dict.fromkeys(name for row in rows for name in row)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(names), lineterminator="\n")
    writer.writerow({name: _inert(name) for name in names})
    writer.writerows({name: _inert(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _inert(value: Any) -> Any:
    """A text that programs for tables would take for a formula, with a mark that makes it a text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
