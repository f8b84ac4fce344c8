"""Collectives that compiled code calls itself, by the names that they have in the MPI library.

A call by mpi4py takes about a microsecond of Python. Handles of communicators and types are passed as the numbers that
they are, pointers in Open MPI, integers in MPICH; buffers by their addresses (``array.ctypes.data``), counts as numbers
of entries. Each returns what MPI returns: 0, or the number of an error.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
from numba import types
from numba.extending import overload

if TYPE_CHECKING:
    from mpi4py import MPI

NEEDS_PYTHON, FAILED = -1, -2
"""What a compiled step of an exchange returns where buffers must grow, so that Python does it; and where MPI failed."""

NAMES = ("MPI_Allgather", "MPI_Alltoall", "MPI_Barrier")
_WORD, _COUNT = types.intp, types.int32  # an address or a handle; a number of entries
_GATHERING = types.int32(_WORD, _COUNT, _WORD, _WORD, _COUNT, _WORD, _WORD)
_allgather = types.ExternalFunction("MPI_Allgather", _GATHERING)
_alltoall = types.ExternalFunction("MPI_Alltoall", _GATHERING)
_barrier = types.ExternalFunction("MPI_Barrier", types.int32(_WORD))


@cache
def at_hand() -> bool:
    """Whether compiled code finds the MPI library of this process; its symbols are made known to the compiler."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
        except OSError:
            continue
        if all(hasattr(library, name) for name in NAMES):
            llvm.load_library_permanently(path)
            return True
    return False


def _libraries() -> list[str]:
    """Paths of the MPI libraries that this process has loaded, where the system tells."""
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    paths = {line.split(maxsplit=5)[5] for line in lines if line.count("/")}
    return sorted(path for path in paths if Path(path).name.startswith(("libmpi.so", "libmpich.so", "libmpi_abi.so")))


def handles(comm: MPI.Comm) -> tuple[int, int]:
    """Those of the type uint64 and of ``comm``, as compiled code takes them."""
    from mpi4py import MPI

    return int(MPI.UINT64_T.handle), int(comm.handle)


def allgather(outgoing: int, incoming: int, n: int, kind: int, comm: int) -> int:
    """MPI_Allgather of ``n`` entries of a type (handle ``kind``) at an address, to (ranks, n) at another."""
    raise RuntimeError("only compiled code calls this")


def alltoall(outgoing: int, incoming: int, n: int, kind: int, comm: int) -> int:
    """MPI_Alltoall of (ranks, n) entries of a type (handle ``kind``) at an address, to (ranks, n) at another."""
    raise RuntimeError("only compiled code calls this")


def barrier(comm: int) -> int:
    """MPI_Barrier."""
    raise RuntimeError("only compiled code calls this")


def _gathering(function: Any) -> Callable[..., Any]:
    """What compiled code calls in the place of ``allgather`` or ``alltoall``."""

    def compiled(outgoing, incoming, n, kind, comm):  # type: ignore[no-untyped-def]
        def call(outgoing, incoming, n, kind, comm):  # type: ignore[no-untyped-def]
            return function(outgoing, types.int32(n), kind, incoming, types.int32(n), kind, comm)

        return call

    return compiled


overload(allgather, jit_options={"forceinline": True})(_gathering(_allgather))
overload(alltoall, jit_options={"forceinline": True})(_gathering(_alltoall))


@overload(barrier, jit_options={"forceinline": True})
def _barrier_compiled(comm):  # type: ignore[no-untyped-def]
    return lambda comm: _barrier(comm)
