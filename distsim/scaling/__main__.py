"""Entry point of ``python -m distsim.scaling``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from distsim.core.errors import DistsimError, InputError
from distsim.core.standard_streams import make_lasting
from distsim.parallel import launched, run_main, world
from distsim.parallel.job import exit_code
from distsim.parallel.shared_modules import import_together
from distsim.parallel.signals import code_of, heeded, say

if TYPE_CHECKING:
    from mpi4py import MPI

COMMANDS = ("init", "report", "compare", "show")
TEXTS = {"-h", "--help", "--version"}
NEEDED = ("distsim.scaling.session", "numpy.ma")
"""Modules that an experiment takes, with all that they import; numba asks for the masked arrays of numpy."""


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input, 4 for a full disk.

    128 and the number of the signal where one has ended it. What needs no ranks of its own is done without MPI.
    """
    try:
        if (alone := _without_ranks(arguments)) is not None:
            with heeded(0, True, lambda: False):
                return alone()
        comm = world()
    except KeyboardInterrupt as stop:
        say(str(stop) or "interrupted")
        return code_of(stop)
    except DistsimError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return exit_code(error)

    return run_main(partial(_on_ranks, arguments=arguments), comm)


def _on_ranks(comm: MPI.Comm, arguments: list[str]) -> int:
    """The experiment of the command line; collective."""
    import_together(comm, NEEDED)
    from distsim.scaling.session import run

    return run(comm, arguments)


def _without_ranks(arguments: list[str]) -> Callable[[], int] | None:
    """What does the work where that takes no ranks of this process; None where it takes them."""
    command = arguments[0] if arguments else ""
    text = bool(TEXTS.intersection(arguments)) and not launched()
    if command not in COMMANDS and not text and not any(word.startswith("--launcher") for word in arguments):
        return None
    if launched():
        raise InputError(f"{', '.join(COMMANDS)} and --launcher start without mpirun")
    if command not in COMMANDS:
        from distsim.scaling.options import parse

        options = parse(arguments)
        from distsim.scaling.jobs import launch

        return partial(launch, options)
    if command == "init":
        from distsim.scaling.ready_files import init

        return partial(init, arguments[1:])
    if command == "compare":
        from distsim.scaling.report.compare import compare

        return partial(compare, arguments[1:])
    from distsim.scaling.report import command as texts

    return partial(texts.report if command == "report" else texts.show, arguments[1:])


if __name__ == "__main__":
    make_lasting()
    sys.exit(main(sys.argv[1:]))
