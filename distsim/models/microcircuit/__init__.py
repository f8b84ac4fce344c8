"""The full-scale model of the cortical microcircuit below 1 mm^2 of cortex: Potjans & Diesmann (2014).

Cerebral Cortex 24:785-806, doi:10.1093/cercor/bhs358. Eight populations in four layers, 77,169 neurons, 299 million
synapses, weights and delays of their own.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from distsim.core.errors import InputError
from distsim.models.microcircuit.parameters import POPULATIONS, Parameters
from distsim.models.model import RunSettings, SpikingModel
from distsim.models.outcome import Outcome

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from distsim.models.activity import Activity
    from distsim.spiking.simulation import Simulation

COLOURS = dict(
    zip(
        POPULATIONS,
        ("#10459e", "#73aef0", "#427348", "#98d6a3", "#c3541d", "#f5c074", "#7b618f", "#b6c2d1"),
        strict=True,
    )
)
"""A hue for each layer: dark for excitatory, light for inhibitory neurons."""
SHOWN_TIME = 400.0  # ms at the end of a run that its raster shows
SHOWN_NEURONS = 3000  # of all populations together, in proportion to their sizes
RATE_BIN = 2.0  # ms


class Microcircuit(SpikingModel):
    """The network as the command line and the harness run it."""

    name = "microcircuit"
    line = "1 mm^2 of cortex at full density: eight populations in four layers (Potjans & Diesmann 2014)"
    parameters = Parameters
    shortcuts: ClassVar = {"N-scaling": "N_scaling", "K-scaling": "K_scaling", "presim": "T_presim"}
    presimulation = "T_presim"
    settings = RunSettings(precision="single")  # weights are drawn from a distribution of 10 % width: 24 bits do
    colours = COLOURS

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """So many neurons, to within the rounding of eight populations, with ``indegree`` inputs in the mean over all.

        Where ``indegree`` is None, in-degrees are scaled as the numbers of neurons are, so that connection
        probabilities stay nearly the same; beyond full scale they are those of full scale.
        """
        full = self.load()
        smallest = round(sum(full.N_full) / min(full.N_full))
        if neurons < smallest:
            raise InputError(f"microcircuit: needs at least {smallest} neurons to have all populations, got {neurons}")
        N_scaling = neurons / sum(full.N_full)
        if indegree is None:
            return {"N_scaling": N_scaling, "K_scaling": min(1.0, N_scaling)}
        if indegree < 1:
            raise InputError(f"microcircuit: needs an in-degree of at least 1, got {indegree}")
        return {"N_scaling": N_scaling, "K_scaling": indegree * sum(full.N_full) / sum(map(sum, full.n_synapses))}

    def extra(self, simulation: Simulation, activity: Activity, parameters: Parameters) -> Outcome:
        """Spikes by layer, and the rates of neurons as boxes, from layer 2/3 down to layer 6, of what is recorded."""
        if not activity.sizes:
            return Outcome()
        return Outcome(figures={"raster": partial(_draw_raster, activity), "rates": partial(_draw_rates, activity)})


def _draw_raster(activity: Activity) -> Figure:
    """The last part of the run."""
    from distsim.analysis.layer_plots import plot_layers

    sizes = activity.sizes
    spikes = {name: activity.spikes[name] for name in sizes}
    start = max(activity.start, activity.stop - SHOWN_TIME)
    part = min(1.0, SHOWN_NEURONS / sum(sizes.values()))
    bin_width = min(RATE_BIN, activity.stop - start)
    return plot_layers(spikes, sizes, start, activity.stop, part=part, bin_width=bin_width, colours=COLOURS)


def _draw_rates(activity: Activity) -> Figure:
    from distsim.analysis.plots import plot_boxes

    return plot_boxes({name: activity.rates(name) for name in activity.sizes}, "rate (1/s)", colours=COLOURS)


MODEL = Microcircuit()
