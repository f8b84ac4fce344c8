"""Ctrl-C, SIGTERM, SIGUSR1: a job of many ranks ends with one sentence and 128 + the number of the signal.

A rank that waits for another inside MPI never gets to a signal handler of Python's. A thread listens for it, to which
MPI leaves the interpreter: it speaks at once and ends the process after a moment, in which what can be closed is
closed. Launchers send SIGTERM to the ranks when they end themselves, whatever reached them, and forward no more output;
SIGUSR1 they pass on to the ranks and live: it is the one for a batch system that warns before the time is over.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

GRACE = 0.2  # s between the sentence and the end of the process; launchers wait for less than half a second
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "stopped by SIGTERM", signal.SIGUSR1: "stopped by SIGUSR1"}


class Stopped(KeyboardInterrupt):
    """A signal reached this process; ``code`` is what it exits with."""

    def __init__(self, number: int) -> None:
        super().__init__(WORDS[signal.Signals(number)])
        self.code = 128 + number


def code_of(stop: KeyboardInterrupt) -> int:
    """The exit code after ``stop``."""
    return stop.code if isinstance(stop, Stopped) else 128 + signal.SIGINT


def heed(rank: int, alone: bool, explained: Callable[[], bool]) -> Callable[[], None]:
    """Let ``SIGNALS`` raise ``Stopped``, if nobody else handles them; returns what undoes it.

    Unless this rank is ``alone``, rank 0 says so, and every rank ends shortly after, whatever it is doing.
    ``explained`` tells whether another rank has said already why the job ends: launchers then send SIGTERM to the rest.
    """
    if threading.current_thread() is not threading.main_thread() or not _unhandled():
        return lambda: None
    afterwards = signal.SIG_DFL if alone else signal.SIG_IGN  # a second signal; the listener ends it all

    def stop(number: int, frame: FrameType | None) -> None:
        for each in SIGNALS:
            signal.signal(each, afterwards)
        raise Stopped(number)

    def ours(number: int) -> bool:  # no longer where a script has set a handler of its own since
        return number in SIGNALS and signal.getsignal(number) in (stop, signal.SIG_IGN)

    listener = None if alone else _Listener(rank, explained, ours)
    before = {number: signal.signal(number, stop) for number in SIGNALS}

    def undo() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)
        if listener is not None:
            listener.close()

    return undo


@contextmanager
def heeded(rank: int, alone: bool, explained: Callable[[], bool]) -> Iterator[None]:
    """``heed`` as long as the block lasts."""
    undo = heed(rank, alone, explained)
    try:
        yield
    finally:
        undo()


def _unhandled() -> bool:
    free = signal.set_wakeup_fd(-1)
    if free != -1:  # an event loop listens
        signal.set_wakeup_fd(free)
    handlers = tuple(map(signal.getsignal, SIGNALS))
    return free == -1 and handlers == (signal.default_int_handler, signal.SIG_DFL, signal.SIG_DFL)


class _Listener:
    """Reads the numbers of signals as they arrive, from the pipe that the system's handler writes them to."""

    def __init__(self, rank: int, explained: Callable[[], bool], ours: Callable[[int], bool]) -> None:
        self._rank = rank
        self._explained = explained
        self._ours = ours
        self._outlet, self._inlet = os.pipe()
        os.set_blocking(self._inlet, False)
        signal.set_wakeup_fd(self._inlet, warn_on_full_buffer=False)
        threading.Thread(target=self._listen, name="signals", daemon=True).start()

    def _listen(self) -> None:
        while True:
            received = os.read(self._outlet, 1)
            if not received:
                os.close(self._outlet)
                return
            if self._ours(received[0]):
                if self._rank == 0 and not self._explained():
                    say(WORDS[signal.Signals(received[0])], launcher_ends=received[0] != signal.SIGUSR1)
                time.sleep(GRACE)
                os._exit(128 + received[0])

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._inlet)


def say(words: str, *, launcher_ends: bool = True) -> None:
    """Write "distsim: ``words``" to standard error; to that of Open MPI's launcher where it forwards ours no longer."""
    text = f"distsim: {words}\n"
    if launcher_ends and "OMPI_COMM_WORLD_SIZE" in os.environ:
        behind = f"/proc/{os.getppid()}/fd/2"
        with suppress(OSError):
            if os.readlink(behind) != os.devnull:
                stream = os.open(behind, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
                os.write(stream, f"\n{text}".encode())
                os.close(stream)
                return
    sys.stderr.write(text)
    sys.stderr.flush()
