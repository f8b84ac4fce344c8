"""The figures of a scaling experiment: panels of one quantity each, all curves, and where there is one the ideal."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from distsim.core.units import MS_PER_S
from distsim.scaling.report import style
from distsim.scaling.report.summary import QUANTITIES, Summary, summarize
from distsim.scaling.settings import KINDS

Record = Mapping[str, Any]
Points = Sequence[Summary]
WIDTH = 180.0
"""Of a page's figure (mm)."""
MOST_PHASES = 12
"""Curves whose phases are drawn: each takes two panels, and a figure cannot be of any width. Tables hold all."""
PHASE_COLOURS = {
    "create": "#d9d9d9",
    "connect": "#a6a6a6",
    "index": "#737373",
    "update": "#0072B2",
    "deliver": "#009E73",
    "communicate": "#D55E00",
    "wait": "#F0C75E",
    "record": "#CC79A7",
    "other": "#e8ded1",
}
"""From the bottom of a stack to its top: building in grey, then the run."""
RUN_PHASES = ("update", "deliver", "communicate", "wait", "record")

PAIRS = {
    "time": ("sim_time", "build_time"),
    "speed": ("real_time_factor", "speedup"),
    "memory": ("memory", "bytes_per_synapse"),
}
"""Figures of two panels by name."""


def draw_all(records: Sequence[Record]) -> dict[str, Any]:
    """All figures by file name, kind by kind."""
    figures: dict[str, Any] = {}
    for kind in KINDS:
        of_kind = [record for record in records if record["kind"] == kind]
        if of_kind:
            figures[f"{kind}_overview"] = draw_overview(of_kind)
            figures[f"{kind}_time"] = _pair(of_kind, "time")
            figures[f"{kind}_phases"] = _phases(of_kind)
            figures |= {f"{kind}_{name}": _pair(of_kind, name) for name in ("speed", "memory")}
    return figures


def draw_overview(records: Sequence[Record]) -> Any:
    """The figure of an experiment.

    Over network size the published one: simulation time, rate, weights; over ranks simulation time, efficiency and
    the shares of the phases. Points are means over seeds and repetitions, error bars standard deviations.
    """
    summaries = summarize(records)
    over_size = style.over_size(summaries)
    with style.canvas(3, WIDTH, 70.0 if over_size else 75.0) as (figure, (times, middle, right)):
        draw_quantity(times, summaries, "sim_time")
        if over_size:  # each network once, whatever ranks it ran on: rates and weights are the same on all
            once = {record["network"]: {**record, "ranks": 1, "oversubscribed": False} for record in records}
            networks = summarize(list(once.values()))
            draw_quantity(middle, networks, "rate")
            draw_weights(right, networks)
        else:
            draw_quantity(middle, summaries, "efficiency")
            name, points = next(iter(style.curves(summaries).items()))
            draw_phases(right, points, share=True, chosen=RUN_PHASES)
            right.set_title(style.label(name), fontsize=8)
            right.set_ylabel("share of the simulation time")
            right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
        style.legend(figure, times, _title(records))
    return figure


def _pair(records: Sequence[Record], name: str) -> Any:
    """The figure of ``PAIRS`` with this name."""
    summaries = summarize(records)
    with style.canvas(2, WIDTH, 80.0) as (figure, panels):
        for panel, quantity in zip(panels, PAIRS[name], strict=True):
            no_speedup = quantity == "speedup" and style.over_size(summaries)
            draw_quantity(panel, summaries, "events_per_second_and_core" if no_speedup else quantity)
        style.legend(figure, panels[0], _title(records))
    return figure


def _phases(records: Sequence[Record]) -> Any:
    curves = dict(itertools.islice(style.curves(summarize(records)).items(), MOST_PHASES))
    with style.canvas(2 * len(curves), WIDTH * max(1.0, len(curves) / 2.0), 80.0) as (figure, panels):
        for number, (name, points) in enumerate(curves.items()):
            draw_phases(panels[2 * number], points, share=False)
            draw_phases(panels[2 * number + 1], points, share=True)
            panels[2 * number].set_title(style.label(name), fontsize=8)
        style.legend(figure, panels[0], _title(records), columns=9)
    return figure


def _title(records: Sequence[Record]) -> str:
    """The settings that all records share, and what the error bars are."""
    first, words = records[0], []
    if len({record["indegree"] for record in records}) == 1 and first["indegree"]:
        words.append(f"in-degree $K$ = {first['indegree']}")
    if first["kind"] == "strong" and len({record["N"] for record in records}) == 1:
        words.append(f"$N$ = {first['N']}")
    words.append(f"simulated time $T$ = {first['T_ms'] / MS_PER_S:g} s")
    runs = max(summary.runs for summary in summarize(records))
    seeds = len({record["seed"] for record in records})
    if runs > 1:
        of = f"{seeds} seeds" if seeds == runs else f"{runs} runs of {seeds} seeds" if seeds > 1 else f"{runs} runs"
        words.append(f"mean and SD of {of}")
    return ", ".join(words)


def draw_quantity(panel: Any, summaries: Points, name: str) -> None:
    """One of ``QUANTITIES`` along every curve, on an axis from 0 or in powers of ten, with the ideal (dashed)."""
    quantity = QUANTITIES[name]
    for number, (curve, points) in enumerate(style.curves(summaries).items()):
        style.draw(panel, number, points, name, quantity.unit, label=style.label(curve))
        panel.plot(*_ideal(points, name), **style.IDEAL)
    if name in ("efficiency", "real_time_factor"):
        panel.axhline(1.0, **style.IDEAL)
    panel.set_ylabel(quantity.label)
    style.horizontal(panel, summaries)
    strong_time = name in ("sim_time", "build_time") and summaries[0].kind == "strong"
    if strong_time or name in ("speedup", "real_time_factor"):
        style.logarithmic(panel)
    else:
        style.from_zero(panel)
    if name == "efficiency":
        panel.set_ylim(0, max(1.1, panel.get_ylim()[1]))


def _ideal(points: Points, name: str) -> tuple[list[float], list[float]]:
    """The curve through the first point that costs or gains as they ideally would; empty where there is none.

    Over network size the time is a line through the origin and the largest network: cost proportional to N. Twice the
    ranks halve it in strong scaling and leave it as it is in weak scaling.
    """
    where = [style.place(point) for point in points]
    if name == "speedup":
        return where, [x / where[0] for x in where]
    first, last = points[0].values[name], points[-1].values[name]
    if name not in ("sim_time", "build_time") or first is None or last is None:
        return [], []
    if points[0].kind == "size":
        return [0.0, where[-1]], [0.0, last.mean]
    strong = points[0].kind == "strong"
    return where, [first.mean * points[0].ranks / point.ranks if strong else first.mean for point in points]


def draw_weights(panel: Any, summaries: Points) -> None:
    """Mean weight, and that plus the standard deviation."""
    for number, points in enumerate(style.curves(summaries).values()):
        style.draw(panel, number, points, "weight_mean")
        style.draw(panel, number, points, "weight_upper", linestyle="--", markerfacecolor="white")
    panel.set_ylabel("synaptic weight (pA)")
    style.horizontal(panel, summaries)
    style.from_zero(panel)
    panel.plot([], [], color="0.3", marker="o", label="mean")
    panel.plot([], [], color="0.3", marker="o", linestyle="--", markerfacecolor="white", label="mean + SD")
    panel.legend(loc="best")


def draw_phases(panel: Any, points: Points, *, share: bool, chosen: Sequence[str] = tuple(PHASE_COLOURS)) -> None:
    """Mean seconds of every phase as stacked bars, or what share each has of the ``chosen`` ones together."""
    bottom = [0.0] * len(points)
    totals = [sum(point.phases[name] for name in chosen) or 1.0 if share else 1.0 for point in points]
    for name in chosen:
        heights = [point.phases[name] / total for point, total in zip(points, totals, strict=True)]
        panel.bar(range(len(points)), heights, bottom=bottom, color=PHASE_COLOURS[name], width=0.75, label=name)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    over_size = style.over_size(points)
    names = [str(point.size if over_size else point.ranks) for point in points]
    panel.set_xticks(range(len(points)), names, rotation=60 if over_size and len(points) > 4 else 0)
    panel.set_xlabel("network size $N$" if over_size else "ranks")
    panel.set_ylabel("share of the time" if share else "time (s), mean over ranks")
    panel.set_ylim(0, 1.0 if share else None)
