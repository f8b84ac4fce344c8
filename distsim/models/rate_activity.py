"""What a network of rate neurons did: the rates that it settled at, and the trajectories of recorded neurons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.models.outcome import Table
from distsim.parallel.gather import States
from distsim.record.csv_pieces import csv_pieces

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.rates.rate_simulation import RateSimulation

FloatArray = npt.NDArray[np.float64]
Course = tuple[FloatArray, FloatArray]


@dataclass(frozen=True)
class RateStatistics:
    """One population: its ``neurons``, mean and standard deviation of their rates (1/s) at the end."""

    neurons: int
    rate: float
    rate_sd: float


@dataclass(frozen=True)
class RateActivity:
    """The end of a run by population: statistics of all neurons, the same on every rank; on rank 0 recorded rates.

    The latter are given at steps of ``dt`` (ms).
    """

    statistics: Mapping[str, RateStatistics]
    recorded: Mapping[str, States]
    dt: float

    def courses(self) -> dict[str, Course]:
        """Times (T,) (ms), and the mean rates (T,) (1/s) of the recorded neurons at them, by population."""
        return mean_courses({name: (s.times(self.dt), s.value) for name, s in self.recorded.items() if s.value.size})

    def table(self) -> Table:
        """The statistics as they are printed."""
        rows = tuple((name, s.neurons, s.rate, s.rate_sd) for name, s in self.statistics.items())
        return Table("rates", ("population", "neurons", "rate (1/s)", "sd (1/s)"), rows, ("", ",", ".4f", ".4f"))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The statistics by population, ready for JSON."""
        return {name: asdict(statistics) for name, statistics in self.statistics.items()}

    def csv(self) -> Iterator[bytes]:
        """The recorded rates as a table: population, neuron, time (ms), rate (1/s); sorted in this order."""
        rows = (
            (name, neuron, time, rate)
            for name, states in self.recorded.items()
            for neuron, rates in zip(states.neuron.tolist(), states.value.T, strict=True)
            for time, rate in zip(map(float, states.times(self.dt)), map(float, rates), strict=True)
        )
        return csv_pieces(("population", "neuron", "time_ms", "rate_per_s"), rows)

    def figures(self, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
        """The trajectories of the recorded neurons' mean rates, where there are any."""
        courses = self.courses()
        return {"rates": partial(draw_rates, courses, colours)} if courses else {}


def observe(simulation: RateSimulation) -> RateActivity:
    """The rates now of all neurons that take input, and what was recorded; collective."""
    statistics = {}
    for population in simulation.network.populations:
        if population.model.siegert and population.size:
            rates = simulation.current_rates(population)
            statistics[population.name] = RateStatistics(population.size, float(rates.mean()), float(rates.std()))
    recorded = {r.population: simulation.rates(r.population, everywhere=False) for r in simulation.network.recordings}
    return RateActivity(statistics, recorded, simulation.dt)


def mean_courses(recorded: Mapping[str, Course]) -> dict[str, Course]:
    """Of rates (T, n) at times (T,) by population: the same times, and the means (T,) over the neurons."""
    return {name: (times, rates.mean(axis=1)) for name, (times, rates) in recorded.items()}


def draw_rates(courses: Mapping[str, Course], colours: Mapping[str, str] | None) -> Figure:
    """The trajectories of mean rates."""
    from distsim.analysis.rate_plots import plot_rate_trajectories

    return plot_rate_trajectories(courses, colours=colours)
