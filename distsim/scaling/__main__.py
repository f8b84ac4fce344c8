"""Entry point of ``python -m distsim.scaling``."""

from __future__ import annotations

import sys
from functools import partial

from distsim.errors import DistsimError, InputError
from distsim.parallel import launched, on_root, run_main, world

COMMANDS = ("report", "compare", "show")


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input, 4 for a full disk.

    What needs no ranks of its own is done without MPI, or by one rank where a launcher waits for all to end.
    """
    alone = arguments[:1] in [[name] for name in COMMANDS]
    try:
        if alone and not launched():
            return report(arguments)
        if any(word.startswith("--launcher") for word in arguments):
            return launch(arguments)
        comm = world()
    except DistsimError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return 2 if isinstance(error, InputError) else 4
    if alone:
        return run_main(partial(on_root, function=partial(report, arguments)), comm)

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
    sys.exit(main(sys.argv[1:]))
