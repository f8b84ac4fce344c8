"""A file of results taken back to the time of a checkpoint, so that a run goes on in it. Used on rank 0 only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError
from distsim.record.storage import refused
from distsim.record.store import CHUNK, Store

ROWS = 256 * CHUNK  # entries that are copied together
UNREADABLE = (OSError, RuntimeError, LookupError, ValueError, TypeError)


def taken_back(
    path: Path, about: dict[str, Any], layout: Callable[[Store], None], kept: dict[str, list[int]], time: float
) -> Store:
    """The file at ``path`` with the rows that it had at ``time`` (ms), when ``Store.kept`` gave ``kept``.

    It is copied aside and takes the place of the old one when it is complete. Raises InputError where the old one does
    not have these rows.
    """
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.unlink(missing_ok=True)
        store = Store(aside, about, layout)
    except OSError as error:
        raise refused(f"'{path}'", error) from error
    try:
        _copy(path, store, kept)
        store.flush(time, sure=True)
        store.rename(path)
    except BaseException:
        store.discard()
        raise
    return store


def _copy(path: Path, store: Store, kept: dict[str, list[int]]) -> None:
    import h5py

    try:
        with h5py.File(path, "r") as old:
            for name, (rows, crc) in kept.items():
                dataset = old[name]
                together = max(1, ROWS // max(1, *dataset.shape[1:], 1))
                begin = store.kept()[name][0]  # what the layout has put there is part of it
                for row in range(begin, rows, together):
                    store.append(name, dataset[row : min(row + together, rows)])
                if store.kept()[name] != [rows, crc]:
                    raise ValueError(f"{name} has other rows")
    except UNREADABLE as error:
        if isinstance(error, InputError):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{path} is not the file of the run as it was at the checkpoint ({reason}): choose a new file"
        ) from error
