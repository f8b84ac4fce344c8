"""JSON files: data made fit for them, written whole or not at all, and the folders they go to."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distsim.record.storage import make_folder, refused, write_whole


def plain(value: Any) -> Any:
    """``value`` as data that JSON can hold: numpy scalars and arrays as numbers and lists, not-a-number as null."""
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write ``data`` whole or not at all, see ``storage.write_all``; its folder is made where it is missing."""
    make_folder(path.parent, "folder")
    write_whole(path, (json.dumps(plain(data), indent=2, allow_nan=False) + "\n").encode())


def make_writable(folder: Path) -> None:
    """Make ``folder`` where it is not there; InputError, or StorageError on a full disk, where it takes no file."""
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise refused(f"output folder '{folder}'", error) from error


def flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Name and value of all entries, those of tables among them as table.entry."""
    for name, item in value.items():
        if isinstance(item, Mapping):
            yield from flat(item, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", item
