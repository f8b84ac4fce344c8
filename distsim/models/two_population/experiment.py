"""The two-population network as the command line and the harness run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.errors import InputError
from distsim.models.outcome import Outcome
from distsim.models.spiking import run_spiking
from distsim.models.two_population.network import build_network
from distsim.models.two_population.parameters import SHORTCUTS, Parameters, defaults, load
from distsim.progress import Progress

if TYPE_CHECKING:
    from mpi4py import MPI

__all__ = ["SHORTCUTS", "build_network", "defaults", "load", "resized", "run"]


def run(comm: MPI.Comm, parameters: Parameters, folder: Path | None, progress: Progress) -> Outcome:
    """Simulate ``parameters.T`` ms; spikes go to a file in ``folder``, if there is one."""
    return run_spiking(comm, build_network(parameters), parameters, folder, progress)


def resized(neurons: int, indegree: int | None) -> dict[str, Any]:
    """The parameters that give ``neurons`` neurons of ``indegree`` inputs; where None, as published or all there are.

    Raises InputError where the network cannot be that small.
    """
    if neurons < 5:
        raise InputError(f"two_population: needs at least 5 neurons to have both kinds, got {neurons}")
    published = int(defaults()["K"].value)
    return {"N": neurons, "K": min(published, neurons // 2) if indegree is None else indegree}
