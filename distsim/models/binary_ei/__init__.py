"""The binary network: populations of asynchronous binary neurons, by default excitatory and inhibitory.

The example "binary network: simulation versus theory" of NNMT, the Neuronal Network Mean-field Toolbox (Layer et al.
2022): simulated mean activity beside the fixed point of the mean field, for thresholds that are balanced at expected
activities. Any number of populations: give N, K, J and m_expected as lists of that length, in a file or one by one.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, ClassVar

from distsim.core.errors import InputError
from distsim.models.binary_ei.parameters import Parameters
from distsim.models.model import ExperimentModel, NetworkModel, RunSettings


class BinaryEI(ExperimentModel, NetworkModel):
    """The command line shows simulated activities beside those of the mean field; the harness scales the network."""

    name = "binary_ei"
    line = "asynchronous binary neurons, excitatory and inhibitory or any number of populations, and mean field"
    parameters = Parameters
    shortcuts: ClassVar = {"populations": "file"}
    settings = RunSettings(time=10.0, presimulation=5.0)

    def resized(self, neurons: int, indegree: int | None) -> dict[str, Any]:
        """Half the ``neurons`` excitatory, with ``indegree`` inputs on average, in the published proportions.

        In-degrees are as published where it is None, and less by as much as there are fewer neurons than published.
        The transient is pre-simulated.
        """
        published = self.load()
        if neurons < 2:
            raise InputError(f"binary_ei: needs at least 2 neurons to have both kinds, got {neurons}")
        mean = Fraction(sum(map(sum, published.K)), len(published.K))
        step = mean / math.gcd(*(number for row in published.K for number in row))
        if indegree is not None and (indegree < step or indegree % step):
            raise InputError(f"binary_ei: the in-degree must be a multiple of {step}, got {indegree}")
        factor = min(Fraction(1), Fraction(neurons, sum(published.N))) if indegree is None else indegree / mean
        K = tuple(tuple(int(number * factor) for number in row) for row in published.K)
        return {"N": (neurons - neurons // 2, neurons // 2), "K": K, "T_transient": 0.0}


MODEL = BinaryEI()
