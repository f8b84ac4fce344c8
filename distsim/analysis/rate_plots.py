"""A figure of the trajectories of rate neurons, as those of ``distsim.analysis.plots``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import DASHES, MARKERS, new_figure, styled
from distsim.analysis.plots import _colours
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Course = tuple[npt.ArrayLike, npt.ArrayLike]
BESIDE = 1.02, 0.035  # widths of the axes: where means of a whole run stand, and how far apart


@styled
def plot_rate_trajectories(
    courses: Mapping[str, Course],
    simulated: Mapping[str, float] | None = None,
    fixed_points: Iterable[float] = (),
    *,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Rates (T,) (1/s) against times (T,) (ms), given by name as (times, rates); lines differ in style, too.

    Beside the axes the mean rates ``simulated`` with spiking neurons, which belong to no time; as thin lines
    ``fixed_points``, those up to twice the highest rate. Raises InputError where rates and times differ in length.
    """
    shown = simulated or {}
    figure = new_figure(4.6, 3.0)
    axes = figure.subplots()
    end = highest = 0.0
    for index, ((name, course), colour) in enumerate(zip(courses.items(), _colours(courses, colours), strict=True)):
        when, rates = (np.asarray(column, np.float64) for column in course)
        if rates.shape != when.shape:
            raise InputError(
                f"plot_rate_trajectories: '{name}' has {rates.size} rates, but there are {when.size} times"
            )
        axes.plot(when, rates, linestyle=DASHES[index % len(DASHES)], color=colour, lw=1.6, label=name)
        end, highest = max(end, float(when.max(initial=0.0))), max(highest, float(rates.max(initial=0.0)))
    for rate in fixed_points:
        if rate <= 2.0 * highest:
            axes.axhline(rate, color="0.55", lw=0.8, ls=(0, (4, 3)), zorder=1, label=f"fixed point {rate:.4g} /s")
    for index, ((name, level), colour) in enumerate(zip(shown.items(), _colours(shown, colours), strict=True)):
        marker = MARKERS[index % len(MARKERS)]
        place = BESIDE[0] + BESIDE[1] * index
        look: dict[str, Any] = {"color": colour, "ms": 6, "mfc": "none", "mew": 1.2}
        beside = axes.get_yaxis_transform()
        axes.plot([place], [level], marker, transform=beside, clip_on=False, label=f"{name}, simulated (mean)", **look)
        highest = max(highest, level)
    axes.set(xlim=(0.0, end or 1.0), ylim=(0.0, 1.06 * highest or 1.0), xlabel="time (ms)", ylabel="rate (1/s)")
    figure.legend(loc="outside upper center", ncols=2)
    return figure
