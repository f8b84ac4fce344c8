"""A neuron that repeats the spikes it receives, as NEST's parrot_neuron.

Spikes count by their weights, of which each whole one is a spike: in a step at whose end weights of 3 arrive at
receptor 0 it fires 3 times, with the step's end as its stamp. What arrives at receptor 1 is dropped: plastic synapses
can end there. So the weights of synapses onto receptor 0, and of Poisson input, are 1 (NEST ignores them).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from distsim.core.declared import count
from distsim.spiking.neurons.neuron_model import NeuronModel, State


class Parrot(NeuronModel):
    """Parameter: ``most``, the most spikes that a neuron repeats in one step, for which the engine has room.

    Synapses and stimuli that could bring more to receptor 0 are refused when the network is built or changed.
    """

    most: int = count(32, low=1)

    states: ClassVar[Any] = (State("repeated", "1", 0),)
    repeats: ClassVar[bool] = True
    weight_unit: ClassVar[str] = "spikes"

    @property
    def receptors(self) -> tuple[int | str, ...]:
        return 0, 1

    def inputs(self) -> int:
        return 2

    def multiplicity(self, dt: float) -> int:
        return self.most

    def most_arriving(self) -> float:
        return float(self.most)

    @staticmethod
    def step(state, arrived, injected, constants):  # type: ignore[no-untyped-def]
        most, _ = constants
        times = min(max(np.int64(np.rint(arrived[0])), 0), most)
        return (times,), times
