"""What a model's run gives: tables to print, a summary to keep, figures to draw."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table of unformatted values; None and not-a-number are shown as a dash.

    ``header`` and ``rows`` have one entry for each column; ``formats`` has the format of each column's numbers, such
    as ".2f", or is empty.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    formats: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """All that a run shows.

    ``summary`` is ready for JSON and goes to summary.json. ``figures`` has a function that draws each figure by the
    stem of its file name, ``files`` one that makes each other file by its name; they are called only where these are
    wanted, and on rank 0 alone.
    """

    tables: tuple[Table, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, Callable[[], Figure]] = field(default_factory=dict)
    files: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
