"""The output folder of an experiment: whose points it holds, which of them are done, and the lock on it.

``runs.jsonl`` holds finished points, ``failed.jsonl`` those that failed and why, ``experiment.json`` the settings: the
"identity" that all points share, and the "settings" of the last job, which say what points there are. ``running.json``
is there while a point runs within the job: where a rank is killed or its memory is exhausted, the job ends in it, and
the file is what tells. Rank 0 only.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from distsim.core.errors import InputError
from distsim.record.jsonable import plain
from distsim.record.lock import Lock
from distsim.record.storage import make_folder, read_file, write_whole
from distsim.record.surroundings import now
from distsim.scaling import records
from distsim.scaling.experiment import Experiment, Point, key_of

RUNS = "runs.jsonl"
FAILED = "failed.jsonl"
HEADER = "experiment.json"
RUNNING = "running.json"
FIGURE = "scaling"
OWN_FILES = (RUNS, FAILED, HEADER, f"{FIGURE}.png", f"{FIGURE}.pdf")
MOST_BYTES = 10_000_000
"""The largest experiment.json that is read."""
ENDED_ITS_JOB = (
    "the job ended while it ran: it was stopped or killed, had no memory left, or a rank failed; see its log"
)


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
        self.records = records.read(self.path / RUNS)
        records.read_failures(self.path / FAILED)  # a wrong line is found before any work is done
        for name in (RUNS, FAILED):
            records.repair(self.path / name)
        text = json.dumps(plain({"identity": identity, "settings": settings}), indent=2, allow_nan=False)
        write_whole(self.path / HEADER, text.encode() + b"\n")
        if failure := unfinished(self.path):
            records.append(self.path / FAILED, failure)
            self.end()
        self.failed = Counter(key_of(failure) for failure in records.read_failures(self.path / FAILED))

    def begin(self, point: Point) -> None:
        """Say which point runs, so that it is known where the job ends in it."""
        write_whole(self.path / RUNNING, json.dumps({**plain(point.as_dict()), "date": now()}).encode())

    def end(self) -> None:
        """No point runs any longer."""
        with contextlib.suppress(OSError):
            (self.path / RUNNING).unlink()

    def add(self, record: Mapping[str, Any]) -> None:
        """Store the record of a finished point."""
        records.append(self.path / RUNS, record)
        self.end()
        self.records.append(dict(record))

    def add_failure(self, point: Point, reason: str, date: str) -> None:
        """Store that ``point`` failed, and why; it stays among those that ``--resume`` runs."""
        records.append(self.path / FAILED, {**point.as_dict(), "reason": reason, "date": date})
        self.end()

    def close(self) -> None:
        """Let other jobs in."""
        self._lock.release()


def read_header(folder: Path) -> dict[str, Any]:
    """identity and settings of the experiment whose points ``folder`` holds; InputError where there is none."""
    header = _read_object(folder / HEADER)
    if header is None:
        raise InputError(f"folder '{folder}' holds no {HEADER}: it is no output folder of the harness")
    for name in ("identity", "settings"):
        if not isinstance(header.get(name), dict):
            raise InputError(f"'{folder / HEADER}' cannot be read: it holds no object '{name}'")
    return {"identity": header["identity"], "settings": header["settings"]}


def read_settings(folder: Path) -> Experiment:
    """The experiment that the last job in ``folder`` ran; InputError where there is none, or its settings are wrong."""
    from distsim.scaling.schema import check_settings

    return check_settings(read_header(folder)["settings"], f"{folder / HEADER}: settings")


def failures(folder: Path) -> dict[str, dict[str, Any]]:
    """The last failure of every point that has failed and is not done, by the key of the point."""
    done = {key_of(record) for record in records.read(folder / RUNS)}
    failed = {key_of(record): record for record in records.read_failures(folder / FAILED)}
    return {key: record for key, record in failed.items() if key not in done}


def unfinished(folder: Path) -> dict[str, Any] | None:
    """The failure of the point at which a job in ``folder`` is, or ended; None where there is none."""
    from distsim.scaling.record_fields import check_record

    running = _read_object(folder / RUNNING)
    if running is None:
        return None
    failure = {**running, "reason": ENDED_ITS_JOB}
    check_record(failure, str(folder / RUNNING), failure=True)
    return failure


def _read_object(path: Path) -> dict[str, Any] | None:
    """The JSON object that a file holds; None where there is no file, InputError where it holds anything else."""
    try:
        held = json.loads(read_file(path, MOST_BYTES))
    except FileNotFoundError:
        return None
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"'{path}' cannot be read: {error}") from error
    if not isinstance(held, dict) or records.deeper(held, records.DEEPEST):
        raise InputError(f"'{path}' cannot be read: it holds no JSON object of the harness")
    return held


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
