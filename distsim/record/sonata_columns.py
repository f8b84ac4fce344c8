"""Datasets of SONATA files of which each rank reads its own rows: the values of neurons and edges.

Where the rows of a dataset lie one after the other in the file, as ``write_sonata`` writes them, a rank touches no
others; a dataset in compressed chunks is read piece by piece.
"""

from __future__ import annotations

import hashlib
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from distsim.core.declared import Declared
from distsim.core.distributions import FloatArray, uniform_numbers
from distsim.core.errors import InputError
from distsim.core.rng import Streams
from distsim.parallel.communicator import agree
from distsim.record.taken_back import UNREADABLE

if TYPE_CHECKING:
    from mpi4py import MPI

Int64Array = npt.NDArray[np.int64]
PIECE = 1 << 20  # rows that are read together


class Scan(NamedTuple):
    """What was found in a dataset: its rows, bounds of its values, and a hash of them that no number of ranks shows."""

    size: int
    low: float
    high: float
    digest: str


class StoredColumn(Declared, eq=True):
    """The values of a dataset of a file: each neuron, or edge, has that of its own row; a distribution elsewhere.

    size, low, high, digest: what ``scan`` found. of_types: where the dataset holds types, pairs of type and value.
    """

    path: str = field(repr=False)  # descriptions do not tell it: the content is what counts
    dataset: str
    size: int
    low: float
    high: float
    digest: str
    of_types: tuple[tuple[int, float], ...] = ()

    def of_entries(self, entry: Int64Array) -> FloatArray:
        """The values (n,) of rows ``entry`` (n,)."""
        found = entries(self.path, self.dataset, entry)
        if not self.of_types:
            return found.astype(np.float64)
        types, values = (np.array(column) for column in zip(*sorted(self.of_types), strict=True))
        place = np.minimum(np.searchsorted(types, found), len(types) - 1)
        if (types[place] != found).any():
            raise InputError(f"'{self.path}': {self.dataset} has a type that no table of types explains")
        return values[place].astype(np.float64)

    def sample(self, streams: Streams, counters: Int64Array) -> FloatArray:
        return self.of_entries((uniform_numbers(streams, counters) * self.size).astype(np.int64))

    def bounds(self) -> tuple[float, float]:
        return self.low, self.high


def entries(path: str, dataset: str, rows: Int64Array) -> npt.NDArray[Any]:
    """The rows of a dataset, (n,) or (n, columns)."""
    import h5py

    with h5py.File(path, "r") as file:
        found = file[dataset]
        offset = found.id.get_offset()
        if offset is not None and found.chunks is None and not file.userblock_size and found.dtype.kind in "iuf":
            return np.array(np.memmap(path, found.dtype, "r", offset, found.shape)[rows])
        order = np.argsort(rows, kind="stable")
        in_order, values = rows[order], np.empty((len(rows), *found.shape[1:]), found.dtype)
        for begin in range(0, len(found), PIECE):
            first, last = np.searchsorted(in_order, (begin, begin + PIECE))
            if last > first:
                values[order[first:last]] = found[begin : begin + PIECE][in_order[first:last] - begin]
        return values


def scan(comm: MPI.Comm, path: str, dataset: str) -> Scan:
    """What a dataset of numbers holds; each rank reads a part of it (collective).

    Raises InputError, on all ranks, where it cannot be read.
    """
    import h5py

    mine: list[tuple[int, float, float, bytes]] = []
    size, failure = 0, None
    try:
        with h5py.File(path, "r") as file:
            found = file[dataset]
            size = len(found)
            for k in range(comm.rank, -(-size // PIECE), comm.size):
                values = np.ascontiguousarray(found[k * PIECE : (k + 1) * PIECE], np.float64)
                if not np.isfinite(values).all():
                    raise InputError(f"'{path}': {dataset} holds what is no number")
                digest = hashlib.blake2b(values.data, digest_size=16).digest()
                mine.append((k, float(values.min()), float(values.max()), digest))
    except InputError as error:
        failure = error
    except UNREADABLE as error:
        failure = InputError(f"'{path}': {dataset} cannot be read: {' '.join(str(error).split())}")
    agree(comm, failure)
    pieces = sorted(piece for of_rank in comm.allgather(mine) for piece in of_rank)
    total = hashlib.blake2b(b"".join(digest for *_, digest in pieces), digest_size=16)
    low, high = min((p[1] for p in pieces), default=0.0), max((p[2] for p in pieces), default=0.0)
    return Scan(size, low, high, total.hexdigest())
