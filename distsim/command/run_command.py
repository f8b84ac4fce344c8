"""A model from its command line to what is printed and written, on all ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distsim.command import going_on
from distsim.command.fitting_table import fitted
from distsim.command.request import SUMMARY, Request, has_settings
from distsim.core.errors import InputError, RangeError
from distsim.core.format_versions import SUMMARIES
from distsim.models import registry
from distsim.models.branch import Branch
from distsim.models.course import Keeping
from distsim.models.outcome import Outcome, Table
from distsim.models.run import run as run_model
from distsim.parallel import on_root
from distsim.parallel.progress import bars, compilation_shown
from distsim.parallel.signals import watched
from distsim.record import checkpoint_files, surroundings
from distsim.record.jsonable import make_writable, write_json
from distsim.record.lock import Lock
from distsim.record.storage import write_whole

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.models.model import Model

FORMATS = ("png", "pdf")


def run(comm: MPI.Comm, request: Request) -> None:
    """Run the model that is asked for on all ranks of ``comm``; collective.

    Raises InputError on all ranks, before anything is computed or written, where a parameter or the output folder
    is wrong, and where parameters lead beyond the range of exact sums.
    """
    model = registry.find(request.model)
    request, branch = _branched(comm, model, request)
    on_root(comm, lambda: _check_place(request.leave))
    parameters = model.load(request.overrides)
    if request.out is None or request.every is None:
        with output_folder(comm, request.out):
            _run(comm, request, model, parameters, None, branch)
        return
    out = request.out
    settings = model.settings_of(parameters, request.settings) if has_settings(model) else None
    identity = model.identity(parameters, settings, request.recording, branch.digest if branch else None)
    check = partial(going_on.check_goes_on, identity=identity) if request.resume else going_on.check_empty
    with output_folder(comm, out, check):
        if on_root(comm, lambda: going_on.is_done(out)):
            if comm.rank == 0:
                print(f"the run in {out} is done, nothing is left of it", flush=True)
            return
        fresh = on_root(comm, lambda: going_on.begin(out, identity))
        try:
            with watched():  # to the end: what was simulated is shown and written
                keeping = Keeping(out / going_on.CHECKPOINT, request.every, request.resume)
                _run(comm, request, model, parameters, keeping, branch)
        except InputError:
            if fresh:
                on_root(comm, lambda: going_on.end(out))
            raise


def _branched(comm: MPI.Comm, model: Model, request: Request) -> tuple[Request, Branch | None]:
    """The request with all that a branch has from its checkpoint, and the branch, if it is one; collective."""
    path = request.branch
    if path is None or not has_settings(model):
        return request, None
    branch = on_root(comm, lambda: Branch.of(path, model))
    overrides, settings = branch.given(model, request.overrides, request.settings)
    recording = branch.recording(request.recording)
    return replace(request, overrides=overrides, settings=settings, recording=recording), branch


def _check_place(path: Path | None) -> None:
    """InputError where no checkpoint can be left at ``path``."""
    if path is not None:
        if not path.parent.is_dir():
            raise InputError(f"option --save: there is no folder '{path.parent}'")
        checkpoint_files.prepare(path)


def _run(
    comm: MPI.Comm, request: Request, model: Model, parameters: Any, keeping: Keeping | None, branch: Branch | None
) -> None:
    """Simulate, print, and write to the output folder, if there is one; collective."""
    out = request.out
    try:
        with compilation_shown(comm):
            outcome = run_model(
                model, comm, parameters, out, bars(comm), request.settings, request.recording,
                keeping, branch, request.leave,
            )  # fmt: skip
    except RangeError as error:
        raise InputError(str(error)) from error
    if comm.rank == 0:
        for table in outcome.tables:
            print(table_text(table), flush=True)
    if out is not None:
        write(comm, out, model.name, parameters, outcome)
        if keeping is not None:
            on_root(comm, lambda: going_on.end(out))
        if comm.rank == 0:
            print(f"\nwritten: {', '.join(going_on.files_in(out))} in {out}", flush=True)


@contextmanager
def output_folder(
    comm: MPI.Comm, folder: Path | None, check: Callable[[Path], None] = going_on.check_empty
) -> Iterator[None]:
    """Make the folder, if one is wanted, and lock it as long as the context lasts; collective.

    Raises InputError where ``check`` does for what it holds, it cannot be written, or another job works in it. Where
    wrong input ends the context, it is removed again, if nothing lies in it.
    """
    locks: list[Lock] = []  # on rank 0, one
    if folder is not None:
        on_root(comm, lambda: locks.append(_locked(folder, check)))
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


def _locked(folder: Path, check: Callable[[Path], None]) -> Lock:
    check(folder)
    make_writable(folder)
    lock = Lock(folder)
    try:
        check(folder)  # a job that ended just now may have left its results
    except InputError:
        lock.release()
        raise
    return lock


def write(comm: MPI.Comm, folder: Path, model: str, parameters: Any, outcome: Outcome) -> None:
    """Write summary.json and the figures; collective, rank 0 writes.

    Raises StorageError on all ranks where the disk is full; what is there then is whole.
    """
    around = surroundings.collect(comm)
    on_root(comm, lambda: _write(comm, folder, model, parameters, outcome, around))


def _write(
    comm: MPI.Comm, folder: Path, model: str, parameters: Any, outcome: Outcome, around: Mapping[str, Any]
) -> None:
    summary = {
        "format": SUMMARIES,
        "model": model,
        "date": surroundings.now(),
        "ranks": comm.size,
        "parameters": parameters.as_dict(),
    }
    tables = [{"title": t.title, "header": t.header, "rows": t.rows} for t in outcome.tables]
    write_json(folder / SUMMARY, {**summary, **outcome.summary, "tables": tables, **around})
    for name, make in outcome.files.items():
        write_whole(folder / name, make())
    for stem, draw in outcome.figures.items():
        figure = draw()
        for kind in FORMATS:
            picture = BytesIO()
            figure.savefig(picture, format=kind)
            figure.set_layout_engine("none")  # places of panels and labels, once found, are those of all files
            write_whole(folder / f"{stem}.{kind}", picture.getvalue())


def table_text(table: Table) -> str:
    """A table as it is printed."""
    formats = table.formats or ("",) * len(table.header)
    rows = [[_cell(value, form) for value, form in zip(row, formats, strict=True)] for row in table.rows]
    numbers = [all(not isinstance(row[i], str) for row in table.rows) for i in range(len(table.header))]
    align = ["right" if number else "left" for number in numbers]
    text = fitted(table.header, rows, align)
    return f"\n{table.title}\n\n{text}" if table.title else f"\n{text}"


def _cell(value: Any, form: str) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    return format(value, form) if not isinstance(value, str) else value
