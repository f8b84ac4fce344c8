"""Programs as the documents show them, run as they are or on ranks."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

from tests.documents import ROOT
from tests.mpi import JOB_ENVIRONMENT, mpirun, outside_of_any_job, own_rank

TINY = ["--sizes", "60", "--indegree", "20", "--time", "20"]
RANKS = 3  # at most: more would only take turns
BEFORE_PYTHON = {
    "docs/coming_from.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 "
    "--record spikes 'connectivity=E[:2000]->E[:2000]' --out data",
    "docs/dry.md": "python -m distsim run two_population --set N=2500 K=250 --time 200 --record spikes --out recorded",
    "docs/liquid.md": "python -m distsim run liquid_state --pairs 5 --keep stimuli,curves,spikes,states "
    "--set 'distances=[0.1,0.2,0.3,0.4]' 'keep_pairs=[0,3]' --out kept",
    "docs/rates.md": "python -m distsim run brunel_siegert --time 40 --dt 0.05 --record rates=E,I@1 --out results",
    "docs/recording.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 "
    "--record 'spikes=E[:100],I' connectivity --out recorded",
    "docs/scaling.md": "python -m distsim.scaling --sizes 500 1000 --indegree 100 --time 200 "
    "--keep spikes,connectivity,parameters --out kept",
    "docs/running.md": "python -m distsim run two_population --set N=2500 K=250 --time 500 --out results",
}
"""The command of a document whose results its Python reads."""
HERE = {"distsim", "distsim.scaling"}
"""Programs that are run in this process: to start another takes longer than most commands. On ranks they start."""
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def run(command: list[str], cwd: Path) -> str:
    """What a command prints; it must end well."""
    inherited = {k: v for k, v in outside_of_any_job(os.environ).items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment = {**inherited, **JOB_ENVIRONMENT, **ENVIRONMENT}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_here(program: str, arguments: list[str], cwd: Path) -> str:
    """What ``python -m PROGRAM ARGUMENTS`` prints, run in this process; it must end well."""
    main = importlib.import_module(f"{program}.__main__").main
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        try:
            code = main(arguments)
        except SystemExit as stop:  # of help
            code = stop.code
    assert not code, f"{program} {shlex.join(arguments)}\n{printed.getvalue()}{said.getvalue()}"
    return printed.getvalue()


def run_python(arguments: list[str], ranks: int | None, cwd: Path) -> str:
    """What ``python ARGUMENTS`` prints, started directly (None) or on ``ranks`` ranks."""
    if ranks is None:
        alone = own_rank(os.environ) is None and "--launcher" not in arguments
        here = alone and arguments[0] == "-m" and arguments[1] in HERE
        return run_here(arguments[1], arguments[2:], cwd) if here else run([sys.executable, *arguments], cwd)
    return mpirun(min(ranks, RANKS), arguments, timeout=300, cwd=cwd, env=ENVIRONMENT).stdout
