"""Commands that simulate: ``distsim run``, NEST's scripts, programs of the documents."""

from __future__ import annotations

from pathlib import Path

from distsim.models import registry
from distsim.record.jsonable import write_json
from tests import documents
from tests.document_commands.running import Ranks, run_python
from tests.documents import ROOT

PHASE_DIAGRAM = "docs/tutorial/brunel_phase_diagram.py"
SMALLER = {"microcircuit": ["--N-scaling", "0.02", "--K-scaling", "0.02"]}
"""Options of models that are too large for tests."""


def check_models(arguments: list[str], document: str, folder: Path, ranks: Ranks = None) -> None:
    """The command line works; a run takes a short time, and what earlier runs left is there."""
    if "--from" in arguments:
        model, path = arguments[1], folder / arguments[arguments.index("--from") + 1]
        module = registry.find(model)
        small = module.load(module.resized(500, None)).as_dict()
        write_json(path, {"model": model, "parameters": small})
    if "--from-checkpoint" in arguments:
        path = arguments[arguments.index("--from-checkpoint") + 1]
        run_python(
            ["-m", "distsim", "run", arguments[1], "--set", "N=100", "K=20", "--time", "5", "--save", path],
            None,
            folder,
        )
    if "--populations" in arguments:
        file = folder / arguments[arguments.index("--populations") + 1]
        file.write_text(documents.fenced(document, "toml")[0], encoding="utf-8")
    arguments = [str(ROOT / word) if word.endswith(".py") else word for word in arguments]
    shorter = ["--time", "10"] if arguments[0] == "run" and "--help" not in arguments else []
    if shorter and arguments[1] in SMALLER:
        shorter += SMALLER[arguments[1]]
    run_python(["-m", "distsim", *arguments, *shorter], ranks, folder)
    if "--out" in arguments:
        assert (folder / arguments[arguments.index("--out") + 1] / "summary.json").exists()


def check_nest(arguments: list[str], document: str, folder: Path) -> None:
    """The script that a document shows runs in NEST's place, ``import nest`` and all."""
    shown = "\n".join(documents.fenced(document, "python"))
    (folder / arguments[0]).write_text(shown.replace("import distsim.nest as nest", "import nest"), encoding="utf-8")
    assert run_python(["-m", "distsim.nest", *arguments], None, folder) == "".join(documents.fenced(document, "text"))


def check_phase_diagram(arguments: list[str], document: str, folder: Path, ranks: Ranks = None) -> None:
    """The sweep prints simulated and predicted rates and draws them, in a tiny network with four states."""
    tiny = ["--order", "25", "--time", "30", "--g", "3", "6", "--eta", "0.9", "2", "--out", str(folder / "out.png")]
    printed = run_python([PHASE_DIAGRAM, *arguments, *tiny], ranks, ROOT)
    assert len(printed.splitlines()) == 5
    assert (folder / "out.png").stat().st_size > 10_000
