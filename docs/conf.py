"""The site of the documentation: ``make docs`` builds it from the pages as they stand, and from the docstrings.

Its source folder is the project, so that links between pages lead where they lead in a checkout; the README is its
first page. The source of a page is Markdown, that of the reference in ``docs/api`` is reStructuredText.
"""

from __future__ import annotations

import inspect
import re
import shutil
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, ClassVar

from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import distsim

PAGES = {
    "First steps": ["installing", "first_experiment", "tutorial", "tutorial/brunel", "running", "gallery"],
    "Coming from": ["coming_from", "coming_from_pynn", "nest"],
    "How to": [
        "own_network", "own_neuron", "own_synapse", "stimuli", "devices", "changing", "parts", "recording",
        "analysis", "sonata", "going_on", "checkpoints", "clusters",
    ],
    "Networks": ["parameters", "microcircuit", "rates", "binary", "liquid"],
    "Scaling": [
        "scaling", "exchange", "scale", "dry", "predicting", "performance", "/benchmarks/README",
        "/scaling/results/README",
    ],
    "Reference": ["api/index", "design", "/CHANGELOG"],
}  # fmt: skip
"""The pages in the order of the contents: those of docs, and, with a slash, others. One that is not here is last."""
RESULTS = "scaling/results/"
PUBLIC = distsim._modules()
"""The module of every public name."""
ENOUGH = ["object", "tuple", "Exception", *PUBLIC]
"""Classes that are known, or told of by themselves."""
TYPES = {
    r"float \| ~numpy\.ndarray\[[^|]*\] \| ~distsim\.core\.distributions\.Distribution": "Value",
    r"~[\w.]*Buffer \|.*?\| ~[\w.]*_NestedSequence\[complex \| bytes \| str\]": "ArrayLike",
    r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[~numpy\.(\w+)\]\]": r"ndarray[\1]",
}
"""Types that Python writes out, and the names that they have for readers."""

project = "distsim"
author = copyright = "the distsim developers"
version = release = distsim.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.mathjax"]

root_doc = "README"
include_patterns = ["README.md", "CHANGELOG.md", "benchmarks/README.md", f"{RESULTS}**.md", "docs/**.md", "docs/**.rst"]
exclude_patterns = [".*", "build", "dist", "tests", "distsim", "docs/_build"]
highlight_language = "none"  # of commands; Python says so
myst_heading_anchors = 4
myst_links_external_new_tab = False
suppress_warnings = ["myst.header", "ref.python"]  # a level left out; a name that several models have

autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autodoc_inherit_docstrings = False  # what fills in a method of a base class is told there
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 90
add_module_names = False

html_theme = "furo"
html_title = f"distsim {release}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False


def add_contents(app: Sphinx, name: str, source: list[str]) -> None:
    """The contents of the site, at the end of its first page; those of the published results at the end of theirs."""
    found = app.env.found_docs - {root_doc}
    results = sorted(page for page in found if page.startswith(RESULTS) and page != f"{RESULTS}README")
    if name == f"{RESULTS}README":
        source[0] += contents("", results)
    if name != root_doc:
        return
    groups = {
        title: [page[1:] if page[0] == "/" else f"docs/{page}" for page in pages] for title, pages in PAGES.items()
    }
    named = {page for pages in groups.values() for page in pages}
    groups["Reference"] += sorted(page for page in found - named - {*results} if not page.startswith("docs/api/"))
    source[0] += "".join(contents(title, [p for p in pages if p in found]) for title, pages in groups.items())


def contents(title: str, pages: list[str]) -> str:
    """A list of pages for the side of the site."""
    caption = [f":caption: {title}"] if title else []
    return "\n".join(["", "```{toctree}", ":hidden:", *caption, *(f"/{page}" for page in pages), "```", ""])


class Public(SphinxDirective):
    """``.. public:: PREFIX ...``: what ``distsim`` makes public of the modules below these, in its order.

    With the option ``inherited`` what classes have from others that are not public themselves is shown as theirs.
    """

    required_arguments, final_argument_whitespace = 1, True
    option_spec: ClassVar = {"inherited": directives.flag}

    def run(self) -> list[Any]:
        prefixes = tuple(f"{prefix}." for prefix in self.arguments[0].split())
        text, told = "", ""
        for name, module in PUBLIC.items():
            if not f"{module}.".startswith(prefixes):
                continue
            if module != told:  # equations and sources stand there
                text += f".. rubric:: {module}\n\n.. automodule:: {module}\n   :no-index:\n\n"
                told = module
            thing = getattr(distsim, name)
            kind = "class" if inspect.isclass(thing) else "function" if inspect.isfunction(thing) else "data"
            text += f".. auto{kind}:: distsim.{name}\n"
            if kind == "class":
                text += "   :members:\n   :exclude-members: group, kernel\n"
                text += f"   :inherited-members: {', '.join(ENOUGH)}\n" if "inherited" in self.options else ""
            text += "\n"
        return self.parse_text_to_nodes(text)


class Modules(SphinxDirective):
    """``.. modules:: FOLDER ...``: a section for each module of these packages, or for a module that is named."""

    required_arguments, final_argument_whitespace = 1, True

    def run(self) -> list[Any]:
        text = ""
        for name in self.arguments[0].split():
            folder = getattr(import_module(name), "__path__", [])
            for module in [f"{name}.{found.name}" for found in iter_modules(folder)] or [name]:
                elsewhere = ", ".join(public for public, home in PUBLIC.items() if home == module)
                text += f"{module}\n{'-' * len(module)}\n\n.. automodule:: {module}\n   :members:\n"
                text += f"   :exclude-members: {elsewhere}\n\n" if elsewhere else "\n"
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def as_written(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are plain text: of its signs only ``code`` is markup, and what is indented is shown as it is."""
    parts = re.split(r"(``[^`]+``|(?:^    .*\n?)+)", "\n".join(lines), flags=re.MULTILINE)
    for number, part in enumerate(parts):
        if part.startswith("    "):
            parts[number] = f"::\n\n{part}\n"
        elif not part.startswith("``"):
            parts[number] = re.sub(r"([*|`\\]|_(?!\w))", r"\\\1", part)
    lines[:] = "".join(parts).split("\n")


def with_names(app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, result: str) -> Any:
    """Signatures with types by the names that they have for readers."""
    for written, known in TYPES.items():
        signature, result = (re.sub(written, known, text) if text else text for text in (signature, result))
    return signature, result


def finish(app: Sphinx, error: Exception | None) -> None:
    """The first page is found by the name that servers look for."""
    if error is None and app.builder.name == "html":
        shutil.copy(Path(app.outdir, f"{root_doc}.html"), Path(app.outdir, "index.html"))


def setup(app: Sphinx) -> None:
    """What Sphinx asks for: the directives and the functions above."""
    app.add_directive("public", Public)
    app.add_directive("modules", Modules)
    app.connect("env-get-outdated", lambda *_: [root_doc, f"{RESULTS}README"])  # which name the others
    app.connect("source-read", add_contents)
    app.connect("autodoc-process-docstring", as_written)
    app.connect("autodoc-process-signature", with_names)
    app.connect("build-finished", finish)
