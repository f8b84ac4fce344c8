"""How the figures of scaling experiments look, and what their axes show."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from distsim.scaling.report.summary import Summary

MM_PER_INCH = 25.4
LONGEST_LABEL = 60
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
"""Okabe and Ito's palette, told apart by readers with any colour vision."""
MARKERS = ("o", "s", "^", "D", "v", "P")
IDEAL = {"color": "0.55", "linestyle": (0, (4, 3)), "linewidth": 0.8, "marker": "", "zorder": 1}
STYLE: dict[Any, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.use_mathtext": True,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "lines.linewidth": 1.0,
    "lines.markersize": 3.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "distsim",
}


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
