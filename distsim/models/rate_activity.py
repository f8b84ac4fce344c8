"""What a network of rate neurons did: the rates that it settled at, and the trajectories of recorded neurons."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.models.outcome import Table
from distsim.parallel.gather import States

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.rates.rate_simulation import RateSimulation

FloatArray = npt.NDArray[np.float64]


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

    def courses(self) -> dict[str, tuple[FloatArray, FloatArray]]:
        """Times (T,) (ms), and the mean rates (T,) (1/s) of the recorded neurons at them, by population."""
        recorded = {name: states for name, states in self.recorded.items() if states.value.size}
        return {name: (states.times(self.dt), states.value.mean(axis=1)) for name, states in recorded.items()}

    def table(self) -> Table:
        """The statistics as they are printed."""
        rows = tuple((name, s.neurons, s.rate, s.rate_sd) for name, s in self.statistics.items())
        return Table("rates", ("population", "neurons", "rate (1/s)", "sd (1/s)"), rows, ("", ",", ".4f", ".4f"))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The statistics by population, ready for JSON."""
        return {name: asdict(statistics) for name, statistics in self.statistics.items()}

    def csv(self) -> bytes:
        """The recorded rates as a table: population, neuron, time (ms), rate (1/s); sorted in this order."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("population", "neuron", "time_ms", "rate_per_s"))
        for name, states in self.recorded.items():
            times = states.times(self.dt).tolist()
            for neuron, rates in zip(states.neuron.tolist(), states.value.T.tolist(), strict=True):
                writer.writerows((name, neuron, time, rate) for time, rate in zip(times, rates, strict=True))
        return text.getvalue().encode()

    def figures(self, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
        """The trajectories of the recorded neurons' mean rates, where there are any."""
        return {"rates": partial(_draw, self, colours)} if self.courses() else {}


def observe(simulation: RateSimulation) -> RateActivity:
    """The rates now of all neurons that take input, and what was recorded; collective."""
    statistics = {}
    for population in simulation.network.populations:
        if population.model.siegert and population.size:
            rates = simulation.current_rates(population)
            statistics[population.name] = RateStatistics(population.size, float(rates.mean()), float(rates.std()))
    recorded = {r.population: simulation.rates(r.population, everywhere=False) for r in simulation.network.recordings}
    return RateActivity(statistics, recorded, simulation.dt)


def _draw(activity: RateActivity, colours: Mapping[str, str] | None) -> Figure:
    from distsim.analysis.rate_plots import plot_rate_trajectories

    return plot_rate_trajectories(activity.courses(), colours=colours)
