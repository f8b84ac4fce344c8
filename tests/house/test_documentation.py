"""What the documents say holds: Python runs and prints what they show, commands work, links lead somewhere.

Commands that would take long get other options on top (a tiny network). A command that no function here knows how to
check is a failure: teach it to ``check`` (tests/document_commands).
"""

from __future__ import annotations

import os
import re
import runpy
import shlex
import tomllib
from pathlib import Path

import pytest

from distsim.models import registry
from distsim.scaling.experiment import read_experiment
from tests import documents
from tests.document_commands.checks import check, check_pip
from tests.document_commands.harness import check_sbatch
from tests.document_commands.running import COMMANDS, RANKS, WALKS, run_document, run_python, write_script
from tests.documents import DOCUMENTS, ROOT
from tests.mpi import launcher

WITHOUT_RANKS = [(document, command) for document, command in COMMANDS if not command.startswith("mpirun ")]
"""test_documents_on_ranks.py has the others."""

# ---------------------------------------------------------------- Python


@pytest.mark.parametrize("document", [document for document in DOCUMENTS if documents.fenced(document, "python")])
def test_python_runs_and_prints_what_is_shown(document: str, tmp_path: Path) -> None:
    """All blocks of a document are one script; the text blocks of a document show what it prints.

    A script that knows MPI prints the same on any number of ranks: test_documents_on_ranks.py has those whose documents
    show what it is.
    """
    write_script(document, tmp_path)
    printed = run_document(document, None, tmp_path)
    shown = "".join(documents.fenced(document, "text"))
    assert shown in ("", printed)
    if not shown and documents.knows_ranks(document):
        on_ranks = tmp_path / "on_ranks"
        on_ranks.mkdir()
        write_script(document, on_ranks)
        assert run_document(document, RANKS, on_ranks) == printed


@pytest.mark.parametrize("document", DOCUMENTS)
def test_blocks_are_in_languages_that_are_checked(document: str) -> None:
    assert documents.languages(document) <= {"python", "text", "sh", "bash", "console", "toml"}


def test_experiment_files_that_are_shown_are_valid(tmp_path: Path) -> None:
    for block in documents.fenced("docs/scaling.md", "toml"):
        (tmp_path / "shown.toml").write_text(block, encoding="utf-8")
        read_experiment(tmp_path / "shown.toml", {})


def test_files_of_ones_own_are_those_that_are_shown() -> None:
    shown = "docs/own_network.md"
    assert documents.text_of("docs/own/my_network.py").endswith(documents.fenced(shown, "python")[0])
    of_file = tomllib.loads(documents.text_of("docs/own/my_experiment.toml"))
    assert of_file == tomllib.loads(documents.fenced(shown, "toml")[0])


# ---------------------------------------------------------------- commands


@pytest.mark.parametrize(("document", "command"), WITHOUT_RANKS, ids=map(": ".join, WITHOUT_RANKS))
def test_command_works(document: str, command: str, tmp_path: Path) -> None:
    check(shlex.split(command), document, tmp_path)


@pytest.mark.parametrize("document", WALKS)
def test_commands_work_one_after_the_other(document: str, tmp_path: Path) -> None:
    """From installing to a report, without the project; what would load, install or queue is looked at."""
    folder = tmp_path
    for command in documents.commands(document):
        words = shlex.split(command)
        if "--launcher" in words:
            words[words.index("--launcher") + 1] = f"{' '.join(launcher())} -n {{ranks}}"
        if words[0] == "cd":
            folder /= words[1]
        elif words[0] == "distsim":
            run_python(["-m", *words], None, folder)
        elif words[0] == "sbatch":
            check_sbatch(words[1:], document, folder, folder)
        elif words[:4] == ["python", "-m", "pip", "install"]:
            check_pip(words[4:], document, folder)
        elif words[0] == "mpirun" and words[5] == "distsim.scaling":
            check_sbatch(["jobs/single_node.sh", *words[6:]], document, folder, folder)
        elif words[0] == "mpirun":
            run_python(words[4:] if words[3] == "python" else ["-m", *words[3:]], int(words[2]), folder)
        else:
            assert words[0] in (".", "module") or words[:3] == ["python", "-m", "venv"], command
    results = list(folder.glob("*/runs.jsonl"))
    assert len(results) == (2 if document == "docs/first_experiment.md" else 0)
    assert len(list(folder.glob("*/report.html"))) == len(results) / 2


def test_commands_are_found() -> None:
    """Each kind of block and span yields its commands: no test is empty."""
    found = {command for _, command in COMMANDS}
    assert {"make test", "python -m pip install .", "mpirun -n 3 python tutorial.py"} <= found
    assert any(command.startswith("python benchmarks/against_nest.py") for command in found)


def test_an_unknown_command_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="no test knows"):
        check(["nothing"], "README.md", tmp_path)
    with pytest.raises(AssertionError):
        check(["make", "nothing"], "README.md", tmp_path)
    with pytest.raises(AssertionError):
        check(["python", "-m", "pip", "install", ".[openmp]"], "README.md", tmp_path)


# ---------------------------------------------------------------- links and generated pages


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_and_headings(document: str) -> None:
    for link in documents.links(document):
        name, _, anchor = link.partition("#")
        target = (ROOT / document).parent / name if name else ROOT / document
        assert target.exists(), f"{document}: {link}"
        if anchor:
            assert anchor in documents.anchors(os.path.relpath(target, ROOT)), f"{document}: {link}"


@pytest.mark.parametrize("name", ["README.md", "CHANGELOG.md"])
def test_extras_that_are_named_exist(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(re.findall(r"'\.\[(\w+)\]'", documents.text_of(name))) <= set(project["optional-dependencies"])


def test_the_table_of_parameters_has_a_line_for_each() -> None:
    defaults = registry.find("two_population").parameters.DEFAULTS
    table = runpy.run_path(str(ROOT / "docs" / "generate.py"))["markdown_table"](defaults).splitlines()
    assert len(table) == 2 + len(defaults)
    assert "| `N` | 12500 |  | number of neurons, excitatory and inhibitory | example |" in table


def test_generated_pages_are_up_to_date() -> None:
    for name, make in runpy.run_path(str(ROOT / "docs" / "generate.py"))["PAGES"].items():
        assert documents.text_of(f"docs/{name}") == make(), f"docs/{name} is out of date: python docs/generate.py"
