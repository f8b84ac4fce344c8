"""Binary neurons: states rebuilt from flips, and the figure of mean activities. No engine, no MPI."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import letters, new_figure, styled
from distsim.analysis.plots import _colours
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

IN_A_ROW = 4  # panels
SIMULATED, MEAN_FIELD, FIXED_POINT = "simulated", "mean field m(t)", "fixed point"
STYLES: dict[str, dict[str, Any]] = {
    SIMULATED: {"lw": 0.8},
    MEAN_FIELD: {"lw": 1.6},
    FIXED_POINT: {"lw": 1.0, "ls": (0, (5, 3))},
}
Course = tuple[npt.ArrayLike, npt.ArrayLike]


def states_at(
    initial: npt.ArrayLike, flips: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike], time: float
) -> npt.NDArray[np.uint8]:
    """States (size,) of a population just after all updates up to ``time`` (ms).

    initial: states (size,) at the start. flips: time (n,) (ms, ascending), neuron (n,), state (n,) after; as
    ``BinarySimulation.flips`` and ``read_flips`` give them. Raises InputError for a time before the start.
    """
    if time < 0.0:
        raise InputError(f"states_at: time must not be negative, got {time:g} ms")
    times, neurons, after = (np.asarray(column) for column in flips)
    states = np.array(initial, np.uint8)
    n = int(np.searchsorted(times, time, side="right"))
    states[neurons[:n]] = after[:n]  # of several flips of a neuron the last one stays
    return states


@styled
def plot_activity(
    activities: Mapping[str, Course], stop: float, predicted: Mapping[str, float], theory: Mapping[str, Course]
) -> Figure:
    """Mean activity of populations against time, beside the mean field.

    activities: (time (n,), ms; value (n,)) by population, each value holding until the next, the last to ``stop`` (ms);
    theory: time course of the mean field; predicted: the activities at which it comes to rest, dashed.
    """
    from matplotlib.lines import Line2D

    figure = new_figure(6.3, 3.2)
    axes = figure.subplots()
    drawn = {SIMULATED: activities, MEAN_FIELD: theory, FIXED_POINT: predicted}
    named = [Line2D([], [], color="0.4", label=label, **STYLES[label]) for label, lines in drawn.items() if lines]
    for (name, (times, values)), colour in zip(activities.items(), _colours(activities), strict=True):
        when, value = np.append(times, stop), np.append(values, np.asarray(values)[-1])
        axes.step(when, value, where="post", color=colour, alpha=0.75, **STYLES[SIMULATED])
        if name in theory:
            axes.plot(*theory[name], color=colour, **STYLES[MEAN_FIELD])
        if name in predicted:
            axes.axhline(predicted[name], color=colour, **STYLES[FIXED_POINT])
        level = f", fixed point {predicted[name]:.3f}" if name in predicted else ""
        named.append(Line2D([], [], color=colour, lw=4.0, label=f"{name}{level}"))
    highest = max(0.05, axes.get_ylim()[1])
    axes.set(xlim=(0.0, stop), ylim=(0.0, highest), xlabel="time (ms)", ylabel="mean activity")
    axes.legend(handles=named, loc="upper left", bbox_to_anchor=(1.0, 1.02))
    return figure


@styled
def plot_populations(activities: Mapping[str, Course], stop: float, predicted: Mapping[str, float]) -> Figure:
    """Mean activity of each population in a panel of its own, as NNMT's example draws it.

    Arguments as in ``plot_activity``: simulated activity as a black line, the one that is predicted as a dashed grey
    one, on an axis from -0.1 to 1.1.
    """
    columns = max(1, min(len(activities), IN_A_ROW))
    rows = max(1, -(-len(activities) // columns))
    figure = new_figure(3.0 * columns, 2.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in panels[len(activities) :]:
        unused.remove()
    for axes, (name, (times, values)) in zip(panels, activities.items(), strict=False):
        axes.step(np.append(times, stop), np.append(values, np.asarray(values)[-1]), where="post", color="k", lw=1.0)
        axes.lines[0].set_label("simulated")
        if name in predicted:
            axes.axhline(predicted[name], color="gray", ls="--", lw=1.5, label="theory")
        axes.set(xlim=(0.0, stop), ylim=(-0.1, 1.1), xlabel="time (ms)", ylabel="mean activity")
        axes.set_title(f"{name} population")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2)
    letters(panels[: len(activities)])
    return figure
