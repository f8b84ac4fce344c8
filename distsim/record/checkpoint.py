"""Checkpoints: all that a simulation remembers, by neuron and never by rank, to go on from on any number of ranks.

A wing tells in one function what it remembers, number by number and column by column. Given a ``Saving`` these go to a
checkpoint, given a ``Restoring`` they come from there: what is kept and what is brought back cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError, InputError
from distsim.parallel.agreement import first_difference, leaves_of
from distsim.parallel.communicator import agree, on_root
from distsim.parallel.rows import Rows, bring, fetch
from distsim.record import checkpoint_files as files

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.parallel.event_hash import EventHash

Int64Array = npt.NDArray[np.int64]
Give = Callable[[int, int], npt.NDArray[Any]]
Take = Callable[[int, int, npt.NDArray[Any]], None]
Value = TypeVar("Value")
PIECE = 1 << 25  # bytes that a rank writes or reads together, about


class Piece(NamedTuple):
    """Entries begin .. end - 1 of a dataset in a part, those of the rows first .. last - 1, and their checksum."""

    part: int
    first: int
    begin: int
    crc: int
    last: int
    end: int


class Archive(ABC):
    """What a simulation is kept in. Every method is collective; names are those of datasets.

    A column has a row for every neuron, or other thing of which each is on one rank: ``places`` (n,) int64, ascending,
    are the rows here, of ``size`` on all ranks.
    """

    saving: bool

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm

    @abstractmethod
    def number(self, name: str, value: Value) -> Value:
        """A value as JSON has them, the same on all ranks: it is kept, or the one that was kept is returned."""

    @abstractmethod
    def column(self, name: str, rows: Rows, kind: Any, give: Give, take: Take) -> None:
        """Rows of entries of type ``kind``: what give(begin, end) says of those here, or take(begin, end, values) gets.

        ``begin`` and ``end`` count the rows here; both are called piece by piece, ascending.
        """

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
        width = int(np.prod(values.shape[1:]))

        def take(begin: int, end: int, found: npt.NDArray[Any]) -> None:
            values[begin:end] = found.reshape(end - begin, *values.shape[1:])

        rows = Rows.equal(size, places, width)
        self.column(name, rows, values.dtype, lambda begin, end: values[begin:end].reshape(-1), take)

    def ragged(
        self, name: str, size: int, places: Int64Array, lengths: Int64Array, values: npt.NDArray[Any]
    ) -> tuple[Int64Array, npt.NDArray[Any]]:
        """Rows of any length, ``lengths`` (n,), ``values`` row after row: these, or those that were kept."""
        lengths = np.array(lengths, np.int64)
        self.array(f"{name}/lengths", size, places, lengths)
        ends = np.concatenate(([0], np.cumsum(lengths)))
        whole = values if self.saving else np.empty(int(ends[-1]), values.dtype)

        def take(begin: int, end: int, found: npt.NDArray[Any]) -> None:
            whole[ends[begin] : ends[end]] = found

        def give(begin: int, end: int) -> npt.NDArray[Any]:
            return whole[ends[begin] : ends[end]]

        self.column(f"{name}/values", Rows(size, places, lengths), values.dtype, give, take)
        return lengths, whole

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
        """Values (n,) that all ranks have alike: these, or those that were kept."""
        mine = values if self.comm.rank == 0 else values[:0]
        self.array(name, len(values), np.arange(len(mine)), mine)
        return values if self.saving else self.comm.bcast(mine)


class Saving(Archive):
    """A new checkpoint at ``path``, in so many parts, each written by a rank of its own; ``about`` goes to its head.

    Raises, on all ranks, InputError where there cannot be one, and StorageError where there is no room.
    """

    saving = True

    def __init__(self, comm: MPI.Comm, path: Path, parts: int, about: dict[str, Any]) -> None:
        super().__init__(comm)
        self.path = path
        self._writers = [part * comm.size // parts for part in range(parts)]
        self._part = self._writers.index(comm.rank) if comm.rank in self._writers else None
        id = on_root(comm, lambda: files.prepare(path))
        others = files.part_names(path, id, parts)
        self._head = {"version": files.VERSION, "id": id, "parts": others, **about}
        self._numbers: dict[str, Any] = {}
        self._columns: dict[str, Any] = {}
        self._file: files.PartWriter | None = None
        own = [files.aside(path), *(path.with_name(name) for name in others)]
        self._together(lambda: self._begin(own, id))

    def _begin(self, paths: list[Path], id: str) -> None:
        if self._part is not None:
            self._file = files.PartWriter(paths[self._part], id)

    def number(self, name: str, value: Value) -> Value:
        self._numbers[name] = value
        return value

    def column(self, name: str, rows: Rows, kind: Any, give: Give, take: Take) -> None:
        parts = len(self._writers)
        bounds = [part * rows.size // parts for part in range(parts + 1)]
        of_parts = [rows.between((bounds[part], bounds[part + 1])) for part in range(parts)]
        ends = np.concatenate(([0], np.cumsum(rows.lengths)))
        n = np.sum(self.comm.allgather([int(ends[end] - ends[begin]) for begin, end in of_parts]), axis=0)
        rounds = max(1, -(-int(n.max()) * np.dtype(kind).itemsize // PIECE))
        if self._file is not None and self._part is not None:
            self._file.dataset(name, int(n[self._part]), kind)
        pieces: list[tuple[int, int, Any]] = []
        entry = 0
        for k in range(rounds):
            spans = [(0, 0)] * self.comm.size
            for part, writer in enumerate(self._writers):
                low, high = bounds[part], bounds[part + 1]
                spans[writer] = low + k * (high - low) // rounds, low + (k + 1) * (high - low) // rounds
            _, values = bring(self.comm, rows, spans, give, kind)
            if self._file is not None:
                pieces.append((spans[self.comm.rank][0], entry, self._file.write(name, entry, values)))
                entry += len(values)
        if self._part is not None:
            pieces.append((bounds[self._part + 1], entry, None))
        self._columns[name] = {"kind": np.dtype(kind).str, "pieces": pieces}

    def close(self) -> None:
        """Complete the checkpoint, and let it take its place."""
        for column in self._columns.values():
            column["pieces"] = [[first, begin, crc.result() if crc else 0] for first, begin, crc in column["pieces"]]
        everywhere = self.comm.gather(self._columns)
        if everywhere is not None:
            of_parts = [everywhere[writer] for writer in self._writers]
            columns = {
                name: {"kind": of_first["kind"], "pieces": [of_part[name]["pieces"] for of_part in of_parts]}
                for name, of_first in self._columns.items()
            }
            self._head |= {"numbers": self._numbers, "columns": columns}
        file = self._file
        self._together(lambda: file.close(self._head if self._part == 0 else None) if file is not None else None)
        on_root(self.comm, lambda: files.take_place(self.path))

    def discard(self) -> None:
        """Remove what was written; not collective."""
        if self._file is not None:
            self._file.discard()

    def _together(self, action: Callable[[], object]) -> None:
        """Do it, and raise on all ranks what it raises on one."""
        failure = None
        try:
            action()
        except DistsimError as error:
            failure = error
        agree(self.comm, failure)


class Restoring(Archive):
    """The checkpoint at ``path``, whose ``head`` is known."""

    saving = False

    def __init__(self, comm: MPI.Comm, path: Path, head: dict[str, Any]) -> None:
        super().__init__(comm)
        self.path = path
        self._head = head
        self._file = files.PartReader(path, head)
        self._worker = ThreadPoolExecutor(1)

    def number(self, name: str, value: Value) -> Value:
        found: Value = self._find("numbers", name)
        return found

    def _find(self, what: str, name: str) -> Any:
        if name not in self._head[what]:
            raise InputError(f"the checkpoint '{self.path}' is of another network or version: it has no '{name}'")
        return self._head[what][name]

    def column(self, name: str, rows: Rows, kind: Any, give: Give, take: Take) -> None:
        column = self._find("columns", name)
        if np.dtype(column["kind"]) != kind:
            raise InputError(f"the checkpoint '{self.path}' has another type of {name}: {column['kind']}")
        size, rank = self.comm.size, self.comm.rank
        pieces = [
            Piece(part, *begin, *end[:2])
            for part, found in enumerate(column["pieces"])
            for begin, end in pairwise(found)
        ]
        of_rank = dict(enumerate(pieces[rank::size]))
        failure: InputError | None = None
        ahead = self._begin(name, of_rank.get(0))
        for k, first in enumerate(range(0, len(pieces), size)):
            together = pieces[first : first + size]
            spans = [(piece.first, piece.last) for piece in together]
            spans += [(together[-1].last,) * 2] * (size - len(spans))
            reading, ahead, mine = ahead, self._begin(name, of_rank.get(k + 1)), of_rank.get(k)

            def read(lengths: Int64Array, reading: Any = reading, mine: Any = mine) -> npt.NDArray[Any]:
                nonlocal failure
                try:
                    if mine is not None:
                        self._check(name, mine, lengths)
                        return reading.result()
                except InputError as error:
                    failure = failure or error
                return np.zeros(int(lengths.sum()), kind)

            (begin, end), values = fetch(self.comm, rows, spans, read)
            take(begin, end, values)
        agree(self.comm, failure)

    def _begin(self, name: str, piece: Piece | None) -> Future[npt.NDArray[Any]] | None:
        """Begin to read a piece, if there is one, while the one before is taken."""
        if piece is None:
            return None
        kind = self._head["columns"][name]["kind"]
        return self._worker.submit(self._file.read, piece.part, name, piece.begin, piece.end, piece.crc, kind)

    def _check(self, name: str, piece: Piece, lengths: Int64Array) -> None:
        if len(lengths) != piece.last - piece.first or lengths.sum() != piece.end - piece.begin:
            raise InputError(f"the checkpoint '{self.path}' is of another network: {name} has other numbers of entries")

    def close(self) -> None:
        """Close the files."""
        self._worker.shutdown()
        self._file.close()


def of_network(network: Any) -> list[list[str]]:
    """All single values of a network, each with where it belongs, what it looks like, and a digest of it."""
    return [[label, text, digest.hex()] for label, text, digest in leaves_of("network", network)]


def open_checkpoint(comm: MPI.Comm, path: Path, kind: str, network: Any) -> dict[str, Any]:
    """The head of the checkpoint at ``path``.

    Raises InputError, on all ranks, where it is none of a simulation of that ``kind`` and of that network.
    """
    head = on_root(comm, lambda: files.read_head(path))
    if head["simulation"] != kind:
        raise InputError(f"'{path}' is a checkpoint of a {head['simulation']}, not of a {kind}")
    was, given = ([(a, b, c.encode()) for a, b, c in leaves] for leaves in (head["network"], of_network(network)))
    place = first_difference(was, given)
    if place is not None:
        label = (was[place : place + 1] or given[place : place + 1])[0][0]
        there, here = (next((text for name, text, _ in x if name == label), "not there") for x in (was, given))
        raise InputError(f"'{path}' is a checkpoint of another network: {label} is {there} there, but {here} here")
    return head
