"""Entry point of ``python -m distsim``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from distsim.command.request import Request, parse
from distsim.core.errors import InputError
from distsim.core.standard_streams import make_lasting
from distsim.parallel import launched, run_main, world

if TYPE_CHECKING:
    from mpi4py import MPI


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input.

    Help and other texts need no MPI, unless a launcher waits for its ranks, which are to end together.
    """
    try:
        if launched():
            return run_main(lambda comm: do(parse(arguments), comm), world())
        asked = parse(arguments)
        if isinstance(asked, str):
            print(asked, end="", flush=True)
            return 0
        comm = world()
    except InputError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return 2
    return run_main(lambda comm: do(asked, comm), comm)


def do(asked: Request | str, comm: MPI.Comm) -> None:
    """Run the model that is asked for, or show the text; collective."""
    if isinstance(asked, Request):
        from distsim.command.run_command import run

        run(comm, asked)
    elif comm.rank == 0:
        print(asked, end="", flush=True)


if __name__ == "__main__":
    make_lasting()
    sys.exit(main(sys.argv[1:]))
