"""Checkpoints: all that a simulation remembers, by neuron and never by rank, to go on from on any number of ranks.

A wing tells in one function what it remembers, number by number and column by column. Given a ``Saving`` these go to a
checkpoint, given a ``Restoring`` they come from there: what is kept and what is brought back cannot differ.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError, InputError
from distsim.core.placement import mirrored
from distsim.core.reused_memory import InTurn
from distsim.parallel.agreement import first_difference, leaves_of
from distsim.parallel.communicator import agree, on_root
from distsim.parallel.rows import Rows, bring, fetch
from distsim.record import checkpoint_files as files

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.parallel.event_hash import EventHash

Int64Array = npt.NDArray[np.int64]
Value = TypeVar("Value")
PIECE = 1 << 24  # bytes that a rank writes or reads together, about
SMALL = 1 << 16  # bytes of a column that one rank reads


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

        Where they are brought back ``values`` says of which type they are, and they stay as they are until the column
        after the next is asked for, or begun.
        """

    def begin(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> Callable[[], npt.NDArray[Any]]:
        """As ``column``, whose entries are there when they are asked for: one column may be read ahead."""
        found = self.column(name, rows, values)
        return lambda: found

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
        self._kinds: dict[str, str] = {}
        self._arriving = InTurn()  # what is written while the next arrives
        self._file: files.PartWriter | None = None
        own = [files.aside(path), *(path.with_name(name) for name in others)]
        self._together(lambda: self._begin(own, id))

    def _begin(self, paths: list[Path], id: str) -> None:
        if self._part is not None:
            self._file = files.PartWriter(paths[self._part], id)

    def number(self, name: str, value: Value) -> Value:
        self._numbers[name] = value
        return value

    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        parts = len(self._writers)
        bounds = [part * rows.size // parts for part in range(parts + 1)]
        n = np.diff(rows.before(self.comm, bounds)).tolist()
        self._kinds[name] = values.dtype.str
        rounds = max(1, -(-values.itemsize * max(n) // PIECE))
        for k in range(rounds):
            spans = [(0, 0)] * self.comm.size
            for writer, low, high in zip(self._writers, bounds, bounds[1:], strict=False):
                spans[writer] = low + k * (high - low) // rounds, low + (k + 1) * (high - low) // rounds
            found = bring(self.comm, rows, spans, values, self._arriving)
            if self._file is not None and self._part is not None:
                self._file.append(name, n[self._part], found)
        return values

    def close(self) -> None:
        """Complete the checkpoint, and let it take its place."""
        everywhere = self.comm.gather(self._file and self._file.written())
        if everywhere is not None:
            of_parts = [everywhere[writer] for writer in self._writers]
            columns = {
                name: {"kind": kind, "parts": [written[name] for written in of_parts]}
                for name, kind in self._kinds.items()
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


def save(comm: MPI.Comm, path: Path, parts: int, about: dict[str, Any], transfer: Callable[[Archive], None]) -> None:
    """Keep what ``transfer`` tells; where that fails, what was kept before stays (collective). See ``Saving``."""
    archive = Saving(comm, path, parts, about)
    try:
        transfer(archive)
        archive.close()
    except BaseException:
        archive.discard()
        raise


class Restoring(Archive):
    """The checkpoint at ``path``, whose ``head`` is known."""

    saving = False

    def __init__(self, comm: MPI.Comm, path: Path, head: dict[str, Any], records: bool = True) -> None:
        super().__init__(comm)
        self.path, self.records = path, records
        self._head = head
        self._file = files.PartReader(path, head)
        self._worker, self._memory = ThreadPoolExecutor(1), InTurn()
        self._ranks = sorted(range(comm.size), key=mirrored)  # so a rank may find its own neurons in what it reads
        self._turn = self._ranks.index(comm.rank)

    def number(self, name: str, value: Value) -> Value:
        found: Value = self._find("numbers", name)
        return found

    def _find(self, what: str, name: str) -> Any:
        if name not in self._head[what]:
            raise InputError(f"the checkpoint '{self.path}' is of another network or version: it has no '{name}'")
        return self._head[what][name]

    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return self.begin(name, rows, values)()

    def begin(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> Callable[[], npt.NDArray[Any]]:
        column, kind = self._find("columns", name), values.dtype
        if np.dtype(column["kind"]) != kind:
            raise InputError(f"the checkpoint '{self.path}' has another type of {name}: {column['kind']}")
        n = sum(entries for entries, _ in column["parts"])
        size, bytes = self.comm.size, n * kind.itemsize
        readers, rounds = size if bytes > SMALL else 1, max(1, -(-bytes // (size * PIECE)))
        bounds = [k * rows.size // (readers * rounds) for k in range(readers * rounds + 1)]
        entries = rows.before(self.comm, bounds).tolist()
        if entries[-1] != n:
            raise InputError(f"the checkpoint '{self.path}' is of another network: {name} has other numbers of entries")
        memory = self._memory if rounds == 1 else InTurn()
        first = self._begin(name, entries, 0, readers, kind, memory)

        def found() -> npt.NDArray[Any]:
            failure: InputError | None = None
            sums = np.zeros(len(column["parts"]) + 1, np.uint64)  # the last one counts failures
            whole = np.empty(rows.ends[-1] if rounds > 1 else 0, kind)
            ahead = first
            for k in range(rounds):
                reading, ahead = ahead, self._begin(name, entries, k + 1, readers, kind, memory)

                def read(n: int, reading: Any = reading) -> npt.NDArray[Any]:
                    nonlocal failure
                    try:
                        if reading is None:
                            return np.empty(0, kind)
                        found, of_parts = reading.result()
                        sums[:-1] += of_parts
                        return found
                    except InputError as error:
                        failure, sums[-1] = failure or error, 1
                        return np.zeros(n, kind)

                spans = [(bounds[(k + 1) * readers],) * 2] * size
                for turn, rank in enumerate(self._ranks[:readers]):
                    spans[rank] = bounds[k * readers + turn], bounds[k * readers + turn + 1]
                (begin, end), piece = fetch(self.comm, rows, spans, read)
                if rounds > 1:
                    whole[rows.ends[begin] : rows.ends[end]] = piece
            total = np.empty_like(sums)
            self.comm.Allreduce(sums, total)
            if total[-1]:
                agree(self.comm, failure)
            self._file.check(name, total[:-1].tolist())
            return whole if rounds > 1 else piece

        return found

    def _begin(
        self, name: str, entries: list[int], k: int, readers: int, kind: np.dtype[Any], memory: InTurn
    ) -> Future[tuple[npt.NDArray[Any], npt.NDArray[np.uint64]]] | None:
        """Begin to read what this rank reads in round k, if it does."""
        place = k * readers + self._turn
        if self._turn >= readers or place + 1 >= len(entries):
            return None
        begin, end = entries[place : place + 2]
        return self._worker.submit(self._file.read, name, begin, end - begin, kind, memory)

    def close(self) -> None:
        """Close the files."""
        self._worker.shutdown()
        self._file.close()


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
