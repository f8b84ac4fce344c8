"""How a job ends: wrong input on one rank's voice, a fault with its rank and cause, always on all ranks.

Programs of distsim go through ``run_main``. A user's script needs nothing: as soon as it uses a name of ``distsim`` on
a rank of a job, exceptions that nobody catches, Ctrl-C, SIGTERM and SIGUSR1 end the job in the same way.
"""

from __future__ import annotations

import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from distsim.core.errors import InputError, StorageError
from distsim.parallel.communicator import POLL, is_copy, launched, launched_alone, launched_rank
from distsim.parallel.lone_rank import is_lone
from distsim.parallel.signals import GRACE, SuspendedError, code_of, heed, heeded, say, watched

if TYPE_CHECKING:
    from mpi4py import MPI

ENDED_WELL, FAULT, INPUT_ERROR, SUSPENDED, NOT_STORED = 0, 1, 2, 3, 4
CHECKPOINTS = ("--checkpoint", "--resume")
"""Options of a run that can go on."""
PATIENCE = 5.0  # s that a rank with wrong input, or a full disk, waits for the others to end as well
SHORT_PATIENCE = 1.0  # s that a rank with a fault does
MOMENT = 0.05  # s that words need to reach the launcher, or another rank
SPOKEN = 32749  # tag of the message of a rank that has said why it aborts the job


def run_main(main: Callable[[MPI.Comm], int | None], comm: MPI.Comm) -> int:
    """Run ``main(comm)`` on every rank and return the exit code of this one.

    InputError and StorageError are printed once, by the lowest rank that met one, and give exit code 2 or 4 on all
    ranks; where the others do not come to the end of ``main`` within seconds, because they wait for this one, the job
    is aborted with that code. Any other exception prints its rank and traceback and aborts the job. Ctrl-C, SIGTERM
    and SIGUSR1 end it with one sentence and exit code 130, 143 or 138; a run that was saved for one of them, with 3.
    """
    ends = comm.Dup()  # its messages do not mix with those of main
    code, failure = ENDED_WELL, None
    with heeded(comm.rank, comm.size == 1, _explained):
        try:
            code = int(main(comm) or 0)
        except (InputError, StorageError) as error:
            failure = error
        except SuspendedError as kept:
            code = SUSPENDED
            if comm.rank == 0:
                say(str(kept))
        except KeyboardInterrupt as stop:
            return _stopped(stop, comm.rank, comm.size == 1)
        except Exception as error:
            report_fault(error, comm)
            return FAULT
        failed_with = ENDED_WELL if failure is None else exit_code(failure)
        ending = _how_ranks_end(ends, failed_with, PATIENCE)
    if failure is not None:
        _tell_in_a_sentence(failure, ending, comm)
    if ending is None:
        _abort(comm, failed_with)
        return failed_with
    ends.Free()
    return next(filter(None, ending), code)


def noting_signals(arguments: list[str], program: Callable[[], int]) -> int:
    """The exit code of ``program``; where its ``arguments`` ask for checkpoints, signals are noted from now on.

    So one that arrives while modules are imported, or MPI begins, ends the run as one does that arrives later.
    """
    if not any(word.startswith(CHECKPOINTS) for word in arguments):
        return program()
    rank, alone = launched_rank(), launched_alone() or not launched()
    with heeded(rank, alone, _explained), watched():
        try:
            return program()
        except KeyboardInterrupt as stop:
            return _stopped(stop, rank, alone)


def exit_code(error: BaseException) -> int:
    """With what a job ends that met ``error``."""
    if isinstance(error, InputError):
        return INPUT_ERROR
    return NOT_STORED if isinstance(error, StorageError) else FAULT


def _how_ranks_end(comm: MPI.Comm, mine: int, patience: float) -> list[int] | None:
    """Exit codes of all ranks, once all have ended; None where this one failed and others do not for ``patience`` (s).

    ``mine`` is that of this rank.
    """
    own, everywhere = bytearray([mine]), bytearray(comm.size)
    request = comm.Iallgather(own, everywhere)
    deadline = time.monotonic() + patience
    while not request.Test():
        if mine and time.monotonic() > deadline:
            return None
        time.sleep(POLL)
    return list(everywhere)


def _tell_in_a_sentence(failure: BaseException, ending: list[int] | None, comm: MPI.Comm) -> None:
    """Print the sentence, on the lowest rank that failed; with the rank where not all of them failed."""
    if ending is not None and any(ending[: comm.rank]):
        return
    where = "" if ending is not None and all(ending) else f"rank {comm.rank} of {comm.size}: "
    _write(f"distsim: error: {where}{failure}\n")


def _stopped(stop: KeyboardInterrupt, rank: int, alone: bool) -> int:
    """The exit code after a signal, said once; where there are other ranks the process ends here."""
    code = code_of(stop)
    if alone:
        say(str(stop) or "interrupted")
        return code
    if rank == 0 and not hasattr(stop, "code"):  # raised by the program itself: no signal was heard
        say("interrupted")
    time.sleep(GRACE)
    os._exit(code)


def report_fault(error: BaseException, comm: MPI.Comm) -> None:
    """Print rank and cause of ``error``; where there are other ranks, abort the job, for they would wait for ever.

    The rank on which it was raised has a moment to speak before others that were told of it.
    """
    if is_copy(error):
        time.sleep(SHORT_PATIENCE)
    _tell_fault(error, f"{comm.rank} of {comm.size}")
    if comm.size > 1:
        _abort(comm, FAULT)


def _abort(comm: MPI.Comm, code: int) -> None:
    """End the job, in which this rank has said why."""
    from mpi4py import MPI

    if MPI.COMM_WORLD.rank > 0:
        request = MPI.COMM_WORLD.Isend([bytearray(1), MPI.BYTE], dest=0, tag=SPOKEN)
        request.Test()  # so short a message is on its way; rank 0 may be too busy to take it
    time.sleep(MOMENT)  # for the launcher to pass on what was said
    comm.Abort(code)


def _explained() -> bool:
    """Whether another rank has said why the job ends, as far as this rank, 0, hears within a moment."""
    comm = _running_world()
    if comm is None:
        return False
    from mpi4py import MPI

    if MPI.Query_thread() < MPI.THREAD_MULTIPLE:  # another thread may be within MPI
        return False
    deadline = time.monotonic() + MOMENT
    while not comm.Iprobe(MPI.ANY_SOURCE, SPOKEN):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _tell_fault(error: BaseException, rank: str) -> None:
    trace = "".join(traceback.format_exception(error))
    _write(f"distsim: rank {rank} failed: {type(error).__name__}: {error}\n{trace}\n")


def _write(text: str) -> None:
    """To standard error in one piece, so that ranks do not mix their lines."""
    sys.stderr.write(text)
    sys.stderr.flush()


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
        if comm.size > 1 and not is_lone(comm):
            report_fault(error, comm)
        raise


# ---------------------------------------------------------------- scripts of users


_undo: list[Callable[[], None]] = []


def end_together() -> None:
    """On a rank of a job, let exceptions that nobody catches, and signals, end the whole job; otherwise do nothing."""
    if sys.excepthook is sys.__excepthook__ and launched():
        sys.excepthook = _end_job
        _undo.append(heed(launched_rank(), launched_alone(), _explained))


def _end_job(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Instead of the hook of Python: exit code and words as from ``run_main``."""
    if isinstance(error, KeyboardInterrupt):
        raise SystemExit(_stopped(error, launched_rank(), launched_alone()))
    while _undo:  # once another rank has said why, the launcher ends this one: without a word
        _undo.pop()()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    comm = _running_world()
    if comm is None:
        raise SystemExit(_end_without_mpi(error))
    code = exit_code(error)
    ending = _how_ranks_end(comm, code, SHORT_PATIENCE if code == FAULT else PATIENCE)
    if code != FAULT:
        _tell_in_a_sentence(error, ending, comm)
    elif ending is None or ending.index(FAULT) == comm.rank:
        _tell_fault(error, f"{comm.rank} of {comm.size}")
    if ending is None:
        _abort(comm, code)
    raise SystemExit(code)


def _running_world() -> MPI.Comm | None:
    """All ranks of the job; None where MPI does not run."""
    if "mpi4py.MPI" not in sys.modules:
        return None
    from mpi4py import MPI

    return MPI.COMM_WORLD if MPI.Is_initialized() and not MPI.Is_finalized() else None


def _end_without_mpi(error: BaseException) -> int:
    """Rank 0 speaks; another only where rank 0, which may have begun later, does not end the job by ending itself."""
    rank, code = launched_rank(), exit_code(error)
    if rank:
        time.sleep(PATIENCE)
    if code == FAULT:
        _tell_fault(error, str(rank))
    else:
        _write(f"distsim: error: {error}\n")
    return code
