"""A model from its command line to what is printed and written, on all ranks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distsim.command import results
from distsim.command.request import Request
from distsim.core.errors import InputError, RangeError
from distsim.models import registry
from distsim.models.run import run as run_model
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
    with results.output_folder(comm, request.out), beyond_the_engine():
        with compilation_shown(comm):
            outcome = run_model(model, comm, parameters, request.out, bars(comm), request.settings)
        if comm.rank == 0:
            for table in outcome.tables:
                print(results.table_text(table), flush=True)
        if request.out is not None:
            results.write(comm, request.out, model.name, parameters, outcome)
            if comm.rank == 0:
                print(f"\nwritten: {', '.join(results.files_in(request.out))} in {request.out}", flush=True)


@contextmanager
def beyond_the_engine() -> Iterator[None]:
    """Parameters that lead beyond the range of exact sums are wrong input."""
    try:
        yield
    except RangeError as error:
        raise InputError(str(error)) from error
