"""Entry point of ``python -m distsim.scaling``."""

from __future__ import annotations

import sys
from functools import partial

from distsim.core.errors import DistsimError, InputError
from distsim.core.standard_streams import make_lasting
from distsim.parallel import launched, run_main, world
from distsim.parallel.job import INPUT_ERROR, NOT_STORED
from distsim.scaling.interruption import Interruption, interruptible

COMMANDS = ("report", "compare", "show")


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input, 4 for a full disk.

    128 and the number of the signal where one has ended it.

    What needs no ranks of its own is done without MPI.
    """
    alone = report if arguments[:1] in [[name] for name in COMMANDS] else None
    if any(word.startswith("--launcher") for word in arguments):
        alone = launch
    try:
        if alone is not None:
            if launched():
                raise InputError("report, compare, show and --launcher start without mpirun")
            with interruptible():
                return alone(arguments)
        comm = world()
    except Interruption as error:
        print(f"distsim: {error}", file=sys.stderr)
        return error.code
    except DistsimError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return INPUT_ERROR if isinstance(error, InputError) else NOT_STORED

    from distsim.scaling.run import run

    return run_main(partial(run, arguments=arguments), comm)


def report(arguments: list[str]) -> int:
    """Run one of ``COMMANDS``."""
    from importlib import import_module

    name, *rest = arguments
    module = import_module(f"distsim.scaling.report.{'command' if name == 'report' else name}")
    code: int = getattr(module, name)(rest)
    return code


def launch(arguments: list[str]) -> int:
    """Run an experiment whose points are jobs of their own."""
    from distsim.scaling.launch import launch as run_points
    from distsim.scaling.options import parse

    return run_points(parse(arguments))


if __name__ == "__main__":
    make_lasting()
    sys.exit(main(sys.argv[1:]))
