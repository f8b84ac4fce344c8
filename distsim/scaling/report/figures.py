"""The figures of a scaling experiment: panels of one quantity each, all curves, and where there is one the ideal."""

from __future__ import annotations

import io
import itertools
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from distsim.core.units import MS_PER_S
from distsim.scaling.report.summary import QUANTITIES, Record, Summary, networks, summarize
from distsim.scaling.settings import KINDS, PHASES, RUN_PHASES

Points = Sequence[Summary]
WIDTH = 180.0
"""Of a page's figure (mm)."""
MOST_PHASES = 12
"""Curves whose phases are drawn: each takes two panels, and a figure cannot be of any width. Tables hold all."""
PHASE_COLOURS = dict(
    zip(
        PHASES,
        (
            "#d9d9d9",
            "#a6a6a6",
            "#737373",
            "#0072B2",
            "#009E73",
            "#D55E00",
            "#F0C75E",
            "#56B4E9",
            "#4C9F70",
            "#E8833A",
            "#B8860B",
            "#7A6FAC",
            "#CC79A7",
            "#e8ded1",
        ),
        strict=True,
    )
)
"""From the bottom of a stack to its top: building in grey, then the run."""

PAIRS = {
    "time": ("sim_time", "build_time"),
    "speed": ("real_time_factor", "speedup"),
    "memory": ("memory", "bytes_per_synapse"),
}
"""Figures of two panels by name."""
MM_PER_INCH = 25.4
LONGEST_LABEL = 60
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette, told apart by readers with any colour vision."""
MARKERS = ("o", "s", "^", "D", "v", "P")
IDEAL = {"color": "0.55", "linestyle": (0, (4, 3)), "linewidth": 0.8, "marker": "", "zorder": 1}
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.formatter.use_mathtext": True,
    "legend.frameon": False, "lines.linewidth": 1.0, "lines.markersize": 3.5,
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "distsim",
}  # fmt: skip


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
            right.set_title(label(name), fontsize=8)
            right.set_ylabel("share of the simulation time")
            right.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), reverse=True)
        legend(figure, times, title)
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
        legend(figure, panels[0], _title(records))
    return figure


def _phases(records: Sequence[Record]) -> Any:
    shown = list(itertools.islice(curves(summarize(records)).items(), MOST_PHASES))
    phases = _present([point for _, points in shown for point in points], PHASES)
    with canvas(2 * len(shown), WIDTH * max(1.0, len(shown) / 2.0), 80.0) as (figure, panels):
        for number, (name, points) in enumerate(shown):
            draw_phases(panels[2 * number], points, share=False, chosen=phases)
            draw_phases(panels[2 * number + 1], points, share=True, chosen=phases)
            panels[2 * number].set_title(label(name), fontsize=8)
        legend(figure, panels[0], _title(records), columns=9)
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
    for number, (curve, points) in enumerate(curves(summaries).items()):
        draw(panel, number, points, name, quantity.unit, label=label(curve))
        panel.plot(*_ideal(points, name), **IDEAL)
    if name in ("efficiency", "real_time_factor"):
        panel.axhline(1.0, **IDEAL)
    panel.set_ylabel(quantity.label)
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
    bottom = [0.0] * len(points)
    totals = [sum(point.phases.get(name, 0.0) for name in chosen) or 1.0 if share else 1.0 for point in points]
    for name in chosen:
        heights = [point.phases.get(name, 0.0) / total for point, total in zip(points, totals, strict=True)]
        panel.bar(range(len(points)), heights, bottom=bottom, color=PHASE_COLOURS[name], width=0.75, label=name)
        bottom = [b + h for b, h in zip(bottom, heights, strict=True)]
    sizes = over_size(points)
    names = [str(point.size if sizes else point.ranks) for point in points]
    panel.set_xticks(range(len(points)), names, rotation=60 if sizes and len(points) > 4 else 0)
    panel.set_xlabel("network size $N$" if sizes else "ranks")
    panel.set_ylabel("share of the time" if share else "time (s), mean over ranks")
    panel.set_ylim(0, 1.0 if share else None)


# How figures look, and what their axes show


@contextmanager
def _look() -> Iterator[None]:
    """Within, figures have the house's style; signs that the font has not are shown as boxes, without a word."""
    import matplotlib

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


@contextmanager
def canvas(panels: int, width: float, height: float) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of so many panels side by side (mm), in the house's style."""
    from matplotlib.figure import Figure

    with _look():
        figure = Figure(figsize=(width / MM_PER_INCH, height / MM_PER_INCH), layout="constrained")
        axes = list(figure.subplots(1, panels, squeeze=False)[0])
        yield figure, axes
        for panel, letter in zip(axes, "ABCDEFGH", strict=False):
            panel.set_title(letter, loc="left", fontweight="bold", fontsize=10)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what is laid out stays so: each kind of file would do it again


def over_size(summaries: Sequence[Summary]) -> bool:
    """Whether network size is what the points differ in; else it is the ranks."""
    return summaries[0].kind == "size"


def curves(summaries: Sequence[Summary]) -> dict[str, list[Summary]]:
    """The points of every curve by its name: curves of one variant differ in ranks, or in N where N is fixed."""
    fixed = "ranks" if over_size(summaries) else "size"
    several = len({getattr(summary, fixed) for summary in summaries}) > 1 and summaries[0].kind != "weak"
    found: dict[str, list[Summary]] = {}
    for summary in summaries:
        what = f"{summary.ranks} ranks" if fixed == "ranks" else f"N = {summary.size}"
        found.setdefault(f"{summary.curve}, {what}" if several else summary.curve, []).append(summary)
    return found


def place(summary: Summary) -> float:
    """Where a point lies on the horizontal axis."""
    return float(summary.size if summary.kind == "size" else summary.ranks)


def draw(panel: Any, number: int, points: Sequence[Summary], name: str, unit: float = 1.0, **style: Any) -> None:
    """One quantity along curve ``number``: means and standard deviations; hollow where oversubscribed."""
    known = [(point, spread) for point in points if (spread := point.values[name]) is not None]
    if not known:
        return
    colour, marker = COLOURS[number % len(COLOURS)], MARKERS[number % len(MARKERS)]
    where = [place(point) for point, _ in known]
    means = [spread.mean / unit for _, spread in known]
    bars = [spread.sd / unit for _, spread in known]
    panel.errorbar(where, means, bars, **{"color": colour, "marker": marker, "capsize": 2, "elinewidth": 0.8, **style})
    crowded = [(x, y) for x, y, (point, _) in zip(where, means, known, strict=True) if point.oversubscribed]
    if crowded:
        panel.plot(*zip(*crowded, strict=True), marker, color=colour, markerfacecolor="white", zorder=3)


def horizontal(panel: Any, summaries: Sequence[Summary]) -> None:
    """The horizontal axis: network size from 0, or ranks in powers of two."""
    from matplotlib.ticker import NullLocator

    if over_size(summaries):
        panel.set_xlabel("network size $N$")
        panel.set_xlim(0, 1.08 * max(summary.size for summary in summaries))
        panel.locator_params(axis="x", nbins=5)
        return
    ranks = sorted({summary.ranks for summary in summaries})
    panel.set_xlabel("ranks")
    panel.set_xscale("log", base=2)
    panel.set_xticks(ranks, [str(n) for n in ranks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlim(ranks[0] / 1.25, ranks[-1] * 1.25)


def from_zero(panel: Any) -> None:
    """A vertical axis from 0 to above the largest value."""
    panel.set_ylim(0, 1.04 * panel.get_ylim()[1])
    panel.locator_params(axis="y", nbins=7)


def logarithmic(panel: Any) -> None:
    """A vertical axis in powers of ten, with numbers written out where it spans little."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high < 30.0 * low:
        panel.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def legend(figure: Any, panel: Any, title: str, columns: int = 4) -> None:
    """One legend for the figure, above it, from what is drawn in ``panel``."""
    handles, labels = panel.get_legend_handles_labels()
    look = {"columnspacing": 1.4, "handlelength": 1.6}
    drawn = figure.legend(handles, labels, loc="outside upper center", ncols=columns, title=title, **look)
    drawn.get_title().set_fontsize(STYLE["legend.fontsize"])


def label(name: str) -> str:
    """``name``, which may hold any signs, as a figure can show it: no formula, not too long, never hidden."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in name[:LONGEST_LABEL])
    return f" {shown}".replace("$", r"\$") if shown.startswith("_") else shown.replace("$", r"\$")


def image(figure: Any, kind: str) -> bytes:
    """The figure as a file of this kind (png, pdf, svg), without a date: the same records give the same bytes."""
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    file = io.BytesIO()
    with _look():
        figure.savefig(file, format=kind, dpi=200, metadata=dates.get(kind))
    return file.getvalue()
