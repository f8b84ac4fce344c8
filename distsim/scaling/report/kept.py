"""What is kept of single points, as the files in their folders tell it: statistics of the spikes, and figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.analysis.read import RecordedSynapses, read_connections, read_contents, read_parameters, read_spikes
from distsim.core.errors import InputError
from distsim.record.storage import read_text
from distsim.scaling.report.page import as_csv
from distsim.scaling.store import PARAMETERS, POINTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.models.activity import Activity

LARGEST_MATRIX = 1000
"""Of so many sources and targets at most, the first, a matrix is drawn."""

Drawings = dict[str, Callable[[], "Figure"]]


def kept_points(folder: Path) -> list[Path]:
    """The folders of points in the output folder of an experiment; InputError where there are none."""
    found = sorted(path.parent for path in (folder / POINTS).glob(f"*/{PARAMETERS}"))
    if not found:
        raise InputError(
            f'folder \'{folder}\' keeps no data of points: give the experiment keep = ["spikes", "connectivity"]'
        )
    return found


def parameters_of(point: Path) -> dict[str, Any]:
    """What the folder of a point tells of its parameters; InputError where that cannot be read."""
    try:
        held: dict[str, Any] = json.loads(read_text(point / PARAMETERS))
        held["presimulation"], held["recorded_spikes"]
    except (ValueError, RecursionError, TypeError, LookupError):
        raise InputError(f"'{point / PARAMETERS}' cannot be read: it is not of a point of the harness") from None
    return held


def files_of(point: Path) -> tuple[dict[str, str], Drawings]:
    """Texts by file name and figures by stem, of all that a point has recorded so far."""
    about = parameters_of(point)
    data = next(iter(sorted(point.glob("*.h5"))), None)
    texts: dict[str, str] = {}
    figures: Drawings = {}
    if data is None:  # only parameters are kept
        return texts, figures
    activity = activity_of(data, about)
    if activity is not None:
        rows = [{"population": name, **entry} for name, entry in activity.summary().items()]
        texts["activity.csv"] = as_csv(rows)
        figures |= _activity_figures(activity, str(about.get("model")))
    for name in read_contents(data).get("weights", ()):
        figures |= _figures_of_weights(data, name)
    return texts, figures


def activity_of(data: Path, about: Mapping[str, Any]) -> Activity | None:
    """The recorded spikes of the measured time, as far as it came; None where there are none."""
    from distsim.models.activity import recorded_activity

    start, stop = float(about["presimulation"]), float(read_parameters(data).get("T", 0.0))
    recorded = {name: held for name, held in about["recorded_spikes"].items() if held["size"]}
    if stop <= start or not recorded:
        return None
    spikes = {name: read_spikes(data, name, start, stop) for name in recorded}
    neurons = {name: held["neurons"] or range(held["size"]) for name, held in recorded.items()}
    return recorded_activity(spikes, neurons, start, stop)


def _activity_figures(activity: Activity, model: str) -> Drawings:
    from distsim.models.activity import figures_of
    from distsim.models.registry import MODELS, find

    return figures_of(activity, getattr(find(model), "colours", None) if model in MODELS else None)


def _figures_of_weights(data: Path, name: str) -> Drawings:
    """Matrix and distribution of the recorded synapses of a projection, before and after the run."""
    source, _, target = name.partition("->")
    found = dict(_before_and_after(data, source, target))
    if not found:
        return {}
    ends = f"{source}_{target}"
    drawings: Drawings = {f"weights_{ends}": partial(_histogram, found)}
    return drawings | {f"connectivity_{ends}_{when}": partial(_matrix, synapses) for when, synapses in found.items()}


def _before_and_after(data: Path, source: str, target: str) -> Iterator[tuple[str, RecordedSynapses]]:
    """The synapses at the start and, where the run came to its end, as last recorded."""
    try:
        last = read_connections(data, source, target)
        first = read_connections(data, source, target, 0.0)
    except InputError:  # killed before anything was recorded
        return
    yield "before", first
    if last.time > first.time:
        yield "after", last


def _histogram(found: Mapping[str, RecordedSynapses]) -> Figure:
    from distsim.analysis.weight_plots import plot_weight_histogram

    return plot_weight_histogram({f"at {synapses.time:g} ms": synapses.weight for synapses in found.values()})


def _matrix(synapses: RecordedSynapses) -> Figure:
    import numpy as np

    from distsim.analysis.weight_plots import plot_connectivity_matrix
    from distsim.analysis.weight_statistics import connectivity_matrix

    sources, targets = (np.unique(end)[:LARGEST_MATRIX] for end in (synapses.source, synapses.target))
    return plot_connectivity_matrix(connectivity_matrix(*synapses[:3], sources, targets))
