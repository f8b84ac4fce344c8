"""A file of a run that was killed, made fit for programs that know nothing of its checksums."""

from __future__ import annotations

import os
import zlib
from typing import Any

import numpy as np

from distsim.core.errors import InputError
from distsim.core.units import check_path
from distsim.record.taken_back import UNREADABLE

ROWS = 1 << 20  # that are read together


def mend_file(path: str | os.PathLike[str]) -> None:
    """Cut all datasets of the file of a run that was killed to the rows that are there for sure.

    Columns of one group get equally many. A file of a run that ended is left as it is. distsim's own readers need no
    such thing; others may find a column longer than its neighbour. Raises InputError where the file cannot be mended.
    """
    import h5py

    check_path(path, "mend_file: path")
    if not os.path.isfile(path):
        raise InputError(f"there is no file '{os.fspath(path)}'")
    try:
        with h5py.File(path, "r+") as file:
            columns: dict[str, list[Any]] = {}

            def visit(name: str, found: Any) -> None:
                if "checked" in found.attrs and found.maxshape[:1] == (None,):
                    columns.setdefault(name.rpartition("/")[0], []).append(found)

            file.visititems(visit)
            for group, datasets in columns.items():
                sure = {dataset.name: int(dataset.attrs["checked"][0]) for dataset in datasets}
                alike = group.startswith(("spikes/", "weights/", "flips/", "activity/"))
                for dataset in datasets:
                    own = [rows for name, rows in sure.items() if not name.endswith("/recorded")]
                    _cut(dataset, min(own) if alike and not dataset.name.endswith("/recorded") else sure[dataset.name])
    except UNREADABLE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"'{os.fspath(path)}' cannot be mended: {reason}") from error


def _cut(dataset: Any, rows: int) -> None:
    """Let ``dataset`` have so many rows, and their checksum."""
    if rows != len(dataset):
        dataset.resize(rows, axis=0)
    if rows != dataset.attrs["checked"][0]:
        crc = 0
        for begin in range(0, rows, ROWS):
            crc = zlib.crc32(np.ascontiguousarray(dataset[begin : begin + ROWS]).data, crc)
        dataset.attrs.modify("checked", np.array([rows, crc], np.uint64))
