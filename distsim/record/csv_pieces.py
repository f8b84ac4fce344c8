"""Tables as CSV, made as they are written: a long one takes no more memory than a short one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any

LINES = 1 << 13  # of a piece


def csv_pieces(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[bytes]:
    """The text of the table with these columns and ``rows``, in pieces of at most ``LINES`` lines."""
    lines: Iterator[Sequence[Any]] = chain([header], rows)
    while piece := list(islice(lines, LINES)):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(piece)
        yield text.getvalue().encode()
