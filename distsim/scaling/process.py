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
from pathlib import Path
from typing import IO

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
            what = f"killed by {signal.Signals(-self.code).name}"
        else:
            what = f"exit code {self.code}"
        return f"{what}\n{tail}".strip()


def run(
    command: Sequence[str], limit: float | None, environment: Mapping[str, str], hear: Callable[[str], None]
) -> Ended:
    """Run ``command`` for at most ``limit`` seconds; ``hear`` is told every line that it writes.

    It has a session of its own, so that all its processes can be found, and is ended when this process ends.
    """
    job = subprocess.Popen(
        command, env=dict(environment), start_new_session=True, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=_end_with_parent,
    )  # fmt: skip
    errors: list[str] = []
    streams = (job.stdout, hear), (job.stderr, errors.append)
    readers = [_reader(stream, ear) for stream, ear in streams if stream is not None]
    try:
        code: int | None = job.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
        end(job)
    except BaseException:  # Ctrl-C among them
        end(job)
        raise
    for reader in readers:
        reader.join(GRACE)
    return Ended(code, "".join(errors))


def end(job: subprocess.Popen[str]) -> None:
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


def _reader(stream: IO[str], hear: Callable[[str], None]) -> threading.Thread:
    """A thread that passes on every line of ``stream``, so that its pipe never fills up, and closes it."""

    def read() -> None:
        with stream:
            for line in stream:
                hear(line)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    return thread


def _end_with_parent() -> None:
    """Have the system terminate this process when its parent ends, be it by SIGKILL (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
