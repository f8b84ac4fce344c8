"""A command run to its end, with a time limit, and nothing left of it whatever happens."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from distsim.scaling.parent import HELD

KEPT = 65536
"""Bytes of a stream that are kept at most: a job may write any amount of errors."""
GRACE = 5.0
"""Seconds that a launcher gets to end its ranks before everything of it is killed."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code (negative: the signal that ended it), None where its time was over."""

    code: int | None
    errors: str

    def reason(self, limit: float | None) -> str:
        """Why it failed, in one line, and the last lines of what it wrote as errors."""
        tail = "\n".join(self.errors.strip().splitlines()[-20:])
        if self.code is None:
            what = f"timed out after {limit:g} s"
        elif self.code < 0:
            what = f"killed by {signal_name(-self.code)}"
        elif self.code == 0:
            what = "no record, though the exit code is 0: the launcher must start the command that follows it"
        else:
            what = f"exit code {self.code}"
        return f"{what}\n{tail}".strip()


def signal_name(number: int) -> str:
    """SIGTERM for 15; those of real time have no names."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def run(
    command: Sequence[str], limit: float | None, environment: Mapping[str, str], hear: Callable[[str], None]
) -> Ended:
    """Run ``command`` for at most ``limit`` seconds; ``hear`` is told every line that it writes.

    It has a session of its own, so that all its processes can be found, and is ended when this process ends; see
    ``parent.py`` for what is written to its standard input. Raises OSError where it cannot be started.
    """
    job = subprocess.Popen(
        command, env=dict(environment), start_new_session=True, bufsize=0, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=partial(_end_with_parent, os.getpid()),
    )  # fmt: skip
    tail = Tail()
    try:
        readers = [_reader(job.stdout, Lines(hear).take), _reader(job.stderr, tail.take)]
        with contextlib.suppress(OSError):  # it has ended
            os.write(_descriptor(job.stdin), HELD)
        code: int | None = job.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
        end(job)
    except BaseException:  # Ctrl-C among them
        end(job)
        raise
    finally:
        if job.stdin is not None:
            job.stdin.close()
    for reader in readers:
        reader.join(GRACE)
    return Ended(code, tail.text())


class Tail:
    """The end of what a stream brings, however much that is."""

    def __init__(self) -> None:
        self._data = b""

    def take(self, data: bytes) -> None:
        """Hear ``data``."""
        self._data = (self._data + data)[-KEPT:]

    def text(self) -> str:
        """What is kept, as text."""
        return self._data.decode(errors="replace")


class Lines:
    """Passes on the lines that a stream brings; of one longer than is kept nothing."""

    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear
        self._begun: bytes | None = b""

    def take(self, data: bytes) -> None:
        """Hear ``data``."""
        *ended, rest = data.split(b"\n")
        for line in ended:
            if self._begun is not None:
                self._hear((self._begun + line + b"\n").decode(errors="replace"))
            self._begun = b""
        if self._begun is not None:
            self._begun = self._begun + rest if len(self._begun) + len(rest) <= KEPT else None


def end(job: subprocess.Popen[bytes]) -> None:
    """End all processes of a job that was started with a session of its own."""
    job.terminate()  # a launcher passes this on to ranks on any node
    with contextlib.suppress(subprocess.TimeoutExpired):
        job.wait(GRACE)
    for process in session(job.pid):
        kill(process)
    job.kill()
    job.wait()


def session(leader: int) -> list[int]:
    """Processes of the session that ``leader`` began (Linux only: elsewhere the launcher's own care must do)."""
    members = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(folder.name)) == leader:
                members.append(int(folder.name))
        except ProcessLookupError:  # has ended meanwhile
            continue
    return members


def kill(process: int) -> None:
    """Kill one process that may have ended by itself."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def _reader(stream: IO[bytes] | None, take: Callable[[bytes], None]) -> threading.Thread:
    """A thread that passes on all that ``stream`` brings, so that its pipe never fills up, and closes it."""

    def read() -> None:
        if stream is None:
            return
        with stream:
            while data := stream.read(KEPT):
                take(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _descriptor(stream: IO[bytes] | None) -> int:
    return -1 if stream is None else stream.fileno()


def _end_with_parent(parent: int) -> None:
    """Have the system terminate this process when its ``parent`` ends, be it by SIGKILL (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it has ended before
            os._exit(1)
