"""Entry point of ``python -m distsim``."""

from __future__ import annotations

import sys
from functools import partial

from distsim.command.options import parse
from distsim.errors import InputError
from distsim.parallel import launched_rank, run_main, world


def main(arguments: list[str]) -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input.

    What needs no ranks, help among it, is done without MPI, and told by one rank.
    """
    try:
        asked = parse(arguments)
        if isinstance(asked, str):
            if launched_rank() == 0:
                print(asked, end="")
            return 0
        comm = world()
    except InputError as error:
        if launched_rank() == 0:
            print(f"distsim: error: {error}", file=sys.stderr)
        return 2

    from distsim.command.run import run

    return run_main(partial(run, request=asked), comm)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
