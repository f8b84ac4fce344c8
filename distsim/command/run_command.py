"""A model from its command line to what is printed and written, on all ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.command.request import SUMMARY, Request
from distsim.core.errors import InputError, RangeError
from distsim.models import registry
from distsim.models.outcome import Outcome, Table
from distsim.models.run import run as run_model
from distsim.parallel import on_root
from distsim.parallel.progress import bars, compilation_shown
from distsim.record import surroundings
from distsim.record.jsonable import make_writable, write_json
from distsim.record.lock import LOCK, Lock
from distsim.record.storage import write_whole

if TYPE_CHECKING:
    from mpi4py import MPI

FORMATS = ("png", "pdf")


def run(comm: MPI.Comm, request: Request) -> None:
    """Run the model that is asked for on all ranks of ``comm``; collective.

    Raises InputError on all ranks, before anything is computed or written, where a parameter or the output folder
    is wrong, and where parameters lead beyond the range of exact sums.
    """
    model = registry.find(request.model)
    parameters = model.load(request.overrides)
    with output_folder(comm, request.out):
        try:
            with compilation_shown(comm):
                outcome = run_model(
                    model, comm, parameters, request.out, bars(comm), request.settings, request.recording
                )
        except RangeError as error:
            raise InputError(str(error)) from error
        if comm.rank == 0:
            for table in outcome.tables:
                print(table_text(table), flush=True)
        if request.out is not None:
            write(comm, request.out, model.name, parameters, outcome)
            if comm.rank == 0:
                print(f"\nwritten: {', '.join(files_in(request.out))} in {request.out}", flush=True)


@contextmanager
def output_folder(comm: MPI.Comm, folder: Path | None) -> Iterator[None]:
    """Make the folder, if one is wanted, and lock it as long as the context lasts; collective.

    Raises InputError where it holds anything, cannot be written, or another job works in it. Where wrong input ends the
    context, it is removed again, if nothing lies in it.
    """
    locks: list[Lock] = []  # on rank 0, one
    if folder is not None:
        on_root(comm, lambda: locks.append(_locked(folder)))
    used = True
    try:
        yield
    except InputError:
        used = False
        raise
    finally:
        for lock in locks:
            lock.release()
            if folder is not None and not used:
                with suppress(OSError):
                    folder.rmdir()


def _locked(folder: Path) -> Lock:
    _check_empty(folder)
    make_writable(folder)
    lock = Lock(folder)
    try:
        _check_empty(folder)  # a job that ended just now may have left its results
    except InputError:
        lock.release()
        raise
    return lock


def _check_empty(folder: Path) -> None:
    try:
        held = files_in(folder) if folder.exists() else []
    except OSError as error:
        raise InputError(f"output folder '{folder}' cannot be read: {error.strerror}") from error
    if held:
        raise InputError(f"output folder '{folder}' is not empty, it holds {held[0]}; give --out another folder")


def files_in(folder: Path) -> list[str]:
    """Names of what lies in a folder, beside the lock."""
    return sorted(path.name for path in folder.iterdir() if path.name != LOCK)


def write(comm: MPI.Comm, folder: Path, model: str, parameters: Any, outcome: Outcome) -> None:
    """Write summary.json and the figures; collective, rank 0 writes.

    Raises StorageError on all ranks where the disk is full; what is there then is whole.
    """
    around = surroundings.collect(comm)
    on_root(comm, lambda: _write(comm, folder, model, parameters, outcome, around))


def _write(
    comm: MPI.Comm, folder: Path, model: str, parameters: Any, outcome: Outcome, around: Mapping[str, Any]
) -> None:
    summary = {"model": model, "date": surroundings.now(), "ranks": comm.size, "parameters": parameters.as_dict()}
    tables = [{"title": t.title, "header": t.header, "rows": t.rows} for t in outcome.tables]
    write_json(folder / SUMMARY, {**summary, **outcome.summary, "tables": tables, **around})
    for name, make in outcome.files.items():
        write_whole(folder / name, make())
    for stem, draw in outcome.figures.items():
        figure = draw()
        for kind in FORMATS:
            picture = BytesIO()
            figure.savefig(picture, format=kind)
            write_whole(folder / f"{stem}.{kind}", picture.getvalue())


def table_text(table: Table) -> str:
    """A table as it is printed."""
    from tabulate import tabulate

    formats = table.formats or ("",) * len(table.header)
    rows = [[_cell(value, form) for value, form in zip(row, formats, strict=True)] for row in table.rows]
    numbers = [all(not isinstance(row[i], str) for row in table.rows) for i in range(len(table.header))]
    align = ["right" if number else "left" for number in numbers]
    text = tabulate(rows, table.header, "simple", disable_numparse=True, colalign=align if rows else None)
    return f"\n{table.title}\n\n{text}" if table.title else f"\n{text}"


def _cell(value: Any, form: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return format(value, form) if not isinstance(value, str) else value
