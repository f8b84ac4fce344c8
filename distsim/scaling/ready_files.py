"""``python -m distsim.scaling init FOLDER``: what is ready to run, written to a folder of the user's."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from distsim.command.arguments import Parser
from distsim.core.errors import InputError
from distsim.record.storage import make_folder, write_all

OWN = "docs/own/"
PATTERNS = ("scaling/*.toml", "jobs/*.sh", f"{OWN}my_*")
"""Files of the project, which the wheel has below ``ready``: pyproject.toml puts them there."""

INIT = """\
Write experiment files (scaling/), templates of Slurm jobs (jobs/) and a network of your own with its experiment
(my_network.py, my_experiment.toml) to FOLDER. Jobs use the virtual environment that this program is in, if it is in
one: see jobs/site.sh. Nothing is overwritten.
"""
SITE, ENVIRONMENT = "jobs/site.sh", "if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi"
"""Where jobs are told how to find Python, and how they are in a checkout."""
NEXT = """\

next, in {folder}:
  python -m distsim.scaling scaling/quick.toml        two small networks, over in seconds
  python -m distsim.scaling my_experiment.toml        the network of my_network.py at several sizes
  python -m distsim.scaling report my_experiment-results
  sbatch jobs/single_node.sh my_experiment.toml       the same on a cluster, once jobs/site.sh is yours
"""


def init(arguments: list[str]) -> int:
    """Run ``init``; returns its exit code. Raises InputError where a file is there already, or cannot be written."""
    parser = Parser(usage="python -m distsim.scaling init FOLDER", description=INIT)
    parser.add_argument("folder", metavar="FOLDER", help="where the files go; made where it is missing")
    folder = Path(parser.take_apart(arguments, "one folder").folder)
    contents = {folder / name: path.read_bytes() for name, path in ready_files().items()}
    if sys.prefix != sys.base_prefix:
        here = f". {shlex.quote(str(Path(sys.prefix, 'bin', 'activate')))}"
        contents[folder / SITE] = contents[folder / SITE].replace(ENVIRONMENT.encode(), here.encode())
    for path in contents:
        if path.exists():
            raise InputError(f"'{path}' is there already, and nothing is overwritten; give another folder")
    for parent in {path.parent for path in contents}:
        make_folder(parent, "init: folder")
    write_all(contents)
    print("\n".join(f"written: {path}" for path in contents))
    print(NEXT.format(folder=folder), end="")
    return 0


def ready_files() -> dict[str, Path]:
    """Where each file is, by its name in the user's folder: in the wheel beside this module, else in the project."""
    packed = Path(__file__).with_name("ready")
    root = packed if packed.is_dir() else Path(__file__).parents[2]
    files = sorted(path for pattern in PATTERNS for path in root.glob(pattern))
    return {str(path.relative_to(root)).removeprefix(OWN): path for path in files}
