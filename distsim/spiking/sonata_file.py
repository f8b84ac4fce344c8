"""What all SONATA files that are written have in common, and how they are written: in pieces, by rank 0."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.values import Value
from distsim.record.output import Output
from distsim.record.store import Store
from distsim.record.surroundings import versions

if TYPE_CHECKING:
    from distsim.spiking.simulation import Simulation

Columns = dict[str, npt.NDArray[Any]]
MAGIC, VERSION = 0x0A7A, (0, 1)
PIECE = 1 << 18  # edges, neurons, spikes or values that are in memory together, about
NAMES = {"weight": "syn_weight", "delay": "delay"}
"""What SONATA calls the parameters of a synapse."""


def new_file(simulation: Simulation, path: Path, layout: Callable[[Store], None]) -> Output:
    """A SONATA file with what ``layout`` adds."""

    def lay_out(store: Store) -> None:
        store.number("/", "magic", MAGIC, np.uint32)
        store.number("/", "version", VERSION, np.uint32)
        layout(store)

    about = {"format": "SONATA", "seed": simulation.seed, "dt": simulation.dt, "versions": versions()}
    return Output(simulation.comm, path, about, lay_out)


def finish(simulation: Simulation, output: Output) -> None:
    """Complete a file and close it; StorageError on all ranks where that cannot be."""
    output.flush(simulation.time, sure=True)
    output.close()


def stored(value: Value | None, name: str) -> Any:
    """A number, or the name of the dataset that has the values."""
    return value if isinstance(value, float) else {"stored": name}
