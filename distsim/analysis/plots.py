"""Figures of a run: raster with population rates, weight histogram, connectivity matrix.

Each function returns a matplotlib Figure that belongs to no window and no global state; ``figure.savefig(path)`` writes
it. matplotlib is imported inside the functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.rates import mean_rate, spike_counts
from distsim.analysis.weights import weight_histogram
from distsim.errors import InputError
from distsim.units import MS_PER_S, check_count

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = ("#0b5394", "#b5482a", "#3d7d44", "#7a5195", "#8a6d1b", "#4d4d4d")
Spikes = tuple[npt.ArrayLike, npt.ArrayLike]


def plot_raster(
    spikes: Mapping[str, Spikes],
    sizes: Mapping[str, int],
    start: float,
    stop: float,
    *,
    bin_width: float = 5.0,
    shown: int = 500,
) -> Figure:
    """Spikes of the first neurons of every population against time, and the population rates below.

    spikes: (times (n,), ms; neurons (n,)) by population; sizes: number of neurons by population. Of all populations
    together about ``shown`` neurons are drawn, in proportion to the sizes; the rates, in bins of ``bin_width`` (ms),
    are those of all neurons. Raises InputError for populations without a size and for an empty interval.
    """
    for name in spikes:
        if name not in sizes:
            raise InputError(f"plot_raster: no size is given for population '{name}'")
    figure = _figure(6.3, 4.2)
    raster, rate = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, 1.0))
    fraction = min(1.0, check_count(shown, "plot_raster: shown", low=1) / max(1, sum(sizes[name] for name in spikes)))
    base, middles = 0, []
    for (name, (times, neurons)), colour in zip(spikes.items(), _colours(len(spikes)), strict=True):
        when, who = np.asarray(times, np.float64), np.asarray(neurons)
        rows = max(1, round(fraction * sizes[name]))
        drawn = (when > start) & (when <= stop) & (who < rows)
        size = 2.0 if drawn.sum() < 5000 else 1.0
        raster.plot(when[drawn], base + who[drawn], ".", ms=size, mew=0.0, color=colour, rasterized=True)
        _draw_rate(rate, when, sizes[name], (start, stop, bin_width), colour, name)
        middles.append(base + rows / 2.0)
        base += rows
    raster.set_ylim(base, 0)
    raster.set_yticks(middles, list(spikes))
    raster.tick_params(axis="y", length=0.0)
    raster.set_ylabel(f"population ({base} of {sum(sizes[name] for name in spikes)} neurons)")
    rate.set_xlim(start, stop)
    rate.set_ylim(bottom=0.0)
    rate.set_xlabel("time (ms)")
    rate.set_ylabel("rate (1/s)")
    rate.legend(loc="lower left", bbox_to_anchor=(0.0, 0.98), ncols=len(spikes), frameon=False, borderaxespad=0.0)
    return figure


def plot_weight_histogram(weights: Mapping[str, npt.ArrayLike], edges: npt.ArrayLike | None = None) -> Figure:
    """Probability density of weights (pA), logarithmic, one line for each entry of ``weights`` (label: weights (n,)).

    ``edges`` (pA) as for ``distsim.analysis.weights.weight_histogram``; the legend says what fraction lies outside.
    """
    figure = _figure(4.2, 3.0)
    axes = figure.subplots()
    axes.set_yscale("log", nonpositive="clip")
    lowest = np.inf
    for (label, values), colour in zip(weights.items(), _colours(len(weights)), strict=True):
        density, bounds = weight_histogram(values, edges)
        outside = 1.0 - float((density * np.diff(bounds)).sum())
        note = f" ({100.0 * outside:.2g} % outside)" if outside > 1e-9 and np.size(values) else ""
        axes.stairs(density, bounds, baseline=0.0, color=colour, label=label + note, lw=1.0)
        lowest = min(lowest, density.min(where=density > 0.0, initial=np.inf))
        axes.set_xlim(bounds[0], bounds[-1])
    if np.isfinite(lowest):
        axes.set_ylim(bottom=0.5 * lowest)
    axes.set_xlabel("synaptic weight (pA)")
    axes.set_ylabel("probability density (1/pA)")
    axes.legend(frameon=False)
    return figure


def plot_connectivity_matrix(
    matrix: npt.ArrayLike, *, label: str = "synaptic weight (pA)", highest: float | None = None
) -> Figure:
    """Image of a connectivity matrix (targets, sources), 0 in white; values above ``highest`` have its colour.

    Default of ``highest``: the 99th percentile of the entries that are not 0, so that a few large ones do not hide the
    others. Matrices with negative entries are drawn in two colours. Raises InputError unless the matrix has two axes.
    """
    values = np.asarray(matrix, np.float64)
    if values.ndim != 2:
        raise InputError(f"plot_connectivity_matrix: needs a matrix (targets, sources), got shape {values.shape}")
    sizes = np.abs(values[values != 0.0])
    limit = (float(np.percentile(sizes, 99.0)) if sizes.size else 1.0) if highest is None else highest
    signed = bool((values < 0.0).any())
    figure = _figure(4.6, 3.8)
    axes = figure.subplots()
    colours = _signed_colours() if signed else "gray_r"
    lower = -limit if signed else 0.0
    image = axes.imshow(values, cmap=colours, vmin=lower, vmax=limit, interpolation="nearest", origin="lower")
    beyond = bool((values > limit).any()), bool((values < -limit).any())
    extend = {(True, True): "both", (True, False): "max", (False, True): "min", (False, False): "neither"}[beyond]
    figure.colorbar(image, ax=axes, extend=extend, label=label)
    axes.set_xlabel("source")
    axes.set_ylabel("target")
    return figure


def _draw_rate(
    axes: Any, times: npt.NDArray[np.float64], size: int, bins: Sequence[float], colour: str, name: str
) -> None:
    start, stop, width = bins
    rate = spike_counts(times, start, stop, width) * (MS_PER_S / (width * size))
    label = f"{name}: {mean_rate(times, size, start, stop):.2f} /s"
    axes.stairs(rate, start + width * np.arange(rate.size + 1), baseline=None, color=colour, lw=1.0, label=label)


def _figure(width: float, height: float) -> Figure:
    """An empty figure (inches)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150)
    figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
    return figure


def _signed_colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", (COLOURS[0], "white", COLOURS[1]))


def _colours(n: int) -> list[str]:
    return [COLOURS[i % len(COLOURS)] for i in range(n)]
