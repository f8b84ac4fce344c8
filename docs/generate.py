"""Write the pages of the documentation that follow from the code: ``python docs/generate.py``.

A test compares the pages with what this program makes. With ``--gallery`` it runs the commands and the Python of the
gallery, too, and keeps the figures that the page shows.
"""

from __future__ import annotations

import inspect
import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from distsim.models import registry
from distsim.models.defaults import Default, value_text
from distsim.models.model_parameters import ModelParameters

HERE = Path(__file__).parent
GALLERY = HERE / "images" / "gallery"

INTRODUCTION = """\
# Parameters of the models

<!-- Written by `python docs/generate.py` from distsim/models/; change that instead. -->

Every parameter can be given another value: `--set g=8` after `python -m distsim run MODEL`, `load({"g": 8.0})` of
`distsim.models.MODEL.parameters` in Python, and the table `[parameters]` of an experiment file of `distsim.scaling`.
Unknown names and values out of range are errors. `python -m distsim run MODEL --help` shows the ranges, too.

Derived quantities follow from the parameters and cannot be set; their values are those of the defaults.

"""


def parameters_page() -> str:
    """The page parameters.md: a section for each model of the registry."""
    contents = "".join(
        f"- [{name}](#{name}): {line}\n" for name, line in registry.lines().items() if name in registry.MODELS
    )
    return INTRODUCTION + contents + "".join(section(name) for name in registry.MODELS)


def section(name: str) -> str:
    """What a model is, where its values come from, its parameters and derived quantities."""
    parameters = registry.find(name).parameters
    about = inspect.getdoc(import_module(f"distsim.models.{name}")) or ""
    values = parameters.load()
    text = f"\n## {name}\n\n{as_markdown(about)}\n\n{sources(name)}\n{markdown_table(parameters.DEFAULTS)}"
    rows = [f"| `{d}` | {short(getattr(values, d))} | {meaning(parameters, d)} |\n" for d in parameters.DERIVED]
    return text + ("\n| derived quantity | value | meaning |\n|---|---|---|\n" + "".join(rows) if rows else "")


def markdown_table(defaults: Mapping[str, Default]) -> str:
    """The parameters as a Markdown table: name, value, unit, meaning, source."""
    lines = ["| parameter | value | unit | meaning | source |", "|---|---|---|---|---|"]
    for name, default in defaults.items():
        value = value_text(default.value)
        lines.append(f"| `{name}` | {value} | {default.unit} | {default.meaning} | {default.source} |")
    return "\n".join(lines) + "\n"


def sources(name: str) -> str:
    """The sources that a defaults file names at its head, as a list."""
    path = Path(inspect.getfile(registry.find(name).parameters)).with_name("defaults.toml")
    head = path.read_text(encoding="utf-8").split("\n\n")[0]
    items: list[str] = []
    for line in head.partition("# Sources:\n")[2].splitlines():
        word = re.match(r"#   (\S+)  +(.*)", line)
        if word:
            items.append(f"- *{word[1]}*: {word[2]}")
        else:
            items[-1] += f"\n  {line.lstrip('# ')}"
    return "Sources of the values:\n\n" + "\n".join(items) + "\n" if items else ""


def meaning(parameters: type[ModelParameters], name: str) -> str:
    """The first sentence of the docstring of a property of ``parameters``."""
    text = inspect.getdoc(getattr(parameters, name)) or ""
    return as_markdown(" ".join(text.partition("\n\n")[0].split())).partition(". ")[0].rstrip(".")


def short(value: Any) -> str:
    """A derived value; numbers to six digits, long lists by their length."""
    if isinstance(value, (list, tuple)):
        return f"{len(value)} values" if len(value) > 4 else ", ".join(map(short, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def as_markdown(text: str) -> str:
    """A docstring's text: code in single backticks."""
    return text.replace("``", "`")


PAGES = {"parameters.md": parameters_page}
"""File name -> function that makes its text."""


def draw_gallery() -> None:
    """Run what gallery.md shows; FOLDER-FIGURE.png there is FIGURE.png in the folder of a run."""
    from PIL import Image

    page = (HERE / "gallery.md").read_text(encoding="utf-8")
    commands = re.findall(r"^    python (-m distsim run .*)", page, re.MULTILINE)
    script = "\n".join(re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE))
    with tempfile.TemporaryDirectory() as folder:
        for arguments in [*map(shlex.split, commands), ["-c", script]]:
            subprocess.run([sys.executable, *arguments], cwd=folder, check=True)
        for name in re.findall(r"\(images/gallery/(.*?)\)", page):
            image = Image.open(Path(folder, name.replace("-", "/", 1)))
            image.convert("RGB").quantize(256, kmeans=1, dither=Image.Dither.NONE).save(GALLERY / name, optimize=True)
            print(f"drawn: {GALLERY / name}")


if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
        print(f"written: {HERE / page}")
    if "--gallery" in sys.argv:
        draw_gallery()
