"""JSON files: data made fit for them, written whole or not at all, and the folders they go to."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.errors import InputError


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
    """Write ``data`` whole or not at all: a file of its own, then renamed; its folder is made where it is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_suffix(".new")
    new.write_text(json.dumps(plain(data), indent=2, allow_nan=False) + "\n", encoding="utf-8")
    new.replace(path)


def make_writable(folder: Path) -> None:
    """Make ``folder`` where it is not there; InputError where nothing can be written in it."""
    probe = folder / f".writable-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"output folder '{folder}' cannot be written: {error.strerror}") from error
