"""The two-population network as the command line and the harness run it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.core.errors import InputError
from distsim.models.activity import Activity
from distsim.models.outcome import Outcome, Table
from distsim.models.spiking import run_spiking
from distsim.models.two_population.network import build_network
from distsim.models.two_population.parameters import SHORTCUTS, Parameters, defaults, load
from distsim.parallel.progress import Progress
from distsim.spiking.simulation import Simulation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure
    from mpi4py import MPI

__all__ = ["SHORTCUTS", "build_network", "defaults", "load", "resized", "run"]


SAMPLE = 1000
"""The weights between so many neurons of E, the first, are drawn."""


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
    """Simulate ``parameters.T`` ms: what every spiking model shows, and the plastic weights at the end."""
    return run_spiking(comm, build_network(parameters), parameters, folder, progress, extra=_weights)


def _weights(simulation: Simulation, activity: Activity) -> Outcome:
    """Statistics of all plastic weights, and the distribution of those among the first neurons of E."""
    statistics = simulation.plastic_weight_statistics()
    if statistics is None:
        return Outcome()
    first = range(min(SAMPLE, simulation.network.find("E").size))
    weights = simulation.weights("E", "E", sources=first, targets=first).weight
    names = ("count", "mean", "sd", "min", "median", "max")
    row = tuple(statistics[name] for name in names)
    header = ("synapses", *(f"{name} (pA)" for name in names[1:]))
    table = Table("plastic weights", header, (row,), (",", *(5 * [".2f"])))
    label = f"E → E after {simulation.time:g} ms"
    return Outcome((table,), {"plastic_weights": statistics}, {"weights": partial(_draw_weights, {label: weights})})


def _draw_weights(weights: Mapping[str, npt.NDArray[np.float64]]) -> Figure:
    from distsim.analysis.plots import plot_weight_histogram

    return plot_weight_histogram(weights)


def resized(neurons: int, indegree: int | None) -> dict[str, Any]:
    """The parameters that give ``neurons`` neurons of ``indegree`` inputs; where None, as published or all there are.

    Raises InputError where the network cannot be that small.
    """
    if neurons < 5:
        raise InputError(f"two_population: needs at least 5 neurons to have both kinds, got {neurons}")
    published = load().K
    return {"N": neurons, "K": min(published, neurons // 2) if indegree is None else indegree}
