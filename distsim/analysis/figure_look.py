"""How all figures look, those of runs and those of the harness: type, lines, colours, markers, letters of panels.

Colours that are used together can be told apart by readers with deuteranopia, and no line differs from another by its
colour alone. Files have TrueType fonts, as journals ask for. matplotlib is imported inside the functions.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#AA4499")
"""Okabe and Ito's palette (https://jfly.uni-koeln.de/color), but for yellow, which is too pale for lines; and two."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES: tuple[Any, ...] = ("-", "--", (0, (1, 1)), "-.")
STYLE: dict[Any, Any] = {
    "font.size": 8, "axes.labelsize": 8, "axes.titlesize": 8, "legend.fontsize": 7, "xtick.labelsize": 7,
    "ytick.labelsize": 7, "axes.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
    "axes.formatter.use_mathtext": True, "legend.frameon": False, "lines.linewidth": 1.0, "lines.markersize": 3.5,
    "pdf.fonttype": 42, "ps.fonttype": 42, "svg.fonttype": "path", "svg.hashsalt": "distsim", "savefig.dpi": 200,
}  # fmt: skip
P = ParamSpec("P")


@contextmanager
def look() -> Iterator[None]:
    """Within, figures have the house's style; signs that the font has not are shown as boxes, without a word."""
    import matplotlib

    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A function that makes a figure, in the house's style."""

    @wraps(draw)
    def in_style(*arguments: P.args, **keywords: P.kwargs) -> Figure:
        with look():
            return draw(*arguments, **keywords)

    return in_style


def new_figure(width: float, height: float) -> Figure:
    """An empty figure (inches), which is written in the house's style whoever writes it."""
    from matplotlib.figure import Figure

    class Styled(Figure):
        def savefig(self, *arguments: Any, **keywords: Any) -> None:
            with look():
                super().savefig(*arguments, **keywords)

    figure = Styled(figsize=(width, height), dpi=150)
    figure.set_layout_engine("constrained", w_pad=0.06, h_pad=0.06)
    return figure


def letters(panels: Iterable[Any]) -> None:
    """A, B, C, ... above the upper left corners of the panels of a figure, unless it has one alone."""
    panels = list(panels)
    for panel, letter in zip(panels, "ABCDEFGHIJKLMNOPQRSTUVWXYZ", strict=False):
        if len(panels) > 1:
            panel.set_title(letter, loc="left", fontweight="bold", fontsize=10)


def density_label(label: str) -> str:
    """The label of a probability density over an axis with ``label``, whose unit stands in brackets at its end."""
    unit = label.rpartition("(")[2].rstrip(")") if label.endswith(")") else ""
    inverse = unit.removeprefix("1/") if unit.startswith("1/") else f"1/{unit}"
    return f"probability density ({inverse})" if unit else "probability density"
