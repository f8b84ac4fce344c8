"""How a job ends: wrong input on one rank's voice, a fault with its rank and cause, always on all ranks."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distsim.errors import InputError

if TYPE_CHECKING:
    from mpi4py import MPI

INPUT_ERROR = 2
FAULT = 1


def run_main(main: Callable[[MPI.Comm], int | None], comm: MPI.Comm) -> int:
    """Run ``main(comm)`` on every rank and return the exit code of this one.

    InputError, which all ranks meet alike (see ``on_root`` and ``agree``), is printed by rank 0 and gives exit code
    2. Any other exception prints its rank and traceback and aborts the job on all ranks.
    """
    try:
        return int(main(comm) or 0)
    except InputError as error:
        if comm.rank == 0:
            print(f"distsim: error: {error}", file=sys.stderr, flush=True)
        return INPUT_ERROR
    except KeyboardInterrupt:
        if comm.rank == 0:
            print("distsim: interrupted", file=sys.stderr, flush=True)
        comm.Abort(130)
        return 130
    except Exception as error:
        report_fault(error, comm)
        return FAULT


def report_fault(error: BaseException, comm: MPI.Comm) -> None:
    """Print rank and cause of ``error``; where there are other ranks, abort the job, for they would wait for ever."""
    trace = "".join(traceback.format_exception(error))
    print(f"distsim: rank {comm.rank} of {comm.size} failed: {type(error).__name__}: {error}\n{trace}", file=sys.stderr)
    sys.stderr.flush()
    if comm.size > 1:
        comm.Abort(FAULT)


@contextmanager
def faults(comm: MPI.Comm) -> Iterator[None]:
    """Whatever goes wrong inside on one rank, other than InputError, ends the whole job where there are other ranks."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        if comm.size > 1:
            report_fault(error, comm)
        raise
