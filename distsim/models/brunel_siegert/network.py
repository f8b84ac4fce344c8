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
"""Of the trajectory, at least so many where there are; files hold all of it."""


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
    together = [name for name in courses if np.array_equal(courses[name][0], next(iter(courses.values()))[0])]
    if not together:
        return []
    times = courses[together[0]][0]
    apart = max(1, times.size // SHOWN_ROWS)
    chosen = range(times.size - 1 - (times.size - 1) // apart * apart, times.size, apart)  # up to the last
    rows = tuple((float(times[k]), *(float(courses[name][1][k]) for name in together)) for k in chosen)
    header = ("time (ms)", *(f"rate {name} (1/s)" for name in together))
    return [Table("trajectory", header, rows, ("g", *([".4f"] * len(together))))]


def _draw(activity: RateActivity, points: list[FixedPoint]) -> Figure:
    from distsim.analysis.rate_plots import plot_rate_trajectories

    stable = [float(point.rates[0]) for point in points if point.stable]  # E and I have the same
    return plot_rate_trajectories(activity.courses(), fixed_points=stable)
