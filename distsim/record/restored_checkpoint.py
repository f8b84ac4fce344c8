"""A checkpoint as it is read: by each rank what it needs where that can be, one column ahead; small ones by rank 0."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.placement import mirrored
from distsim.core.reused_memory import InTurn
from distsim.parallel.communicator import agree, portable
from distsim.parallel.rows import Rows, fetch
from distsim.record import checkpoint_files as files
from distsim.record.checkpoint import PIECE, SMALL, Archive

if TYPE_CHECKING:
    from mpi4py import MPI

Value = TypeVar("Value")
Entries = tuple[npt.NDArray[Any], npt.NDArray[np.uint64]]
"""Some of a column, and what they are of the checksum of each part."""
LEAST = 1 << 16  # bytes of a column that several ranks read


class Restoring(Archive):
    """The checkpoint at ``path``, whose ``head`` is known."""

    saving = False

    def __init__(self, comm: MPI.Comm, path: Path, head: dict[str, Any], records: bool = True) -> None:
        super().__init__(comm)
        self.path, self.records = path, records
        self._head = head
        self._file = files.PartReader(path, head)
        self._ranks = sorted(range(comm.size), key=mirrored)  # so a rank may find its own neurons in what it reads
        self._turn = self._ranks.index(comm.rank)
        self._worker, self._memory = ThreadPoolExecutor(1), InTurn()

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
        other = f"the checkpoint '{self.path}' is of another network: {name} has other numbers of entries"
        bytes = n * kind.itemsize
        if rows.width is not None and bytes <= SMALL:
            if rows.size * rows.width != n:
                raise InputError(other)
            shape = rows.size, rows.width
            return lambda: self._small(name, n, kind).reshape(shape)[rows.places].reshape(-1)
        readers, rounds = (self.comm.size, max(1, -(-bytes // (self.comm.size * PIECE)))) if bytes > LEAST else (1, 1)
        bounds = [k * rows.size // (readers * rounds) for k in range(readers * rounds + 1)]
        reads = self._turn < readers
        own = (bounds[self._turn], bounds[self._turn + 1]) if reads and rounds == 1 else (0, 0)
        entries, at_home = rows.before(self.comm, bounds, own)
        if entries[-1] != n:
            raise InputError(other)

        memory = self._memory if rounds == 1 else InTurn()

        def begun(k: int) -> Future[Entries] | None:
            """Begin to read what this rank reads in round k, if it does."""
            if not reads or k == rounds:
                return None
            begin, end = entries[k * readers + self._turn :][:2]
            return self._worker.submit(self._file.read, name, begin, end - begin, kind, memory)

        first = begun(0)

        def found() -> npt.NDArray[Any]:
            failure: InputError | None = None
            sums = np.zeros(len(column["parts"]) + 1, np.uint64)  # the last one counts failures
            whole = np.empty(rows.ends[-1] if rounds > 1 else 0, kind)
            ahead = first
            for k in range(rounds):
                reading, ahead = ahead, begun(k + 1)

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

                spans = [(bounds[(k + 1) * readers],) * 2] * self.comm.size
                for turn, rank in enumerate(self._ranks[:readers]):
                    spans[rank] = bounds[k * readers + turn], bounds[k * readers + turn + 1]
                if at_home:
                    piece = read(int(rows.ends[-1]))
                else:
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

    def _small(self, name: str, n: int, kind: np.dtype[Any]) -> npt.NDArray[Any]:
        """All of a column, which rank 0 reads for all."""
        told: npt.NDArray[Any] | Exception | None = None
        if self.comm.rank == 0:
            try:
                told, sums = self._file.read(name, 0, n, kind, InTurn())
                self._file.check(name, sums.tolist())
            except InputError as error:
                told = portable(error)
        told = self.comm.bcast(told)
        if isinstance(told, Exception):
            raise told
        return np.asarray(told)

    def close(self) -> None:
        """Close the files."""
        self._worker.shutdown()
        self._file.close()
