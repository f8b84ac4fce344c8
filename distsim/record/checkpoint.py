"""Checkpoints: all that a simulation remembers, by neuron and never by rank, to go on from on any number of ranks.

A wing tells in one function what it remembers, number by number and column by column. Given a ``Saving`` these go to a
checkpoint, given a ``Restoring`` they come from there: what is kept and what is brought back cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.parallel.agreement import first_difference, leaves_of
from distsim.parallel.communicator import on_root
from distsim.parallel.rows import Rows
from distsim.record import checkpoint_files as files

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.parallel.event_hash import EventHash

Int64Array = npt.NDArray[np.int64]
Value = TypeVar("Value")
PIECE = 1 << 24  # bytes that a rank writes or reads together, about
SMALL = 1 << 22  # bytes of a column that rank 0 reads for all, and writes alone where rows are of one length


class Archive(ABC):
    """What a simulation is kept in. Every method is collective; names are those of datasets.

    A column has a row for every neuron, or other thing of which each is on one rank: ``places`` (n,) int64, ascending,
    are the rows here, of ``size`` on all ranks. records: whether what was recorded is kept, and brought back.
    """

    saving: bool
    records = True

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm

    @abstractmethod
    def number(self, name: str, value: Value) -> Value:
        """A value as JSON has them, the same on all ranks: it is kept, or the one that was kept is returned."""

    @abstractmethod
    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The entries (n,) of the rows here, one row after the other: these, or those that were kept.

        Where they are brought back ``values`` says of which type they are, and they stay as they are until others are
        asked for.
        """

    def begin(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> Callable[[], npt.NDArray[Any]]:
        """As ``column``, whose entries are there when they are asked for: another may be begun before.

        They may be damaged as long as nobody asks ``check``.
        """
        found = self.column(name, rows, values)
        return lambda: found

    def check(self) -> None:
        """Make sure of all that was begun: InputError, on all ranks, where it is damaged."""
        return

    def total(self, name: str, value: int) -> int:
        """A whole number of which each rank has a part: the sum is kept, and brought back in equal parts."""
        whole = self.number(name, sum(self.comm.allgather(int(value))) if self.saving else 0)
        return value if self.saving else (whole + self.comm.rank) // self.comm.size

    def event_hash(self, name: str, event_hash: EventHash) -> None:
        """A hash of all events of all ranks."""
        digits = self.number(name, event_hash.over_ranks(self.comm))
        if not self.saving:
            event_hash.bring_back(digits, self.comm)

    def most(self, value: int) -> int:
        """The largest of the values of all ranks."""
        return max(self.comm.allgather(int(value)))

    def array(self, name: str, size: int, places: Int64Array, values: npt.NDArray[Any]) -> None:
        """Rows of equal length: ``values`` (n, ...), in which those that were kept are put."""
        rows = Rows.equal(size, places, int(np.prod(values.shape[1:])))
        found = self.column(name, rows, values.reshape(-1))
        if not self.saving:
            values[...] = found.reshape(values.shape)

    def ragged(
        self, name: str, size: int, places: Int64Array, lengths: Int64Array, values: npt.NDArray[Any]
    ) -> tuple[Int64Array, npt.NDArray[Any]]:
        """Rows of any length, ``lengths`` (n,), ``values`` row after row: these, or those that were kept."""
        lengths = np.array(lengths, np.int64)
        self.array(f"{name}/lengths", size, places, lengths)
        values = values if self.saving else values[:0]
        found = self.column(f"{name}/values", Rows(size, places, lengths), values)
        return lengths, found if self.saving else found.copy()

    def samples(self, name: str, size: int, places: Int64Array, rows: list[npt.NDArray[Any]], kind: Any) -> None:
        """Changed in place: a list of values (n,) of type ``kind`` of the neurons, or what else is at ``places``."""
        n = self.number(f"{name} samples", len(rows))
        values = np.empty((len(places), n), kind)
        if self.saving:
            values.T[:] = np.array(rows).reshape(n, len(places))
        self.array(name, size, places, values)
        rows[:] = list(values.T.copy())

    def events(
        self, name: str, size: int, places: Int64Array, neuron: Int64Array, **columns: npt.NDArray[Any]
    ) -> list[npt.NDArray[Any]]:
        """What happened to neurons, those (k,) among ``places``, at any time: [neuron, *columns], as it was or is."""
        order = np.argsort(neuron, kind="stable")
        lengths = np.bincount(np.searchsorted(places, neuron), minlength=len(places))
        found = [
            self.ragged(f"{name}/{column}", size, places, lengths, values[order]) for column, values in columns.items()
        ]
        return [np.repeat(places, found[0][0]), *(values for _, values in found)]

    def shared(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Values (n,) that all ranks have alike: these, or, in their place, those that were kept."""
        mine = values if self.comm.rank == 0 else values[:0]
        self.array(name, len(values), np.arange(len(mine)), mine)
        if not self.saving:
            self.comm.Bcast(values)
        return values


def of_network(network: Any) -> list[list[str]]:
    """All single values of a network, each with where it belongs, what it looks like, and a digest of it."""
    return [[label, text, digest.hex()] for label, text, digest in leaves_of("network", network)]


def open_checkpoint(comm: MPI.Comm, path: Path, kind: str, network: Any, records: bool = True) -> dict[str, Any]:
    """The head of the checkpoint at ``path``.

    Raises InputError, on all ranks, where it is none of a simulation of that ``kind`` and of that network, ``records``:
    with its recordings.
    """
    head = on_root(comm, lambda: files.read_head(path))
    if head["simulation"] != kind:
        raise InputError(f"'{path}' is a checkpoint of a {head['simulation']}, not of a {kind}")
    was, given = (
        [(label, text, digest.encode()) for label, text, digest in leaves if records or not is_of_recordings(label)]
        for leaves in (head["network"], of_network(network))
    )
    place = first_difference(was, given)
    if place is not None:
        label = (was[place : place + 1] or given[place : place + 1])[0][0]
        there, here = (next((text for name, text, _ in x if name == label), "not there") for x in (was, given))
        raise InputError(f"'{path}' is a checkpoint of another network: {label} is {there} there, but {here} here")
    return head


def is_of_recordings(label: str) -> bool:
    """Whether a value of a network is of what it is asked to record."""
    return label.removesuffix(" of network").endswith("recordings")
