"""The figure of the experiment: state distance against time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.plots import _figure
from distsim.core.units import MS_PER_S

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES: tuple[Any, ...] = ((0, (3, 1.5)), (0, (8, 3, 1.5, 3)), (0, (8, 4)), "-")
"""One line style for each distance between stimuli, the largest first: as in the published figure."""


def plot_state_distances(
    time: npt.NDArray[np.float64], mean: npt.NDArray[np.float64], distances: Sequence[float]
) -> Figure:
    """Mean distance (distances, T) of liquid states against ``time`` (ms): one line style for each distance."""
    figure = _figure(4.4, 4.0)
    axes = figure.subplots()
    for curve, d, style in zip(mean, distances, STYLES, strict=True):
        axes.plot(time / MS_PER_S, curve, linestyle=style, color="black", lw=1.1, label=f"d(u,v) = {d:g}")
    axes.set_xlim(0.0, float(time[-1]) / MS_PER_S)
    axes.set_ylim(0.0, max(2.5, 1.05 * float(mean.max(initial=0.0))))
    axes.set_xlabel("time (s)")
    axes.set_ylabel("state distance")
    axes.legend(loc="upper center", frameon=False, handlelength=3.6)
    return figure
