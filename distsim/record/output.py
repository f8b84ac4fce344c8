"""The file of a run, which rank 0 writes: every method is collective.

What goes wrong on rank 0 is told to all ranks at the next flush, so that none is left waiting for another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError, InputError
from distsim.core.populations import Indices
from distsim.parallel.array_collectives import share_array
from distsim.parallel.communicator import on_root
from distsim.parallel.gather import States
from distsim.record.store import Store
from distsim.record.taken_back import taken_back

if TYPE_CHECKING:
    from mpi4py import MPI

KeptFile = tuple[dict[str, list[int]] | None, float]
"""What a file held at a checkpoint, see ``Output.kept``, None where there was none, and its time (ms)."""
PIECE = 1 << 15  # rows that are read back at a time
FLUSH_TIME = 200.0  # ms of simulated time between two flushes within a run


class Output:
    """The file at ``path``, made on rank 0 with what is known ``about`` the run; ``layout`` adds groups and datasets.

    Raises InputError, on all ranks, where the file exists or cannot be written, and StorageError, on all ranks, from
    the first ``flush`` that cannot be done: the file then has what the flush before left. going_on: None, or, where the
    run goes on from a checkpoint, what ``kept`` gave when that was made and its time (ms): a file that is there must be
    the one of the run, and is taken back to that time. new: whether the file was made.
    """

    def __init__(
        self,
        comm: MPI.Comm,
        path: Path,
        about: dict[str, Any],
        layout: Callable[[Store], None],
        going_on: KeptFile | None = None,
    ) -> None:
        self.comm = comm
        self._store: Store | None = None  # on rank 0
        self._failure: DistsimError | None = None
        self.new = on_root(comm, lambda: self._open(path, about, layout, going_on))

    def _open(
        self, path: Path, about: dict[str, Any], layout: Callable[[Store], None], going_on: KeptFile | None
    ) -> bool:
        """Open the file; whether it is a new one."""
        if going_on is None or not path.exists():
            self._store = Store(path, about, layout)
            return True
        if going_on[0] is None:
            raise InputError(
                f"{path} exists already, but the checkpoint is of a run without a file: choose another one"
            )
        self._store = taken_back(path, about, layout, going_on[0], going_on[1])
        return False

    def kept(self) -> dict[str, list[int]]:
        """What identifies the rows that the file has now, as ``taken_back`` needs it."""
        return on_root(self.comm, lambda: self._store.kept())  # type: ignore[union-attr]

    def append(self, group: str, **columns: npt.NDArray[Any]) -> None:
        """Append rows to datasets of ``group``, in this order: a reader takes as many as the last one has."""
        for name, values in columns.items():
            self._do(lambda store, name=name, values=values: store.append(f"{group}/{name}", values))  # type: ignore[misc]

    def replace(self, name: str, values: npt.NDArray[Any]) -> None:
        """Make ``values`` all that dataset ``name`` holds."""
        self._do(lambda store: store.replace(name, values))

    def note(self, name: str, text: str) -> None:
        """Let attribute ``name`` of the file be ``text``."""
        self._do(lambda store: store.text("/", name, text))

    def read(self, group: str, *names: str, everywhere: bool = True) -> list[npt.NDArray[Any]]:
        """All rows of datasets of ``group`` that were written so far; unless ``everywhere``, none but on rank 0."""
        found: list[npt.NDArray[Any]] = []
        on_root(self.comm, lambda: found.extend(self._store.read(f"{group}/{name}") for name in names))  # type: ignore[union-attr]
        if everywhere:
            return [share_array(found[k] if found else None, self.comm) for k in range(len(names))]
        return found or [np.zeros(0)] * len(names)

    def pieces(self, group: str, *names: str) -> Iterator[tuple[npt.NDArray[Any], ...]]:
        """As ``read``, some rows at a time, for rank 0 alone; not collective."""
        return zip(*(self._store.pieces(f"{group}/{name}", PIECE) for name in names), strict=True)  # type: ignore[union-attr]

    def append_states(self, group: str, states: States, dt: float) -> None:
        """Append values of a state variable, see ``lay_out_states``."""
        self.append(group, value=states.value, time=states.times(dt))

    def read_states(self, group: str, dt: float, everywhere: bool = True) -> States:
        """All values of a state variable that were written so far; unless ``everywhere``, none but on rank 0."""
        time, neuron, value = self.read(group, "time", "neuron", "value", everywhere=everywhere)
        return States(np.rint(time / dt).astype(np.int64), neuron.astype(np.int64), value)

    def flush(self, time: float, sure: bool = False) -> None:
        """Make the file complete up to ``time`` (ms), whatever becomes of the job; ``sure``: forced to the disk."""
        self._do(lambda store: store.flush(time, sure))
        self._failure = self.comm.bcast(self._failure)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file; StorageError on all ranks where that fails."""
        on_root(self.comm, lambda: self._store.close() if self._store else None)

    def discard(self) -> None:
        """Remove the file: the run it was made for did not begin. Not collective."""
        if self._store:
            self._store.discard()

    def _do(self, action: Callable[[Store], None]) -> None:
        """Let rank 0 do something with its file, unless something went wrong before."""
        if self._store is not None and self._failure is None:
            try:
                action(self._store)
            except DistsimError as failure:
                self._failure = failure


def lay_out_states(store: Store, group: str, neurons: Indices, unit: str = "") -> None:
    """Add ``group`` for the values of a state variable: neuron (n,), time (T,) in ms, value (T, n) in ``unit``."""
    store.column(f"{group}/neuron", np.uint64, rows=len(neurons))
    store.append(f"{group}/neuron", np.array(neurons, np.uint64))
    store.column(f"{group}/time", np.float64, unit="ms")
    store.column(f"{group}/value", np.float64, width=len(neurons), unit=unit)
