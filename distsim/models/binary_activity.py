"""What a network of binary neurons did: which share of each population is active."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from distsim.models.outcome import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.binary.binary_simulation import BinarySimulation
    from distsim.binary.flip_recorder import MeanActivity


@dataclass(frozen=True)
class BinaryStatistics:
    """One population: its ``neurons``, the share of active ones, and the standard deviation of that over time.

    Both are over the measured time where the activity is recorded; else they are that of the end, and None.
    """

    neurons: int
    activity: float
    activity_sd: float | None


@dataclass(frozen=True)
class BinaryActivity:
    """Activity after ``start`` up to ``stop`` (ms) by population, and the recorded trajectories."""

    start: float
    stop: float
    statistics: Mapping[str, BinaryStatistics]
    recorded: Mapping[str, MeanActivity]

    def table(self) -> Table:
        """The statistics as they are printed."""
        rows = tuple((name, s.neurons, s.activity, s.activity_sd) for name, s in self.statistics.items())
        header = ("population", "neurons", "mean activity", "SD over time")
        return Table("mean activity", header, rows, ("", ",", ".4f", ".4f"))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The statistics by population, ready for JSON."""
        return {name: asdict(statistics) for name, statistics in self.statistics.items()}

    def figures(self, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
        """The trajectories of the mean activities, where there are any."""
        return {"activity": partial(_draw, self)} if self.recorded else {}


def observe(simulation: BinarySimulation, start: float, stop: float) -> BinaryActivity:
    """The activity after ``start`` up to ``stop`` (ms), which is now; collective."""
    network = simulation.network
    recorded = {name: simulation.activity(name) for name in network.activity_recordings}
    statistics = {}
    for population in network.populations:
        name, size = population.name, population.size
        if name in recorded:
            over_time = recorded[name].mean(start, stop), recorded[name].sd(start, stop)
            statistics[name] = BinaryStatistics(size, *over_time)
        elif size:
            statistics[name] = BinaryStatistics(size, float(simulation.states(name).mean()), None)
    return BinaryActivity(start, stop, statistics, recorded)


def _draw(activity: BinaryActivity) -> Figure:
    from distsim.analysis.activity_plots import plot_activity

    drawn = {name: (recorded.time, recorded.value) for name, recorded in activity.recorded.items()}
    return plot_activity(drawn, activity.stop, {}, {})
