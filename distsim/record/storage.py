"""Files of results: written whole or not at all, read only where they are files. Used on rank 0 only."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from distsim.core.errors import DistsimError, InputError, StorageError

LONGEST_TEXT = 1 << 28  # bytes
Contents = bytes | Iterable[bytes]
"""What a file is to hold, whole or in pieces, which are made one by one as they are written."""
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def refused(what: str, error: OSError | ValueError) -> DistsimError:
    """The error that says why ``what`` cannot be written: StorageError where there is no room, else InputError."""
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return StorageError(f"{what} cannot be written ({error.strerror}); earlier results are safe: make room")
    return InputError(f"{what} cannot be written: {reason(error)}")


def reason(error: OSError | ValueError) -> str:
    """The cause of an error of the system, in its words."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


def read_file(path: Path, most: int | None = None) -> bytes:
    """What the file at ``path`` holds.

    Raises FileNotFoundError where there is none, InputError where it is no file (reading a pipe or a device need never
    end), cannot be read, or holds more than ``most`` bytes.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
        try:
            state = os.fstat(descriptor)
            if not stat.S_ISREG(state.st_mode):
                raise InputError(f"'{path}' cannot be read: it is no file")
            if most is not None and state.st_size > most:
                raise InputError(f"'{path}' cannot be read: it holds more than {most} bytes")
            with open(descriptor, "rb", closefd=False) as file:
                return file.read()
        finally:
            os.close(descriptor)
    except (FileNotFoundError, InputError):
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' cannot be read: {reason(error)}") from error


def read_text(path: Path) -> str:
    """The text of a file that a user names; InputError where there is none in UTF-8, or far too much of it."""
    try:
        return read_file(path, LONGEST_TEXT).decode()
    except FileNotFoundError as error:
        raise InputError(f"'{path}' cannot be read: {reason(error)}") from None
    except UnicodeDecodeError:
        raise InputError(f"'{path}' cannot be read: it is not text in UTF-8") from None


def write_whole(path: Path, data: Contents) -> None:
    """Write one file as ``write_all`` does."""
    write_all({path: data})


def write_all(contents: Mapping[Path, Contents]) -> None:
    """Write files all together: each aside first, and only when all are on the disk they take their names.

    Links are replaced, not followed. Raises StorageError where there is no room, else InputError; the files that were
    there before are then as they were.
    """
    aside = {path: path.with_name(f".{path.name}.{os.getpid()}.new") for path in contents}
    path = next(iter(contents), Path())
    try:
        for path, data in contents.items():
            with contextlib.suppress(FileNotFoundError):
                aside[path].unlink()
            descriptor = os.open(aside[path], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
            try:
                write_fully(descriptor, data)
            finally:
                os.close(descriptor)
        for path, new in aside.items():
            os.replace(new, path)
    except BaseException as error:
        for new in aside.values():
            with contextlib.suppress(OSError, ValueError):
                new.unlink()
        if isinstance(error, (OSError, ValueError)):
            raise refused(f"'{path}'", error) from error
        raise


def write_fully(descriptor: int, data: Contents) -> None:
    """Write all of ``data``; on the disk when the function returns. Raises OSError."""
    for piece in [data] if isinstance(data, bytes) else data:
        while piece:
            piece = piece[os.write(descriptor, piece) :]
    os.fsync(descriptor)


def make_folder(path: Path, what: str) -> None:
    """Make the folder where it is not there; raises StorageError or InputError where that cannot be."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise refused(f"{what} '{path}'", error) from error
