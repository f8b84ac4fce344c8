"""What a spiking network did in an interval: rates of all neurons, statistics of the recorded spikes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.analysis import spike_statistics as rates
from distsim.analysis.correlation import count_correlations
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
    """Recorded spikes of a population sorted by time, then neuron: times (n,) (ms) and neurons (n,) int32.

    Neurons are counted among the recorded ones.
    """

    times: FloatArray
    neurons: npt.NDArray[np.int32]


@dataclass(frozen=True)
class Statistics:
    """One population: of all its ``neurons``, and of those that are ``recorded``; NaN where there is too little.

    Of all neurons, counted as the network runs: ``spikes``; rate, rate_sd: mean rate and its standard deviation over
    neurons (1/s). Of the recorded spikes: cv: mean coefficient of variation of the inter-spike intervals; synchrony:
    variance over mean of the spike counts in bins of 3 ms; correlation: mean correlation coefficient of the spike
    counts, in bins of 2 ms, of pairs of 200 neurons.
    """

    neurons: int
    spikes: int
    rate: float
    rate_sd: float
    recorded: int = 0
    cv: float = math.nan
    synchrony: float = math.nan
    correlation: float = math.nan


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
        """Number of recorded neurons by population, of those where any are."""
        return {name: s.recorded for name, s in self.statistics.items() if s.recorded}

    def rates(self, name: str) -> FloatArray:
        """Rate (recorded,) (1/s) of each recorded neuron; on rank 0."""
        return rates.neuron_rates(*self.spikes[name], self.sizes[name], self.start, self.stop)

    def cvs(self, name: str) -> FloatArray:
        """Coefficient of variation (n,) of the intervals of recorded neurons with at least three spikes; on rank 0."""
        cv = rates.interval_cv(*self.spikes[name], self.sizes[name], self.start, self.stop)
        return cv[~np.isnan(cv)]

    def correlations(self, name: str) -> FloatArray:
        """Correlation coefficients (pairs,) as in ``Statistics``; none where the interval is too short; on rank 0."""
        if self.stop - self.start < 2.0 * CORRELATION_BIN:
            return np.zeros(0)
        size = self.sizes[name]
        return count_correlations(*self.spikes[name], size, self.start, self.stop, bin_width=CORRELATION_BIN)

    def table(self) -> Table:
        """The statistics as they are printed: rates of all neurons, the others of those that are recorded."""
        header = "population", "neurons", "rate (1/s)", "sd (1/s)", "recorded", "CV of ISI", "synchrony", "correlation"
        rows = tuple(
            (name, s.neurons, s.rate, s.rate_sd, s.recorded, s.cv, s.synchrony, s.correlation)
            for name, s in self.statistics.items()
        )
        return Table("activity", header, rows, ("", "", ".3f", ".3f", "", ".3f", ".3f", ".4f"))

    def summary(self) -> dict[str, dict[str, Any]]:
        """The statistics by population, ready for JSON."""
        return {name: asdict(statistics) for name, statistics in self.statistics.items()}

    def figures(self, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
        """See ``figures_of``."""
        return figures_of(self, colours)


def observe(simulation: Simulation) -> Activity:
    """The activity of all neurons, and of all recorded spikes, since ``simulation.forget_times()``; collective.

    Recorded spikes are gathered on rank 0 alone.
    """
    network, start, stop = simulation.network, simulation.measured_from, simulation.time
    of_all = simulation.spike_rates()
    spikes = {}
    for recording in network.spike_recordings:
        found = simulation.spikes(recording.population, everywhere=False)
        times = found.times(simulation.dt)
        first = np.searchsorted(times, start, side="right")
        places = np.searchsorted(recording.indices, found.neuron[first:])
        spikes[recording.population] = Spikes(times[first:], places.astype(np.int32))
    recorded = {recording.population: recording.size for recording in network.spike_recordings}
    statistics = {
        p.name: Statistics(p.size, *of_all[p.name], recorded.get(p.name, 0))
        for p in network.populations
        if p.model.receives or p.name in recorded
    }
    activity = Activity(start, stop, statistics, spikes)
    return replace(activity, statistics=on_root(simulation.comm, lambda: _with_recorded(activity)))


def recorded_activity(
    spikes: Mapping[str, tuple[FloatArray, npt.NDArray[np.int64]]],
    recorded: Mapping[str, npt.NDArray[np.int64]],
    start: float,
    stop: float,
) -> Activity:
    """What recorded spikes alone tell, such as those of a file, after ``start`` up to ``stop`` (ms).

    spikes: times (n,) (ms) and neurons (n,) by population; recorded: indices (n,) of the recorded neurons, ascending.
    """
    places = {
        name: Spikes(times, np.searchsorted(recorded[name], neurons).astype(np.int32))
        for name, (times, neurons) in spikes.items()
    }
    sizes = {name: len(recorded[name]) for name in places}
    blank = {name: Statistics(n, len(places[name].times), math.nan, math.nan, n) for name, n in sizes.items()}
    activity = Activity(start, stop, blank, places)
    means = {name: activity.rates(name) for name in sizes}
    rated = {name: replace(s, rate=_mean(means[name]), rate_sd=float(means[name].std())) for name, s in blank.items()}
    return replace(activity, statistics=_with_recorded(replace(activity, statistics=rated)))


def _with_recorded(activity: Activity) -> dict[str, Statistics]:
    """All statistics, those of recorded spikes included."""
    return {name: _of_spikes(s, activity, name) if s.recorded else s for name, s in activity.statistics.items()}


def _of_spikes(statistics: Statistics, activity: Activity, name: str) -> Statistics:
    start, stop = activity.start, activity.stop
    if stop <= start:
        return statistics
    binned = stop - start >= SYNCHRONY_BIN
    return replace(
        statistics,
        cv=_mean(activity.cvs(name)),
        synchrony=rates.synchrony(activity.spikes[name].times, start, stop, SYNCHRONY_BIN) if binned else math.nan,
        correlation=_mean(activity.correlations(name)),
    )


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.size else math.nan


def figures_of(activity: Activity, colours: Mapping[str, str] | None) -> dict[str, Callable[[], Figure]]:
    """A raster and distributions over neurons, where any are recorded, as functions that draw them."""
    sizes = activity.sizes
    if not sizes:
        return {}
    return {
        "raster": partial(_draw_raster, activity, sizes, colours),
        "distributions": partial(_draw_distributions, activity, list(sizes), colours),
    }


def _draw_raster(activity: Activity, sizes: Mapping[str, int], colours: Mapping[str, str] | None) -> Figure:
    """The last second of the run, and the rates of the table."""
    from distsim.analysis.plots import FEW, plot_raster

    start = max(activity.start, activity.stop - SHOWN_TIME)
    spikes = {name: activity.spikes[name] for name in sizes}
    window = activity.stop - start
    bin_width = min(5.0, max(window / 100.0, min(1.0, window / 10.0)))
    shown = 500 if len(sizes) <= FEW else 1000
    means = {name: activity.statistics[name].rate for name in sizes}
    return plot_raster(
        spikes, sizes, start, activity.stop, bin_width=bin_width, shown=shown, colours=colours, means=means
    )


def _draw_distributions(activity: Activity, names: list[str], colours: Mapping[str, str] | None) -> Figure:
    """Rates of the neurons, CV of their intervals, correlation of pairs."""
    from distsim.analysis.plots import plot_distributions

    panels = {
        "rate (1/s)": {name: activity.rates(name) for name in names},
        "CV of inter-spike intervals": {name: activity.cvs(name) for name in names},
        "correlation of spike counts": {name: activity.correlations(name) for name in names},
    }
    return plot_distributions(panels, colours=colours, logarithmic=("correlation of spike counts",))
