"""The nodes that ranks are on: who shares memory with whom, and the memory that they share."""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.parallel.communicator import crowded, first_told, largest, patient_barrier

if TYPE_CHECKING:
    from mpi4py import MPI

VARIABLE = "DISTSIM_RANKS_PER_NODE"
"""Where it is set, so many ranks at most are taken to be on one node, as if a machine were several."""
SHARED = Path("/dev/shm")
"""Where files lie in memory, on most systems."""
_keys: list[int] = []  # of what a communicator keeps, made when it is first used


@dataclass(frozen=True)
class Nodes:
    """The nodes of a communicator, which are numbered by their first ranks.

    node: the ranks of this one. leaders: the first ranks of all nodes; None on the other ranks. of_rank: the node of
    each rank (ranks,).
    """

    node: MPI.Comm
    leaders: MPI.Comm | None
    of_rank: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """How many there are."""
        return int(self.of_rank.max()) + 1

    @property
    def largest(self) -> int:
        """How many ranks the largest has."""
        return int(np.bincount(self.of_rank).max())


def nodes_of(comm: MPI.Comm) -> Nodes:
    """The nodes of the ranks of ``comm``, found once and kept with it (collective)."""
    at_most = _ranks_per_node(comm)
    kept: Any = comm.Get_attr(_key())
    known: dict[int, Nodes] = kept or {}
    if at_most not in known:
        known[at_most] = _found(comm, at_most)
        comm.Set_attr(_key(), known)
    return known[at_most]


def _ranks_per_node(comm: MPI.Comm) -> int:
    """What the environment says, 0 where it says nothing; InputError where that is no number, or not the same."""
    from mpi4py import MPI

    mine = os.environ.get(VARIABLE, "0")
    text = comm.bcast(mine)
    if not text.isdecimal() or not comm.allreduce(mine == text, op=MPI.LAND):
        raise InputError(f"{VARIABLE} must be a number of ranks, the same on all of them, got '{text}'")
    return int(text)


def _key() -> int:
    from mpi4py import MPI

    if not _keys:
        _keys.append(MPI.Comm.Create_keyval(delete_fn=_forget))
    return _keys[0]


def _forget(comm: MPI.Comm, key: int, known: dict[int, Nodes]) -> None:
    """Free what was found of a communicator that is freed; that of the job ends with MPI itself."""
    from mpi4py import MPI

    for nodes in known.values() if comm != MPI.COMM_WORLD else ():
        nodes.node.Free()
        if nodes.leaders is not None:
            nodes.leaders.Free()


def _found(comm: MPI.Comm, at_most: int) -> Nodes:
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    if at_most:
        whole, node = node, node.Split(node.rank // at_most, node.rank)
        whole.Free()
    leaders = comm.Split(0 if node.rank == 0 else MPI.UNDEFINED, comm.rank)
    leader_of_rank = np.zeros(comm.size, np.int64)
    comm.Allgather(np.array([node.bcast(comm.rank)]), leader_of_rank)
    of_rank = np.unique(leader_of_rank, return_inverse=True)[1].astype(np.int64)
    return Nodes(node, None if leaders == MPI.COMM_NULL else leaders, of_rank)


def first_calls(comm: MPI.Comm) -> None:
    """Let MPI take the memory that it takes for itself when ranks first speak with each other (collective)."""
    nodes_of(comm)
    crowded(comm)
    largest(comm, [0.0])
    patient_barrier(comm)
    one, of_all = np.zeros(1), np.zeros(comm.size)
    comm.Allgather(one, of_all)
    comm.Gather(one, of_all if comm.rank == 0 else None)
    comm.Alltoall(of_all.copy(), of_all)
    comm.gather(0)


def shared_memory(comm: MPI.Comm, nodes: Nodes, n: int) -> npt.NDArray[np.uint64]:
    """``n`` words of memory, all 0, which the ranks of a node share (collective over ``comm``).

    Raises InputError on all ranks where some cannot. The file that it is has no name any more, and ends with the last
    process that holds it.
    """
    path, memory, failure = None, None, None
    try:
        if nodes.node.rank == 0:
            path = _made(8 * n)
    except OSError as error:
        failure = str(error)
    shared = nodes.node.bcast(path)
    try:
        if shared is not None:
            with open(shared, "r+b") as file:
                memory = mmap.mmap(file.fileno(), 8 * n)
    except OSError as error:
        failure = str(error)
    reason = first_told(comm, failure)
    if path is not None:
        os.unlink(path)
    if reason is not None or memory is None:
        raise InputError(f"the ranks of a node cannot share memory: {reason}")
    return np.frombuffer(memory, np.uint64)


def _made(size: int) -> str:
    """The path of a new file of ``size`` bytes that has its room, so that no later write can fail."""
    descriptor, path = tempfile.mkstemp(prefix="distsim-", dir=SHARED if os.access(SHARED, os.W_OK) else None)
    try:
        allocate: Any = getattr(os, "posix_fallocate", None)
        if allocate is None:
            os.ftruncate(descriptor, size)
        else:
            allocate(descriptor, 0, size)
    except OSError:
        os.unlink(path)
        raise
    finally:
        os.close(descriptor)
    return path
