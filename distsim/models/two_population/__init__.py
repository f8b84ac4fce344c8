"""The two-population STDP network: excitatory and inhibitory neurons, plastic excitatory synapses among the former.

The balanced random network of Brunel (2000) with the power-law STDP of Morrison, Aertsen & Diesmann (2007), as
published with NEST ("two population STDP network model", pynest/examples/ignore_and_fire).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from distsim.analysis.weight_statistics import (
    PUBLISHED_DENSITY,
    PUBLISHED_EDGES,
    PUBLISHED_MULTAPSES,
    histogram_edges,
)
from distsim.core.errors import InputError
from distsim.models.model import SpikingModel
from distsim.models.outcome import Outcome, Table
from distsim.models.two_population.parameters import Parameters

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from matplotlib.figure import Figure

    from distsim.models.activity import Activity
    from distsim.spiking.simulation import Simulation

SAMPLE = 1000
"""The weights between so many neurons of E, the first, are drawn."""


class TwoPopulation(SpikingModel):
    """The network as the command line and the harness run it."""

    name = "two_population"
    line = "balanced random network, excitatory and inhibitory, with spike-timing dependent plasticity"
    parameters = Parameters
    shortcuts: ClassVar = {"neuron-model": "neuron_model"}
    weight_style: ClassVar = {
        "multapses": PUBLISHED_MULTAPSES,
        "density": PUBLISHED_DENSITY,
        "edges": histogram_edges(*PUBLISHED_EDGES),
        "highest": PUBLISHED_EDGES[1],
    }

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """So many neurons of ``indegree`` inputs; where None, as published or all there are."""
        if neurons < 5:
            raise InputError(f"two_population: needs at least 5 neurons to have both kinds, got {neurons}")
        published = self.load().K
        return {"N": neurons, "K": min(published, neurons // 2) if indegree is None else indegree}

    def extra(self, simulation: Simulation, activity: Activity, parameters: Parameters) -> Outcome | None:
        """Statistics of all plastic weights, and, unless others are recorded, the distribution of some at the end."""
        statistics = simulation.plastic_weight_statistics()
        if statistics is None:
            return None
        names = ("count", "mean", "sd", "min", "median", "max")
        row = tuple(statistics[name] for name in names)
        header = ("synapses", *(f"{name} (pA)" for name in names[1:]))
        table = Table("plastic weights", header, (row,), (",", *(5 * [".2f"])))
        figures = {}
        if not simulation.network.weight_recordings:
            first = range(min(SAMPLE, simulation.network.find("E").size))
            weights = simulation.weights("E", "E", sources=first, targets=first, everywhere=False).weight
            figures["weights"] = partial(_draw_weights, {f"E → E after {simulation.time:g} ms": weights})
        return Outcome((table,), {"plastic_weights": statistics}, figures)


def _draw_weights(weights: Mapping[str, npt.NDArray[np.float64]]) -> Figure:
    from distsim.analysis.weight_plots import plot_weight_histogram

    return plot_weight_histogram(weights, density=PUBLISHED_DENSITY)


MODEL = TwoPopulation()
