"""The files of a checkpoint: HDF5, written aside and renamed, so that one that is there is whole.

A checkpoint at PATH is the file PATH and, where it was written by several ranks, further parts beside it, PATH.<id>.1
and so on, of which no two checkpoints have one in common. Each part holds some rows of every dataset. The dataset
"head" of PATH, JSON as bytes with the attribute ``crc32``, says what it is a checkpoint of, and has for every dataset
its type, and for each part how many entries it has there and their checksum.
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
from distsim.core.reused_memory import InTurn
from distsim.record.checksum import checksum
from distsim.record.disk import Disk
from distsim.record.read_once import ReadOnce
from distsim.record.storage import refused

FORMAT = ("v110", "v110")
LARGE = 1 << 22  # bytes that are forced to the disk at once, while the next are made ready, not all at the end
VERSION = 2  # of what is written
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError)
"""What h5py may raise for a file that is damaged, or has another layout."""
_freeing: list[threading.Thread] = []


class PartWriter:
    """One part, at ``path``, as it is written on one rank, while this goes on with the next piece.

    Raises StorageError or InputError where that cannot be.
    """

    def __init__(self, path: Path, id: str) -> None:
        self.path = path
        try:
            path.unlink(missing_ok=True)
            self._disk = Disk(path)
        except (OSError, ValueError) as error:
            raise refused(f"'{path}'", error) from error
        import h5py

        self._file = h5py.File(self._disk, "w", libver=FORMAT)
        self._file.attrs["id"] = id
        self._open = True
        self._worker = ThreadPoolExecutor(1)
        self._last: Future[Any] | None = None
        self._written: dict[str, tuple[int, int]] = {}
        self._unsure = 0  # bytes that were not forced to the disk

    def append(self, name: str, n: int, values: npt.NDArray[Any]) -> None:
        """Write the next of the ``n`` entries of a dataset; they must stay as they are until more are given."""

        def write() -> None:
            begin, found = self._written.get(name, (0, 0))
            if name not in self._written:
                self._file.create_dataset(name, (n,), values.dtype)
            self._file[name][begin : begin + len(values)] = values
            self._written[name] = begin + len(values), (found + checksum(values, begin)) % 2**64
            self._unsure += values.nbytes
            if self._unsure >= LARGE:
                self._disk.send()
                self._unsure = 0

        self._wait()
        self._last = self._worker.submit(write)

    def written(self) -> dict[str, tuple[int, int]]:
        """Of every dataset how many entries it has, and their checksum."""
        self._wait()
        return self._written

    def _wait(self) -> None:
        if self._last is not None:
            self._last.result()

    def close(self, head: dict[str, Any] | None = None) -> None:
        """Complete the part, with the ``head`` if it is the first, and force it to the disk."""
        self._wait()
        if head is not None:
            text = json.dumps(head, allow_nan=False).encode()
            self._file.create_dataset("head", data=np.frombuffer(text, np.uint8)).attrs["crc32"] = zlib.crc32(text)
        self._file.close()
        self._disk.commit()
        self._disk.sync()
        self._end()
        if self._disk.error is not None:
            reason = self._disk.error.strerror or self._disk.error
            raise StorageError(f"the checkpoint '{self.path}' cannot be written ({reason}); those before it are safe")

    def discard(self) -> None:
        """Close the part and remove it."""
        with contextlib.suppress(*UNREADABLE):
            self._wait()
            self._file.close()
        self._end()
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._worker.shutdown()
            self._disk.close()


class PartReader:
    """Parts of the checkpoint at ``path``, opened when they are first asked for."""

    def __init__(self, path: Path, head: dict[str, Any]) -> None:
        self.path = path
        self._id, self._columns = head["id"], head["columns"]
        self._paths = [path, *(path.with_name(name) for name in head["parts"])]
        self._open: dict[int, tuple[Any, ReadOnce]] = {}

    def read(
        self, name: str, begin: int, n: int, kind: np.dtype[Any], memory: InTurn
    ) -> tuple[npt.NDArray[Any], npt.NDArray[np.uint64]]:
        """``n`` entries of a dataset, of that type, from number ``begin`` on, over all parts, in ``memory`` if in one.

        And what they are of the checksum of each part. Raises InputError where they cannot be read.
        """
        first, end, found = 0, begin + n, [np.empty(0, kind)]
        sums = np.zeros(len(self._paths), np.uint64)
        for part, (entries, _) in enumerate(self._columns[name]["parts"]):
            low, high = max(begin, first), min(end, first + entries)
            if low < high:
                own = memory if high - low == n else InTurn()  # several of them are there at a time
                found.append(self._read(part, name, low - first, high - low, kind, own))
                sums[part] = checksum(found[-1], low - first)
            first += entries
        return found[-1] if len(found[-1]) == n else np.concatenate(found), sums

    def _read(self, part: int, name: str, begin: int, n: int, kind: np.dtype[Any], memory: InTurn) -> npt.NDArray[Any]:
        """``n`` entries of a dataset of a part from number ``begin`` on."""
        try:
            if part not in self._open:
                import h5py

                self._open[part] = h5py.File(self._paths[part], "r"), ReadOnce(self._paths[part])
                if self._open[part][0].attrs["id"] != self._id:
                    raise ValueError("it belongs to another checkpoint")
            file, data = self._open[part]
            dataset = file[name]
            if dataset.dtype != kind or begin + n > len(dataset):
                raise ValueError(f"'{name}' is of another type or length")
            found = data.read(dataset.id.get_offset() + begin * kind.itemsize, n * kind.itemsize, memory)
            return found.view(kind) if found.ctypes.data % kind.alignment == 0 else found.copy().view(kind)
        except UNREADABLE as error:
            raise _broken(self._paths[part], error) from error

    def check(self, name: str, sums: list[int]) -> None:
        """InputError where these are not the checksums of a dataset in each of the parts."""
        for path, (_, expected), found in zip(self._paths, self._columns[name]["parts"], sums, strict=True):
            if found != expected:
                raise _broken(path, ValueError(f"'{name}' does not have its checksum"))

    def close(self) -> None:
        """Close all parts."""
        for file, data in self._open.values():
            file.close()
            data.close()


def read_head(path: Path) -> dict[str, Any]:
    """The head of the checkpoint at ``path``; InputError where there is none, or not a whole one."""
    import h5py

    before = before_it(path)
    if not path.exists():
        there = f"; the one before it is '{before}'" if before.exists() else ""
        raise InputError(f"there is no checkpoint '{path}'{there}")
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
        raise _broken(path, error) from error
    return head


def _broken(path: Path, error: Exception) -> InputError:
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
