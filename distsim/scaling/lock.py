"""The lock that keeps two jobs from working in one folder. Used on rank 0 only.

The system's file lock decides (``flock``, which ends with the process that holds it, however that ends: no lock is
ever left behind); the file's text says who holds it. Where a file system has no such locks, the file itself is the
lock, and stale once its process is gone.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
from pathlib import Path
from typing import Any

from distsim.errors import InputError

LOCK = "lock"
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}


class Lock:
    """The lock of ``folder``, held from construction until ``release``.

    Raises InputError, naming the job that holds it, where another one does.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            self._acquire()
        except BaseException:
            os.close(self._descriptor)
            raise
        self._write(json.dumps({"host": platform.node(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID")}))

    def release(self) -> None:
        """Let other jobs in; the empty file stays, since removing it would race with a job that opens it."""
        self._write("")
        os.close(self._descriptor)

    def _acquire(self) -> None:
        import fcntl

        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise self._refusal(self._holder()) from None
        except OSError as error:
            if error.errno not in _UNSUPPORTED:
                raise
            holder = self._holder()
            if holder and not _gone(holder):
                raise self._refusal(holder, f"; remove '{self._path}' if that job is gone") from None

    def _refusal(self, holder: dict[str, Any], remedy: str = "") -> InputError:
        job = f", Slurm job {holder['job']}" if holder.get("job") else ""
        who = f"process {holder.get('pid')} on {holder.get('host')}{job}" if holder else "it has not said which"
        return InputError(f"another job works in output folder '{self._path.parent}' ({who}){remedy}")

    def _holder(self) -> dict[str, Any]:
        with contextlib.suppress(ValueError, OSError):
            holder = json.loads(self._path.read_text(encoding="utf-8"))
            return holder if isinstance(holder, dict) else {}
        return {}

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a full disk: the lock holds without its text
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, text.encode(), 0)


def _gone(holder: dict[str, Any]) -> bool:
    """Whether the process that holds a lock ran on this machine and has ended."""
    if holder.get("host") != platform.node():
        return False
    try:
        os.kill(int(holder["pid"]), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
