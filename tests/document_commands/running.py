"""Programs as the documents show them, run as they are or on ranks."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import runpy
import shlex
import subprocess
import sys
import warnings
from pathlib import Path
from unittest import mock

import pytest
from mpi4py import MPI

from tests import documents
from tests.documents import DOCUMENTS, ROOT
from tests.mpi import JOB_ENVIRONMENT, mpirun, outside_of_any_job, own_rank

Ranks = int | MPI.Comm | None
"""Those of a job that is started, of this one, or none: without a launcher."""
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
WALKS = ("docs/clusters.md", "docs/first_experiment.md")
"""Documents whose commands are typed one after the other, in a folder without the project."""
HERE = {"distsim", "distsim.scaling"}
"""Programs that are run in this process: to start another takes longer than most commands."""
ENVIRONMENT = {"PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def commands_to_check() -> list[tuple[str, str]]:
    """Documents and their commands, those that mean the same in several documents once, without BEFORE_PYTHON's.

    Reports mean the same whatever their folder is called.
    """
    everywhere = re.compile(r"(mpirun -n \d+ )?python (-m distsim|benchmarks/)(?!.*--populations)|make ")
    found = {}
    for document in (each for each in DOCUMENTS if each not in WALKS):
        for command in documents.commands(document):
            if BEFORE_PYTHON.get(document) != command:
                same = re.sub(r"(scaling report) [\w-]+", r"\1", command)
                found.setdefault(same if everywhere.match(command) else (document, command), (document, command))
    return list(found.values())


COMMANDS = commands_to_check()


def run(command: list[str], cwd: Path) -> str:
    """What a command prints; it must end well."""
    inherited = {k: v for k, v in outside_of_any_job(os.environ).items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment = {**inherited, **JOB_ENVIRONMENT, **ENVIRONMENT}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{shlex.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def run_here(arguments: list[str], cwd: Path) -> str:
    """What ``python ARGUMENTS``, a program of HERE or a script, prints, run in this process; it must end well."""
    printed, said = io.StringIO(), io.StringIO()
    with contextlib.chdir(cwd), contextlib.redirect_stdout(printed), contextlib.redirect_stderr(said):
        try:
            code = main_of(*arguments[1:]) if arguments[0] == "-m" else script(*arguments)
        except SystemExit as stop:  # of help
            code = stop.code
    assert not code, f"{shlex.join(arguments)}\n{printed.getvalue()}{said.getvalue()}"
    return printed.getvalue()


def main_of(program: str, *arguments: str) -> int:
    """The exit code of ``python -m PROGRAM ARGUMENTS``."""
    return importlib.import_module(f"{program}.__main__").main(list(arguments))


def script(path: str, *arguments: str) -> None:
    """Run a script as the main module, beside which it finds others; what it sets in the environment is undone."""
    environment = mock.patch.dict(os.environ)
    with pytest.MonkeyPatch.context() as patch, environment, warnings.catch_warnings(action="ignore"):
        patch.setattr(sys, "argv", [path, *arguments])
        full = Path(path).resolve()  # by which processes that it starts find it, wherever tests began
        patch.syspath_prepend(str(full.parent))
        runpy.run_path(str(full), run_name="__main__")


def run_python(arguments: list[str], ranks: Ranks, cwd: Path) -> str:
    """What ``python ARGUMENTS`` prints: started directly (None), as a job of so many ranks, or on all of this job's."""
    if isinstance(ranks, MPI.Comm):
        return "".join(ranks.allgather(run_here(arguments, cwd)))
    if ranks is None:
        here = is_alone() and "--launcher" not in arguments and arguments[0] == "-m" and arguments[1] in HERE
        return run_here(arguments, cwd) if here else run([sys.executable, *arguments], cwd)
    return mpirun(min(ranks, RANKS), arguments, timeout=300, cwd=cwd, env=ENVIRONMENT).stdout


def is_alone() -> bool:
    """Whether this process is no rank of a job."""
    return own_rank(os.environ) is None


def write_script(document: str, folder: Path) -> None:
    """Save the Python of a document, all blocks as one script."""
    source = "\n".join(documents.fenced(document, "python"))
    (folder / documents.script_name(document)).write_text(source, encoding="utf-8")


def run_document(document: str, ranks: Ranks, folder: Path) -> str:
    """What the script of a document, which is in ``folder``, prints, after the command whose results it reads."""
    if document in BEFORE_PYTHON:
        assert BEFORE_PYTHON[document] in documents.commands(document)
        words = shlex.split(BEFORE_PYTHON[document])
        run_python(words[1:], ranks, folder)
        assert list((folder / words[-1]).glob("summary.json")) or list((folder / words[-1]).glob("runs.jsonl"))
    name = documents.script_name(document)
    return run_here([name], folder) if ranks is None and is_alone() else run_python([name], ranks, folder)
