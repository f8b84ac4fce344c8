"""The mean field of Brunel's network by itself: Siegert rate neurons, which relax to its self-consistent rates.

One rate neuron stands for each population of spiking ones, as in NEST's pynest/examples: brunel_siegert_nest.py; or one
for each neuron, with as many inputs as that has, which makes a network of any size whose fixed point is the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from distsim.models.brunel.parameters import resized
from distsim.models.brunel_siegert.parameters import Parameters
from distsim.models.model import NetworkModel, RunSettings

if TYPE_CHECKING:
    from distsim.models.outcome import Outcome
    from distsim.models.rate_activity import RateActivity
    from distsim.rates.rate_simulation import RateSimulation


class BrunelSiegert(NetworkModel):
    """The rate neurons as the command line and the harness run them, beside the fixed points of their equations."""

    name = "brunel_siegert"
    line = "the mean field of Brunel's network alone: Siegert rate neurons and self-consistent rates"
    parameters = Parameters
    settings = RunSettings(time=50.0)
    shortcuts: ClassVar = {"g": "g", "eta": "eta", "dt": "dt"}

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """So many rate neurons, a multiple of 5, with ``indegree`` inputs (None: a tenth of them)."""
        return {**resized(self.name, neurons, indegree), "stands_for": "neuron"}

    def extra(self, simulation: RateSimulation, activity: RateActivity, parameters: Parameters) -> Outcome:
        """The trajectory in numbers, and all self-consistent rates."""
        from distsim.models.brunel_siegert.network import trajectory_and_fixed_points

        return trajectory_and_fixed_points(parameters, activity)


MODEL = BrunelSiegert()
