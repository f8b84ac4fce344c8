"""A command run to its end, with a time limit, and nothing left of it whatever happens.

A launcher that is killed, or a shell between the two, tells its children nothing. So what is started watches two signs
itself (``end_with_parent``): its parent, which the system replaces when it ends, and standard input, which launchers
pass on to rank 0: the harness holds its other end, and where that closes the harness has ended. Both serve on Linux and
macOS alike.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, cast

from distsim.parallel.signals import passed_on

KEPT = 65536
"""Bytes of a stream that are kept at most: a job may write any amount of errors."""
GRACE = 5.0
"""Seconds that a launcher gets to end its ranks before everything of it is killed."""
HELD = b"distsim-harness-waits\n"
"""What the harness writes first: an input that begins otherwise, or is closed at once, tells nothing of it."""
ORPHANED = 143
POLL = 1.0  # s


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

    It has a session of its own, so that all its processes can be found, and is ended when this process ends; a signal
    that a ``Watch`` holds is passed on to it as SIGUSR1. Raises OSError where it cannot be started.
    """
    job = subprocess.Popen(
        command, env=dict(environment), start_new_session=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, preexec_fn=partial(_terminate_with, os.getpid()),
    )  # fmt: skip
    stdin, stdout, stderr = cast("tuple[IO[bytes], IO[bytes], IO[bytes]]", (job.stdin, job.stdout, job.stderr))
    errors = bytearray()
    readers = [  # so that no pipe ever fills up
        threading.Thread(target=_hear_lines, args=(stdout, hear), daemon=True),
        threading.Thread(target=_keep_end, args=(stderr, errors), daemon=True),
    ]
    try:
        for reader in readers:
            reader.start()
        with contextlib.suppress(OSError):  # it has ended
            os.write(stdin.fileno(), HELD)
        with passed_on(lambda: job.send_signal(signal.SIGUSR1)):
            code: int | None = job.wait(limit)
    except subprocess.TimeoutExpired:
        code = None
        end(job)
    except BaseException:  # Ctrl-C among them
        end(job)
        raise
    finally:
        stdin.close()
    for reader in readers:
        reader.join(GRACE)
    return Ended(code, errors.decode(errors="replace"))


def _hear_lines(stream: IO[bytes], hear: Callable[[str], None]) -> None:
    """Pass on the lines that ``stream`` brings; of one longer than is kept nothing."""
    with stream:
        begins = True
        while line := stream.readline(KEPT):
            whole = line.endswith(b"\n")
            if begins and whole:
                hear(line.decode(errors="replace"))
            begins = whole


def _keep_end(stream: IO[bytes], kept: bytearray) -> None:
    """Keep the end of what ``stream`` brings, however much that is."""
    with stream:
        while data := stream.read1(KEPT):  # type: ignore[attr-defined] # it is buffered
            kept += data
            del kept[:-KEPT]


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
        with contextlib.suppress(ProcessLookupError):  # has ended meanwhile
            if os.getsid(int(folder.name)) == leader:
                members.append(int(folder.name))
    return members


def kill(process: int) -> None:
    """Kill one process that may have ended by itself."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _terminate_with(parent: int) -> None:
    """Have the system terminate this process when its ``parent`` ends, be it by SIGKILL (Linux only)."""
    if sys.platform == "linux":
        import ctypes

        PR_SET_PDEATHSIG = 1
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it has ended before
            os._exit(1)


def end_with_parent(descriptor: int = 0) -> None:
    """From now on, end this process when its parent ends, or the harness at the other end of ``descriptor``."""
    threading.Thread(target=_watch, args=(os.getppid(), descriptor), daemon=True).start()


def _watch(parent: int, descriptor: int) -> None:
    heard, listening = b"", True
    while os.getppid() == parent:
        if not listening:
            time.sleep(POLL)
            continue
        try:
            ready, _, _ = select.select([descriptor], [], [], POLL)
            told = os.read(descriptor, len(HELD)) if ready else None
        except (OSError, ValueError):  # there is no input
            told = b""
        if told:
            heard = (heard + told)[: len(HELD)]
        elif told is not None:  # its end
            if heard == HELD:
                break
            listening = False
    os._exit(ORPHANED)
