"""What is kept of single points, as the files in their folders tell it: statistics of the spikes, and figures."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.analysis.read import read_activity, read_contents, read_parameters, read_rates, read_spikes
from distsim.core.errors import InputError
from distsim.record.storage import read_text
from distsim.scaling.report.page import as_csv
from distsim.scaling.store import PARAMETERS, POINTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.models.activity import Activity
    from distsim.models.model import NetworkModel

Drawings = dict[str, Callable[[], "Figure"]]


def kept_points(folder: Path) -> list[Path]:
    """The folders of points in the output folder of an experiment; InputError where there are none."""
    found = sorted(path.parent for path in (folder / POINTS).glob(f"*/{PARAMETERS}"))
    if not found:
        raise InputError(
            f'folder \'{folder}\' keeps no data of points: give the experiment keep = ["spikes", "connectivity"]'
        )
    return found


def files_of(point: Path) -> tuple[dict[str, str], Drawings]:
    """Texts by file name and figures by stem, of all that a point has recorded so far.

    Raises InputError where its files cannot be read, or the file of its model is no longer there.
    """
    from distsim.models import connectivity_figures
    from distsim.models.wings import wing_of

    model, network, presimulation = description_of(point)
    data = point / wing_of(network).file
    if not data.exists():  # only parameters are kept
        return {}, {}
    recorded = read_contents(data)
    texts: dict[str, str] = {}
    figures: Drawings = {}
    if "weights" in recorded:
        figures |= connectivity_figures.figures_of(network, data, model.weight_style)
    if "spikes" in recorded and (activity := activity_of(data, network, presimulation)) is not None:
        texts["activity.csv"] = as_csv([{"population": name, **s} for name, s in activity.summary().items()])
        figures |= activity.figures(model.colours)
    for kind, draw in (("rates", _rates), ("activity", _mean_activity)):
        if kind in recorded:
            figures[kind] = partial(draw, data, recorded[kind])
    return texts, figures


def description_of(point: Path) -> tuple[NetworkModel, Any, float]:
    """The model of a point, its network with what was recorded, and the time (ms) before the measured one."""
    from distsim.models.model import NetworkModel
    from distsim.models.recording import Recording
    from distsim.models.registry import find

    path = point / PARAMETERS
    try:
        held = json.loads(read_text(path))
        source, parameters, texts = str(held["source"]), dict(held["parameters"]), held["record"]
        presimulation = float(held["presimulation"])
    except (ValueError, RecursionError, TypeError, LookupError):
        raise InputError(f"'{path}' cannot be read: it is not of a point of the harness") from None
    model = find(source)
    if not isinstance(model, NetworkModel):
        raise InputError(f"'{path}' cannot be read: '{source}' is no network")
    own = {name: value for name, value in parameters.items() if name not in model.parameters.DERIVED}
    network = model.build_network(model.load(own))
    Recording.of(texts).apply(network)
    return model, network, presimulation


def activity_of(data: Path, network: Any, presimulation: float) -> Activity | None:
    """The recorded spikes of the measured time, as far as it came; None where it did not begin."""
    from distsim.models.activity import recorded_activity

    stop = float(read_parameters(data).get("T", 0.0))
    recorded = {r.population: r.indices for r in network.spike_recordings if r.size}
    if stop <= presimulation or not recorded:
        return None
    spikes = {name: read_spikes(data, name, presimulation, stop) for name in recorded}
    return recorded_activity(spikes, recorded, presimulation, stop)


def _rates(data: Path, populations: Sequence[str]) -> Figure:
    """Mean rates of the recorded rate neurons against time."""
    from distsim.analysis.rate_plots import plot_rate_trajectories

    found = {name: read_rates(data, name) for name in populations}
    return plot_rate_trajectories({name: (rates.time, rates.value.mean(axis=1)) for name, rates in found.items()})


def _mean_activity(data: Path, populations: Sequence[str]) -> Figure:
    """Mean activities of populations of binary neurons against time."""
    from distsim.analysis.activity_plots import plot_activity

    stop = float(read_parameters(data).get("T", 0.0))
    return plot_activity({name: read_activity(data, name) for name in populations}, stop, {}, {})
