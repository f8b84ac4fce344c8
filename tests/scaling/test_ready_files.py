"""What is ready to run: written by ``init``, from the project or from the wheel."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from distsim import __version__
from distsim.__main__ import main
from distsim.command import ELSEWHERE
from distsim.scaling.experiment import read_experiment
from distsim.scaling.ready_files import ready_files
from tests.documents import ROOT

OF_PROJECT = {
    **{f"{folder}/{path.name}": path for folder in ("scaling", "jobs") for path in (ROOT / folder).glob("*.[ts][oh]*")},
    **{path.name: path for path in (ROOT / "docs" / "own").glob("my_*")},
}
"""What a user gets, by name, and where it stands in the project."""


def distsim(*words: str, folder: Path, path: Path = ROOT) -> tuple[int, str]:
    """Exit code and all that ``python -m distsim WORDS`` prints in ``folder``; the package is that below ``path``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])}
    command = [sys.executable, "-m", "distsim", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def as_written(name: str, path: Path) -> str:
    """What ``init`` makes of a file: jobs use the virtual environment that it runs in, if it does."""
    text = path.read_text(encoding="utf-8")
    if name != "jobs/site.sh" or sys.prefix == sys.base_prefix:
        return text
    before = "if [ -e .venv/bin/activate ]; then . .venv/bin/activate; fi"
    assert before in text
    return text.replace(before, f". {shlex.quote(sys.prefix + '/bin/activate')}")


def test_init_writes_all_that_is_ready_and_overwrites_nothing(tmp_path):
    assert ready_files() == OF_PROJECT
    assert len(OF_PROJECT) > 10
    code, said = distsim("init", "new", folder=tmp_path)
    assert (code, "scaling/quick.toml" in said) == (0, True)
    for name, path in OF_PROJECT.items():
        assert (tmp_path / "new" / name).read_text() == as_written(name, path)
        if name.endswith(".toml"):
            read_experiment(tmp_path / "new" / name, {})
    code, said = distsim("init", "new", folder=tmp_path)
    assert (code, "is there already, and nothing is overwritten" in said) == (2, True)


def test_a_missing_experiment_file_says_where_the_ready_ones_are(tmp_path):
    code, said = distsim("scaling", "scaling/quick.toml", folder=tmp_path)
    assert code == 2
    assert "there is no experiment file 'scaling/quick.toml'; python -m distsim.scaling init FOLDER writes" in said


@pytest.mark.parametrize("command", [[], *([word] for word in ELSEWHERE)], ids=str)
def test_every_program_tells_its_version(command, capsys):
    with suppress(SystemExit):
        assert main([*command, "--version"]) == 0
    assert capsys.readouterr().out == f"distsim {__version__}\n"


# ---------------------------------------------------------------- what is handed out


def test_the_wheel_is_enough(tmp_path):
    """Its package, without the project beside it, writes the same files; the program is in it."""
    (wheel,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code, said = distsim("init", "new", folder=tmp_path, path=tmp_path / "installed")
    assert code == 0, said
    assert {str(path.relative_to(tmp_path / "new")) for path in (tmp_path / "new").rglob("*.*")} == set(OF_PROJECT)
    for name, path in OF_PROJECT.items():
        assert (tmp_path / "new" / name).read_text() == as_written(name, path)
    (entry_points,) = (tmp_path / "installed").glob("*/entry_points.txt")
    assert "distsim = distsim.__main__:program" in entry_points.read_text(encoding="utf-8")
    assert {path.name for path in (tmp_path / "installed").iterdir()} == {"distsim", entry_points.parent.name}


def test_the_source_distribution_has_what_its_tests_read(tmp_path):
    (archive,) = SdistBuilder(str(ROOT)).build(directory=str(tmp_path))
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    folders = ("distsim", "tests", "docs", "jobs", "scaling", "benchmarks", "packaging")
    there = {path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file()}
    wanted = {str(path.relative_to(ROOT)) for path in there if path.suffix in {".py", ".md", ".toml", ".sh", ".json"}}
    wanted = {name for name in wanted if "results/" not in name}
    assert wanted | {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run", ".gitignore"} <= names
