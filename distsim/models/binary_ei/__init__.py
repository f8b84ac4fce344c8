"""The binary network: populations of asynchronous binary neurons, by default excitatory and inhibitory.

The example "binary network: simulation versus theory" of NNMT, the Neuronal Network Mean-field Toolbox (Layer et al.
2022): simulated mean activity beside the fixed point of the mean field, for thresholds that are balanced at expected
activities. Any number of populations: give N, K, J and m_expected as lists of that length, in a file or one by one.
"""

from __future__ import annotations

from typing import ClassVar

from distsim.models.binary_ei.parameters import Parameters
from distsim.models.model import ExperimentModel


class BinaryEI(ExperimentModel):
    """The network as the command line runs it: simulated mean activities beside those of the mean field."""

    name = "binary_ei"
    line = "asynchronous binary neurons, excitatory and inhibitory or any number of populations, and mean field"
    parameters = Parameters
    shortcuts: ClassVar = {"populations": "file"}


MODEL = BinaryEI()
