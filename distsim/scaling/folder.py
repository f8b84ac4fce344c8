"""The output folder of an experiment: whose points it holds, which of them are done, and the lock on it.

``runs.jsonl`` holds finished points, ``failed.jsonl`` those that failed and why, ``experiment.json`` the settings: the
"identity" that all points share, and the "settings" of the last job, which say what points there are. Rank 0 only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.errors import InputError
from distsim.record.jsonable import make_writable, plain, write_json
from distsim.scaling import records
from distsim.scaling.experiment import Point
from distsim.scaling.lock import LOCK, Lock

RUNS = "runs.jsonl"
FAILED = "failed.jsonl"
HEADER = "experiment.json"
FIGURE = "scaling"
OWN_FILES = (RUNS, FAILED, HEADER, f"{FIGURE}.png", f"{FIGURE}.pdf")


class Folder:
    """An output folder that this job holds the lock of; ``records`` are those it held when it was opened."""

    def __init__(self, path: Path, identity: Mapping[str, Any], settings: Mapping[str, Any], *, resume: bool) -> None:
        """Make the folder ready.

        Raises InputError, before anything is changed, where it cannot be written, another job works in it, it holds
        results and ``resume`` is false, or it holds results of another experiment.
        """
        self.path = path
        fresh = not path.exists()
        make_writable(path)
        self._lock = Lock(path)
        try:
            self._open(identity, settings, resume)
        except BaseException:
            self.close()
            if fresh:
                (path / LOCK).unlink()
                path.rmdir()
            raise

    def _open(self, identity: Mapping[str, Any], settings: Mapping[str, Any], resume: bool) -> None:
        held = [name for name in OWN_FILES if (self.path / name).exists()]
        if held and not resume:
            raise InputError(
                f"output folder '{self.path}' already holds {held[0]}; --resume goes on with it, "
                "--out takes another folder"
            )
        if held:
            _check_identity(self.path, identity)
        self.records = records.read(self.path / RUNS)
        for name in (RUNS, FAILED):
            records.repair(self.path / name)
        try:
            write_json(self.path / HEADER, {"identity": identity, "settings": settings})
        except OSError as error:
            raise InputError(f"{self.path / HEADER} cannot be written: {error.strerror}") from error

    def add(self, record: Mapping[str, Any]) -> None:
        """Store the record of a finished point."""
        records.append(self.path / RUNS, record)
        self.records.append(dict(record))

    def add_failure(self, point: Point, reason: str, date: str) -> None:
        """Store that ``point`` failed, and why; it stays among those that ``--resume`` runs."""
        records.append(self.path / FAILED, {**point.as_dict(), "reason": reason, "date": date})

    def close(self) -> None:
        """Let other jobs in."""
        self._lock.release()


def read_header(folder: Path) -> dict[str, Any]:
    """identity and settings of the experiment whose points ``folder`` holds; InputError where there is none."""
    try:
        header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
        return {"identity": dict(header["identity"]), "settings": dict(header["settings"])}
    except FileNotFoundError:
        raise InputError(f"folder '{folder}' holds no {HEADER}: it is no output folder of the harness") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / HEADER} cannot be read: {error}") from error


def failures(folder: Path) -> dict[str, dict[str, Any]]:
    """The last failure of every point that has failed and is not done, by the key of the point."""
    from distsim.scaling.experiment import key_of

    done = {key_of(record) for record in records.read(folder / RUNS)}
    failed = {key_of(record): record for record in records.read_lines(folder / FAILED)}
    return {key: record for key, record in failed.items() if key not in done}


def _check_identity(folder: Path, identity: Mapping[str, Any]) -> None:
    if not (folder / HEADER).exists():
        raise InputError(f"output folder '{folder}' holds results, but no {HEADER}; take another --out")
    theirs = _flat(read_header(folder)["identity"])
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
