"""The binary network: populations of asynchronous binary neurons, by default excitatory and inhibitory.

The example "binary network: simulation versus theory" of NNMT, the Neuronal Network Mean-field Toolbox (Layer et al.
2022): simulated mean activity beside the fixed point of the mean field, for thresholds that are balanced at expected
activities. Any number of populations: give N, K, J and m_expected as lists of that length, in a file or one by one.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from distsim.models.binary_ei.parameters import Parameters
from distsim.models.model import OwnExperiment

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.binary.binary_network import BinaryNetwork
    from distsim.models.outcome import Outcome
    from distsim.parallel.progress import Progress


class BinaryEI(OwnExperiment):
    """The network as the command line runs it: simulated mean activities beside those of the mean field."""

    name = "binary_ei"
    line = "asynchronous binary neurons, excitatory and inhibitory or any number of populations, and mean field"
    parameters = Parameters
    shortcuts: ClassVar = {"populations": "file"}

    def build_network(self, parameters: Parameters) -> BinaryNetwork:
        from distsim.models.binary_ei.network import build_network

        return build_network(parameters)

    def run(self, comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
        from distsim.models.binary_ei.experiment import run

        return run(comm, parameters, folder, progress)


MODEL = BinaryEI()
