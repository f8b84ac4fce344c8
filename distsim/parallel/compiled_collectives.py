"""Collectives that compiled code calls itself, by the names that they have in the MPI library.

A call by mpi4py takes about a microsecond of Python. Handles of communicators and types are passed as the numbers that
they are, pointers in Open MPI, integers in MPICH; buffers by their addresses (``array.ctypes.data``), counts as numbers
of entries. Each returns what MPI returns: 0, or the number of an error.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import llvmlite.binding as llvm
import numpy as np

from distsim.core.jit import CFunction, native_inline

if TYPE_CHECKING:
    from mpi4py import MPI

NEEDS_PYTHON, FAILED = -1, -2
"""What a compiled step of an exchange returns where buffers must grow, so that Python does it; and where MPI failed."""

NAMES = ("MPI_Allgather", "MPI_Alltoall", "MPI_Barrier")
_WORD, _COUNT = "intp", "int32"  # an address or a handle; a number of entries
_GATHERING = (_WORD, _COUNT, _WORD, _WORD, _COUNT, _WORD, _WORD)
_allgather = CFunction("MPI_Allgather", "int32", _GATHERING)
_alltoall = CFunction("MPI_Alltoall", "int32", _GATHERING)
_barrier = CFunction("MPI_Barrier", "int32", (_WORD,))


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


@native_inline
def allgather(outgoing, incoming, n, kind, comm):  # type: ignore[no-untyped-def]
    """MPI_Allgather of ``n`` entries of a type (handle ``kind``) at an address, to (ranks, n) at another."""
    return _allgather(outgoing, np.int32(n), kind, incoming, np.int32(n), kind, comm)


@native_inline
def alltoall(outgoing, incoming, n, kind, comm):  # type: ignore[no-untyped-def]
    """MPI_Alltoall of (ranks, n) entries of a type (handle ``kind``) at an address, to (ranks, n) at another."""
    return _alltoall(outgoing, np.int32(n), kind, incoming, np.int32(n), kind, comm)


@native_inline
def barrier(comm):  # type: ignore[no-untyped-def]
    """MPI_Barrier."""
    return _barrier(comm)
