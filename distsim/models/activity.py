"""What a spiking network did in an interval: spikes and statistics of each recorded population."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.analysis import spike_statistics as rates
from distsim.analysis.correlation import count_correlations
from distsim.core.units import to_steps
from distsim.models.outcome import Table
from distsim.parallel import on_root

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.spiking.simulation import Simulation

FloatArray = npt.NDArray[np.float64]
SYNCHRONY_BIN = 3.0  # ms
CORRELATION_BIN = 2.0  # ms
SHOWN_TIME = 1000.0  # ms at the end of a run that its raster shows


class Spikes(NamedTuple):
    """Spikes of a population sorted by time, then neuron: times (n,) (ms) and indices of the neurons (n,) int32."""

    times: FloatArray
    neurons: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Statistics:
    """One population: recorded ``neurons``, their ``spikes``, and means over them; NaN where there are too few spikes.

    rate, rate_sd: mean rate and its standard deviation over neurons (1/s). cv: mean coefficient of variation of the
    inter-spike intervals. synchrony: variance over mean of the spike counts in bins of 3 ms. correlation: mean
    correlation coefficient of the spike counts, in bins of 2 ms, of pairs of 200 neurons.
    """

    neurons: int
    spikes: int
    rate: float
    rate_sd: float
    cv: float
    synchrony: float
    correlation: float


@dataclass(frozen=True)
class Activity:
    """Activity after ``start`` up to ``stop`` (ms); ``statistics`` by population, the same on every rank.

    ``spikes`` by population is complete on rank 0 and empty on the others.
    """

    start: float
    stop: float
    statistics: Mapping[str, Statistics]
    spikes: Mapping[str, Spikes] = field(default_factory=dict)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of recorded neurons by population."""
        return {name: s.neurons for name, s in self.statistics.items()}

    def rates(self, name: str) -> FloatArray:
        """Rate (neurons,) (1/s) of each neuron; on rank 0."""
        return rates.neuron_rates(*self.spikes[name], self.sizes[name], self.start, self.stop)

    def cvs(self, name: str) -> FloatArray:
        """Coefficient of variation (n,) of the intervals of each neuron with at least three spikes; on rank 0."""
        cv = rates.interval_cv(*self.spikes[name], self.sizes[name], self.start, self.stop)
        return cv[~np.isnan(cv)]

    def correlations(self, name: str) -> FloatArray:
        """Correlation coefficients (pairs,) as in ``Statistics``; none where the interval is too short; on rank 0."""
        if self.stop - self.start < 2.0 * CORRELATION_BIN:
            return np.zeros(0)
        size = self.sizes[name]
        return count_correlations(*self.spikes[name], size, self.start, self.stop, bin_width=CORRELATION_BIN)

    def table(self) -> Table:
        """The statistics as they are printed."""
        header = ("population", "neurons", "rate (1/s)", "sd (1/s)", "CV of ISI", "synchrony", "correlation")
        rows = tuple(
            (name, s.neurons, s.rate, s.rate_sd, s.cv, s.synchrony, s.correlation)
            for name, s in self.statistics.items()
        )
        return Table("activity", header, rows, ("", "", ".3f", ".3f", ".3f", ".3f", ".4f"))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The statistics by population, ready for JSON."""
        return {name: asdict(statistics) for name, statistics in self.statistics.items()}


def observe(simulation: Simulation, start: float, stop: float) -> Activity:
    """The activity of all recorded populations after ``start`` up to ``stop`` (ms); collective."""
    dt = simulation.dt
    begin, end = to_steps(start, dt, "start"), to_steps(stop, dt, "stop")
    spikes: dict[str, Spikes] = {}
    for recording in simulation.network.spike_recordings:
        found = simulation.spikes(recording.population)
        if simulation.comm.rank == 0:
            first = np.searchsorted(found.step, begin, side="right")
            spikes[recording.population] = Spikes(found.times(dt)[first:], found.neuron[first:].astype(np.int32))
    sizes = {recording.population: recording.size for recording in simulation.network.spike_recordings}
    statistics = on_root(simulation.comm, lambda: _all_statistics(spikes, sizes, begin * dt, end * dt))
    return Activity(begin * dt, end * dt, statistics, spikes)


def _all_statistics(
    spikes: Mapping[str, Spikes], sizes: Mapping[str, int], start: float, stop: float
) -> dict[str, Statistics]:
    blank = {name: Statistics(size, 0, *(5 * [math.nan])) for name, size in sizes.items()}
    activity = Activity(start, stop, blank, spikes)
    return {name: _statistics(activity, name) if size else blank[name] for name, size in sizes.items()}


def _statistics(activity: Activity, name: str) -> Statistics:
    per_neuron = activity.rates(name)
    times, start, stop = activity.spikes[name].times, activity.start, activity.stop
    binned = stop - start >= SYNCHRONY_BIN
    return Statistics(
        neurons=len(per_neuron),
        spikes=len(times),
        rate=rates.mean_rate(times, len(per_neuron), start, stop),
        rate_sd=float(per_neuron.std()),
        cv=_mean(activity.cvs(name)),
        synchrony=rates.synchrony(times, start, stop, SYNCHRONY_BIN) if binned else math.nan,
        correlation=_mean(activity.correlations(name)),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def figures_of(activity: Activity, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
    """A raster and distributions over neurons, where any are recorded, as functions that draw them."""
    sizes = {name: size for name, size in activity.sizes.items() if size}
    if not sizes:
        return {}
    return {
        "raster": partial(_draw_raster, activity, sizes, colours),
        "distributions": partial(_draw_distributions, activity, list(sizes), colours),
    }


def _draw_raster(activity: Activity, sizes: Mapping[str, int], colours: Mapping[str, str] | None) -> Figure:
    """The last second of the run."""
    from distsim.analysis.plots import FEW, plot_raster

    start = max(activity.start, activity.stop - SHOWN_TIME)
    spikes = {name: activity.spikes[name] for name in sizes}
    window = activity.stop - start
    bin_width = min(5.0, max(window / 100.0, min(1.0, window / 10.0)))
    shown = 500 if len(sizes) <= FEW else 1000
    return plot_raster(spikes, sizes, start, activity.stop, bin_width=bin_width, shown=shown, colours=colours)


def _draw_distributions(activity: Activity, names: list[str], colours: Mapping[str, str] | None) -> Figure:
    """Rates of the neurons, CV of their intervals, correlation of pairs."""
    from distsim.analysis.plots import plot_distributions

    panels = {
        "rate (1/s)": {name: activity.rates(name) for name in names},
        "CV of inter-spike intervals": {name: activity.cvs(name) for name in names},
        "correlation of spike counts": {name: activity.correlations(name) for name in names},
    }
    return plot_distributions(panels, colours=colours)
