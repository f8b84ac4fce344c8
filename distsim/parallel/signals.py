"""Ctrl-C, SIGTERM, SIGUSR1: a job of many ranks ends with one sentence and 128 + the number of the signal.

A rank that waits for another inside MPI never gets to a signal handler of Python's. A thread listens for it, to which
MPI leaves the interpreter: it speaks at once and ends the process after a moment, in which what can be closed is
closed. Launchers send SIGTERM to the ranks when they end themselves, whatever reached them, and forward no more output;
SIGUSR1 they pass on to the ranks and live: it is the one for a batch system that warns before the time is over.

A run that keeps checkpoints is under a ``Watch``: it is let come to the end of its part, where all ranks agree on what
any of them has heard, is saved there, and ends with ``SuspendedError``.
"""

from __future__ import annotations

import os
import signal
import stat
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
        super().__init__(_sentence(number))
        self.code = 128 + number


class SuspendedError(Exception):
    """All ranks have ended a run between two of its parts, for a signal; the text says what was kept."""


class Watch:
    """A run that can go on, as signals find it: ``kept`` says what was kept and how to go on.

    A signal is noted as ``number``, where whoever runs looks, and ``pass_on`` is called, if there is anything to pass
    it on to. A second Ctrl-C ends a process without others all the same.
    """

    def __init__(self) -> None:
        self.kept = ""
        self.number = 0
        self.pass_on: Callable[[], None] | None = None

    def heeds(self, number: int, alone: bool) -> bool:
        """Note the signal; False where it is to end the process."""
        if alone and self.number == number == signal.SIGINT:
            return False
        self.number = self.number or number
        if self.pass_on is not None:
            self.pass_on()
        return True


_watches: list[Watch] = []
_remarks: list[Callable[[], str]] = []


@contextmanager
def remarked(remark: Callable[[], str]) -> Iterator[None]:
    """As long as the block lasts, a signal that ends the job is told with ``remark()``: what can be gone on with."""
    _remarks.append(remark)
    try:
        yield
    finally:
        _remarks.remove(remark)


@contextmanager
def watched() -> Iterator[Watch]:
    """A ``Watch`` as long as the block lasts; that of the block around it, if there is one."""
    if _watches:
        yield _watches[0]
        return
    _watches.append(Watch())
    try:
        yield _watches[0]
    finally:
        _watches.clear()


@contextmanager
def passed_on(pass_on: Callable[[], None]) -> Iterator[None]:
    """Call ``pass_on`` for a signal that is held, as long as the block lasts, and for one that was heard before."""
    if not _watches:
        yield
        return
    watch = _watches[0]
    watch.pass_on = pass_on
    try:
        if watch.number:
            pass_on()
        yield
    finally:
        watch.pass_on = None


def noted() -> int:
    """The signal that is held; 0 for none."""
    return _watches[0].number if _watches else 0


def words_of(number: int) -> str:
    """What has stopped the job, and, where a run can go on, how."""
    kept = _watches[0].kept if _watches else ""
    return "; ".join(filter(None, (WORDS[signal.Signals(number)], kept)))


def _sentence(number: int) -> str:
    return "; ".join([words_of(number), *(remark() for remark in _remarks)])


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
        if _watches and _watches[0].heeds(number, alone):
            return
        for each in SIGNALS:
            signal.signal(each, afterwards)
        raise Stopped(number)

    def ours(number: int) -> bool:  # no longer where a script has set a handler of its own since
        return number in SIGNALS and signal.getsignal(number) in (stop, signal.SIG_IGN)

    listener = None if alone else _Listener(rank, explained, ours)
    heard = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}

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
    interrupt, *others = map(signal.getsignal, SIGNALS)
    ours = interrupt in (signal.default_int_handler, signal.SIG_IGN)  # shells let what they start with & ignore it
    return free == -1 and ours and others == [signal.SIG_DFL, signal.SIG_DFL]


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
        spoken = False  # of a run that is let come to the end of its part: the launcher may not wait for it
        while True:
            received = os.read(self._outlet, 1)
            if not received:
                os.close(self._outlet)
                return
            number = received[0]
            if not self._ours(number):
                continue
            if number == signal.SIGTERM and launcher_at_terminal():
                number = signal.SIGINT  # what the launcher makes of Ctrl-C
            holds = bool(_watches) and _watches[0].heeds(number, alone=False)
            if self._rank == 0 and not (holds and (spoken or number == signal.SIGUSR1)) and not self._explained():
                say(_sentence(number), launcher_ends=number != signal.SIGUSR1)
                spoken = True
            if not holds:
                time.sleep(GRACE)
                os._exit(128 + number)

    def close(self) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._inlet)


def launcher_at_terminal() -> bool:
    """Whether the errors of the process that started this one, such as an MPI launcher, go to a terminal."""
    try:
        return os.readlink(_behind()).startswith(("/dev/pts/", "/dev/tty"))
    except OSError:
        return False


def _behind() -> str:
    return f"/proc/{os.getppid()}/fd/2"


def say(words: str, *, launcher_ends: bool = True) -> None:
    """Write "distsim: ``words``" to standard error; to that of Open MPI's launcher where it forwards ours no longer.

    Where that is a file, the launcher writes at a place of its own, over what is added: so it gets the words as well.
    """
    text = f"distsim: {words}\n"
    if launcher_ends and "OMPI_COMM_WORLD_SIZE" in os.environ:
        behind = _behind()
        with suppress(OSError):
            if os.readlink(behind) != os.devnull:
                stream = os.open(behind, os.O_WRONLY | os.O_APPEND | os.O_NOCTTY)
                in_file = stat.S_ISREG(os.fstat(stream).st_mode)
                os.write(stream, (text if in_file else f"\n{text}").encode())
                os.close(stream)
                if not in_file:
                    return
    sys.stderr.write(text)
    sys.stderr.flush()
