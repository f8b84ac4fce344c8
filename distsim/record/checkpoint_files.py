"""The files of a checkpoint: HDF5, written aside and renamed, so that one that is there is whole.

A checkpoint at PATH is the file PATH and, where it was written by several ranks, further parts beside it, PATH.<id>.1
and so on, of which no two checkpoints have one in common. Each part holds some rows of every dataset. The dataset
"head" of PATH, JSON as bytes with the attribute ``crc32``, says what it is a checkpoint of, and has for every dataset,
in the order in which they are asked for, its type, and for each part how many entries it has there, their checksum, and
at which byte of the file they begin: so only the head is read by HDF5.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import threading
import zlib
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, StorageError
from distsim.record.checksum import checksum
from distsim.record.disk import Disk, Region
from distsim.record.storage import refused

FORMAT = ("v110", "v110")
VERSION = 3  # of what is written
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)
"""What h5py may raise for a file that is damaged, or has another layout."""
_freeing: list[threading.Thread] = []


class PartWriter:
    """One part, at ``path``, on the rank that makes it; what is in its datasets is written by ``PieceWriter``.

    Raises StorageError or InputError where that cannot be.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.unlink(missing_ok=True)
            self._disk = Disk(path)
        except (OSError, ValueError) as error:
            raise refused(f"'{path}'", error) from error
        import h5py

        self._file = h5py.File(self._disk, "w", libver=FORMAT)
        self._open = True
        self._layout, self._links = h5py.h5p.create(h5py.h5p.DATASET_CREATE), h5py.h5p.create(h5py.h5p.LINK_CREATE)
        self._layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)  # so that it has its place
        self._layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        self._links.set_create_intermediate_group(True)

    def create(self, name: str, n: int, kind: np.dtype[Any]) -> int:
        """Make a dataset of ``n`` entries, and tell at which byte of the file they begin."""
        import h5py

        type, space = h5py.h5t.py_create(kind, logical=True), h5py.h5s.create_simple((n,))
        own = h5py.h5d.create(self._file.id, name.encode(), type, space, self._layout, self._links)
        return own.get_offset() or 0

    def close(self, head: dict[str, Any] | None = None) -> None:
        """Complete the part, with the ``head`` if it is the first, once all is written, and force it to the disk."""
        if head is not None:
            text = json.dumps(head, allow_nan=False).encode()
            self._file.create_dataset("head", data=np.frombuffer(text, np.uint8)).attrs["crc32"] = zlib.crc32(text)
        self._file.close()
        self._disk.commit()
        self._disk.sync()
        self._end()
        if self._disk.error is not None:
            raise _no_room(self.path, self._disk.error)

    def discard(self) -> None:
        """Close the part and remove it."""
        with contextlib.suppress(*UNREADABLE):
            self._file.close()
        self._end()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._disk.close()


class PieceWriter:
    """What one rank writes of the part at ``path``, which is there, while this goes on with the next piece.

    sums: of every dataset, what its entries from this rank are of the checksum. Raises StorageError or InputError where
    the part cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._region = Region(path)
        except OSError as error:
            raise refused(f"'{path}'", error) from error
        self.sums: dict[str, int] = {}
        self._worker = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def write(self, name: str, place: int, begin: int, values: npt.NDArray[Any]) -> None:
        """Write the entries of a dataset, which is at byte ``place``, from number ``begin`` on.

        They must stay as they are until more are given.
        """

        def write() -> None:
            data = np.ascontiguousarray(values)
            self._region.write(place + begin * data.itemsize, data.view(np.uint8).data)
            self.sums[name] = (self.sums.get(name, 0) + checksum(data, begin)) % 2**64

        self._wait()
        if len(values):
            self._last = self._worker.submit(write)

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()

    def finish(self) -> None:
        """Wait until all is written; StorageError where that could not be."""
        self._wait()
        if self._region.error is not None:
            raise _no_room(self.path, self._region.error)

    def close(self) -> None:
        """Close the part."""
        self._worker.shutdown()
        self._region.close()


def _no_room(path: Path, error: OSError) -> StorageError:
    reason = error.strerror or error
    return StorageError(f"the checkpoint '{path}' cannot be written ({reason}); those before it are safe")


def read_head(path: Path) -> dict[str, Any]:
    """The head of the checkpoint at ``path``; InputError where there is none, or not a whole one."""
    import h5py

    before = before_it(path)
    if not path.exists():
        there = f"; the one before it is '{before}'" if before.exists() else ""
        raise InputError(f"there is no checkpoint '{path}'{there}")
    if not path.is_file():
        raise broken(path, ValueError("it is no file"))
    try:
        with h5py.File(path, "r") as file:
            text = file["head"][()].tobytes()
            if zlib.crc32(text) != file["head"].attrs["crc32"]:
                raise ValueError("the head does not have its checksum")
            head: dict[str, Any] = json.loads(text)
        if head["version"] != VERSION:
            raise InputError(
                f"'{path}' is a checkpoint of format {head['version']}, but this version of distsim reads {VERSION}"
            )
    except InputError:
        raise
    except UNREADABLE as error:
        raise broken(path, error) from error
    return head


def broken(path: Path, error: Exception) -> InputError:
    """What is raised for a checkpoint that cannot be read."""
    reason = " ".join(str(error).split()) or type(error).__name__
    before = before_it(path)
    there = f"; the one before it is '{before}'" if before.exists() else ""
    return InputError(f"'{path}' is no checkpoint, or it is damaged: {reason}{there}")


def before_it(path: Path) -> Path:
    """Where the checkpoint that was at ``path`` before is kept."""
    return path.with_name(f"{path.name}.before")


def aside(path: Path) -> Path:
    """Where the first part of a checkpoint is while it is written."""
    return path.with_name(f".{path.name}.new")


def _free(descriptor: int) -> None:
    """Close a file that has no name any more, while the run goes on: to free its room takes the system some time."""
    _freeing.append(threading.Thread(target=os.close, args=(descriptor,)))
    _freeing[-1].start()


def _link(path: Path) -> Path:
    """A second name of the checkpoint at ``path`` while it becomes the one before."""
    return path.with_name(f".{path.name}.before")


def part_names(path: Path, id: str, parts: int) -> list[str]:
    """Names of the parts after the first."""
    return [f"{path.name}.{id}.{part}" for part in range(1, parts)]


def prepare(path: Path) -> str:
    """A new id for a checkpoint at ``path``; InputError where something else is there."""
    while _freeing:  # no more than three need room at a time
        _freeing.pop().join()
    if path.exists():
        try:
            read_head(path)
        except InputError as error:
            raise InputError(f"'{path}' exists and is no checkpoint that could be replaced: {error}") from None
    return secrets.token_hex(6)


def take_place(path: Path) -> None:
    """Give the new checkpoint its name, once it is on the disk; the one there becomes the one before, which goes.

    At every moment the last whole one is there. Raises StorageError or InputError where that cannot be.
    """
    before, link = before_it(path), _link(path)
    with contextlib.ExitStack() as later:
        with contextlib.suppress(OSError):  # there is none, or it is not ours to read
            held = os.open(before, os.O_RDONLY | os.O_CLOEXEC)
            later.callback(_free, held)
        try:
            if path.exists():
                link.unlink(missing_ok=True)
                try:
                    os.link(path, link)
                except OSError:  # a file system without links
                    os.replace(path, before)
                else:
                    os.replace(link, before)
            os.replace(aside(path), path)
        except OSError as error:
            raise refused(f"the checkpoint '{path}'", error) from error
    with contextlib.suppress(OSError, InputError):  # it is there, whatever becomes of this
        _sync(path.parent)
        _remove_parts_of_others(path, [path, before])


def remove(path: Path) -> None:
    """Remove the checkpoint at ``path``, the one before it, and all their parts, as far as they are there."""
    if not path.parent.is_dir():
        return
    for file in (path, before_it(path), aside(path), _link(path)):
        file.unlink(missing_ok=True)
    _remove_parts_of_others(path, [])


def _sync(folder: Path) -> None:
    """Force the names in a folder to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_parts_of_others(path: Path, kept: list[Path]) -> None:
    """Remove the parts beside ``path`` that belong to none of the ``kept`` checkpoints."""
    part = re.compile(re.escape(path.name) + r"\.[0-9a-f]{12}\.\d+")
    beside = [file for file in path.parent.iterdir() if part.fullmatch(file.name)]
    if beside:
        named = {name for file in kept if file.exists() for name in read_head(file)["parts"]}
        for file in beside:
            if file.name not in named:
                file.unlink()
