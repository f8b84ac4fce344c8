"""The file of a run, which rank 0 writes: every method is collective.

What goes wrong on rank 0 is told to all ranks at the next flush, so that none is left waiting for another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from distsim.core.errors import DistsimError
from distsim.parallel.communicator import on_root
from distsim.record.store import Store

if TYPE_CHECKING:
    from mpi4py import MPI

FLUSH_TIME = 200.0  # ms of simulated time between two flushes within a run


class HasStore(Protocol):
    """A file of either kind."""

    store: Store


File = TypeVar("File", bound=HasStore)
Result = TypeVar("Result")


class Output(Generic[File]):
    """The file of a run, which ``create`` makes on rank 0; every method is collective.

    Raises InputError, on all ranks, where the file exists or cannot be written, and StorageError, on all ranks, from
    the first ``flush`` that cannot be done: the file then has what the flush before left.
    """

    def __init__(self, comm: MPI.Comm, create: Callable[[], File]) -> None:
        self.comm = comm
        self._file: File | None = None  # on rank 0
        self._failure: DistsimError | None = None
        on_root(comm, lambda: self._open(create))

    def _open(self, create: Callable[[], File]) -> None:
        self._file = create()

    def flush(self, time: float, sure: bool = False) -> None:
        """Make the file complete up to ``time`` (ms), whatever becomes of the job; ``sure``: forced to the disk."""
        self._do(lambda file: file.store.flush(time, sure))
        self._failure = self.comm.bcast(self._failure)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Close the file; StorageError on all ranks where that fails."""
        on_root(self.comm, lambda: self._file.store.close() if self._file else None)

    def discard(self) -> None:
        """Remove the file: the run it was made for did not begin. Not collective."""
        if self._file:
            self._file.store.discard()

    def _do(self, action: Callable[[File], None]) -> None:
        """Let rank 0 do something with its file, unless something went wrong before."""
        if self._file is not None and self._failure is None:
            try:
                action(self._file)
            except DistsimError as failure:
                self._failure = failure

    def _read(self, action: Callable[[File], Result]) -> Result:
        """The result of ``action`` on rank 0's file, on every rank."""
        return on_root(self.comm, lambda: action(self._file))  # type: ignore[arg-type] # called on rank 0 only
