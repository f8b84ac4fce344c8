"""Standard output and errors that no reader, disk or encoding can end a job with.

A job of hours must not end because ``head`` has seen enough of its lines, because the disk of its log is full, or
because the terminal knows no plus-minus sign.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import IO, Any

PLAIN = {"±": "+-", "×": "x", "÷": "/", "µ": "u", "²": "^2"}
"""What is written where the encoding has not the sign."""
ERRORS = "distsim"


class _Lasting(io.RawIOBase):
    """Writes to a descriptor as long as that takes it, and drops what comes after."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._open = True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return os.write(self._descriptor, data) if self._open else len(data)
        except OSError:
            self._open = False
            return len(data)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor


def make_lasting() -> None:
    """Put such streams in place of this process's own.

    Where they were closed (``2>&-``) they are opened to nowhere first: the next file opened would take their place, and
    what a library says of errors would be written into results.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    codecs.register_error(ERRORS, _plain)
    sys.stdout = _lasting(sys.stdout, 1)
    sys.stderr = _lasting(sys.stderr, 2)


def _lasting(stream: IO[str] | None, descriptor: int) -> io.TextIOWrapper:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    buffered: Any = io.BufferedWriter(_Lasting(descriptor))
    lines = os.isatty(descriptor) or descriptor == 2
    return io.TextIOWrapper(buffered, encoding, ERRORS, line_buffering=lines)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    """Signs that cannot be encoded as plain ones, or as their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    text = error.object[error.start : error.end]
    return "".join(PLAIN.get(sign) or sign.encode("ascii", "backslashreplace").decode() for sign in text), error.end
