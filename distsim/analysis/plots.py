"""Figures of a run: raster with population rates, distributions, boxes, simulated against predicted values.

Each function returns a matplotlib Figure that belongs to no window and no global state; ``figure.savefig(path)`` writes
it. matplotlib is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import COLOURS, DASHES, MARKERS, density_label, letters, new_figure, styled
from distsim.analysis.spike_statistics import mean_rate, spike_counts
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FEW = 3  # populations for which a raster has a legend of rates; the names of more would not fit
LEAST_SHARE = 20
ROOM, LARGEST_DOT = 120.0, 5.0  # points: height of a raster that dots may fill, so that those of few neurons are seen
MANY_DOTS = 10_000  # beyond them, all are smaller
BINS = 40
ROUNDING = 1e-6  # of a bin: values on its lower edge lie in it, however they were rounded
TimesAndNeurons = tuple[npt.ArrayLike, npt.ArrayLike]


@styled
def plot_raster(
    spikes: Mapping[str, TimesAndNeurons],
    sizes: Mapping[str, int],
    start: float,
    stop: float,
    *,
    bin_width: float = 5.0,
    shown: int = 500,
    colours: Mapping[str, str] | None = None,
    means: Mapping[str, float] | None = None,
) -> Figure:
    """Spikes of the first neurons of every population against time, and the population rates below.

    spikes: (times (n,), ms; neurons (n,)) by population, from top to bottom; sizes: number of neurons by population. Of
    all populations together about ``shown`` neurons are drawn, in proportion to the sizes, but none gets less than a
    twentieth of the rows; the rates, in bins of ``bin_width`` (ms), are those of all neurons. ``colours``: by
    population. means: mean rates (1/s) by population that the legend of up to three gives, where they are not to be
    those of the spikes that are shown.
    Raises InputError for populations without a size and for an empty interval.
    """
    _require_sizes(spikes, sizes, "plot_raster")
    few = len(spikes) <= FEW
    figure = new_figure(6.3, 4.2 if few else 5.8)
    raster, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, 1.0) if few else (3.6, 1.0))
    rows = _rows({name: sizes[name] for name in spikes}, check_count(shown, "plot_raster: shown", low=1))
    _draw_spikes(raster, spikes, sizes, rows, (start, stop), _colours(spikes, colours))
    for (name, (times, _)), colour in zip(spikes.items(), _colours(spikes, colours), strict=True):
        when, size = np.asarray(times, np.float64), sizes[name]
        mean = mean_rate(when, size, start, stop) if means is None else means[name]
        _draw_rate(rate, when, size, (start, stop, bin_width), colour, f"{name}: {mean:.2f} /s")
    _name_rows(raster, _colours(spikes, colours))
    rate.set(xlim=(start, stop), ylim=(0.0, None), xlabel="time (ms)", ylabel="rate (1/s)")
    if few:
        rate.legend(loc="lower right", bbox_to_anchor=(1.0, 0.98), ncols=len(spikes), borderaxespad=0.0)
    letters((raster, rate))
    return figure


@styled
def plot_distributions(
    panels: Mapping[str, Mapping[str, npt.ArrayLike]],
    *,
    colours: Mapping[str, str] | None = None,
    logarithmic: Collection[str] = (),
) -> Figure:
    """Distributions over neurons (or pairs) beside each other: values (n,) by population, by label of the x axis.

    One line per population, in bins common to all; the small triangle below is its mean. More than three populations
    have rows of their own. Values that are not finite are left out, and so are the smallest and the largest half per
    cent of each panel, which would stretch it. ``logarithmic``: labels of panels with a density in powers of ten, such
    as that of values most of which lie in one bin.
    """
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(name for populations in panels.values() for name in populations))
    apart = len(names) > FEW
    rows = len(names) if apart else 1
    figure = new_figure(max(3.4, 2.4 * len(panels)), 0.9 + 0.55 * rows if apart else 2.5)
    grid = figure.subplots(rows, len(panels), squeeze=False, sharex="col")
    for column, (label, populations) in zip(grid.T, panels.items(), strict=True):
        kept = {name: _finite(values) for name, values in populations.items()}
        edges = _common_edges(np.concatenate([np.zeros(0), *kept.values()]))
        for axes in column:
            axes.set_xlim(edges[0], edges[-1])
        for (name, values), colour, dash in zip(kept.items(), _colours(kept, colours), cycle(DASHES), strict=False):
            axes = column[names.index(name)] if apart else column[0]
            _draw_distribution(axes, values, edges, colour, "-" if apart else dash, name)
        for axes in column:
            _set_density_axis(axes, label in logarithmic)
        column[-1].set_xlabel(label)
        column[0].set_title(density_label(label), loc="right") if apart else column[0].set_ylabel(density_label(label))
    if apart:
        for axes, name, colour in zip(grid[:, 0], names, _colours(names, colours), strict=True):
            axes.set_ylabel(name, color=colour, rotation=0, horizontalalignment="right", verticalalignment="center")
    lines = [] if apart or not names else grid[0, 0].get_legend_handles_labels()[0]
    mean = Line2D([], [], color="0.4", marker="^", ms=5, ls="none", label="mean")
    figure.legend(handles=[*lines, mean], loc="outside upper center", ncols=len(lines) + 1)
    letters(grid[0])
    return figure


def _draw_distribution(
    axes: Any, values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64], colour: str, dash: Any, name: str
) -> None:
    """The density of ``values`` between the ``edges``, and a triangle at their mean."""
    counts, _ = np.histogram(values, edges)
    density = counts / (max(1, values.size) * np.diff(edges))
    axes.stairs(density, edges, baseline=0.0, color=colour, linestyle=dash, lw=1.2, label=name)
    if values.size:
        ends = axes.get_xaxis_transform()
        axes.plot(values.mean(), 0.0, "^", ms=5, color=colour, transform=ends, clip_on=False, zorder=5)


def _set_density_axis(axes: Any, logarithmic: bool) -> None:
    """An axis from 0, or in powers of ten from below the smallest density that there is."""
    lowest = min((patch.get_data().values.min(where=patch.get_data().values > 0.0, initial=np.inf)
                  for patch in axes.patches), default=np.inf)  # fmt: skip
    if logarithmic and np.isfinite(lowest):
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(bottom=0.5 * lowest)
    else:
        axes.set_ylim(0.0, None)


@styled
def plot_boxes(values: Mapping[str, npt.ArrayLike], label: str, *, colours: Mapping[str, str] | None = None) -> Figure:
    """Box plot of values (n,) by population, from top to bottom, against an axis with ``label``.

    Box: quartiles and median; whiskers: the last values within 1.5 times the length of the box; star: mean; dots: the
    values beyond. Values that are not finite are left out.
    """
    kept = {name: _finite(array) for name, array in values.items()}
    figure = new_figure(4.6, 1.1 + 0.3 * max(2, len(kept)))
    axes = figure.subplots()
    boxes = axes.boxplot(
        list(kept.values()), orientation="horizontal", widths=0.65, showmeans=True, patch_artist=True,
        medianprops={"color": "black", "lw": 1.2},
        meanprops={"marker": "*", "markerfacecolor": "white", "markeredgecolor": "black", "markersize": 8},
        flierprops={"marker": ".", "markersize": 2.0, "markeredgewidth": 0.0, "markerfacecolor": "0.4"},
        whiskerprops={"color": "0.3"}, capprops={"color": "0.3"},
    )  # fmt: skip
    for box, colour in zip(boxes["boxes"], _colours(kept, colours), strict=True):
        box.set(facecolor=colour, alpha=0.7, edgecolor="0.3")
    named = {column: boxes[f"{column}s"][0] for column in ("median", "mean") if kept}
    figure.legend(named.values(), named.keys(), loc="outside upper center", ncols=2)
    axes.set_yticks(range(1, len(kept) + 1), list(kept))
    axes.tick_params(axis="y", length=0.0)
    axes.invert_yaxis()
    axes.set(xlim=(min(0.0, *(a.min(initial=0.0) for a in kept.values())), None), xlabel=label)
    return figure


@styled
def plot_prediction(
    series: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]],
    label: str,
    *,
    colours: Mapping[str, str] | None = None,
    logarithmic: bool = False,
) -> Figure:
    """Simulated against predicted values, with the line on which they are equal.

    series: (predicted (n,), simulated (n,)) by name; ``label`` says what they are, with the unit in brackets at its
    end: "rate (1/s)". On logarithmic axes values that are not positive are left out. Raises InputError where the two
    of a series differ in length.
    """
    figure = new_figure(3.8, 3.7)
    axes = figure.subplots()
    pooled: list[npt.NDArray[np.float64]] = [np.zeros(0)]
    for index, ((name, pair), colour) in enumerate(zip(series.items(), _colours(series, colours), strict=True)):
        predicted, simulated = (np.asarray(values, np.float64) for values in pair)
        if predicted.shape != simulated.shape:
            raise InputError(
                f"plot_prediction: '{name}' has {predicted.size} predicted, {simulated.size} simulated values"
            )
        marker = MARKERS[index % len(MARKERS)]
        axes.plot(predicted, simulated, marker, color=colour, ms=5, mfc="none", mew=1.2, label=name, ls="none")
        pooled += [_finite(predicted), _finite(simulated)]
    values = np.concatenate(pooled)
    limits = _limits(values[values > 0.0] if logarithmic else values, logarithmic)
    if logarithmic:
        axes.set(xscale="log", yscale="log")
    axes.plot(limits, limits, "--", color="0.6", lw=1.0, zorder=0, label="equal")
    axes.set(xlim=limits, ylim=limits, aspect="equal", xlabel=f"predicted {label}", ylabel=f"simulated {label}")
    figure.legend(loc="outside upper center", ncols=4)
    return figure


def _require_sizes(spikes: Mapping[str, TimesAndNeurons], sizes: Mapping[str, int], where: str) -> None:
    for name in spikes:
        if name not in sizes:
            raise InputError(f"{where}: no size is given for population '{name}'")


def _draw_spikes(
    axes: Any,
    spikes: Mapping[str, TimesAndNeurons],
    sizes: Mapping[str, int],
    rows: Mapping[str, int],
    interval: tuple[float, float],
    colours: Iterable[str],
    dot: float | None = None,
) -> None:
    """The raster: dots (of ``dot`` points) for the first ``rows`` neurons of every population, from top to bottom."""
    base, middles = 0, []
    shown = []
    for name, (times, neurons) in spikes.items():
        when, who = np.asarray(times, np.float64), np.asarray(neurons)
        drawn = (when > interval[0]) & (when <= interval[1]) & (who < rows[name])
        shown.append((name, when[drawn], who[drawn]))
    many = sum(when.size for _, when, _ in shown) > MANY_DOTS
    size = dot or max(min(LARGEST_DOT, ROOM / max(1, sum(rows.values()))), 1.3 if many else 2.0)
    for (name, when, who), colour in zip(shown, colours, strict=True):
        axes.plot(when, base + who, ".", ms=size, mew=0.0, color=colour, rasterized=True)
        middles.append(base + rows[name] / 2.0 - 0.5)
        base += rows[name]
    axes.set(ylim=(base - 0.5, -0.5), ylabel=f"{base:,} of {sum(sizes[name] for name in spikes):,} neurons")
    axes.set_yticks(middles, list(spikes))


def _name_rows(axes: Any, colours: Iterable[str]) -> None:
    """Names of rows in the colours of their populations, without ticks."""
    axes.tick_params(axis="y", length=0.0)
    for label, colour in zip(axes.get_yticklabels(), colours, strict=True):
        label.set_color(colour)


def _draw_rate(
    axes: Any, times: npt.NDArray[np.float64], size: int, bins: Sequence[float], colour: str, label: str
) -> None:
    start, stop, width = bins
    rate = spike_counts(times, start, stop, width) * (MS_PER_S / (width * size))
    axes.stairs(rate, start + width * np.arange(rate.size + 1), baseline=None, color=colour, lw=1.0, label=label)


def _colours(names: Iterable[str], chosen: Mapping[str, str] | None = None) -> list[str]:
    """The colour of each of ``names``: the one that is chosen for it, else the next of ``COLOURS``."""
    return [(chosen or {}).get(name, COLOURS[i % len(COLOURS)]) for i, name in enumerate(names)]


def _rows(sizes: Mapping[str, int], shown: int) -> dict[str, int]:
    """Rows of a raster by population: together about ``shown``, none below a twentieth of them, none above its size."""
    fraction = min(1.0, shown / max(1, sum(sizes.values())))
    least = shown / LEAST_SHARE
    return {name: max(1, min(size, round(max(fraction * size, least)))) for name, size in sizes.items()}


def _finite(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    array = np.asarray(values, np.float64)
    return array[np.isfinite(array)]


def _common_edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Edges of at most about BINS bins for ``values``; where these lie on a grid, a bin holds whole steps of it.

    Rates are multiples of 1 / duration: bins that are not would hold now more, now fewer of them.
    """
    if values.size == 0:
        return np.array([0.0, 1.0])
    low, high = np.percentile(values, (0.5, 99.5), method="closest_observation")
    steps = np.diff(np.unique(values))
    step = float(steps[steps > 1e-9 * max(abs(low), abs(high))].min(initial=np.inf))
    if not np.isfinite(step):
        return np.array([low - 0.5, low + 0.5])
    step *= max(1, int(np.ceil((high - low) / step / BINS)))
    bins = int((high - low) / step) + 1
    edges: npt.NDArray[np.float64] = low + step * (np.arange(bins + 1) - ROUNDING)
    return edges


def _limits(values: npt.NDArray[np.float64], logarithmic: bool) -> tuple[float, float]:
    """Limits of an axis that shows all ``values`` with a margin."""
    if values.size == 0:
        return (0.1, 1.0) if logarithmic else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if logarithmic:
        return low / 1.3, high * 1.3
    margin = 0.06 * (high - min(low, 0.0) or 1.0)
    return (0.0 if low >= 0.0 else low - margin), high + margin
