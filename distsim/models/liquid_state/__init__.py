"""The liquid state machine of Maass, Natschläger & Markram (2002), figure 2: how far apart two stimuli drive a liquid.

A column of neurons with short-term plastic synapses whose probability falls with distance, as in Brian2's example.
"""

from __future__ import annotations

from typing import Any, ClassVar

from distsim.core.errors import InputError
from distsim.models.liquid_state.parameters import Parameters
from distsim.models.model import ExperimentModel, SpikingModel


class LiquidState(ExperimentModel, SpikingModel):
    """The command line runs the experiment of figure 2; the harness simulates the column with a stimulus of its own."""

    name = "liquid_state"
    line = "liquid state machine: how far apart two stimuli drive a column with short-term plasticity"
    parameters = Parameters
    shortcuts: ClassVar = {"pairs": "pairs", "keep": "keep"}
    free = ("batch",)

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """A column of so many neurons: 3 x 3 wide, as published, and as high as it takes.

        Raises InputError for an in-degree as well: it follows from C and lambda_.
        """
        if indegree is not None:
            raise InputError("liquid_state: the in-degree cannot be chosen; it follows from C and lambda_")
        published = self.load()
        width = published.N_x * published.N_y
        if neurons < width or neurons % width:
            nearest = max(1, round(neurons / width)) * width
            raise InputError(f"liquid_state: a column has a multiple of {width} neurons, got {neurons}; take {nearest}")
        return {"N_z": neurons // width}


MODEL = LiquidState()
