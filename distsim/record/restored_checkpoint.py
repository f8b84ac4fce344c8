"""A checkpoint as it is read: by each rank what it needs where that can be, ahead of time; small columns by rank 0."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.placement import mirrored
from distsim.parallel.communicator import agree, portable
from distsim.parallel.rows import Rows, fetch
from distsim.record.checkpoint import PIECE, SMALL, Archive
from distsim.record.read_ahead import PartReader, ReadAhead, Stretch

if TYPE_CHECKING:
    from mpi4py import MPI

Value = TypeVar("Value")
UNSURE = 64
"""Of a piece of a column, one in so many entries is read beyond either end before it is known where they are."""


class Restoring(Archive):
    """The checkpoint at ``path``, whose ``head`` is known. It is read from now on, while the network is built."""

    saving = False

    def __init__(self, comm: MPI.Comm, path: Path, head: dict[str, Any], records: bool = True) -> None:
        super().__init__(comm)
        self.path, self.records = path, records
        self._head = head
        self._ranks = sorted(range(comm.size), key=mirrored)  # so a rank may find its own neurons in what it reads
        self._turn = self._ranks.index(comm.rank)
        self._file = PartReader(path, head)
        self._ahead = ReadAhead(self._file, self._expected())
        self._unsure: dict[str, npt.NDArray[np.uint64]] = {}  # of columns, what was read here of the checksum of each
        # part, and whether it could not be read
        self._failure: InputError | None = None

    def _readers(self, name: str) -> tuple[int, int]:
        """How many ranks read a column, a piece of it each, and how often."""
        bytes, ranks = self._file.size(name) * self._file.kind(name).itemsize, self.comm.size
        return (ranks, -(-bytes // (ranks * PIECE))) if bytes > SMALL else (1, 1)

    def _expected(self) -> Iterator[Stretch]:
        """What this rank will read, or a little more: rows may differ in length."""
        for name in self._head["columns"]:
            n, (readers, rounds) = self._file.size(name), self._readers(name)
            pieces = readers * rounds
            for k in range(self._turn, pieces if self._turn < readers else 0, readers):
                begin, end = k * n // pieces, (k + 1) * n // pieces
                more = (end - begin) // UNSURE
                yield Stretch(name, max(0, begin - more), min(n, end + more))

    def number(self, name: str, value: Value) -> Value:
        found: Value = self._find("numbers", name)
        return found

    def _find(self, what: str, name: str) -> Any:
        if name not in self._head[what]:
            raise InputError(f"the checkpoint '{self.path}' is of another network or version: it has no '{name}'")
        return self._head[what][name]

    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        found = self.begin(name, rows, values)()
        self.check()
        return found

    def begin(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> Callable[[], npt.NDArray[Any]]:
        kind = np.dtype(self._find("columns", name)["kind"])
        if kind != values.dtype:
            raise InputError(f"the checkpoint '{self.path}' has another type of {name}: {kind.str}")
        n, (readers, rounds) = self._file.size(name), self._readers(name)
        other = InputError(f"the checkpoint '{self.path}' is of another network: {name} has other numbers of entries")
        if rows.width is not None and readers == 1:
            if rows.size * rows.width != n:
                raise other
            shape = rows.size, rows.width
            return lambda: self._small(name, n).reshape(shape)[rows.places].reshape(-1)
        bounds = [k * rows.size // (readers * rounds) for k in range(readers * rounds + 1)]
        spans = [
            list(zip(bounds[turn:-1:readers], bounds[turn + 1 :: readers], strict=True)) for turn in range(readers)
        ]
        reads = self._turn < readers
        entries, at_home = rows.before(self.comm, bounds, spans[self._turn][0] if reads and rounds == 1 else (0, 0))
        if entries[-1] != n:
            raise other

        def found() -> npt.NDArray[Any]:
            self._unsure[name] = np.zeros(self._file.parts + 1, np.uint64)
            whole = np.empty(rows.ends[-1] if rounds > 1 else 0, kind)
            for k in range(rounds):
                now = [(bounds[(k + 1) * readers],) * 2] * self.comm.size
                for rank, own in zip(self._ranks, spans, strict=False):
                    now[rank] = own[k]
                piece = self._piece(name, *entries[k * readers + self._turn :][:2]) if reads else np.empty(0, kind)
                if at_home:
                    return piece
                (begin, end), piece = fetch(self.comm, rows, now, piece)
                if rounds == 1:
                    return piece
                whole[rows.ends[begin] : rows.ends[end]] = piece
            return whole

        return found

    def _piece(self, name: str, begin: int, end: int) -> npt.NDArray[Any]:
        """The entries of a column from number ``begin`` up to ``end``; zeros where they cannot be read."""
        try:
            values = self._ahead.read(name, begin, end)
            self._unsure[name][:-1] += self._file.sums(name, begin, values)
        except InputError as error:
            self._failure, self._unsure[name][-1] = self._failure or error, 1
            return np.zeros(end - begin, self._file.kind(name))
        return values

    def check(self) -> None:
        if not self._unsure:
            return
        sums = np.array(list(self._unsure.values()))
        total = np.empty_like(sums)
        self.comm.Allreduce(sums, total)
        if total[:, -1].any():
            agree(self.comm, self._failure)
        for name, of_parts in zip(self._unsure, total[:, :-1].tolist(), strict=True):
            self._file.check(name, of_parts)
        self._unsure.clear()

    def _small(self, name: str, n: int) -> npt.NDArray[Any]:
        """All of a column, which rank 0 reads for all."""
        whole, failure = np.empty(0 if self.comm.rank == 0 else n, self._file.kind(name)), None
        if self.comm.rank == 0:
            try:
                whole = self._ahead.read(name, 0, n)
                self._file.check(name, self._file.sums(name, 0, whole).tolist())
            except InputError as error:
                failure = error
        told = self.comm.bcast(failure and portable(failure))
        if told is not None:
            raise failure or told
        self.comm.Bcast(whole)
        return whole

    def close(self) -> None:
        """Close the files."""
        self._ahead.close()
        self._file.close()
