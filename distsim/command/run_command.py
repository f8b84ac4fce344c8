"""A model from its command line to what is printed and written, on all ranks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from distsim.command import results
from distsim.command.request import Request
from distsim.core.errors import InputError, RangeError
from distsim.models import registry
from distsim.models.run import run as run_model
from distsim.parallel import on_root
from distsim.parallel.progress import bars, compilation_shown

if TYPE_CHECKING:
    from mpi4py import MPI


def run(comm: MPI.Comm, request: Request) -> None:
    """Run the model that is asked for on all ranks of ``comm``; collective.

    Raises InputError on all ranks, before anything is computed or written, where a parameter or the output folder
    is wrong.
    """
    model = registry.find(request.model)
    parameters = model.load(request.overrides)
    folder: Path | None = on_root(comm, partial(results.prepare, request.out))
    with results.removed_if_unused(comm, folder), compilation_shown(comm), beyond_the_engine():
        outcome = run_model(model, comm, parameters, folder, bars(comm), request.settings)
    if comm.rank == 0:
        for table in outcome.tables:
            print(results.table_text(table), flush=True)
    if folder is not None:
        results.write(comm, folder, model.name, parameters, outcome)
        if comm.rank == 0:
            print(f"\nwritten: {', '.join(sorted(path.name for path in folder.iterdir()))} in {folder}", flush=True)


@contextmanager
def beyond_the_engine() -> Iterator[None]:
    """Parameters that lead beyond the range of exact sums are wrong input."""
    try:
        yield
    except RangeError as error:
        raise InputError(str(error)) from error
