"""What a network of binary neurons did: which share of each population is active."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from distsim.models.outcome import Table
from distsim.parallel import on_root

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.binary.binary_simulation import BinarySimulation
    from distsim.binary.flip_recorder import MeanActivity


@dataclass(frozen=True)
class BinaryStatistics:
    """One population: its ``neurons``, the mean share of active ones, and the standard deviation of that over time.

    The latter is None where the activity is not recorded.
    """

    neurons: int
    activity: float
    activity_sd: float | None = None


@dataclass(frozen=True)
class BinaryActivity:
    """Activity after ``start`` up to ``stop`` (ms) by population; the recorded trajectories are whole on rank 0."""

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


def observe(simulation: BinarySimulation, start: float) -> BinaryActivity:
    """The activity after ``start`` (ms), when times were forgotten, up to now; collective."""
    network, stop = simulation.network, simulation.time
    recorded = {name: simulation.activity(name, everywhere=False) for name in network.activity_recordings}
    deviations = on_root(simulation.comm, lambda: {name: found.sd(start, stop) for name, found in recorded.items()})
    means = simulation.mean_activities()
    statistics = {
        p.name: BinaryStatistics(p.size, means[p.name], deviations.get(p.name)) for p in network.populations if p.size
    }
    return BinaryActivity(start, stop, statistics, recorded)


def _draw(activity: BinaryActivity) -> Figure:
    from distsim.analysis.activity_plots import plot_activity

    drawn = {name: (recorded.time, recorded.value) for name, recorded in activity.recorded.items()}
    return plot_activity(drawn, activity.stop, {}, {})
