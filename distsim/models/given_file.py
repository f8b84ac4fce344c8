"""Text files that a user names: read whole, if they are files of a sane size."""

from __future__ import annotations

import stat
from pathlib import Path

from distsim.core.errors import InputError

LARGEST_FILE = 1 << 28  # bytes


def read_given(path: str | Path, what: str) -> str:
    """The text of the file at ``path``; InputError that begins with ``what`` where there is none to read.

    Neither a pipe, which may never end, nor a device is read.
    """
    try:
        status = Path(path).stat()
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{what} cannot be read: it is not a file")
        if status.st_size > LARGEST_FILE:
            raise InputError(f"{what} cannot be read: it has more than {LARGEST_FILE >> 20} MiB")
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{what} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{what} cannot be read: it is not text in UTF-8") from None
    except InputError:
        raise
    except ValueError as error:  # no file has such a name
        raise InputError(f"{what} cannot be read: {error}") from None
