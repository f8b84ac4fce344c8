"""Write the pages of the documentation that follow from the code: ``python docs/generate.py``.

A test compares the pages with what this program makes.
"""

from __future__ import annotations

import inspect
from pathlib import Path

from distsim.models.defaults import markdown_table
from distsim.models.two_population import parameters

HERE = Path(__file__).parent

INTRODUCTION = """\
# Parameters of the two-population network

<!-- Written by `python docs/generate.py` from distsim/models/two_population/; change that instead. -->

The network of `distsim.models.two_population`: `parameters.load({"N": 1250, "g": 8.0})` takes other values for some of
them, and so do `python -m distsim.scaling --set g=8` and the table `[parameters]` of an experiment file. Unknown names
and values out of range are errors.

Sources: *example* is the NEST example `pynest/examples/ignore_and_fire` (two-population STDP network), *NEST* the
defaults of NEST 3.10.0 that the example leaves as they are, *distsim* marks what the example has no name for.

"""

DERIVED = """
## Derived quantities

They follow from the parameters and cannot be set; the values are those of the defaults.

| quantity | value | meaning |
|---|---|---|
"""


def two_population() -> str:
    """The page parameters.md."""
    values = parameters.load()
    rows = [f"| `{name}` | {getattr(values, name)} | {_meaning(name)} |\n" for name in parameters.DERIVED]
    return INTRODUCTION + markdown_table(parameters.defaults()) + DERIVED + "".join(rows)


def _meaning(name: str) -> str:
    """The first sentence of the docstring of a property of ``Parameters``."""
    text = inspect.getdoc(getattr(parameters.Parameters, name)) or ""
    return text.splitlines()[0].rstrip(".").replace("``", "`")


PAGES = {"parameters.md": two_population}
"""File name -> function that makes its text."""


if __name__ == "__main__":
    for page, make in PAGES.items():
        (HERE / page).write_text(make(), encoding="utf-8")
        print(f"written: {HERE / page}")
