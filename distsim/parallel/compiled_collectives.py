"""Collectives that compiled code calls itself, by the names that they have in the MPI library.

A call by mpi4py takes about a microsecond of Python. Handles of communicators and types are passed as the numbers that
they are: pointers in Open MPI, integers in MPICH.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
from numba import types
from numba.extending import overload

if TYPE_CHECKING:
    from mpi4py import MPI

NAMES = ("MPI_Allgather", "MPI_Barrier")
_HANDLE, _COUNT, _BUFFER = types.intp, types.int32, types.voidptr
_allgather = types.ExternalFunction(NAMES[0], types.int32(_BUFFER, _COUNT, _HANDLE, _BUFFER, _COUNT, _HANDLE, _HANDLE))
_barrier = types.ExternalFunction(NAMES[1], types.int32(_HANDLE))


@cache
def at_hand() -> bool:
    """Whether compiled code finds the MPI library of this process; its symbols are made known to the compiler."""
    for path in _libraries():
        try:
            library = ctypes.CDLL(path)
            found = all(hasattr(library, name) for name in NAMES)
        except OSError:
            continue
        if found:
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


def allgather(outgoing: Any, incoming: Any, kind: int, comm: int) -> int:
    """MPI_Allgather of the array ``outgoing`` (n,) to ``incoming`` (ranks, n); not 0 where it failed."""
    raise RuntimeError("only compiled code calls this")


@overload(allgather, jit_options={"forceinline": True})
def _allgather_compiled(outgoing, incoming, kind, comm):  # type: ignore[no-untyped-def]
    def call(outgoing, incoming, kind, comm):  # type: ignore[no-untyped-def]
        n = types.int32(outgoing.size)
        return _allgather(outgoing.ctypes, n, kind, incoming.ctypes, n, kind, comm)

    return call


def barrier(comm: int) -> int:
    """MPI_Barrier; not 0 where it failed."""
    raise RuntimeError("only compiled code calls this")


@overload(barrier, jit_options={"forceinline": True})
def _barrier_compiled(comm):  # type: ignore[no-untyped-def]
    return lambda comm: _barrier(comm)
