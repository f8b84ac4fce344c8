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
import stat
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError
from distsim.record.storage import refused

LOCK = "lock"
LONGEST_TEXT = 4096  # bytes
_UNSUPPORTED = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL}
_NO_LOCK = {errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EMLINK}


class Lock:
    """The lock of ``folder``, held from construction until ``release``.

    Raises InputError, naming the job that holds it, where another one does, and where the file of that name is no
    lock; StorageError where the disk is full.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK
        while True:
            self._descriptor = self._open()
            try:
                self._check_text()
                self._acquire()
                current = self._is_current()
            except BaseException:
                os.close(self._descriptor)
                raise
            if current:
                break
            os.close(self._descriptor)  # another job has let go of it, and removed it, since it was opened
        self._write(json.dumps({"host": platform.node(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID")}))

    def release(self) -> None:
        """Let other jobs in and remove the file; one that has opened it meanwhile sees that it is no longer there."""
        self._write("")
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)

    def _open(self) -> int:
        """The file opened, made where it is not there; a link is not followed, for its target would be emptied."""
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
            descriptor = os.open(self._path, flags, 0o666)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) and error.errno in _NO_LOCK:
                raise self._no_lock() from None
            raise refused(f"output folder '{self._path.parent}'", error) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise self._no_lock()
        return descriptor

    def _check_text(self) -> None:
        """InputError where the file holds what no job has written."""
        if os.fstat(self._descriptor).st_size and not self._holder():
            raise self._no_lock()

    def _no_lock(self) -> InputError:
        return InputError(f"'{self._path}' is not the lock of an output folder; give --out another folder")

    def _is_current(self) -> bool:
        """Whether the locked file is still the one of that name."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.stat(self._path, follow_symlinks=False), os.fstat(self._descriptor))
        return False

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
        with contextlib.suppress(ValueError, OSError, RecursionError):
            holder = json.loads(os.pread(self._descriptor, LONGEST_TEXT, 0))
            return holder if isinstance(holder, dict) and "pid" in holder else {}
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
    except (PermissionError, ValueError, TypeError, OverflowError):
        return False
    return False
