"""How a job ends: wrong input on one rank's voice, a fault with its rank and cause, always on all ranks."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distsim.errors import InputError, StorageError
from distsim.parallel.communicator import POLL

if TYPE_CHECKING:
    from mpi4py import MPI

FAULT, INPUT_ERROR, NOT_STORED = 1, 2, 4
PATIENCE = 5.0  # s that a rank with wrong input waits for the others to end as well


def run_main(main: Callable[[MPI.Comm], int | None], comm: MPI.Comm) -> int:
    """Run ``main(comm)`` on every rank and return the exit code of this one.

    InputError and StorageError are printed once, by the lowest rank that met one, and give exit code 2 or 4 on all
    ranks; where the others do not come to the end of ``main`` within seconds, because they wait for this one, the job
    is aborted with that code. Any other exception prints its rank and traceback and aborts the job.
    """
    ends = comm.Dup()  # its messages do not mix with those of main
    code, failed_with, failure = 0, 0, None
    try:
        code = int(main(comm) or 0)
    except (InputError, StorageError) as error:
        failed_with, failure = INPUT_ERROR if isinstance(error, InputError) else NOT_STORED, error
    except KeyboardInterrupt:
        if comm.rank == 0:
            print("distsim: interrupted", file=sys.stderr, flush=True)
        comm.Abort(130)
    except Exception as error:
        report_fault(error, comm)
        return FAULT
    failed = _who_failed(ends, failed_with)
    if failure is not None and (failed is None or comm.rank == min(failed)):
        print(f"distsim: error: {failure}", file=sys.stderr, flush=True)
    if failed is None:
        comm.Abort(failed_with)
    ends.Free()
    return failed[min(failed)] if failed else code


def _who_failed(comm: MPI.Comm, failed: int) -> dict[int, int] | None:
    """Ranks and exit codes of those that failed, once all have ended; None where this one failed and others do not.

    ``failed`` is the exit code of this one's failure, 0 for none.
    """
    mine, everywhere = bytearray([failed]), bytearray(comm.size)
    request = comm.Iallgather(mine, everywhere)
    deadline = time.monotonic() + PATIENCE
    while not request.Test():
        if failed and time.monotonic() > deadline:
            return None
        time.sleep(POLL)
    return {rank: everywhere[rank] for rank in range(comm.size) if everywhere[rank]}


def report_fault(error: BaseException, comm: MPI.Comm) -> None:
    """Print rank and cause of ``error``; where there are other ranks, abort the job, for they would wait for ever."""
    trace = "".join(traceback.format_exception(error))
    print(f"distsim: rank {comm.rank} of {comm.size} failed: {type(error).__name__}: {error}\n{trace}", file=sys.stderr)
    sys.stderr.flush()
    if comm.size > 1:
        comm.Abort(FAULT)


@contextmanager
def faults(comm: MPI.Comm) -> Iterator[None]:
    """Whatever goes wrong inside on one rank ends the whole job where there are other ranks.

    Other than InputError and StorageError, which all ranks meet alike.
    """
    try:
        yield
    except (InputError, StorageError):
        raise
    except Exception as error:
        if comm.size > 1:
            report_fault(error, comm)
        raise
