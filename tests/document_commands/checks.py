"""What checks each command of the documents."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from distsim import __version__
from tests import documents
from tests.document_commands.harness import check_sbatch, check_scaling
from tests.document_commands.measurements import (
    check_against_brian2,
    check_against_nnmt,
    check_benchmark,
    check_checkpoints,
    check_dry,
    check_exchange,
    check_interval,
    check_kernels,
    check_many_projections,
    check_nest_scripts,
    check_predictions,
    check_start,
)
from tests.document_commands.running import Ranks, run, run_python
from tests.document_commands.simulations import PHASE_DIAGRAM, check_models, check_nest, check_phase_diagram
from tests.documents import ROOT


def check_make(words: list[str], document: str, folder: Path) -> None:
    """make knows the target and the variables, and what it passes on in ARGS works."""
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    targets = [word for word in words if "=" not in word]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for name in settings:
        assert re.search(rf"^{name}\s*\?=", makefile, re.MULTILINE), f"the Makefile has no variable {name}"
    placeholder = {"PYTHON": f"PYTHON={sys.executable}"}
    run(["make", "-n", *targets, *(placeholder.get(k, f"{k}={v}") for k, v in settings.items())], ROOT)
    arguments = shlex.split(settings.get("ARGS", ""))
    if arguments and targets == ["run"]:
        check_scaling(arguments, document, folder)
    elif arguments and targets == ["benchmark"]:
        check_benchmark(arguments, document, folder)
    else:
        assert not arguments or targets == ["test"], f"no test knows the arguments of make {targets}"


def check_pip(words: list[str], document: str, folder: Path) -> None:
    """The project is what is installed, or its wheel, with extras that it has."""
    wheel = rf"distsim-{re.escape(__version__)}-py3-none-any\.whl"
    match = re.fullmatch(rf"(?:\.|{wheel})(?:\[([\w,]+)\])?", " ".join(words))
    assert match, f"{words} is not this project"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set((match[1] or "").split(",")) - {""} <= set(project["optional-dependencies"])


def check_wheel(words: list[str], document: str, folder: Path) -> None:
    """The project is what becomes a wheel; that this works is tested with the ready files."""
    assert words == ["--no-deps", "--wheel-dir", "dist", "."]


def check_recipe(words: list[str], document: str, folder: Path) -> None:
    """The recipe of a container or a package is there."""
    assert [word for word in words if (ROOT / word).is_file()], words


def check_in_container(words: list[str], document: str, folder: Path) -> None:
    """What runs in a container, after its name: arguments of distsim, or mpirun's with distsim."""
    inside = words[next(i for i, word in enumerate(words) if word.split(".")[0] == "distsim") + 1 :]
    if "-n" in inside:
        check_mpirun(inside[inside.index("-n") :], document, folder)
    else:
        check_models(inside, document, folder)


def check_mpirun(words: list[str], document: str, folder: Path, ranks: Ranks = None) -> None:
    """``-n RANKS``, and then distsim, the harness, or the script of the document, which runs in its own test.

    It runs on ``ranks``, by default on so many as the command says.
    """
    assert words[0] == "-n", words
    assert int(words[1]) > 1, words
    if words[2] == "distsim":
        words = [*words[:2], "python", "-m", *words[2:]]
    ranks = ranks or int(words[1])
    assert words[2] == "python", words
    if words[3:5] == ["-m", "distsim.scaling"]:
        check_scaling(words[5:], document, folder, ranks)
    elif words[3] in ("benchmarks/binary_large.py", "benchmarks/binary_ranks.py"):
        run_python([*words[3:], "--neurons", "2000", "--time", "1"], ranks, ROOT)
    elif words[3:5] == ["-m", "distsim"]:
        check_models(words[5:], document, folder, ranks)
    elif words[3] == "benchmarks/exchange.py":
        check_exchange(words[4:], document, folder, ranks)
    elif words[3] == PHASE_DIAGRAM:
        check_phase_diagram(words[4:], document, folder, ranks)
    else:
        assert words[3:] == [documents.script_name(document)], words


def check_generate(arguments: list[str], document: str, folder: Path) -> None:
    """That it works is tested below; here it would write into the project."""
    assert not arguments


def check_rm(words: list[str], document: str, folder: Path) -> None:
    """What is removed is written by the script of the document."""
    assert all(f'"{word}"' in "".join(documents.fenced(document, "python")) for word in words)


CHECKS: dict[str, Callable[[list[str], str, Path], None]] = {
    "make": check_make,
    "python -m pip install": check_pip,
    "pip install": check_pip,
    "python -m pip wheel": check_wheel,
    "apptainer build": check_recipe,
    "podman build": check_recipe,
    "rattler-build build": check_recipe,
    "apptainer run": check_in_container,
    "apptainer exec": check_in_container,
    "podman run": check_in_container,
    "distsim": check_models,
    "python -m distsim.nest": check_nest,
    "python -m distsim.scaling": check_scaling,
    "python -m distsim": check_models,
    "python benchmarks/against_nest.py": check_benchmark,
    "python benchmarks/against_nnmt.py": check_against_nnmt,
    "python benchmarks/nest_scripts.py": check_nest_scripts,
    "python benchmarks/many_projections.py": check_many_projections,
    "python benchmarks/against_brian2.py": check_against_brian2,
    "python benchmarks/checkpoints.py": check_checkpoints,
    "python benchmarks/predictions.py": check_predictions,
    "python benchmarks/interval.py": check_interval,
    "python benchmarks/kernels.py": check_kernels,
    "python benchmarks/start.py": check_start,
    "python benchmarks/dry.py": check_dry,
    "python docs/generate.py": check_generate,
    f"python {PHASE_DIAGRAM}": check_phase_diagram,
    "rm": check_rm,
    "sbatch": check_sbatch,
}
"""How a command begins -> what checks the rest of it."""


def check(words: list[str], document: str, folder: Path) -> None:
    """Check a command of ``document``, with ``folder`` for what it writes; fails where it is not known how."""
    for begin, check_rest in CHECKS.items():
        if words[: len(begin.split())] == begin.split():
            check_rest(words[len(begin.split()) :], document, folder)
            return
    pytest.fail(f"{document}: no test knows how to check the command: {shlex.join(words)}")
