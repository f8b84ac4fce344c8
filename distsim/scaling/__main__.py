"""Entry point of ``python -m distsim.scaling``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from distsim.core.errors import DistsimError, InputError
from distsim.core.standard_streams import make_lasting
from distsim.parallel import launched, run_main, world
from distsim.parallel.job import exit_code, noting_signals
from distsim.parallel.shared_modules import import_together
from distsim.parallel.signals import code_of, heeded, say

if TYPE_CHECKING:
    from mpi4py import MPI

COMMANDS = {
    "init": "ready_files.init",
    "report": "report.command.report",
    "show": "report.command.show",
    "compare": "report.compare.compare",
    "dry": "dry_command.dry",
    "predict": "predict_command.predict_command",
}
"""What is done without ranks of its own, and the function that does it."""
MACHINE = "machine"
TEXTS = {"-h", "--help", "--version"}
NEEDED = ("distsim.scaling.session", "encodings.ascii")
"""Modules that an experiment takes, with all that they import."""


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input, 4 for a full disk.

    128 and the number of the signal where one has ended it. What needs no ranks of its own is done without MPI.
    """
    return noting_signals(arguments, partial(_main, arguments))


def _main(arguments: list[str]) -> int:
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
    if arguments[:1] == [MACHINE]:
        from distsim.scaling.measure_machine import machine

        return machine(comm, arguments[1:])
    from distsim.scaling.session import run

    return run(comm, arguments)


def _without_ranks(arguments: list[str]) -> Callable[[], int] | None:
    """What does the work where that takes no ranks of this process; None where it takes them."""
    command = arguments[0] if arguments else ""
    text = bool(TEXTS.intersection(arguments)) and command != MACHINE and not launched()
    if command not in COMMANDS and not text and not any(word.startswith("--launcher") for word in arguments):
        return None
    if launched():
        raise InputError(f"{', '.join(COMMANDS)} and --launcher start without mpirun")
    if command not in COMMANDS:
        from distsim.scaling.options import parse

        options = parse(arguments)
        from distsim.scaling.jobs import launch

        return partial(launch, options)
    module, _, function = COMMANDS[command].rpartition(".")
    return partial(getattr(import_module(f"distsim.scaling.{module}"), function), arguments[1:])


if __name__ == "__main__":
    make_lasting()
    sys.exit(main(sys.argv[1:]))
