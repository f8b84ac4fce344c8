"""How the figures of the harness look: canvas, axes, legend, and the files that they are written to."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from distsim.analysis.figure_look import STYLE, letters, look, new_figure

MM_PER_INCH = 25.4
LONGEST_LABEL = 60


@contextmanager
def canvas(panels: int, width: float, height: float) -> Iterator[tuple[Any, list[Any]]]:
    """A figure of so many panels side by side (mm), in the house's style."""
    with look():
        figure = new_figure(width / MM_PER_INCH, height / MM_PER_INCH)
        axes = list(figure.subplots(1, panels, squeeze=False)[0])
        yield figure, axes
        letters(axes)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # what is laid out stays so: each kind of file would do it again


def from_zero(panel: Any) -> None:
    """A vertical axis from 0 to above the largest value."""
    panel.set_ylim(0, 1.04 * panel.get_ylim()[1])
    panel.locator_params(axis="y", nbins=7)


def logarithmic(panel: Any) -> None:
    """A vertical axis in powers of ten, with numbers written out where it spans little; it spans a factor of three."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    panel.set_yscale("log")
    low, high = panel.get_ylim()
    if high < 3.0 * low:
        low, high = ((low * high / 3.0) ** 0.5, (low * high * 3.0) ** 0.5)
        panel.set_ylim(low, high)
    if high < 30.0 * low:
        panel.yaxis.set_major_locator(
            LogLocator(subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0) if high < 6.0 * low else (1.0, 2.0, 5.0))
        )
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())


def legend(figure: Any, panels: Sequence[Any], title: str, columns: int = 4) -> None:
    """One legend for the figure, above it, of all that is named in ``panels``: curves, then marks and ideals."""
    from matplotlib.container import Container

    named: dict[str, Any] = {}
    for panel in panels:
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
            named.setdefault(name, handle)
    named = dict(sorted(named.items(), key=lambda entry: not isinstance(entry[1], Container)))
    look = {"columnspacing": 1.4, "handlelength": 2.2}
    drawn = figure.legend(named.values(), named, loc="outside upper center", ncols=columns, title=title, **look)
    drawn.get_title().set_fontsize(STYLE["legend.fontsize"])
    drawn.get_title().set_multialignment("center")


def label(name: str) -> str:
    """``name``, which may hold any signs, as a figure can show it: no formula, not too long, never hidden."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in name[:LONGEST_LABEL])
    return f" {shown}".replace("$", r"\$") if shown.startswith("_") else shown.replace("$", r"\$")


def image(figure: Any, kind: str) -> bytes:
    """The figure as a file of this kind (png, pdf, svg), without a date: the same records give the same bytes.

    Places of panels and labels, once found, are those of all further files.
    """
    dates = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}
    file = io.BytesIO()
    figure.savefig(file, format=kind, metadata=dates.get(kind))
    figure.set_layout_engine("none")
    return file.getvalue()
