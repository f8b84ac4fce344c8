"""The exchange of changes of binary neurons: every rank gets those of all ranks, in one collective where they fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mpi4py import MPI

FloatArray = npt.NDArray[np.float64]
FIRST_CAPACITY = 32


class ChangeExchange:
    """One Allgather of buffers of fixed capacity; where a rank has more changes, all enlarge theirs and repeat it."""

    def __init__(self, comm: MPI.Comm) -> None:
        self.comm = comm
        self._allocate(FIRST_CAPACITY)

    def _allocate(self, capacity: int) -> None:
        self.capacity = capacity
        self.outgoing = np.zeros((1 + capacity, 2))
        self.incoming = np.zeros((self.comm.size, 1 + capacity, 2))

    def __call__(self, changes: FloatArray, n: int) -> tuple[FloatArray, int]:
        """The changes of all ranks, and how many of them some other rank must take in.

        changes (capacity, 2), of which n are there. Returns incoming (ranks, 1 + capacity, 2): incoming[r, 0, 0] is
        the number of changes of rank r, which follow. Valid until the next call.
        """
        while True:
            fits = min(n, self.capacity)
            self.outgoing[0, 0] = n
            self.outgoing[1 : 1 + fits] = changes[:fits]
            self.comm.Allgather(self.outgoing, self.incoming)
            counts = self.incoming[:, 0, 0].tolist()
            most = int(max(counts))
            if most <= self.capacity:
                return self.incoming, int(sum(counts)) if self.comm.size > 1 else 0
            self._allocate(1 << most.bit_length())
