"""The documents of the project, taken apart: Python, what it prints, command lines, links."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
DOCUMENTS = ["README.md", "benchmarks/README.md", *DOCS]
DRAWINGS = {"docs/binary.md", "docs/design.md", "docs/liquid.md"}
"""Documents whose indented blocks are drawings and formulas, unless they begin with one of PROGRAMS."""
PROGRAMS = ("python", "python3", "mpirun", "make", "pip", "rm")

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE_SPAN = re.compile(r"`([^`\n]+)`")


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def fenced(document: str, *languages: str) -> list[str]:
    """Contents of the fenced blocks in one of ``languages``."""
    return [body for language, body in FENCE.findall(text_of(document)) if language in languages]


def languages(document: str) -> set[str]:
    """Languages of all fenced blocks."""
    return {language for language, _ in FENCE.findall(text_of(document))}


def indented(document: str) -> list[str]:
    """Lines of indented blocks: four spaces or more, after an empty line or another such line."""
    lines, inside, after_empty = [], False, True
    for line in FENCE.sub("", text_of(document)).splitlines():
        if line.strip():
            inside = line.startswith("    ") and (inside or after_empty)
        if inside and line.strip():
            lines.append(line.strip())
        after_empty = not line.strip()
    return lines


def commands(document: str) -> list[str]:
    """Command lines, without comments: indented or in sh blocks, and those of make in running text."""
    lines = indented(document)
    if document in DRAWINGS:
        lines = [line for line in lines if line.split()[0] in PROGRAMS]
    for block in fenced(document, "sh", "bash", "console"):
        lines += [line for line in block.splitlines() if line.strip()]
    lines += [span for span in CODE_SPAN.findall(FENCE.sub("", text_of(document))) if span.startswith("make ")]
    words = [shlex.split(line, comments=True) for line in lines]
    return [shlex.join(line) for line in dict.fromkeys(map(tuple, words)) if line]


def links(document: str) -> list[str]:
    """Targets of the links that lead nowhere outside of the project."""
    return [link for link in LINK.findall(text_of(document)) if not re.match(r"[a-z]+:", link)]


def anchors(document: str) -> set[str]:
    """Names of the headings, as links call them."""
    headings = re.findall(r"^#+ (.*)$", FENCE.sub("", text_of(document)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def knows_ranks(document: str) -> bool:
    """Whether its Python is meant for any number of ranks; other scripts run without MPI, as they are meant."""
    return "rank == 0" in "".join(fenced(document, "python"))


def script_name(document: str) -> str:
    """The name under which the document tells to save its Python, all blocks together."""
    name = re.search(r"[Ss]ave it as `([\w-]+\.py)`", text_of(document))
    return name[1] if name else "script.py"
