"""A figure of the trajectories of rate neurons, as those of ``distsim.analysis.plots``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.analysis.plots import MARKERS, _colours, _figure
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", ":", "-.")


def plot_rate_trajectories(
    times: npt.ArrayLike,
    rates: Mapping[str, npt.ArrayLike],
    levels: Mapping[str, float] | None = None,
    *,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Rates (T,) (1/s) by name against times (T,) (ms), and ``levels`` (1/s), such as simulated means, at the right.

    Lines are of different styles, so that equal ones show. Raises InputError where rates and times differ in length.
    """
    when = np.asarray(times, np.float64)
    shown = levels or {}
    figure = _figure(4.6, 3.0)
    axes = figure.subplots()
    for index, ((name, values), colour) in enumerate(zip(rates.items(), _colours(rates, colours), strict=True)):
        own = np.asarray(values, np.float64)
        if own.shape != when.shape:
            raise InputError(f"plot_rate_trajectories: '{name}' has {own.size} rates, but there are {when.size} times")
        axes.plot(when, own, STYLES[index % len(STYLES)], color=colour, lw=1.6, label=name)
    for index, ((name, level), colour) in enumerate(zip(shown.items(), _colours(shown, colours), strict=True)):
        marker = MARKERS[index % len(MARKERS)]
        place = when[-1] * (1.0 - 0.04 * index) if when.size else 0.0
        axes.plot([place], [level], marker, color=colour, ms=6, mfc="none", mew=1.2, label=f"{name}, simulated")
    ends = when.min(initial=0.0), when.max(initial=0.0) * 1.03 or 1.0
    axes.set(xlim=ends, ylim=(0.0, None), xlabel="time (ms)", ylabel="rate (1/s)")
    axes.legend(loc="lower right", frameon=False)
    return figure
