"""Files of records: one JSON object per line, appended and never rewritten.

A line is written by one call and forced to disk before the next point starts, so a job killed at any moment loses
at most the point it was at. What such a kill may leave behind, an unfinished last line, is ignored by readers and
moved to a file ``.torn`` beside it before the next line is written; what a full disk cuts off is taken back at once.
Used on rank 0 only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.errors import InputError, StorageError
from distsim.record.jsonable import plain
from distsim.scaling.experiment import key_of


def read(path: Path) -> list[dict[str, Any]]:
    """The records of ``path``, each point once; an unfinished last line is left out, a missing file is empty.

    Raises InputError where any other line is not a record of this version.
    """
    records: dict[str, dict[str, Any]] = {}
    for number, record in enumerate(read_lines(path), start=1):
        try:
            records.setdefault(key_of(record), record)
        except KeyError as error:
            raise InputError(
                f"{path}, line {number}: the record lacks the field {error}: another version of the harness wrote it"
            ) from None
    return list(records.values())


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of ``path``, whatever they hold, without an unfinished last line."""
    lines, tail = _split(path)
    found = []
    for number, line in enumerate([*lines, tail], start=1):
        record = _record(line)
        if record is not None:
            found.append(record)
        elif line.strip() and number <= len(lines):
            raise InputError(f"{path}, line {number}: not a JSON object; mend or remove the line")
    return found


def repair(path: Path) -> None:
    """End the last line of ``path`` where only its newline is missing, else move it to a file ``.torn`` beside it."""
    lines, tail = _split(path)
    if not tail:
        return
    if _record(tail) is not None:
        _append(path, b"\n")
        return
    _append(path.with_name(f"{path.name}.torn"), tail + b"\n")
    with path.open("r+b") as file:
        file.truncate(sum(len(line) + 1 for line in lines))
        os.fsync(file.fileno())


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add ``record`` to ``path`` as one line of JSON, on disk when the function returns.

    Raises StorageError where it cannot be stored; the file is then as it was.
    """
    _append(path, json.dumps(plain(record), allow_nan=False).encode() + b"\n")


def _split(path: Path) -> tuple[list[bytes], bytes]:
    """The finished lines of ``path``, and what stands after the last newline."""
    try:
        *lines, tail = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return [], b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error
    return lines, tail


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _append(path: Path, data: bytes) -> None:
    """Append with one write where the system takes it whole; never buffered, on disk at the end, or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        before = os.fstat(descriptor).st_size
        try:
            while data:
                data = data[os.write(descriptor, data) :]
            os.fsync(descriptor)
        except OSError as error:
            os.ftruncate(descriptor, before)
            raise StorageError(
                f"{path} cannot take the record ({error.strerror}); earlier ones are safe: make room, then --resume"
            ) from error
    finally:
        os.close(descriptor)
