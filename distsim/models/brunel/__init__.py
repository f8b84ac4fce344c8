"""Brunel's network: sparsely connected excitatory and inhibitory LIF neurons with delta synapses, in two forms.

``network.build_network()`` is the network of spiking neurons, ``mean_field.mean_field()`` the network of Siegert rate
neurons that predicts its rates, from the same parameters (Brunel 2000, J Comput Neurosci 8:183; NEST, pynest/examples:
brunel_delta_nest.py and brunel_siegert_nest.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from distsim.models.brunel.parameters import Parameters, resized
from distsim.models.model import SpikingModel

if TYPE_CHECKING:
    from distsim.models.activity import Activity
    from distsim.models.outcome import Outcome
    from distsim.spiking.simulation import Simulation


class Brunel(SpikingModel):
    """The spiking network as the command line and the harness run it; beside it stands what theory predicts."""

    name = "brunel"
    line = "sparsely connected excitatory and inhibitory delta neurons, and the mean field that predicts rates"
    parameters = Parameters
    shortcuts: ClassVar = {"order": "order", "g": "g", "eta": "eta"}

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """So many neurons, a multiple of 5, with ``indegree`` inputs (None: a tenth of them)."""
        return resized(self.name, neurons, indegree)

    def extra(self, simulation: Simulation, activity: Activity, parameters: Parameters) -> Outcome:
        """The rates of Siegert neurons and all self-consistent rates."""
        from distsim.models.brunel.mean_field import predict

        return predict(parameters, simulation, activity)


MODEL = Brunel()
