"""The output folder of an experiment: its records, its failures, whose points they are, and the lock on it.

``runs.jsonl`` holds finished points, ``failed.jsonl`` those that failed and why: one JSON object per line, appended by
one call, on disk before the next point starts, and never rewritten. A job killed at any moment loses at most the point
it was at; an unfinished last line that it leaves is ignored by readers and moved to a file ``.torn`` before the next is
written; what a full disk cuts off is taken back at once. ``experiment.json`` has the settings: the "identity" that all
points share, and the "settings" of the last job, which say what points there are. ``running.json`` is there while a
point runs: where a rank is killed or its memory is exhausted, the job ends in it, and the file is what tells.

``points`` has a folder for each point of which data are kept, begun anew whenever the point is. ``checkpoints`` has
what a point that is not finished goes on from; it goes when the point is done.

Files outlive the version that wrote them and are edited by hand: each line is checked before anything is done with it.
Used on rank 0 only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError, StorageError
from distsim.core.format_versions import RECORDS
from distsim.record.checkpoint_files import remove
from distsim.record.jsonable import flat, plain, write_json
from distsim.record.lock import Lock
from distsim.record.storage import make_folder, read_file, reason, refused, write_fully, write_whole
from distsim.record.surroundings import now
from distsim.scaling.experiment import MOST_BYTES, Point, key_of
from distsim.scaling.record_fields import check_record

Record = dict[str, Any]
RUNS = "runs.jsonl"
FAILED = "failed.jsonl"
HEADER = "experiment.json"
RUNNING = "running.json"
FIGURE = "scaling"
POINTS = "points"
CHECKPOINTS = "checkpoints"
PARAMETERS = "parameters.json"
OWN_FILES = (RUNS, FAILED, HEADER, f"{FIGURE}.png", f"{FIGURE}.pdf", POINTS, CHECKPOINTS)
LONGEST_NAME = 80
DEEPEST = 20
"""Objects and lists within each other that a record may hold; one of the harness has four."""
ENDED_ITS_JOB = (
    "the job ended while it ran: it was stopped or killed, had no memory left, or a rank failed; see its log"
)
_SURROGATE = re.compile(rb"\\u[dD]")
_NOT_TAKEN = "{} cannot take the record ({}); earlier ones are safe: make room, then --resume"


class Folder:
    """An output folder that this job holds the lock of.

    ``records`` are the finished points, ``failed`` counts how often a point that is not done has failed, by its key.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], settings: Mapping[str, Any], *, resume: bool) -> None:
        """Make the folder ready.

        Raises InputError, before anything is changed, where it cannot be written, another job works in it, it holds
        results and ``resume`` is false, or it holds results of another experiment.
        """
        self.path = path
        fresh = not os.path.lexists(path)
        make_folder(path, "output folder")
        self._lock = Lock(path)
        try:
            self._open(identity, settings, resume)
        except BaseException:
            self.close()
            if fresh:
                with contextlib.suppress(OSError):
                    path.rmdir()
            raise

    def _open(self, identity: Mapping[str, Any], settings: Mapping[str, Any], resume: bool) -> None:
        held = [name for name in OWN_FILES if os.path.lexists(self.path / name)]
        if held and not resume:
            raise InputError(
                f"output folder '{self.path}' already holds {held[0]}; --resume goes on with it, "
                "--out takes another folder"
            )
        for name in held:
            if (self.path / name).is_symlink():
                raise InputError(f"'{self.path / name}' is a link, which --resume does not follow; take another --out")
        if held:
            _check_identity(self.path, identity)
        self.records = read(self.path)
        read_failures(self.path)  # a wrong line is found before any work is done
        for name in (RUNS, FAILED):
            repair(self.path / name)
        write_json(self.path / HEADER, {"identity": identity, "settings": settings})
        if failure := unfinished(self.path):
            append(self.path / FAILED, failure)
            self.end()
        self.failed = Counter(key_of(failure) for failure in read_failures(self.path))

    def begin(self, point: Point) -> None:
        """Say which point runs, so that it is known where the job ends in it."""
        write_whole(self.path / RUNNING, json.dumps({**plain(point.as_dict()), "date": now()}).encode())

    def end(self) -> None:
        """No point runs any longer."""
        with contextlib.suppress(OSError):
            (self.path / RUNNING).unlink()

    def add(self, record: Mapping[str, Any]) -> None:
        """Store the record of a finished point."""
        append(self.path / RUNS, record)
        self.end()
        self.records.append(dict(record))

    def add_failure(self, point: Point, why: str) -> None:
        """Store that ``point`` failed, and why; it stays among those that ``--resume`` runs."""
        append(self.path / FAILED, {"format": RECORDS, **point.as_dict(), "reason": why, "date": now()})
        self.end()

    def close(self) -> None:
        """Let other jobs in."""
        self._lock.release()


def point_folder(folder: Path, point: Point) -> Path:
    """Where the data of a point are kept."""
    return folder / POINTS / _name_of(point)


def begin_checkpoints(folder: Path, point: Point) -> Path:
    """Where a point that runs is saved, in a folder that is made."""
    make_folder(folder / CHECKPOINTS, "folder")
    return folder / CHECKPOINTS / _name_of(point)


def end_checkpoints(folder: Path, point: Point) -> None:
    """Remove what was saved of a point that is finished, and the folder when nothing is left in it."""
    remove(folder / CHECKPOINTS / _name_of(point))
    with contextlib.suppress(OSError):
        (folder / CHECKPOINTS).rmdir()


def _name_of(point: Point) -> str:
    """A name for files of a point: what it says of itself, and a hash of what tells it from all others."""
    words = re.sub(r"[^A-Za-z0-9_.=]+", "-", str(point).replace(" = ", "=")).strip(".-")[:LONGEST_NAME]
    return f"{words}-{hashlib.sha256(point.key().encode()).hexdigest()[:8]}"


def begin_folder(path: Path, parameters: Mapping[str, Any]) -> None:
    """Make the folder of a point anew, with its ``parameters``; StorageError or InputError where that cannot be."""
    try:
        if path.is_symlink():
            path.unlink()
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(path)
    except OSError as error:
        raise refused(f"folder '{path}'", error) from error
    write_json(path / PARAMETERS, parameters)


def _check_identity(folder: Path, identity: Mapping[str, Any]) -> None:
    if not (folder / HEADER).exists():
        raise InputError(f"output folder '{folder}' holds results, but no {HEADER}; take another --out")
    theirs, ours = (dict(flat(held)) for held in (read_header(folder)["identity"], plain(identity)))
    for name in sorted({*ours, *theirs}):
        if ours.get(name) != theirs.get(name):
            there, here = json.dumps(theirs.get(name)), json.dumps(ours.get(name))
            raise InputError(
                f"output folder '{folder}' holds another experiment: there {name} = {there}, here {here}; "
                "take another --out"
            )


# Reading


def read(folder: Path) -> list[Record]:
    """The records in ``folder``, each point once; an unfinished last line is left out, a missing file is empty.

    Raises InputError where any other line is not a record of this version.
    """
    records: dict[str, Record] = {}
    for record in _checked_lines(folder / RUNS, failure=False):
        records.setdefault(key_of(record), record)
    return list(records.values())


def read_failures(folder: Path) -> list[Record]:
    """The failures in ``folder``, in the order in which they came; as ``read`` otherwise."""
    return list(_checked_lines(folder / FAILED, failure=True))


def read_header(folder: Path) -> Record:
    """identity and settings of the experiment whose points ``folder`` holds; InputError where there is none."""
    header = _read_object(folder / HEADER)
    if header is None:
        raise InputError(f"folder '{folder}' holds no {HEADER}: it is no output folder of the harness")
    for name in ("identity", "settings"):
        if not isinstance(header.get(name), dict):
            raise InputError(f"'{folder / HEADER}' cannot be read: it holds no object '{name}'")
    return {"identity": header["identity"], "settings": header["settings"]}


def unfinished(folder: Path) -> Record | None:
    """The failure of the point at which a job in ``folder`` is, or ended; None where there is none."""
    running = _read_object(folder / RUNNING)
    if running is None:
        return None
    failure = {**running, "reason": ENDED_ITS_JOB}
    check_record(failure, str(folder / RUNNING), failure=True)
    return failure


def _read_object(path: Path) -> Record | None:
    """The JSON object that a file holds; None where there is no file, InputError where it holds anything else."""
    try:
        content = read_file(path, MOST_BYTES)
    except FileNotFoundError:
        return None
    held = _object(content)
    if held is None:
        raise InputError(f"'{path}' cannot be read: it holds no JSON object of the harness")
    return held


def _object(content: bytes) -> Record | None:
    """The JSON object that ``content`` is, if it is one that the harness may have written."""
    try:
        value = json.loads(content, parse_constant=_no_number)
        if _SURROGATE.search(content):  # half a character, as from a file name that is no UTF-8: nothing can print it
            value = json.loads(json.dumps(value, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and not _deeper(value) else None


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


def _deeper(value: Any) -> bool:
    """Whether objects and lists lie within each other more than ``DEEPEST`` times."""
    level = [value]
    for _ in range(DEEPEST):
        tables = [held.values() if isinstance(held, dict) else held for held in level if isinstance(held, (dict, list))]
        level = [item for held in tables for item in held]
    return any(isinstance(item, (dict, list)) for item in level)


def _split(path: Path) -> tuple[list[bytes], bytes]:
    """The finished lines of ``path``, and what stands after the last newline."""
    try:
        *lines, tail = read_file(path).split(b"\n")
    except FileNotFoundError:
        return [], b""
    return lines, tail


def _checked_lines(path: Path, *, failure: bool) -> Iterator[Record]:
    """The object of every line, without an unfinished last one."""
    lines, tail = _split(path)
    for line_number, line in enumerate([*lines, tail], start=1):
        place = f"{path}, line {line_number}"
        record = _object(line)
        if record is not None:
            check_record(record, place, failure=failure)
            yield record
        elif line.strip() and line_number <= len(lines):
            raise InputError(f"{place}: not a JSON object of a record; mend or remove the line")


# Writing


def append(path: Path, record: Mapping[str, Any]) -> None:
    """Add ``record`` to ``path`` as one line of JSON, on disk when the function returns.

    Raises StorageError where it cannot be stored; the file is then as it was.
    """
    _append(path, json.dumps(plain(record), allow_nan=False).encode() + b"\n")


def repair(path: Path) -> None:
    """End the last line of ``path`` where only its newline is missing, else move it to a file ``.torn`` beside it."""
    lines, tail = _split(path)
    if not tail:
        return
    if _object(tail) is not None:
        _append(path, b"\n")
        return
    _append(path.with_name(f"{path.name}.torn"), tail + b"\n")
    try:
        with path.open("r+b") as file:
            file.truncate(sum(len(line) + 1 for line in lines))
            os.fsync(file.fileno())
    except OSError as error:
        raise refused(f"'{path}'", error) from error


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
