"""Ctrl-C, SIGTERM and SIGHUP as an exception: what runs is ended, what is done is kept, and one sentence is said."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(BaseException):
    """A signal that asks this process to end; ``remark`` says what can be gone on with."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
        self.remark = ""

    def __str__(self) -> str:
        said = f"ended by {signal.Signals(self.number).name}"
        return f"{said}; {self.remark}" if self.remark else said

    @property
    def code(self) -> int:
        """The exit code, as that of a shell's command."""
        return 128 + self.number


@contextmanager
def interruptible() -> Iterator[None]:
    """Within, the first of ``SIGNALS`` raises Interruption; further ones do not disturb what ends the work then."""

    def interrupt(number: int, frame: FrameType | None) -> NoReturn:
        for other in SIGNALS:
            signal.signal(other, signal.SIG_IGN)
        raise Interruption(number)

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] != signal.SIG_IGN:  # nohup
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
