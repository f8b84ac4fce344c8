"""A figure of the trajectories of rate neurons, as those of ``distsim.analysis.plots``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.analysis.plots import MARKERS, _colours, _figure
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Course = tuple[npt.ArrayLike, npt.ArrayLike]
STYLES = ("-", "--", ":", "-.")


def plot_rate_trajectories(
    courses: Mapping[str, Course],
    simulated: Mapping[str, float] | None = None,
    fixed_points: Iterable[float] = (),
    *,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Rates (T,) (1/s) against times (T,) (ms), given by name as (times, rates); lines differ in style, too.

    At the right the rates ``simulated`` with spiking neurons; as thin lines ``fixed_points``, those up to twice the
    highest rate. Raises InputError where rates and times differ in length.
    """
    shown = simulated or {}
    figure = _figure(4.6, 3.0)
    axes = figure.subplots()
    end = highest = 0.0
    for index, ((name, course), colour) in enumerate(zip(courses.items(), _colours(courses, colours), strict=True)):
        when, rates = (np.asarray(column, np.float64) for column in course)
        if rates.shape != when.shape:
            raise InputError(
                f"plot_rate_trajectories: '{name}' has {rates.size} rates, but there are {when.size} times"
            )
        axes.plot(when, rates, STYLES[index % len(STYLES)], color=colour, lw=1.6, label=name)
        end, highest = max(end, float(when.max(initial=0.0))), max(highest, float(rates.max(initial=0.0)))
    for rate in fixed_points:
        if rate <= 2.0 * highest:
            axes.axhline(rate, color="0.55", lw=0.8, ls=(0, (4, 3)), zorder=1, label=f"fixed point {rate:.4g} /s")
    for index, ((name, level), colour) in enumerate(zip(shown.items(), _colours(shown, colours), strict=True)):
        marker = MARKERS[index % len(MARKERS)]
        place = end * (1.0 - 0.04 * index)
        axes.plot([place], [level], marker, color=colour, ms=6, mfc="none", mew=1.2, label=f"{name}, simulated")
    axes.set(xlim=(0.0, end * 1.03 or 1.0), ylim=(0.0, None), xlabel="time (ms)", ylabel="rate (1/s)")
    axes.legend(loc="lower right", frameon=False)
    return figure
