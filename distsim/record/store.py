"""Datasets that grow, in an HDF5 file that can be read at any moment, also after the job was killed or the disk full.

Every dataset has the attribute ``checked``, two numbers: how many of its rows are there for sure, and the CRC-32 of
their bytes. Readers go by it (analysis/read.py), and so does what is read back here. Root attributes: ``distsim``, all
that was known at the start as JSON, ``distsim_crc32``, ``format``, a version, and ``T``, the simulated time (ms) up to
which all is there.
The format is that of HDF5 1.10, in which every block of metadata has a checksum.
"""

from __future__ import annotations

import json
import weakref
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, StorageError
from distsim.core.format_versions import FILES
from distsim.record.disk import Disk
from distsim.record.storage import refused

CHUNK = 4096  # entries
WIDEST = 2**20  # entries of a row in one chunk: HDF5 has none of 4 GiB
FORMAT = ("v110", "v110")


@dataclass
class Column:
    """A dataset: ``rows`` so far, ``crc`` of their bytes; ``known``: rows when ``checked`` was written.

    grows: whether what it holds stays.
    """

    dataset: Any
    rows: int = 0
    crc: int = 0
    known: int = -1
    grows: bool = True


class Store:
    """Create the file at ``path``; used on rank 0 alone.

    Raises InputError where it exists or cannot be created. All else raises StorageError from the moment at which the
    disk refuses anything: the file is then closed, with all that the last ``flush`` left in it.
    """

    def __init__(self, path: Path, about: dict[str, Any], layout: Callable[[Store], None]) -> None:
        """``layout`` adds all groups and datasets; no file is left where it fails."""
        self.path = path
        self.time = 0.0
        self._columns: dict[str, Column] = {}
        try:
            self._disk = Disk(path)
        except FileExistsError:
            raise InputError(f"{path} exists already; remove it or choose another file") from None
        except (OSError, ValueError) as error:
            raise refused(f"'{path}'", error) from error
        import h5py

        self._file = h5py.File(self._disk, "w", libver=FORMAT, rdcc_nbytes=0)  # rows go to the file as they come
        self._end = weakref.finalize(self, _close, self._file, self._disk)  # before HDF5 ends with the interpreter
        try:
            text = json.dumps(about, allow_nan=False).encode()
            self._file.attrs["distsim"] = np.bytes_(text)
            self._file.attrs["distsim_crc32"] = zlib.crc32(text)
            self._file.attrs["format"] = FILES
            self._file.attrs["T"] = 0.0
            layout(self)
            self.flush(0.0)
        except BaseException as error:
            self.discard()
            if isinstance(error, (ValueError, RuntimeError)) and not isinstance(error, InputError):
                raise InputError(f"cannot write {path}: HDF5 cannot hold it ({error})") from error
            raise

    def text(self, group: str, name: str, text: str) -> None:
        """Give ``group``, made where it is missing, or a dataset, an attribute."""
        self._place(group).attrs[name] = text

    def choice(self, group: str, name: str, value: str, values: Mapping[str, int]) -> None:
        """Give ``group``, made where it is missing, an attribute that is one of ``values``, an enumeration."""
        import h5py

        kind = h5py.enum_dtype(dict(values), basetype="u1")
        self._file.require_group(group).attrs.create(name, values[value], dtype=kind)

    def column(self, name: str, dtype: Any, width: int | None = None, rows: int | None = None, unit: str = "") -> None:
        """Add a dataset without rows, of shape (0,), or (0, ``width``); ``rows`` is how many it will have, if known."""
        tail = () if width is None else (width,)
        most = tuple(max(1, n) for n in tail)  # HDF5 has no chunks without entries
        chunk = (max(1, min(rows or CHUNK, CHUNK // max((1, *most)))), *(min(n, WIDEST) for n in most))
        dataset = self._file.create_dataset(name, (0, *tail), dtype, maxshape=(None, *most), chunks=chunk)
        dataset.attrs.create("checked", np.zeros(2, np.uint64))
        if unit:
            dataset.attrs["units"] = unit
        self._columns[name] = Column(dataset)

    def fixed(self, name: str, dtype: Any, rows: int, unit: str = "") -> None:
        """Add a dataset that will have so many ``rows``, in one place of the file: a part of it can be mapped."""
        dataset = self._file.create_dataset(name, (rows,), dtype)
        dataset.attrs.create("checked", np.zeros(2, np.uint64))
        if unit:
            dataset.attrs["units"] = unit
        self._columns[name] = Column(dataset)

    def constant(self, name: str, value: Any, dtype: Any, rows: int, unit: str = "") -> None:
        """Add a dataset of so many equal ``rows``, which takes no room."""
        dataset = self._file.create_dataset(name, (rows,), dtype, fillvalue=value)
        if unit:
            dataset.attrs["units"] = unit

    def texts(self, name: str, texts: Sequence[str]) -> None:
        """Add a dataset of texts."""
        import h5py

        self._file.create_dataset(name, data=list(texts), dtype=h5py.string_dtype())

    def number(self, place: str, name: str, value: npt.ArrayLike, dtype: Any) -> None:
        """Give the group or dataset at ``place`` an attribute that is a number, or some."""
        self._place(place).attrs.create(name, value, dtype=dtype)

    def _place(self, name: str) -> Any:
        """The dataset of that name, or the group, made where it is missing."""
        return self._file[name] if name in self._file else self._file.create_group(name)

    def append(self, name: str, values: npt.NDArray[Any]) -> None:
        """Append rows to dataset ``name``."""
        self._check()
        column = self._columns[name]
        values = np.ascontiguousarray(values, column.dataset.dtype)
        end = column.rows + len(values)
        if len(values):
            if end > len(column.dataset):
                column.dataset.resize(end, axis=0)
            if values.size:
                column.dataset[column.rows : end] = values
        column.crc = zlib.crc32(values.data if values.size else b"", column.crc)
        column.rows = end
        self._check()

    def replace(self, name: str, values: npt.NDArray[Any]) -> None:
        """Make ``values`` all that dataset ``name`` holds; of as many rows as before, or the first ones."""
        self._columns[name].rows = self._columns[name].crc = 0
        self._columns[name].known = -1
        self._columns[name].grows = False
        self.append(name, values)

    def kept(self) -> dict[str, list[int]]:
        """Rows and checksum of every dataset whose rows stay."""
        self._check()
        return {name: [column.rows, column.crc] for name, column in self._columns.items() if column.grows}

    def rename(self, path: Path) -> None:
        """Take the place of the file at ``path``."""
        self.path.replace(path)
        self.path = path

    def read(self, name: str) -> npt.NDArray[Any]:
        """All rows of dataset ``name``: those that were appended, or StorageError."""
        return next(self.pieces(name, max(1, self._columns[name].rows)))

    def pieces(self, name: str, rows: int) -> Iterator[npt.NDArray[Any]]:
        """As ``read``, so many ``rows`` at a time; StorageError for wrong ones comes before the last piece."""
        column, crc = self._columns[name], 0
        for start in range(0, max(1, column.rows), rows):
            self._check()
            stop = min(start + rows, column.rows)
            values = np.ascontiguousarray(column.dataset[start:stop])
            self._check()
            crc = zlib.crc32(values.data if values.size else b"", crc)
            if stop == column.rows and crc != column.crc:
                raise StorageError(
                    f"{self.path} does not hold what was written to it: the disk or its file system is faulty"
                )
            yield values

    def flush(self, time: float, sure: bool = False) -> None:
        """Make the file complete up to ``time`` (ms); ``sure``: not only with the operating system, but on the disk.

        First what was appended is written, then what it is checked by, then the time: what a job that is killed in
        between leaves never claims more than what is there.
        """
        self._commit()
        for column in self._columns.values():
            if column.known != column.rows:
                column.dataset.attrs.modify("checked", np.array([column.rows, column.crc], np.uint64))
                column.known = column.rows
        self._commit()
        if sure:
            self._disk.sync()
            self._check()
        if time != self.time:
            self._file.attrs.modify("T", time)
            self._commit()
            self.time = time

    def close(self) -> None:
        """Close the file; nothing where it is closed."""
        if self._end.alive:
            self._end()
            self._refuse()

    def discard(self) -> None:
        """Close the file and remove it."""
        self._end()
        with suppress(FileNotFoundError):
            self.path.unlink()

    def _commit(self) -> None:
        self._check()
        self._file.flush()
        self._disk.commit()
        self._check()

    def _check(self) -> None:
        """Raise StorageError where anything was refused, or InputError where the file is closed."""
        self._refuse()
        if not self._end.alive:
            raise InputError(f"{self.path} is closed; what it is to be asked or given comes before close()")

    def _refuse(self) -> None:
        """Raise StorageError, and close the file, where the disk refused anything."""
        if self._disk.error is not None:
            self._end()
            reason = self._disk.error.strerror or self._disk.error
            raise StorageError(
                f"{self.path} cannot be written ({reason}); it is complete up to {self.time:g} ms: make room, then "
                "run again to another file"
            )


def _close(file: Any, disk: Disk) -> None:
    """Close ``file``, and ``disk`` with all that is to be in it."""
    with suppress(OSError, RuntimeError, ValueError):  # of a file that has an error, of which the disk knows
        file.close()
    disk.commit()
    disk.close()
