"""A file under the hands of HDF5 that is whole at every moment, and the one place that learns of a full disk.

HDF5 writes through this object (h5py's driver "fileobj"). Where it wrote to the disk itself it would lose some errors,
those that meet it while a dataset is closed, and could not close a file that can no longer be written.
"""

from __future__ import annotations

import os
from pathlib import Path

LARGE = 1 << 22  # bytes
HEADERS = (b"OHDR", b"OCHK")
"""How the objects of HDF5 begin that say how much of a dataset is there."""


class Disk:
    """The file at ``path``, which must not exist; ``whole``: bytes of it that make a complete HDF5 file.

    What HDF5 writes behind them goes to the file at once, for nothing refers to it yet. Changes within them are kept
    until ``commit``. Whatever the system refuses is found in ``error``; from then on the file stays as the last commit
    left it, and what HDF5 still writes is kept in memory, so that it can close the file undisturbed.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        self._kept: dict[int, bytes] = {}  # by place, in the order in which it was written
        self._place = 0
        self._size = 0
        self.whole = 0
        self.error: OSError | None = None

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._size}[whence]
        return self._place

    def tell(self) -> int:
        return self._place

    def read(self, n: int) -> bytes:
        """``n`` bytes of what was written, be it in the file or kept; zeros where nothing was."""
        begin = self._place
        found = bytearray(_read_all(self._descriptor, begin, n).ljust(n, b"\0"))
        for place, data in self._kept.items():
            first, last = max(begin, place), min(begin + n, place + len(data))
            if first < last:
                found[first - begin : last - begin] = data[first - place : last - place]
        self._place += n
        return bytes(found)

    def write(self, data: memoryview) -> int:
        place, n = self._place, len(data)
        if self.error is None and place >= self.whole:
            self._attempt(place, data)
        if self.error is not None or place < self.whole:
            self._kept.pop(place, None)  # to the end of the order
            self._kept[place] = bytes(data)
        self._place += n
        self._size = max(self._size, self._place)
        return n

    def truncate(self, size: int) -> int:
        """Note how long the file is to be; it becomes so with the next commit."""
        self._size = size
        return size

    def flush(self) -> None:
        """Nothing: what HDF5 calls flushed is not complete before ``commit``."""

    def commit(self) -> None:
        """Make the file hold all that was written, in an order in which it is whole after every single write.

        The superblock, which says how long the file is, comes first, then data and indexes, of which the old headers
        ask for the old part alone, then the headers.
        """
        if self.error is not None:
            return
        try:
            os.ftruncate(self._descriptor, max(self._size, self.whole))
            for place, data in sorted(self._kept.items(), key=lambda kept: (kept[0] > 0, kept[1][:4] in HEADERS)):
                _write_all(self._descriptor, place, data)
                self.whole = max(self._size, self.whole)  # it may be referred to from now on
            os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self.error = error
        else:
            self._kept.clear()
            self.whole = self._size

    def sync(self) -> None:
        """Force to the disk what was committed: some file systems find only then that they are full."""
        try:
            if self.error is None:
                os.fsync(self._descriptor)
        except OSError as error:
            self.error = error

    def close(self) -> None:
        """Close the file, without what was never committed."""
        try:
            os.ftruncate(self._descriptor, self.whole)
        except OSError as error:
            self.error = self.error or error
        finally:
            os.close(self._descriptor)

    def _attempt(self, place: int, data: memoryview) -> None:
        try:
            _write_all(self._descriptor, place, data)
        except OSError as error:
            self.error = error


class Region:
    """What one of several processes writes of the file at ``path``, past HDF5: OSError where it cannot be opened.

    Whatever the system refuses later is found in ``error``; from then on nothing is written.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        self._unsure = 0  # bytes that were not forced to the disk
        self.error: OSError | None = None

    def write(self, place: int, data: memoryview) -> None:
        """Write ``data`` from ``place`` on, and let the system bring it to the disk meanwhile, not all at the end."""
        try:
            if self.error is None:
                _write_all(self._descriptor, place, data)
        except OSError as error:
            self.error = error
        self._unsure += len(data)
        if self._unsure >= LARGE:
            release_memory(self._descriptor)
            self._unsure = 0

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def release_memory(descriptor: int, begin: int = 0, n: int = 0) -> None:
    """Let the system take the memory in which it keeps ``n`` bytes of a file from ``begin`` on, 0: all up to the end.

    The next to be written or read then take it again. New memory costs a virtual machine more than to write the file,
    and a file as large as a checkpoint would displace what is of more use.
    """
    if hasattr(os, "posix_fadvise"):  # not on macOS
        os.posix_fadvise(descriptor, begin, n, os.POSIX_FADV_DONTNEED)


def _write_all(descriptor: int, place: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        written = os.pwrite(descriptor, rest, place)
        rest, place = rest[written:], place + written


def _read_all(descriptor: int, place: int, n: int) -> bytes:
    """``n`` bytes, or those up to the end of the file."""
    parts = []
    while n > 0 and (part := os.pread(descriptor, n, place)):
        parts.append(part)
        place, n = place + len(part), n - len(part)
    return b"".join(parts)
