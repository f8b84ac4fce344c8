"""How the figures of the harness look: canvas, axes, legend, and the files that they are written to."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

MM_PER_INCH = 25.4
LONGEST_LABEL = 60
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.labelsize": 8, "legend.fontsize": 7, "xtick.labelsize": 7, "ytick.labelsize": 7,
    "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False, "axes.formatter.use_mathtext": True,
    "legend.frameon": False, "lines.linewidth": 1.0, "lines.markersize": 3.5,
    "pdf.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "distsim",
}  # fmt: skip


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
