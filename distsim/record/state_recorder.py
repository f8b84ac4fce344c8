"""Recording of a state variable on one rank, kept until it is gathered."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from distsim.core.populations import StateRecording, columns_of
from distsim.parallel.gather import States, gather_states, state_pieces

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.record.checkpoint import Archive

Int64Array = npt.NDArray[np.int64]


@dataclass
class StateRecorder:
    """Values of one state variable of the local ones among the chosen neurons, a row per recorded step.

    columns (n_local,): place of each in ``recording.neurons``; local_index (n_local,): which of the local neurons it
    is that the values are given of.
    """

    recording: StateRecording
    columns: Int64Array
    local_index: Int64Array
    steps: list[int] = field(default_factory=list)
    values: list[npt.NDArray[np.float64]] = field(default_factory=list)

    @classmethod
    def of(cls, recording: StateRecording, first_gid: int, gids: Int64Array, begin: int = 0) -> Self:
        """Of a population from ``first_gid`` on, of which ``gids`` (n,) are here, numbered from ``begin``."""
        columns, here = columns_of(recording.neurons, gids - first_gid)
        return cls(recording, columns, begin + here)

    def due(self, step: int) -> bool:
        """Whether values are recorded at the end of ``step``."""
        return step == self.recording.next_after(step - 1)

    def add(self, step: int, values: npt.NDArray[np.float64]) -> None:
        """Keep those of the values (n,) of all local neurons at the end of ``step``."""
        self.steps.append(step)
        self.values.append(values[self.local_index])

    def all(self, comm: MPI.Comm, everywhere: bool = True) -> States:
        """The values of all ranks so far, on every rank or on rank 0 alone (collective)."""
        return gather_states(self.steps, self.columns, self.values, self.recording.neurons, comm, everywhere)

    def transfer(self, archive: Archive, name: str) -> None:
        """Tell ``archive`` the values so far."""
        self.steps[:] = archive.number(f"{name} steps", list(self.steps))
        archive.samples(name, len(self.recording.neurons), self.columns, self.values, np.float64)

    def pieces(self, comm: MPI.Comm) -> Iterator[States]:
        """As ``all`` on rank 0 alone, some steps at a time."""
        yield from state_pieces(self.steps, self.columns, self.values, self.recording.neurons, comm)

    def take(self, comm: MPI.Comm) -> Iterator[States]:
        """As ``pieces``, and forget them."""
        yield from self.pieces(comm)
        self.steps.clear()
        self.values.clear()
