"""Files of records: one JSON object per line, appended and never rewritten.

A line is written by one call and forced to disk before the next point starts, so a job killed at any moment loses
at most the point it was at. What such a kill may leave behind, an unfinished last line, is ignored by readers and
moved to a file ``.torn`` beside it before the next line is written; what a full disk cuts off is taken back at once.
Used on rank 0 only.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError, StorageError
from distsim.record.jsonable import plain
from distsim.record.storage import read_file, reason, refused, write_fully
from distsim.scaling.experiment import key_of
from distsim.scaling.record_fields import check_record

_SURROGATE = re.compile(rb"\\u[dD]")
DEEPEST = 20
"""Objects and lists within each other that a record may hold; one of the harness has four."""


def read(path: Path) -> list[dict[str, Any]]:
    """The records of ``path``, each point once; an unfinished last line is left out, a missing file is empty.

    Raises InputError where any other line is not a record of this version.
    """
    records: dict[str, dict[str, Any]] = {}
    for place, record in _numbered(path):
        check_record(record, place)
        records.setdefault(key_of(record), record)
    return list(records.values())


def read_failures(path: Path) -> list[dict[str, Any]]:
    """The failures that ``path`` holds, in the order in which they came; as ``read`` otherwise."""
    failures = []
    for place, record in _numbered(path):
        check_record(record, place, failure=True)
        failures.append(record)
    return failures


def _numbered(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """File and line of every JSON object, and the object, without an unfinished last line."""
    lines, tail = _split(path)
    for number, line in enumerate([*lines, tail], start=1):
        record = _record(line)
        if record is not None:
            yield f"{path}, line {number}", record
        elif line.strip() and number <= len(lines):
            raise InputError(f"{path}, line {number}: not a JSON object of a record; mend or remove the line")


def repair(path: Path) -> None:
    """End the last line of ``path`` where only its newline is missing, else move it to a file ``.torn`` beside it."""
    lines, tail = _split(path)
    if not tail:
        return
    if _record(tail) is not None:
        _append(path, b"\n")
        return
    _append(path.with_name(f"{path.name}.torn"), tail + b"\n")
    try:
        with path.open("r+b") as file:
            file.truncate(sum(len(line) + 1 for line in lines))
            os.fsync(file.fileno())
    except OSError as error:
        raise refused(f"'{path}'", error) from error


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add ``record`` to ``path`` as one line of JSON, on disk when the function returns.

    Raises StorageError where it cannot be stored; the file is then as it was.
    """
    _append(path, json.dumps(plain(record), allow_nan=False).encode() + b"\n")


def _split(path: Path) -> tuple[list[bytes], bytes]:
    """The finished lines of ``path``, and what stands after the last newline."""
    try:
        *lines, tail = read_file(path).split(b"\n")
    except FileNotFoundError:
        return [], b""
    return lines, tail


def _record(line: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(line, parse_constant=_no_number)
        if _SURROGATE.search(line):  # half a character, as from a file name that is no UTF-8: nothing can print it
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not deeper(value, DEEPEST) else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def deeper(value: Any, most: int) -> bool:
    """Whether objects and lists lie within each other more than ``most`` times."""
    level = [value]
    for _ in range(most):
        level = [item for held in level for item in _entries(held)]
    return any(isinstance(item, (dict, list)) for item in level)


def _entries(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _append(path: Path, data: bytes) -> None:
    """Append with one write where the system takes it whole; never buffered, on disk at the end, or not at all."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, 0o666)
        before = os.fstat(descriptor).st_size
    except OSError as error:
        raise StorageError(_NOT_TAKEN.format(path, reason(error))) from error
    try:
        write_fully(descriptor, data)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, before)
        if not isinstance(error, OSError):  # Ctrl-C within the line
            raise
        raise StorageError(_NOT_TAKEN.format(path, reason(error))) from error
    finally:
        os.close(descriptor)


_NOT_TAKEN = "{} cannot take the record ({}); earlier ones are safe: make room, then --resume"
