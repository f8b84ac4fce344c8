"""The raster of a network of many populations: an equal part of each, and their rates as an image below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import letters, new_figure, styled
from distsim.analysis.plots import TimesAndNeurons, _colours, _draw_spikes, _name_rows, _require_sizes
from distsim.analysis.spike_statistics import spike_counts
from distsim.core.errors import InputError
from distsim.core.units import MS_PER_S, check_number

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FONT = 7.0  # points, of the many names


@styled
def plot_layers(
    spikes: Mapping[str, TimesAndNeurons],
    sizes: Mapping[str, int],
    start: float,
    stop: float,
    *,
    part: float = 0.025,
    bin_width: float = 3.0,
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Spikes of the first neurons of every population against time, and below the rates of the populations as an image.

    spikes: (times (n,), ms; neurons (n,)) by population, from top to bottom; sizes: number of neurons by population.
    ``part``: of every population that is shown, so that the density of dots is the rate. The rates of all neurons, in
    bins of ``bin_width`` (ms), are shades of grey. ``colours``: by population.
    Raises InputError for populations without a size and for a part that is not above 0 and at most 1.
    """
    if check_number(part, "plot_layers: part", above=0.0) > 1.0:
        raise InputError(f"plot_layers: part must be at most 1, got {part:g}")
    _require_sizes(spikes, sizes, "plot_layers")
    figure = new_figure(6.3, 5.8)
    raster, image = figure.subplots(2, 1, sharex=True, height_ratios=(3.0, 1.2))
    rows = {name: max(1, round(part * sizes[name])) for name in spikes}
    _draw_spikes(raster, spikes, sizes, rows, (start, stop), _colours(spikes, colours), dot=1.8)
    rates = _rates(spikes, sizes, start, stop, bin_width)
    extent = (start, start + bin_width * rates.shape[1], len(rates) - 0.5, -0.5)
    shades = image.imshow(rates, cmap="Greys", vmin=0.0, aspect="auto", interpolation="nearest", extent=extent)
    image.set_yticks(range(len(rates)), list(spikes))
    image.set(xlim=(start, stop), xlabel="time (ms)")
    figure.colorbar(shades, ax=image, label="rate (1/s)", pad=0.01)
    for axes in (raster, image):
        axes.tick_params(axis="y", labelsize=FONT)
        _name_rows(axes, _colours(spikes, colours))
    letters((raster, image))
    return figure


def _rates(
    spikes: Mapping[str, TimesAndNeurons], sizes: Mapping[str, int], start: float, stop: float, width: float
) -> npt.NDArray[np.float64]:
    """Rates (populations, bins) (1/s)."""
    pairs = [(spikes[name][0], max(1, sizes[name])) for name in spikes]
    return np.array([spike_counts(times, start, stop, width) * (MS_PER_S / (width * n)) for times, n in pairs])
