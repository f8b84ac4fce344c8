"""A checkpoint as it is written: the ranks of a node write one file together, each what it has where that can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from distsim.core.errors import DistsimError
from distsim.core.placement import mirrored
from distsim.core.reused_memory import InTurn
from distsim.parallel.communicator import agree, on_root
from distsim.parallel.nodes import nodes_of
from distsim.parallel.rows import Rows, bring
from distsim.record import checkpoint_files as files
from distsim.record.checkpoint import PIECE, SMALL, Archive

if TYPE_CHECKING:
    from mpi4py import MPI

Value = TypeVar("Value")


class Saving(Archive):
    """A new checkpoint at ``path``, in so many parts; ``about`` goes to its head.

    A part is made by one rank, and written by all that are on its node, each what it has where that can be. Raises, on
    all ranks, InputError where there cannot be one, and StorageError where there is no room.
    """

    saving = True

    def __init__(self, comm: MPI.Comm, path: Path, parts: int, about: dict[str, Any]) -> None:
        super().__init__(comm)
        self.path = path
        self._first = [part * comm.size // parts for part in range(parts)]  # the ranks that make them
        part_of = np.searchsorted(self._first, np.arange(comm.size), side="right") - 1
        node = nodes_of(comm).of_rank
        self._writers = [  # of each part, in the order of what they have
            sorted(np.flatnonzero((part_of == part) & (node == node[first])).tolist(), key=mirrored)
            for part, first in enumerate(self._first)
        ]
        self._part = int(part_of[comm.rank])
        id = on_root(comm, lambda: files.prepare(path))
        others = files.part_names(path, id, parts)
        self._head = {"version": files.VERSION, "id": id, "parts": others, **about}
        self._numbers: dict[str, Any] = {}
        self._columns: dict[str, tuple[str, list[int], list[int]]] = {}  # type; entries, and where, in each part
        self._arriving = InTurn()  # what is written while the next arrives
        self._file: files.PartWriter | None = None
        self._pieces: files.PieceWriter | None = None
        own = [files.aside(path), *(path.with_name(name) for name in others)][self._part]
        self._together(lambda: self._begin(own))
        self._together(lambda: self._join(own))

    def _begin(self, path: Path) -> None:
        if self.comm.rank == self._first[self._part]:
            self._file = files.PartWriter(path)

    def _join(self, path: Path) -> None:
        if self.comm.rank in self._writers[self._part]:
            self._pieces = files.PieceWriter(path)

    def number(self, name: str, value: Value) -> Value:
        self._numbers[name] = value
        return value

    def column(self, name: str, rows: Rows, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if rows.width is not None and rows.size * rows.width * values.itemsize <= SMALL:
            self._small(name, rows, rows.width, values)
            return values
        parts, spans = len(self._writers), [(0, 0)] * self.comm.size
        for part, writers in enumerate(self._writers):
            low, high = (k * rows.size // parts for k in (part, part + 1))
            bounds = [low + k * (high - low) // len(writers) for k in range(len(writers) + 1)]
            for writer, *span in zip(writers, bounds, bounds[1:], strict=False):
                spans[writer] = span[0], span[1]
        entries, at_home = rows.before(self.comm, [bound for span in spans for bound in span], spans[self.comm.rank])
        begins, ends = entries[::2], entries[1::2]
        firsts = [begins[writers[0]] for writers in self._writers]
        n = [ends[writers[-1]] - first for writers, first in zip(self._writers, firsts, strict=True)]
        place, begin = self._create(name, values.dtype, n), begins[self.comm.rank] - firsts[self._part]
        most = max(end - begin for begin, end in zip(begins, ends, strict=True))
        rounds = max(1, -(-values.itemsize * most // PIECE))
        for k in range(rounds):
            now = [(low + k * (high - low) // rounds, low + (k + 1) * (high - low) // rounds) for low, high in spans]
            if at_home:
                own = slice(*rows.ends[list(rows.between(now[self.comm.rank]))])
                found = values[own]
            else:
                found = bring(self.comm, rows, now, values, self._arriving)
            if self._pieces is not None:
                self._pieces.write(name, place, begin, found)
            begin += len(found)
        return values

    def _small(self, name: str, rows: Rows, width: int, values: npt.NDArray[Any]) -> None:
        """A column of which rank 0 gets all."""
        everywhere = self.comm.gather((rows.places, values))
        place = self._create(name, values.dtype, [rows.size * width] + [0] * (len(self._writers) - 1))
        if everywhere is not None and self._pieces is not None:
            whole = np.empty((rows.size, width), values.dtype)
            for places, found in everywhere:
                whole[places] = found.reshape(len(places), width)
            self._pieces.write(name, place, 0, whole.reshape(-1))

    def _create(self, name: str, kind: np.dtype[Any], n: list[int]) -> int:
        """Make a dataset, of so many entries in each part; at which byte of the one of this rank they begin."""
        mine, places = np.zeros((2, len(n)), np.int64)
        if self._file is not None:
            mine[self._part] = self._file.create(name, n[self._part], kind)
        self.comm.Allreduce(mine, places)
        self._columns[name] = kind.str, n, places.tolist()
        return int(places[self._part])

    def close(self) -> None:
        """Complete the checkpoint, and let it take its place."""
        pieces, file = self._pieces, self._file
        self._together(lambda: pieces.finish() if pieces is not None else None)
        sums, total = np.zeros((2, len(self._columns), len(self._writers)), np.uint64)
        if pieces is not None:
            sums[:, self._part] = [pieces.sums.get(name, 0) for name in self._columns]
        self.comm.Allreduce(sums, total)
        columns = {
            name: {"kind": kind, "parts": list(zip(n, of_parts, places, strict=True))}
            for (name, (kind, n, places)), of_parts in zip(self._columns.items(), total.tolist(), strict=True)
        }
        self._head |= {"numbers": self._numbers, "columns": columns}
        self._together(lambda: file.close(self._head if self.comm.rank == 0 else None) if file is not None else None)
        on_root(self.comm, lambda: files.take_place(self.path))
        self._leave()

    def discard(self) -> None:
        """Remove what was written; not collective."""
        self._leave()
        if self._file is not None:
            self._file.discard()

    def _leave(self) -> None:
        if self._pieces is not None:
            self._pieces.close()
            self._pieces = None

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
