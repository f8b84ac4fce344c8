"""One rank of many, alone in a process: a communicator that hears of no other rank.

Importing it takes no numpy: see ``shared_modules``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from distsim.core.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI


class Done:
    """A request that is complete."""

    def Test(self) -> bool:  # noqa: N802 # the name that mpi4py gives it
        """Return True."""
        return True


class LoneRank:
    """The communicator of ``rank`` of ``size`` ranks, the others of which are not there; methods as in mpi4py.

    Every collective gives what those say who are here: this rank.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size

    def allgather(self, mine: Any) -> list[Any]:
        """What this rank says."""
        return [mine]

    def gather(self, mine: Any, root: int = 0) -> list[Any]:
        """As ``allgather``: this rank alone is told everything, whichever it is."""
        return [mine]

    def bcast(self, mine: Any, root: int = 0) -> Any:
        """What this rank says."""
        return mine

    def allreduce(self, mine: Any, op: Any = None) -> Any:
        """What this rank says."""
        return mine

    def Allreduce(self, mine: Any, total: Any, op: Any = None) -> None:  # noqa: N802
        """Let ``total`` be what this rank says."""
        total[...] = mine

    def Exscan(self, mine: Any, before: Any) -> None:  # noqa: N802
        """Leave ``before`` as it is: the ranks before this one say nothing."""

    def Allgather(self, mine: Any, into: Any) -> None:  # noqa: N802
        """Put into the place of this rank what it says."""
        if into is not None:
            into.reshape(self.size, -1)[self.rank] = mine

    Gather = Allgather

    def Bcast(self, array: Any, root: int = 0) -> None:  # noqa: N802
        """Leave ``array`` as it is."""

    def Allgatherv(self, mine: Any, into: Any) -> None:  # noqa: N802
        """Let the first of ``into`` be what this rank says."""
        if into is not None:
            into[0][...] = mine

    Gatherv = Allgatherv

    def Alltoall(self, mine: Any, came: Any) -> None:  # noqa: N802
        """Let others have for this rank what it has for them: as much comes as would on average over ranks."""
        came[...] = mine

    def Alltoallv(self, mine: Any, came: Any) -> None:  # noqa: N802
        """As ``Alltoall``."""
        came[0][...] = mine[0]

    def Barrier(self) -> None:  # noqa: N802
        """Wait for nobody."""

    def Ibarrier(self) -> Done:  # noqa: N802
        """Wait for nobody."""
        return Done()

    def Split_type(self, kind: int) -> LoneRank:  # noqa: N802
        """The ranks of this node: one."""
        return LoneRank(0, 1)

    def Free(self) -> None:  # noqa: N802
        """There is nothing to free."""

    def most(self, name: str, mine: Sequence[float]) -> list[float]:
        """The largest of every value over all ranks, as far as that is known."""
        return list(mine)


def beyond(n: int) -> MPI.Comm:
    """The rank that comes after those of ``n`` neurons, one each: it owns none, and hears of no other rank.

    What it builds has arrays of the same types as the part of any rank, all of them empty.
    """
    return cast("MPI.Comm", LoneRank(n, n + 1))


def is_lone(comm: Any) -> bool:
    """Whether the other ranks of ``comm`` are not there."""
    return isinstance(comm, LoneRank)


def ranks_heard(comm: Any) -> int:
    """Of how many ranks a sum over ``comm`` is."""
    return 1 if is_lone(comm) else int(comm.size)


def require_ranks(comm: Any, what: str) -> None:
    """InputError where ``comm`` is that of a dry run, of which there is no such thing as ``what``."""
    if is_lone(comm):
        raise InputError(f"{what}: a dry run is one rank of {comm.size}, without the others; leave it out")
