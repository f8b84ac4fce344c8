"""Ranks as threads of one process: what a network gives on several of them is found out in milliseconds.

``ThreadComm`` has the methods of a communicator that the package calls; everything else of a rank is the real thing.
"""

from __future__ import annotations

import pickle
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from mpi4py import MPI

Result = TypeVar("Result")


class Ended(BaseException):
    """This rank ends because another one failed."""


class Meeting:
    """Where ``size`` ranks put down what they send, and take what the others did."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.barrier = threading.Barrier(size)
        self.sent: list[Any] = [None] * size
        self.parts: list[Meeting] = []

    def abort(self) -> None:
        """End all who wait here, or will, and those of the parts."""
        self.barrier.abort()
        for part in self.parts:
            part.abort()

    def wait(self) -> None:
        try:
            self.barrier.wait()
        except threading.BrokenBarrierError:
            raise Ended from None


def one_of(op: Any, functions: list[tuple[Any, Callable[..., Any]]]) -> Callable[..., Any]:
    """What Python has for an operation of MPI."""
    return next(function for other, function in functions if other == op)


class Done:
    """A request that is complete."""

    def Test(self) -> bool:  # noqa: N802 # the name that mpi4py gives it
        return True


class ThreadComm:
    """The communicator of one rank. Methods as in mpi4py, those with a capital letter for arrays."""

    def __init__(self, meeting: Meeting, rank: int) -> None:
        self.meeting = meeting
        self.rank = rank
        self.size = meeting.size
        self.kept: dict[int, Any] = {}

    def swap(self, mine: Any) -> list[Any]:
        """What every rank sends."""
        self.meeting.sent[self.rank] = mine
        self.meeting.wait()
        everything = list(self.meeting.sent)
        self.meeting.wait()
        return everything

    def allgather(self, mine: Any) -> list[Any]:
        return [pickle.loads(sent) for sent in self.swap(pickle.dumps(mine))]

    def gather(self, mine: Any, root: int = 0) -> list[Any] | None:
        everything = self.allgather(mine)
        return everything if self.rank == root else None

    def bcast(self, mine: Any, root: int = 0) -> Any:
        return self.allgather(mine)[root]

    def allreduce(self, mine: Any, op: Any = MPI.SUM) -> Any:
        everything = self.allgather(mine)
        return one_of(op, [(MPI.SUM, sum), (MPI.MIN, min), (MPI.MAX, max), (MPI.LOR, any), (MPI.LAND, all)])(everything)

    def Allreduce(self, mine: Any, total: Any, op: Any = MPI.SUM) -> None:  # noqa: N802
        total[...] = one_of(op, [(MPI.SUM, np.sum), (MPI.MIN, np.min), (MPI.MAX, np.max)])(
            self.swap(mine.copy()), axis=0
        )

    def Exscan(self, mine: Any, before: Any) -> None:  # noqa: N802
        """The sum of those before; on rank 0 nothing is written."""
        everything = self.swap(mine.copy())
        if self.rank:
            before[...] = np.sum(everything[: self.rank], axis=0)

    def Bcast(self, array: Any, root: int = 0) -> None:  # noqa: N802
        array[...] = self.swap(array.copy())[root]

    def Gather(self, mine: Any, everything: Any) -> None:  # noqa: N802
        sent = self.swap(mine.copy())
        if self.rank == 0:
            everything.reshape(-1)[:] = np.concatenate([one.ravel() for one in sent])

    def Barrier(self) -> None:  # noqa: N802
        self.meeting.wait()

    def Ibarrier(self) -> Done:  # noqa: N802
        self.meeting.wait()
        return Done()

    def Allgather(self, mine: Any, everything: Any) -> None:  # noqa: N802
        everything.reshape(-1)[:] = np.concatenate([sent.ravel() for sent in self.swap(mine.copy())])

    def Allgatherv(self, mine: Any, into: Any) -> None:  # noqa: N802
        everything, counts = into
        parts = self.swap(mine.copy())
        assert [part.size for part in parts] == list(counts)
        everything[:] = np.concatenate(parts)

    def Gatherv(self, mine: Any, into: Any) -> None:  # noqa: N802
        parts = self.swap(mine.copy())
        if self.rank == 0:
            everything, counts = into
            assert [part.size for part in parts] == list(counts)
            everything[:] = np.concatenate(parts)

    def Alltoall(self, mine: Any, into: Any) -> None:  # noqa: N802
        parts = [sent.reshape(self.size, -1)[self.rank] for sent in self.swap(mine.copy())]
        into.reshape(self.size, -1)[:] = parts

    def Alltoallv(self, outgoing: Any, into: Any) -> None:  # noqa: N802
        parts = []
        for sent, counts in self.swap((outgoing[0].copy(), outgoing[1].copy())):
            end = int(np.cumsum(counts)[self.rank])
            parts.append(sent[end - counts[self.rank] : end])
        assert [part.size for part in parts] == list(into[1])
        into[0][:] = np.concatenate(parts)

    def Split(self, color: int, key: int) -> Any:  # noqa: N802
        """The communicator of the ranks with the same ``color``, in their order here."""
        colors = self.swap(color)
        members = [rank for rank in range(self.size) if colors[rank] == color]
        mine = Meeting(len(members))
        self.meeting.parts.append(mine)
        meeting = self.swap(mine)[members[0]]
        return MPI.COMM_NULL if color == MPI.UNDEFINED else ThreadComm(meeting, members.index(self.rank))

    def Split_type(self, kind: int) -> ThreadComm:  # noqa: N802
        """All threads are on one node."""
        return self

    def Get_attr(self, key: int) -> Any:  # noqa: N802
        """What was kept with this communicator."""
        return self.kept.get(key)

    def Set_attr(self, key: int, value: Any) -> None:  # noqa: N802
        """Keep something with this communicator."""
        self.kept[key] = value

    def Free(self) -> None:  # noqa: N802
        """Nothing to free."""

    def Abort(self, code: int) -> None:  # noqa: N802
        """End the other ranks; the fault itself goes on its way."""
        self.meeting.abort()


def on_ranks(ranks: int, function: Callable[[Any], Result]) -> list[Result]:
    """``function(comm)`` on so many ranks: what each returns, or the exception of the first rank that failed."""
    meeting = Meeting(ranks)
    results: list[Any] = [None] * ranks
    failures: list[BaseException | None] = [None] * ranks

    def run(rank: int) -> None:
        try:
            results[rank] = function(ThreadComm(meeting, rank))
        except BaseException as error:
            failures[rank] = error
            meeting.abort()

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(ranks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for failure in failures:
        if failure is not None and not isinstance(failure, Ended):
            raise failure
    return results
