"""The output folder: ``runs.jsonl``, one JSON line per finished point, and ``experiment.json``, whose points they are.

A line is written by one call and forced to disk before the next point starts, so a job killed at any moment loses
at most the point it was at. What such a kill may leave behind, an unfinished last line, is ignored by readers and
moved to ``runs.jsonl.torn`` before the next line is written. Used on rank 0 only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.record.jsonable import make_writable, plain, write_json

RUNS = "runs.jsonl"
TORN = "runs.jsonl.torn"
HEADER = "experiment.json"
FIGURE = "network_size_scaling"
OWN_FILES = (RUNS, HEADER, f"{FIGURE}.png", f"{FIGURE}.pdf")

KEY = ("neuron_model", "N", "K", "T_ms", "dt_ms", "seed", "precision", "interval_ms", "exchange", "ranks")
"""The fields of a record that tell which point it is. The number of ranks is one: times differ with it."""


def key(record: Mapping[str, Any]) -> tuple[Any, ...]:
    """The point that ``record`` is of; InputError where a field is missing."""
    missing = [name for name in KEY if name not in record]
    if missing:
        raise InputError(f"a record lacks the field '{missing[0]}': it was not written by this version of the harness")
    return tuple(record[name] for name in KEY)


def open_folder(folder: Path, identity: Mapping[str, Any], *, resume: bool) -> list[dict[str, Any]]:
    """Make ``folder`` ready for the experiment with the common settings ``identity``; returns the records it holds.

    Raises InputError, before anything is changed, where the folder cannot be written, holds results and ``resume``
    is false, or holds results of another experiment.
    """
    held = [name for name in OWN_FILES if (folder / name).exists()]
    if held and not resume:
        raise InputError(
            f"output folder '{folder}' already holds {held[0]}; --resume goes on with it, --out takes another folder"
        )
    if held:
        _check_identity(folder, identity)
    records = read(folder / RUNS) if held else []
    make_writable(folder)
    if held:
        repair(folder / RUNS)
    else:
        write_json(folder / HEADER, identity)
    return records


def read(path: Path) -> list[dict[str, Any]]:
    """The records of a ``runs.jsonl``, each point once; an unfinished last line is left out, a missing file is empty.

    Raises InputError where any other line is not a record.
    """
    lines, tail = _split(path)
    records: dict[tuple[Any, ...], dict[str, Any]] = {}
    for number, line in enumerate([*lines, tail], start=1):
        if not line.strip():
            continue
        record = _record(line)
        if record is not None:
            records.setdefault(key(record), record)
        elif number <= len(lines):
            raise InputError(f"{path}, line {number}: not a JSON object; mend or remove the line")
    return list(records.values())


def repair(path: Path) -> None:
    """End the last line of ``path`` where only its newline is missing, else move it to ``runs.jsonl.torn``."""
    lines, tail = _split(path)
    if not tail:
        return
    if _record(tail) is not None:
        _append(path, b"\n")
        return
    _append(path.with_name(TORN), tail + b"\n")
    with path.open("r+b") as file:
        file.truncate(sum(len(line) + 1 for line in lines))
        os.fsync(file.fileno())


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add ``record`` to ``path`` as one line of JSON, on disk when the function returns."""
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
    """Append with one write where the system takes it whole; never buffered, on disk at the end."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        while data:
            data = data[os.write(descriptor, data) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_identity(folder: Path, identity: Mapping[str, Any]) -> None:
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"output folder '{folder}' holds results, but no {HEADER}; take another --out") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{folder / HEADER} cannot be read: {error}") from error
    theirs = _flat(header) if isinstance(header, dict) else {}
    ours = _flat(plain(identity))
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            raise InputError(
                f"output folder '{folder}' holds another experiment: there {name} = {json.dumps(theirs.get(name))}, "
                f"here {json.dumps(ours.get(name))}; take another --out"
            )


def _flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with the entries of a table among them as settings of their own, named table.entry."""
    flat: dict[str, Any] = {}
    for name, value in settings.items():
        flat |= {f"{name}.{entry}": item for entry, item in value.items()} if isinstance(value, dict) else {name: value}
    return flat
