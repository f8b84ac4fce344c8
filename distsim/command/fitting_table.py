"""Tables for a terminal: none is wider than 100 columns, as long as there is anything to break."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from itertools import zip_longest

WIDTH = 100  # columns
NARROWEST = 16  # columns of a wrapped first column


def fitted(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: Sequence[str]) -> str:
    """Texts as a table: where it is too wide, headings break at spaces, and then those of the first column wrap.

    ``alignment``: "left" or "right" for each column.
    """
    text = _drawn(header, rows, alignment)
    if _width(text) > WIDTH:
        header = [heading.replace(" ", "\n") for heading in header]
        text = _drawn(header, rows, alignment)
    if rows and (beyond := _width(text) - WIDTH) > 0:
        first = max(len(line) for row in rows for line in row[0].splitlines() or [""])
        width = max(NARROWEST, first - beyond)
        text = _drawn(header, [[textwrap.fill(row[0], width), *row[1:]] for row in rows], alignment)
    return text


def _width(text: str) -> int:
    return max(map(len, text.splitlines()))


def _drawn(header: Sequence[str], rows: Sequence[Sequence[str]], alignment: Sequence[str]) -> str:
    """The table; tabulate would give each heading two columns of room beside it."""
    cells = [[text.split("\n") for text in row] for row in (header, *rows)]
    widths = [max(len(line) for cell in column for line in cell) for column in zip(*cells, strict=True)]
    place = ["<" if side == "left" else ">" for side in alignment]
    lines = [
        "  ".join(f"{part:{side}{width}}" for part, side, width in zip(parts, place, widths, strict=True)).rstrip()
        for row in cells
        for parts in zip_longest(*row, fillvalue="")
    ]
    headings = max(map(len, cells[0]))
    return "\n".join([*lines[:headings], "  ".join("-" * width for width in widths), *lines[headings:]])
