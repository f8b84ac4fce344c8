"""The mean field of Brunel's network as a ``RateNetwork``, and what its run shows beside rates."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from distsim.models.brunel.mean_field import described, equations, mean_field, solutions
from distsim.models.brunel_siegert.parameters import Parameters, load
from distsim.models.outcome import Outcome, Table
from distsim.rates.rate_network import RateNetwork
from distsim.theory.lif_mean_field import FixedPoint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.models.rate_activity import RateActivity

SHOWN_ROWS = 10
"""Of the trajectory, evenly spaced; files hold all of it."""


def build_network(parameters: Parameters | None = None) -> RateNetwork:
    """Populations "E" and "I" and their drive "X" (default: as published); see ``mean_field``."""
    p = parameters or load()
    return mean_field(p, of_each=p.stands_for == "neuron")


def trajectory_and_fixed_points(parameters: Parameters, activity: RateActivity) -> Outcome:
    """Tables of the recorded rates in time and of all solutions of the self-consistency equations, and their figure."""
    points = equations(parameters).fixed_points()
    return Outcome(
        tables=(*_trajectory(activity), solutions(points)),
        summary={"fixed_points": described(points)},
        figures={"rates": partial(_draw, activity, points)} if activity.courses() else {},
    )


def _trajectory(activity: RateActivity) -> list[Table]:
    """The mean rates of the recorded neurons at some of the recorded times; no table where there are none.

    Of populations that were recorded at other times than the first: none.
    """
    courses = activity.courses()
    times = next((times for times, _ in courses.values()), np.zeros(0))
    if not times.size:
        return []
    names = [name for name, (others, _) in courses.items() if np.array_equal(others, times)]
    chosen = np.unique(np.linspace(0, times.size - 1, SHOWN_ROWS).round().astype(np.int64))
    rows = tuple((float(times[k]), *(float(courses[name][1][k]) for name in names)) for k in chosen)
    header = ("time (ms)", *(f"rate {name} (1/s)" for name in names))
    return [Table("trajectory", header, rows, ("g", *[".4f"] * len(names)))]


def _draw(activity: RateActivity, points: list[FixedPoint]) -> Figure:
    from distsim.analysis.rate_plots import plot_rate_trajectories

    stable = [float(point.rates[0]) for point in points if point.stable]
    names = [f"fixed point {number}" for number in range(1, len(stable) + 1)] if len(stable) > 1 else ["fixed point"]
    return plot_rate_trajectories(activity.courses(), fixed_points=dict(zip(names, stable, strict=False)))
