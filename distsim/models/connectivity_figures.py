"""Figures of recorded synapses, before and after the run: connectivity matrices and distributions of weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from distsim.analysis.read import RecordedSynapses, read_connections
from distsim.analysis.weight_statistics import connectivity_matrix
from distsim.core.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.spiking.network import Network
    from distsim.spiking.recordings import WeightRecording

BINS = 200
"""Of a distribution, unless its edges are given."""
SHOWN = 1000
"""Sources and targets of a matrix, the first of those that are recorded: more could not be told apart."""


def figures_of(network: Network, file: Path, style: Mapping[str, Any]) -> dict[str, Callable[[], Figure]]:
    """Two figures, "connectivity" and "weights", of each recording of weights, as functions that read ``file``.

    The names of the populations follow where there are several. ``style`` is that of plastic projections, see
    ``NetworkModel.weight_style``.
    """
    recordings = network.weight_recordings
    figures: dict[str, Callable[[], Figure]] = {}
    for recording in recordings:
        found = network.find_projections(recording.source, recording.target)
        own = style if any(p.synapse.plastic for p in found) else {}
        unit = network.find(recording.target).model.weight_unit
        of_whom = f"_{recording.source}_{recording.target}" if len(recordings) > 1 else ""
        figures[f"connectivity{of_whom}"] = partial(_draw_matrices, file, recording, own, unit)
        figures[f"weights{of_whom}"] = partial(_draw_weights, file, recording, own, unit)
    return figures


def _recorded(file: Path, recording: WeightRecording) -> dict[str, RecordedSynapses]:
    """The synapses before and after the run, by what a figure calls them."""
    ends = recording.source, recording.target
    try:
        before, after = read_connections(file, *ends, time=0.0), read_connections(file, *ends)
    except InputError:  # no synapse lies between the chosen neurons
        nothing = np.zeros(0, np.int64), np.zeros(0)
        return {"no synapses": RecordedSynapses(*2 * nothing[:1], *2 * nothing[1:], 0.0)}
    return {"before": before, f"after {after.time:g} ms": after}


def _draw_matrices(file: Path, recording: WeightRecording, style: Mapping[str, Any], unit: str) -> Figure:
    from distsim.analysis.weight_plots import plot_connectivity_matrices

    chosen = np.unique(recording.sources)[:SHOWN], np.unique(recording.targets)[:SHOWN]
    how = style.get("multapses", "sum")
    matrices = {
        title: connectivity_matrix(found.source, found.target, found.weight, *chosen, how)
        for title, found in _recorded(file, recording).items()
    }
    return plot_connectivity_matrices(matrices, label=_label(recording, unit), highest=style.get("highest"))


def _draw_weights(file: Path, recording: WeightRecording, style: Mapping[str, Any], unit: str) -> Figure:
    from distsim.analysis.weight_plots import plot_weight_histogram

    weights = {name: found.weight for name, found in _recorded(file, recording).items()}
    every = np.concatenate(list(weights.values()))
    edges = style.get("edges")
    if edges is None and every.size:
        low, high = every.min(), every.max()
        margin = 0.05 * (high - low) or max(0.05 * abs(high), 1e-3)
        edges = np.linspace(low - margin, high + margin, BINS + 1)
    density, label = style.get("density", "all"), _label(recording, unit)
    return plot_weight_histogram(weights, edges, density=density, label=label, colours={"before": "0.6"})


def _label(recording: WeightRecording, unit: str) -> str:
    return f"synaptic weight, {recording.source} → {recording.target} ({unit})"
