"""Entry point of ``python -m distsim``, and of the program ``distsim``, which is the same."""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from distsim.command import ELSEWHERE, PROGRAMS
from distsim.core.errors import InputError
from distsim.core.standard_streams import make_lasting
from distsim.parallel import launched, run_main, world
from distsim.parallel.job import noting_signals
from distsim.parallel.shared_modules import import_together

if TYPE_CHECKING:
    from mpi4py import MPI

    from distsim.command.request import Request

NEEDED = ("distsim.command.run_command", "encodings.ascii")
"""Modules that a run takes, with all that they import."""


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input.

    Help and other texts need no MPI, unless a launcher waits for its ranks, which are to end together. What other
    programs of the package do is left to them.
    """
    if arguments and arguments[0] in ELSEWHERE:
        words = arguments[1:] if arguments[0] in PROGRAMS else arguments
        return int(import_module(ELSEWHERE[arguments[0]]).main(words))
    return noting_signals(arguments, partial(_main, arguments))


def _main(arguments: list[str]) -> int:
    try:
        if not launched():
            from distsim.command.request import parse

            if isinstance(asked := parse(arguments), str):
                print(asked, end="", flush=True)
                return 0
        comm = world()
    except InputError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return 2
    return run_main(partial(_on_ranks, arguments=arguments), comm)


def _on_ranks(comm: MPI.Comm, arguments: list[str]) -> None:
    """Do what the command line asks for; collective."""
    named = [word for word in arguments[1:2] if word.isidentifier()]
    models = [f"distsim.models.{word}.{module}" for word in named for module in ("network", "experiment")]
    import_together(comm, [*NEEDED, *models])
    from distsim.command.request import parse

    do(parse(arguments), comm)


def do(asked: Request | str, comm: MPI.Comm) -> None:
    """Run the model that is asked for, or show the text; collective."""
    if not isinstance(asked, str):
        from distsim.command.run_command import run

        run(comm, asked)
    elif comm.rank == 0:
        print(asked, end="", flush=True)


def program() -> int:
    """The program that ``pip`` installs; returns the exit code."""
    make_lasting()
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(program())
