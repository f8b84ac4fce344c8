"""Figures of rates beside their theory: trajectories of rate neurons, simulated and predicted rates over parameters.

Each function returns a matplotlib Figure, as those of ``distsim.analysis.plots``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.analysis.plots import COLOURS, MARKERS, _colours, _figure
from distsim.errors import InputError

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
    axes.set_xlim(when.min(initial=0.0), when.max(initial=0.0) * 1.03 or 1.0)
    axes.set_ylim(bottom=0.0)
    axes.set_xlabel("time (ms)")
    axes.set_ylabel("rate (1/s)")
    axes.legend(loc="lower right", frameon=False)
    return figure


def plot_rate_diagram(
    x: npt.ArrayLike,
    predicted: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    simulated: Mapping[str, npt.ArrayLike],
    *,
    label: str,
) -> Figure:
    """Simulated rates (n,) (1/s) as symbols, against the parameter x (n,) named ``label``, and predicted ones as lines.

    predicted: (x (m,), rates (m,)) by name; a line ends where rates are NaN. Names that occur in both have one colour.
    Rates are on a logarithmic axis, values that are not positive are left out.
    """
    figure = _figure(5.2, 3.6)
    axes = figure.subplots()
    names = list(dict.fromkeys((*predicted, *simulated)))
    colours = {name: COLOURS[i % len(COLOURS)] for i, name in enumerate(names)}
    for name, (where, rates) in predicted.items():
        axes.plot(np.asarray(where), _positive(rates), "-", color=colours[name], lw=1.2, label=name)
    for index, (name, rates) in enumerate(simulated.items()):
        marker = MARKERS[names.index(name) % len(MARKERS)]
        note = "simulated" if index == len(simulated) - 1 else None
        axes.plot(np.asarray(x), _positive(rates), marker, color=colours[name], ms=5, mfc="none", mew=1.2, label=note)
    axes.set_yscale("log")
    axes.set_xlabel(label)
    axes.set_ylabel("rate (1/s)")
    axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _positive(rates: npt.ArrayLike) -> npt.NDArray[np.float64]:
    values = np.array(rates, np.float64)
    values[~(values > 0.0)] = np.nan
    return values
