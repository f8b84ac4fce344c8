"""``python -m distsim.nest script.py [arguments]``: run a PyNEST script, on all ranks of the job."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from distsim.command.arguments import version
from distsim.core.lasting_imports import keep_imported

USAGE = """\
usage: [mpirun -n RANKS] python -m distsim.nest SCRIPT.py [arguments]

Run a PyNEST script with distsim in NEST's place, on all ranks of the job; the arguments are the script's. What is
there, and what differs from NEST, is told in docs/nest.md.
"""


def main(arguments: list[str]) -> int:
    """Run the script; returns the exit code, 2 where there is none."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, end="")
        return 0 if arguments else 2
    if arguments[0] == "--version":
        print(version())
        return 0
    script = Path(arguments[0])
    if not script.is_file():
        print(f"distsim: error: there is no script '{script}'", file=sys.stderr)
        return 2
    from distsim import nest
    from distsim.parallel.job import end_together

    end_together()
    nest.stand_in()
    keep_imported()
    sys.argv = list(arguments)
    sys.path[0] = str(script.parent.resolve())
    runpy.run_path(str(script), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
