"""The recipes of packaging/ and pyproject.toml say the same."""

import re
import tomllib

from tests.documents import text_of

PROJECT = tomllib.loads(text_of("pyproject.toml"))
RECIPE = text_of("packaging/conda/recipe.yaml")

OF_CONDA = {"matplotlib": "matplotlib-base"}
"""Names that conda-forge gives to what has another one on PyPI."""


def listed(name: str) -> list[str]:
    """A list of the conda recipe."""
    return re.findall(r"- (.*)", re.search(rf" {name}:\n((?: +- .*\n)+)", RECIPE)[1])


def for_conda(requirements: list[str]) -> list[str]:
    """What conda-forge calls requirements like ``numpy>=2.0``."""
    pairs = [requirement.split(">=") for requirement in requirements]
    return [f"{OF_CONDA.get(name, name)} >={least}" for name, least in pairs]


def test_conda_recipe_is_that_of_the_project():
    project = PROJECT["project"]
    python = f"python {project['requires-python']}"
    assert listed("host") == [python, "pip", *for_conda(PROJECT["build-system"]["requires"])]
    assert listed("run") == [python, *for_conda(project["dependencies"])]
    assert listed("entry_points") == [f"{name} = {function}" for name, function in project["scripts"].items()]
    for key, value in (("version", f'"{project["version"]}"'), ("summary", project["description"])):
        assert f"\n  {key}: {value}\n" in RECIPE


def test_both_containers_are_made_by_the_same_commands():
    commands = re.search(r"%post\n(.*?)\n\n", text_of("packaging/distsim.def"), re.DOTALL)[1].split("\n")
    containerfile = text_of("packaging/Containerfile")
    assert all(command.strip() in containerfile for command in commands)
