"""The figure of a liquid: how far apart its states are after two stimuli, against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import new_figure, styled
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES: tuple[Any, ...] = ((0, (3, 1.5)), (0, (8, 3, 1.5, 3)), (0, (8, 4)))
"""Line styles of as many distances above 0, in black, as in the published figure; more are solid lines of colours."""
PALEST = 0.85  # of the map of colours: what follows is too pale on white
LOWEST_TOP = 2.5  # of the axis, as in the published figure


@styled
def plot_state_distances(
    time: npt.ArrayLike, mean: npt.ArrayLike, distances: Sequence[float], error: npt.ArrayLike | None = None
) -> Figure:
    """Mean distance (distances, T) of liquid states against ``time`` (T,) (ms): a line for each distance of stimuli.

    The line of distance 0 is solid. ``error`` (distances, T), the standard error of the mean, is shaded on either side;
    not where it is NaN, as that of a single pair is. Raises InputError where the shapes do not fit each other.
    """
    from matplotlib.patches import Patch

    when, curves = np.asarray(time, np.float64), np.asarray(mean, np.float64)
    shades = np.full(curves.shape, np.nan) if error is None else np.asarray(error, np.float64)
    if not curves.shape == shades.shape == (len(distances), when.size):
        raise InputError(
            f"plot_state_distances: {len(distances)} distances at {when.size} times need arrays of that shape, got "
            f"{curves.shape}{'' if error is None else f' and {shades.shape}'}"
        )
    figure = new_figure(4.4, 3.6)
    axes = figure.subplots()
    for curve, shade, d, (style, colour) in zip(curves, shades, distances, line_styles(distances), strict=True):
        axes.plot(when / MS_PER_S, curve, linestyle=style, color=colour, lw=1.1, label=f"d(u,v) = {d:g}")
        axes.fill_between(when / MS_PER_S, curve - shade, curve + shade, color=colour, alpha=0.15, lw=0)
    top = np.nanmax(curves + np.nan_to_num(shades), initial=0.0)
    axes.set_xlim(0.0, float(when.max(initial=0.0)) / MS_PER_S or 1.0)
    axes.set_ylim(0.0, max(LOWEST_TOP, 1.04 * float(top)))
    axes.set_xlabel("time (s)")
    axes.set_ylabel("state distance")
    lines: list[Any] = list(axes.lines)
    if np.isfinite(shades).any():
        lines.append(Patch(color="black", alpha=0.15, lw=0, label="standard error"))
    columns = 2 if len(lines) <= len(STYLES) + 2 else 3
    figure.legend(handles=lines, loc="outside upper center", ncols=columns, handlelength=3.6)
    return figure


def line_styles(distances: Sequence[float]) -> list[tuple[Any, Any]]:
    """Line style and colour of each distance: the published ones for few, a scale of colours for many."""
    above = [d for d in distances if d != 0.0]
    if len(above) <= len(STYLES):
        styles = iter(STYLES)
        return [("-" if d == 0.0 else next(styles), "black") for d in distances]
    from matplotlib import colormaps

    shades = iter(colormaps["viridis"](np.linspace(0.0, PALEST, len(above))))
    return [("-", "black" if d == 0.0 else tuple(next(shades))) for d in distances]
