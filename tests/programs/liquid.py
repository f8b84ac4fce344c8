"""The liquid on any number of ranks: the experiment, and a liquid that is partitioned over the ranks."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from mpi4py import MPI

from distsim import Simulation
from distsim.models.liquid_state import MODEL
from distsim.models.liquid_state.liquid_file import FILE
from distsim.models.liquid_state.parameters import KEPT
from distsim.parallel.communicator import on_root
from distsim.parallel.progress import silent
from tests.programs.fingerprint import digest, fingerprint

SMALL = {"pairs": 3, "T": 60.0, "distances": [0.3, 0.2, 0.1], "d_tolerance": 0.05}


def experiment_of(comm: MPI.Comm, batch: int, **overrides: Any) -> dict[str, Any]:
    """What the experiment gives, apart from costs, when ``batch`` trials are simulated side by side."""
    outcome = MODEL.run(comm, MODEL.load({**SMALL, "batch": batch, **overrides}), None, silent)
    return {name: value for name, value in outcome.summary.items() if name != "parts"}


def kept(comm: MPI.Comm, batch: int) -> dict[str, str]:
    """Digests of all that the file of an experiment holds, and of the table of distances, by name."""
    folder = Path(comm.bcast(tempfile.mkdtemp() if comm.rank == 0 else None))
    keep = {"keep": ",".join(KEPT), "keep_pairs": [2, 0], "keep_interval": 0.7, "distances": [0.2, 0.3]}
    MODEL.run(comm, MODEL.load({**SMALL, **keep, "batch": batch}), folder, silent)
    return on_root(comm, lambda: _digests(folder))


def _digests(folder: Path) -> dict[str, str]:
    with h5py.File(folder / FILE) as file:
        datasets = {f"{group}/{name}": file[group][name][:] for group in file for name in file[group]}
    table = np.frombuffer((folder / "state_distance.csv").read_bytes(), np.uint8)
    shutil.rmtree(folder)
    return {name: digest(array) for name, array in (datasets | {"table": table}).items()}


def partitioned(comm: MPI.Comm, precision: str = "double", neurons: int = 540, T: float = 60.0) -> dict[str, Any]:
    """A taller liquid, its neurons spread over the ranks."""
    parameters = MODEL.load({**MODEL.resized(neurons, None), "T": T, "rate": 100.0})
    network = MODEL.build_network(parameters)
    for name in "EI":
        network.record_states(name, ("V_m", "I_syn_0", "I_syn_1", "I_stimulus"), neurons=range(0, 100, 9))
    with Simulation(network, comm=comm, seed=2, precision=precision) as simulation:
        simulation.run(T)
        states = simulation.synapse_states("E", "I", [7.3, T], range(20))
        arrays = (states.source, states.target, states.x, states.y, states.u)
        return {**fingerprint(simulation), "synapse_states": digest(*arrays)}
