"""Entry point of ``python -m distsim.scaling``."""

from __future__ import annotations

import sys

from distsim.errors import InputError
from distsim.parallel import run_main, world
from distsim.scaling.run import run


def main() -> int:
    """Run the command line on all ranks; returns the exit code, 2 for wrong input."""
    try:
        comm = world()
    except InputError as error:
        print(f"distsim: error: {error}", file=sys.stderr)
        return 2
    return run_main(lambda comm: run(comm, sys.argv[1:]), comm)


if __name__ == "__main__":
    sys.exit(main())
