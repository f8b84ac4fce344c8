"""Pieces that the ranks make in turn, and that rank 0 gets one by one: no rank has more than one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from mpi4py import MPI

Piece = TypeVar("Piece")
TAG = 1907


def in_turn(comm: MPI.Comm, n: int, make: Callable[[int], Piece]) -> Iterator[Piece | None]:
    """make(0) .. make(n - 1) on rank 0, None on the others (collective): piece k is made by rank k modulo ranks."""
    for k in range(n):
        maker = k % comm.size
        piece = make(k) if comm.rank == maker else None
        if maker and comm.rank == maker:
            comm.send(piece, 0, TAG)
            piece = None
        elif maker and comm.rank == 0:
            piece = comm.recv(source=maker, tag=TAG)
        yield piece
