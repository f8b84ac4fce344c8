"""Figures of synapses: distributions of weights, connectivity matrices, before and after a run beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.analysis.figure_look import COLOURS, density_label, letters, new_figure, styled
from distsim.analysis.plots import _colours
from distsim.analysis.weight_statistics import weight_histogram
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_STRETCHED = 2.0
"""Ratio of rows and columns of a matrix up to which its entries are drawn as squares."""


@styled
def plot_weight_histogram(
    weights: Mapping[str, npt.ArrayLike],
    edges: npt.ArrayLike | None = None,
    *,
    density: str = "all",
    label: str = "synaptic weight (pA)",
    colours: Mapping[str, str] | None = None,
) -> Figure:
    """Probability density of weights, logarithmic, one line for each entry of ``weights`` (name: weights (n,)).

    ``edges`` and ``density`` as for ``weight_statistics.weight_histogram``; the legend says what fraction lies outside.
    ``label`` of the weights has their unit in brackets at its end. ``colours``: by name.
    """
    figure = new_figure(4.2, 3.0)
    axes = figure.subplots()
    lowest = np.inf
    for (name, values), colour in zip(weights.items(), _colours(weights, colours), strict=True):
        of_all, bounds = weight_histogram(values, edges)
        outside = 1.0 - float((of_all * np.diff(bounds)).sum())
        left_out = ", left out" if density == "inside" else ""
        note = f" ({100.0 * outside:.2g} % outside{left_out})" if outside > 1e-9 and np.size(values) else ""
        shown, _ = weight_histogram(values, edges, density)
        axes.stairs(shown, bounds, baseline=0.0, color=colour, label=name + note, lw=1.0)
        lowest = min(lowest, shown.min(where=shown > 0.0, initial=np.inf))
        axes.set_xlim(bounds[0], bounds[-1])
    if np.isfinite(lowest):
        axes.set_yscale("log", nonpositive="clip")
        axes.set_ylim(bottom=0.5 * lowest)
    axes.set(xlabel=label, ylabel=density_label(label))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.0)
    return figure


def plot_connectivity_matrix(
    matrix: npt.ArrayLike, *, label: str = "synaptic weight (pA)", highest: float | None = None
) -> Figure:
    """Image of a connectivity matrix (targets, sources), see ``plot_connectivity_matrices``."""
    return plot_connectivity_matrices({"": matrix}, label=label, highest=highest)


@styled
def plot_connectivity_matrices(
    matrices: Mapping[str, npt.ArrayLike], *, label: str = "synaptic weight (pA)", highest: float | None = None
) -> Figure:
    """Images of connectivity matrices (targets, sources) by title, with one scale of colours, 0 in white.

    Values above ``highest`` have its colour. Default: the 99th percentile of all entries that are not 0, so that a few
    large ones do not hide the others. Where any entry is negative there are two colours.
    Raises InputError unless the matrices have two axes.
    """
    shown = {title: np.asarray(matrix, np.float64) for title, matrix in matrices.items()}
    for values in shown.values():
        if values.ndim != 2:
            raise InputError(f"plot_connectivity_matrix: needs a matrix (targets, sources), got shape {values.shape}")
    every = np.concatenate([values[values != 0.0] for values in shown.values()])
    limit = (float(np.percentile(np.abs(every), 99.0)) if every.size else 1.0) if highest is None else highest
    signed = bool((every < 0.0).any())
    stretched = [values.shape[1] / max(1, values.shape[0]) for values in shown.values()]  # width over height
    equal = [1.0 / MOST_STRETCHED <= ratio <= MOST_STRETCHED for ratio in stretched]
    widths = [min(1.0, ratio) if same else 1.0 for ratio, same in zip(stretched, equal, strict=True)]
    figure = new_figure(1.2 + 3.4 * sum(widths), 3.8)
    all_axes = figure.subplots(1, len(shown), squeeze=False, sharey=True)[0]
    scale: dict[str, Any] = {"cmap": _signed_colours() if signed else "gray_r", "vmin": -limit if signed else 0.0}
    for (title, values), axes, same in zip(shown.items(), all_axes, equal, strict=True):
        aspect = "equal" if same else "auto"
        image = axes.imshow(values, vmax=limit, interpolation="nearest", origin="lower", aspect=aspect, **scale)
        axes.set(xlabel="source", title=title)
    all_axes[0].set_ylabel("target")
    beyond = bool((every > limit).any()), bool((every < -limit).any())
    extend = {(True, True): "both", (True, False): "max", (False, True): "min", (False, False): "neither"}[beyond]
    letters(all_axes)
    figure.colorbar(image, ax=all_axes, extend=extend, label=label)
    return figure


def _signed_colours() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", (COLOURS[0], "white", COLOURS[1]))
