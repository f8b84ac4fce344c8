"""Machine code of kernels on disk: one file for each kernel and signature, named by all that it depends on.

The name is a digest of the kernel's bytecode, of all functions and constants that it reaches, of its argument types,
the processor and the versions of the compiler. So an edit recompiles the kernels that reach it and no others, any
number of processes can share a folder (two that write one name write the same kernel, each file appears whole), and to
find a kernel takes one look for one file. While one process compiles a kernel others wait for its file, where the
folder knows locks. A file begins with a digest of its name and contents: a damaged one is compiled again. Where no
folder can be used the job goes on without, and says so once.

Files hold pickles, which can run any code: they are read only where they and their folder belong to the user (or to
root) and nobody else can write them.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = "distsim"
KIND = ".kernel"
UNUSED = 60 * 86400.0  # s after which a file that no job has read is removed
PATIENCE = 60.0  # s after which a process compiles what another one seems to compile
LOOK = 0.01  # s between two looks for its file
LOCKS = "locks"
REFRESH = 86400.0  # s after which the time of a file that is read is brought up to date
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")


class Store:
    """The folder of kernels of this process; chosen when it is first asked for."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._chosen = False
        self._writable = True
        self._locks: int | None = None
        self._tidied = self._told = False

    @property
    def folder(self) -> Path | None:
        """The folder, made if need be; None where none can be used."""
        if not self._chosen:
            self._chosen = True
            try:
                self._folder = private_folder(wanted_folder())
            except (OSError, RuntimeError) as error:  # RuntimeError: a user without a home
                self._tell(str(error))
        return self._folder

    def read(self, name: str) -> bytes | None:
        """What the file ``name`` holds; None where there is none, or none that can be trusted."""
        if self.folder is None:
            return None
        try:
            with (self.folder / name).open("rb") as file:
                status = os.fstat(file.fileno())
                data = file.read() if is_own(status) else b""
        except OSError:
            return None
        if data[: hashlib.sha256().digest_size] != _digest(name, data[hashlib.sha256().digest_size :]):
            return None
        if time.time() - status.st_mtime > REFRESH:
            with suppress(OSError):
                os.utime(self.folder / name)
        return data[hashlib.sha256().digest_size :]

    @contextmanager
    def claimed(self, name: str) -> Iterator[None]:
        """Within, other processes that want the kernel ``name`` wait; begins once none of them does so, or for long.

        Who waited looks for the file again.
        """
        end = time.monotonic() + PATIENCE
        while not self._lock(name, fcntl.LOCK_EX | fcntl.LOCK_NB) and time.monotonic() < end:
            time.sleep(LOOK)
        try:
            yield
        finally:
            self._lock(name, fcntl.LOCK_UN)

    def _lock(self, name: str, how: int) -> bool:
        """Lock the byte that stands for ``name`` in the file of locks; False if another process has locked it.

        Such locks end with their process, whatever ends it. Where there are none, everybody compiles.
        """
        if self.folder is None or not self._writable:
            return True
        try:
            if self._locks is None:
                self._locks = os.open(self.folder / LOCKS, os.O_RDWR | os.O_CREAT, 0o600)
            byte = int.from_bytes(hashlib.sha256(name.encode()).digest()[:3], "big")
            fcntl.lockf(self._locks, how, 1, byte)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def write(self, name: str, payload: bytes) -> None:
        """Put ``payload`` into the file ``name``: written aside, then renamed. Where that fails nothing is kept."""
        if self.folder is None or not self._writable:
            return
        aside = self.folder / f"{uuid.uuid4().hex}.new"
        try:
            with aside.open("xb") as file:
                os.fchmod(file.fileno(), 0o600)
                file.write(_digest(name, payload) + payload)
            aside.replace(self.folder / name)
        except OSError as error:
            self._writable = False
            with suppress(OSError):
                aside.unlink()
            self._tell(f"'{self.folder}' cannot be written: {error.strerror}")
            return
        self._tidy(self.folder)

    def _tidy(self, folder: Path) -> None:
        """Once in a process that has compiled something, remove what nobody has read for long."""
        if self._tidied:
            return
        self._tidied = True
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.endswith((KIND, ".new")) and time.time() - entry.stat().st_mtime > UNUSED:
                    os.unlink(entry.path)

    def _tell(self, why: str) -> None:
        """Say once, on one rank of a job, that kernels are not kept."""
        rank = next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0")
        if not self._told and rank == "0":
            text = f"distsim: compiled kernels are not kept for other jobs, which takes time: {why}\n"
            sys.stderr.write(text)
            sys.stderr.flush()
        self._told = True


def wanted_folder() -> Path:
    """``distsim`` in NUMBA_CACHE_DIR, where that is set, else in XDG_CACHE_HOME or ~/.cache."""
    given = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("XDG_CACHE_HOME")
    return Path(given or Path.home() / ".cache") / FOLDER


def private_folder(folder: Path) -> Path:
    """``folder``, made for this user alone where it is not there.

    Raises OSError, with a sentence, where it cannot be made, belongs to somebody else, or others can write it.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        status = folder.stat()
    except OSError as error:
        raise OSError(f"'{folder}' cannot be made: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(f"'{folder}' is no folder")
    if not is_own(status):
        raise OSError(f"'{folder}' belongs to somebody else or can be written by others; it must be yours alone")
    return folder


def is_own(status: os.stat_result) -> bool:
    """Whether a file or folder belongs to this user or to root, and others cannot write it."""
    return status.st_uid in (os.geteuid(), 0) and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)


def _digest(name: str, payload: bytes) -> bytes:
    return hashlib.sha256(name.encode() + b"\0" + payload).digest()


store = Store()
