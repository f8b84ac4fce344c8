"""Standard output and error, whatever they are: closed, a pipe that nobody reads any more, or without Unicode."""

from __future__ import annotations

import os
import sys
from contextlib import suppress


def make_usable() -> None:
    """Let every text be written, and nothing be written where it should not be.

    Characters that the encoding of a stream does not have become question marks, or codes in messages. A stream that
    was closed leads to nowhere: the next file that is opened would take its place, and receive what libraries write.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 # open as long as the process is
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace" if name == "stdout" else "backslashreplace")


def show(text: str) -> None:
    """Write ``text`` to standard output at once; nothing more is written where its reader has gone, as ``head`` does.

    That is no reason to end a run, whose results may go to files.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        _lead_nowhere()


def _lead_nowhere() -> None:
    """Let standard output go nowhere, so that neither a later text nor the end of the process meets the broken pipe."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
