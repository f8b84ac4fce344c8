"""The figures of a scaling experiment: panels of one quantity each, all curves, and where there is one the ideal."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from distsim.analysis.figure_look import COLOURS, MARKERS
from distsim.core.units import MS_PER_S
from distsim.parallel.communicator import in_ranks
from distsim.scaling.record_fields import PHASES, RUN_PHASES
from distsim.scaling.report.figure_style import canvas, from_zero, label, legend, logarithmic
from distsim.scaling.report.summary import QUANTITIES, Record, Summary, networks, summarize
from distsim.scaling.settings import KINDS

Points = Sequence[Summary]
WIDTH = 180.0
"""Of a page's figure (mm)."""
LONGEST_QUANTITY = 28
"""Letters beside a vertical axis, which is no longer; more make two lines."""
MOST_NAMED = 3
"""Missing points that are named; of more only the number is told."""
MOST_PHASES = 12
"""Curves whose phases are drawn: each takes two panels, and a figure cannot be of any width. Tables hold all."""
PHASE_COLOURS = dict(
    zip(
        PHASES,
        ("#c8c8c8", "#a0a0a0", "#5a5a5a", "#0072B2", "#009E73", "#D55E00", "#F0C75E", "#56B4E9", "#332288", "#E69F00",
         "#882255", "#F0E442", "#AA4499", "#fdf6e7"),
        strict=True,
    )
)  # fmt: skip
"""From the bottom of a stack to its top: building in grey, then the run."""

PAIRS = {
    "time": ("sim_time", "build_time"),
    "speed": ("real_time_factor", "speedup"),
    "memory": ("memory", "bytes_per_synapse"),
}
"""Figures of two panels by name."""
IDEAL = {"color": "0.55", "linestyle": (0, (4, 3)), "linewidth": 0.8, "marker": "", "zorder": 1}
REAL_TIME = {**IDEAL, "linestyle": (0, (1, 1.5))}
REAL_TIME_NAME = "real time (faster below)"
DISTURBED = "other programs used the cores"
PUBLISHED_LIMITS = {"rate": (0.5, 2.0), "weight": (10.0, 100.0)}
"""Of the published figure: rate (1/s) and weight (pA). Its time has none, its sizes are those that there are."""


def draw_all(records: Sequence[Record], *, published_limits: bool = False) -> dict[str, Any]:
    """All figures by file name, kind by kind; ``published_limits`` as for ``draw_overview``."""
    figures: dict[str, Any] = {}
    for kind in KINDS:
        of_kind = [record for record in records if record["kind"] == kind]
        if of_kind:
            figures[f"{kind}_overview"] = draw_overview(of_kind, published_limits=published_limits)
            figures[f"{kind}_time"] = _pair(of_kind, "time")
            figures[f"{kind}_phases"] = _phases(of_kind)
            figures |= {f"{kind}_{name}": _pair(of_kind, name) for name in ("speed", "memory")}
    return figures


def draw_overview(records: Sequence[Record], *, published_limits: bool = False) -> Any:
    """The figure of an experiment.

    Over network size the published one: simulation time, rate, weights; over ranks simulation time, efficiency and
    the shares of the phases. Points are means over seeds and repetitions, error bars standard deviations. With
    ``published_limits`` the axes over network size end where the published ones do, and points beyond are not shown.
    """
    summaries = summarize(records)
    sizes, title = over_size(summaries), _title(records)
    with canvas(3, WIDTH, 70.0 if sizes else 75.0) as (figure, (times, middle, right)):
        draw_quantity(times, summaries, "sim_time")
        if sizes:
            once = networks(records)
            draw_quantity(middle, once, _first_known(once, "rate", "activity"))
            if set(curves(once)) != set(curves(summaries)):
                middle.legend(loc="lower right", bbox_to_anchor=(1.02, 0.98), handlelength=1.6)
            if _first_known(once, "weight_mean", "memory") == "memory":
                draw_quantity(right, summaries, "memory")
            else:
                draw_weights(right, once)
                if published_limits:
                    _limit_as_published(times, middle, right, once)
                    title += ", axes as published"
        else:
            draw_quantity(middle, summaries, "efficiency")
            name, points = next(iter(curves(summaries).items()))
            draw_phases(right, points, share=True, chosen=_present(points, RUN_PHASES))
            right.set_title(label(name))
            right.set_ylabel("share of the simulation time")
            right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
        legend(figure, (times,) if sizes else (times, middle), title)
    return figure


def _first_known(summaries: Points, *names: str) -> str:
    """The first of these quantities that some point has, or else the last."""
    return next((name for name in names if any(point.values[name] for point in summaries)), names[-1])


def _limit_as_published(times: Any, rates: Any, weights: Any, summaries: Points) -> None:
    """Let the axes end where the published ones do; a network of one size has no axis of sizes."""
    sizes = [summary.size for summary in summaries]
    for panel in (times, rates, weights):
        if min(sizes) < max(sizes):
            panel.set_xlim(min(sizes), max(sizes))
            panel.locator_params(axis="x", nbins=4)
    rates.set_ylim(PUBLISHED_LIMITS["rate"])
    weights.set_ylim(PUBLISHED_LIMITS["weight"])


def _pair(records: Sequence[Record], name: str) -> Any:
    """The figure of ``PAIRS`` with this name."""
    summaries = summarize(records)
    with canvas(2, WIDTH, 80.0) as (figure, panels):
        for panel, quantity in zip(panels, PAIRS[name], strict=True):
            if quantity == "speedup" and over_size(summaries):  # there is none
                quantity = _first_known(summaries, "events_per_second_and_core", "synapses_built_per_second_and_core")
            draw_quantity(panel, summaries, quantity)
        legend(figure, panels, _title(records))
    return figure


def _phases(records: Sequence[Record]) -> Any:
    shown = list(itertools.islice(curves(summarize(records)).items(), MOST_PHASES))
    phases = _present([point for _, points in shown for point in points], PHASES)
    with canvas(2 * len(shown), WIDTH * max(1.0, len(shown) / 2.0), 80.0) as (figure, panels):
        for number, (name, points) in enumerate(shown):
            draw_phases(panels[2 * number], points, share=False, chosen=phases)
            draw_phases(panels[2 * number + 1], points, share=True, chosen=phases)
            panels[2 * number].set_title(label(name), x=0.16, horizontalalignment="left")
        legend(figure, panels[:1], _title(records), columns=9)
    return figure


def _title(records: Sequence[Record]) -> str:
    """The settings that all records share, and what the error bars are; ranks and machine; points that are missing."""
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
    machines = dict.fromkeys(str(record["cpu_model"]) for record in records if record.get("cpu_model"))
    where = f" on {label(' and '.join(machines))}" if machines else ""
    lines = [", ".join(words), f"{_ranks(records)}{where}"]
    if missing := missing_points(summarize(records)):
        lines.append(
            f"missing: {label(', '.join(missing) if len(missing) <= MOST_NAMED else f'{len(missing)} points')}"
        )
    return "\n".join(lines)


def _ranks(records: Sequence[Record]) -> str:
    """On how many ranks, as words: 1, 2 and 4 ranks."""
    ranks = sorted({record["ranks"] for record in records})
    *before, last = ranks
    return f"{', '.join(map(str, before))} and {in_ranks(last)}" if before else in_ranks(last)


def missing_points(summaries: Points) -> list[str]:
    """Where a curve has no point, though another has one."""
    every = sorted({place(summary) for summary in summaries})
    what = "N = {:g}" if over_size(summaries) else "{:g} ranks"
    return [
        f"{name} at {what.format(where)}"
        for name, points in curves(summaries).items()
        for where in every
        if where not in map(place, points)
    ]


def draw_quantity(panel: Any, summaries: Points, name: str) -> None:
    """One of ``QUANTITIES`` along every curve, on an axis from 0 or in powers of ten, with the ideal (dashed)."""
    quantity = QUANTITIES[name]
    for number, (curve, points) in enumerate(curves(summaries).items()):
        draw(panel, number, points, name, quantity.unit, label=label(curve))
        where, ideal = _ideal(points, name)
        if where:
            panel.plot(where, ideal, **IDEAL, label="ideal")
    if name == "efficiency":
        panel.axhline(1.0, **IDEAL, label="ideal")
    if name == "real_time_factor":
        panel.axhline(1.0, **REAL_TIME, label=REAL_TIME_NAME)
    panel.set_ylabel(textwrap.fill(quantity.label, LONGEST_QUANTITY))
    horizontal(panel, summaries)
    strong_time = name in ("sim_time", "build_time") and summaries[0].kind == "strong"
    if strong_time or name in ("speedup", "real_time_factor"):
        logarithmic(panel)
    else:
        from_zero(panel)
    if name == "efficiency":
        panel.set_ylim(0, max(1.1, panel.get_ylim()[1]))


def _ideal(points: Points, name: str) -> tuple[list[float], list[float]]:
    """The curve through the first point that costs or gains as they ideally would; empty where there is none.

    Over network size the time is a line through the origin and the largest network: cost proportional to N. Twice the
    ranks halve it in strong scaling and leave it as it is in weak scaling.
    """
    where = [place(point) for point in points]
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
    for number, points in enumerate(curves(summaries).values()):
        draw(panel, number, points, "weight_mean")
        draw(panel, number, points, "weight_upper", linestyle="--", markerfacecolor="white")
    panel.set_ylabel("synaptic weight (pA)")
    horizontal(panel, summaries)
    from_zero(panel)
    panel.plot([], [], color="0.3", marker="o", label="mean")
    panel.plot([], [], color="0.3", marker="o", linestyle="--", markerfacecolor="white", label="mean + SD")
    panel.legend(loc="lower right", bbox_to_anchor=(1.02, 0.98), ncols=2, columnspacing=1.0, handlelength=1.6)


def _present(points: Points, phases: Sequence[str]) -> list[str]:
    """Those of ``phases`` that some point has."""
    return [name for name in phases if any(name in point.phases for point in points)]


def draw_phases(panel: Any, points: Points, *, share: bool, chosen: Sequence[str]) -> None:
    """Mean seconds of every phase as stacked bars, or what share each has of the ``chosen`` ones together."""
    totals = [sum(point.phases.get(name, 0.0) for name in chosen) for point in points]
    wholes = [total or 1.0 if share else 1.0 for total in totals]
    heights = {
        name: [point.phases.get(name, 0.0) / whole for point, whole in zip(points, wholes, strict=True)]
        for name in chosen
    }
    stack(panel, heights, PHASE_COLOURS)
    sizes = over_size(points)
    names = [str(point.size if sizes else point.ranks) for point in points]
    panel.set_xticks(range(len(points)), names, rotation=60 if sizes and len(points) > 4 else 0)
    panel.set_xlabel("network size $N$" if sizes else "ranks")
    panel.set_ylabel("share of the time" if share else "time (s), mean over ranks")
    panel.set_ylim(0, 1.0 if share else None)
    if not share:
        cross_out(panel, [(at, total) for at, total in enumerate(totals) if points[at].disturbed])


def stack(panel: Any, heights: Mapping[str, Sequence[float]], colours: Mapping[str, str]) -> None:
    """Bars side by side, at 0, 1, ...: the ``heights`` of each name on top of those before it."""
    bottom = [0.0] * max(map(len, heights.values()), default=0)
    edge = {"edgecolor": "0.3", "linewidth": 0.3}  # palest colours are seen on white
    for name, values in heights.items():
        panel.bar(range(len(values)), values, bottom=bottom, color=colours[name], width=0.75, label=name, **edge)
        bottom = [b + value for b, value in zip(bottom, values, strict=True)]


def cross_out(panel: Any, where: Sequence[tuple[float, float]]) -> None:
    """Mark points whose times say nothing."""
    if where:
        panel.plot(*zip(*where, strict=True), "x", color="black", markersize=7, zorder=4, label=DISTURBED)


def over_size(summaries: Sequence[Summary]) -> bool:
    """Whether network size is what the points differ in; else it is the ranks."""
    return summaries[0].kind == "size"


def curves(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    """The points of every curve by its name: curves of one variant differ in ranks, or in N where N is fixed."""
    fixed = "ranks" if over_size(summaries) else "size"
    several = len({getattr(summary, fixed) for summary in summaries}) > 1 and summaries[0].kind != "weak"
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        what = in_ranks(summary.ranks) if fixed == "ranks" else f"N = {summary.size}"
        found.setdefault(f"{summary.curve}, {what}" if several else summary.curve, []).append(summary)
    return found


def place(summary: Summary) -> float:
    """Where a point lies on the horizontal axis."""
    return float(summary.size if summary.kind == "size" else summary.ranks)


def draw(panel: Any, number: int, points: Sequence[Summary], name: str, unit: float = 1.0, **style: Any) -> None:
    """One quantity along curve ``number``: means and standard deviations; hollow where oversubscribed.

    Crossed out where other programs used the cores, which memory does not depend on.
    """
    known = [(point, spread) for point in points if (spread := point.values[name]) is not None]
    if not known:
        return
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    where = [place(point) for point, _ in known]
    means = [spread.mean / unit for _, spread in known]
    bars = [spread.sd / unit for _, spread in known]
    panel.errorbar(where, means, bars, **{"color": colour, "marker": marker, "capsize": 2, "elinewidth": 0.8, **style})
    marked = list(zip(where, means, (point for point, _ in known), strict=True))
    if crowded := [(x, y) for x, y, point in marked if point.oversubscribed]:
        panel.plot(*zip(*crowded, strict=True), marker, color=colour, markerfacecolor="white", zorder=3)
        panel.plot([], [], "o", color="0.3", markerfacecolor="white", label="more ranks than cores")
    if name not in PAIRS["memory"]:
        cross_out(panel, [(x, y) for x, y, point in marked if point.disturbed])


def horizontal(panel: Any, summaries: Sequence[Summary]) -> None:
    """The horizontal axis: network size from 0, or ranks in powers of two."""
    if over_size(summaries):
        panel.set_xlabel("network size $N$")
        panel.set_xlim(0, 1.08 * max(summary.size for summary in summaries))
        panel.locator_params(axis="x", nbins=5)
        return
    ranks_axis(panel, sorted({summary.ranks for summary in summaries}))


def ranks_axis(panel: Any, ranks: Sequence[int]) -> None:
    """A horizontal axis of these numbers of ranks, ascending."""
    from matplotlib.ticker import NullLocator

    panel.set_xlabel("ranks")
    panel.set_xscale("log", base=2)
    panel.set_xticks(ranks, [str(n) for n in ranks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(ranks[0] / 1.25, ranks[-1] * 1.25)
