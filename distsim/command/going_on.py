"""The output folder of a run that keeps checkpoints: whose it is, whether it is done, and what is removed then.

``run.json`` is there from the beginning of such a run to its end, ``run.checkpoint`` from when it is first saved. Used
on rank 0 only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from distsim.command.request import SUMMARY
from distsim.core.errors import InputError
from distsim.models.course import require_same_run
from distsim.record import checkpoint_files
from distsim.record.jsonable import write_json
from distsim.record.lock import LOCK
from distsim.record.storage import read_text

RUN = "run.json"
"""What fixes the results of a run that is not done yet."""
CHECKPOINT = "run.checkpoint"


def files_in(folder: Path) -> list[str]:
    """Names of what lies in a folder, beside the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK)


def check_empty(folder: Path) -> None:
    """InputError where the folder holds anything."""
    if held := _held(folder):
        begun = "; --resume goes on with the run in it" if RUN in held else ""
        raise InputError(f"output folder '{folder}' is not empty, it holds {held[0]}{begun}; give --out another folder")


def check_goes_on(folder: Path, identity: Mapping[str, Any]) -> None:
    """InputError where the folder holds anything but the run of that ``identity``, which may be done."""
    if not (held := _held(folder)):
        return
    name = next((name for name in (RUN, SUMMARY) if name in held), None)
    if name is None:
        raise InputError(f"output folder '{folder}' holds {held[0]}, but no run that --resume could go on with")
    kept: Any = None
    with suppress(ValueError, RecursionError):
        kept = json.loads(read_text(folder / name))
    if not isinstance(kept, dict):
        raise InputError(f"'{folder / name}' is not that of a run; give --out another folder")
    told = [each for each in identity if name == RUN or each in kept]  # a summary has what such neurons have
    if name == SUMMARY and isinstance(kept.get("parameters"), dict):  # which has all
        kept["parameters"] = {each: kept["parameters"].get(each) for each in identity["parameters"]}
    there, here = ({each: known.get(each) for each in told} for known in (kept, identity))
    require_same_run(there, here, f"output folder '{folder}'")


def _held(folder: Path) -> list[str]:
    try:
        return files_in(folder) if folder.exists() else []
    except OSError as error:
        raise InputError(f"output folder '{folder}' cannot be read: {error.strerror}") from error


def is_done(folder: Path) -> bool:
    """Whether the folder holds a run that came to its end."""
    return (folder / SUMMARY).exists() and not (folder / RUN).exists()


def begin(folder: Path, identity: Mapping[str, Any]) -> bool:
    """Say whose folder this is; whether nothing said so before."""
    fresh = not (folder / RUN).exists()
    write_json(folder / RUN, identity)
    return fresh


def end(folder: Path) -> None:
    """The run is done, and its checkpoints are no longer needed."""
    (folder / RUN).unlink(missing_ok=True)
    checkpoint_files.remove(folder / CHECKPOINT)
