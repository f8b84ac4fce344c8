"""A collective for what varies in number: one Allgather of buffers of one size, which grow and shrink, see capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.parallel import capacity

if TYPE_CHECKING:
    from mpi4py import MPI

FIRST = 48  # entries expected of a rank


class GrowingAllgather:
    """Every rank gets the entries of all ranks, numbers of ``kind`` or, where ``width`` is given, rows of them."""

    def __init__(self, comm: MPI.Comm, kind: Any, *width: int) -> None:
        self.comm = comm
        self._kind, self._width = kind, width
        self._state = np.zeros(3, np.int64)
        capacity.begin(self._state, FIRST)
        self._allocate()

    def _allocate(self) -> None:
        self._capacity = int(self._state[capacity.CAPACITY])
        self._outgoing = np.zeros((1 + self._capacity, *self._width), self._kind)  # number of entries, then the entries
        self._incoming = np.zeros((self.comm.size, *self._outgoing.shape), self._kind)
        self._number = self._outgoing.reshape(-1)
        self._counts = self._incoming.reshape(self.comm.size, -1)[:, 0]

    @property
    def buffers(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """outgoing (1 + capacity, ...), incoming (ranks, 1 + capacity, ...), until the next time that they grow."""
        return self._outgoing, self._incoming

    @property
    def room(self) -> npt.NDArray[np.int64]:
        """What ``capacity.adapt`` is told of, so that compiled code can exchange by these buffers."""
        return self._state

    def __call__(self, entries: npt.NDArray[Any], n: int) -> tuple[npt.NDArray[Any], int]:
        """The first ``n`` entries of all ranks (ranks, 1 + capacity, ...), and how many there are in all.

        Of each rank the number of its entries comes first, then these. Valid until the next call. Where a rank has
        more than its buffer holds, all enlarge theirs and repeat it.
        """
        while True:
            if self._capacity != self._state[capacity.CAPACITY]:
                self._allocate()
            fits = min(n, self._capacity)
            self._number[0] = n
            self._outgoing[1 : 1 + fits] = entries[:fits]
            self.comm.Allgather(self._outgoing, self._incoming)
            counts = self._counts.tolist()
            if capacity.adapt(self._state, int(max(counts))):
                return self._incoming, int(sum(counts))
