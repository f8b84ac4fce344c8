"""The cortical microcircuit as the command line and the harness run it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.errors import InputError
from distsim.models.activity import Activity
from distsim.models.microcircuit.network import build_network
from distsim.models.microcircuit.parameters import POPULATIONS, SHORTCUTS, Parameters, defaults, load
from distsim.models.outcome import Outcome
from distsim.models.spiking import run_spiking
from distsim.parallel.progress import Progress
from distsim.spiking.simulation import Simulation

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mpi4py import MPI

__all__ = ["SHORTCUTS", "build_network", "defaults", "load", "resized", "run"]

COLOURS = dict(
    zip(
        POPULATIONS,
        ("#0b5394", "#7fb2dd", "#3d7d44", "#9ccf9f", "#b5482a", "#e8a58f", "#7a5195", "#c3a5d3"),
        strict=True,
    )
)
"""A hue for each layer: dark for excitatory, light for inhibitory neurons."""
SHOWN_TIME = 400.0  # ms at the end of a run that its raster shows
SHOWN_NEURONS = 3000  # of all populations together, in proportion to their sizes
RATE_BIN = 2.0  # ms
PRECISION = "single"  # weights are drawn from a distribution of 10 % width: 24 bits are plenty


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
    """Simulate T_presim, which is left out of all results, then T ms."""
    network = build_network(parameters)
    return run_spiking(
        comm, network, parameters, folder, progress,
        presimulation=parameters.T_presim, precision=PRECISION, extra=_layers, colours=COLOURS,
    )  # fmt: skip


def _layers(simulation: Simulation, activity: Activity) -> Outcome:
    """Spikes by layer, and the rates of neurons as boxes, from layer 2/3 down to layer 6."""
    return Outcome(figures={"raster": partial(_draw_raster, activity), "rates": partial(_draw_rates, activity)})


def _draw_raster(activity: Activity) -> Figure:
    """The last part of the run."""
    from distsim.analysis.layer_plots import plot_layers

    spikes = {name: activity.spikes[name] for name in POPULATIONS}
    sizes = {name: activity.sizes[name] for name in POPULATIONS}
    start = max(activity.start, activity.stop - SHOWN_TIME)
    part = min(1.0, SHOWN_NEURONS / sum(sizes.values()))
    bin_width = min(RATE_BIN, activity.stop - start)
    return plot_layers(spikes, sizes, start, activity.stop, part=part, bin_width=bin_width, colours=COLOURS)


def _draw_rates(activity: Activity) -> Figure:
    from distsim.analysis.plots import plot_boxes

    return plot_boxes({name: activity.rates(name) for name in POPULATIONS}, "rate (1/s)", colours=COLOURS)


def resized(neurons: int, indegree: int | None) -> dict[str, Any]:
    """The parameters that give ``neurons`` neurons with ``indegree`` inputs each, in the mean over all neurons.

    Where ``indegree`` is None, in-degrees are scaled as the numbers of neurons are, so that connection probabilities
    stay nearly the same; beyond full scale they are those of full scale. ``neurons`` is met to within the rounding of
    eight populations. Raises InputError where the network cannot be that small.
    """
    full = load()
    smallest = round(sum(full.N_full) / min(full.N_full))
    if neurons < smallest:
        raise InputError(f"microcircuit: needs at least {smallest} neurons to have all populations, got {neurons}")
    N_scaling = neurons / sum(full.N_full)
    if indegree is None:
        return {"N_scaling": N_scaling, "K_scaling": min(1.0, N_scaling)}
    if indegree < 1:
        raise InputError(f"microcircuit: needs an in-degree of at least 1, got {indegree}")
    return {"N_scaling": N_scaling, "K_scaling": indegree * sum(full.N_full) / sum(map(sum, full.n_synapses))}
