"""Progress of long work: a bar on the terminal, with the real-time factor where simulated time is what advances."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from mpi4py import MPI


class Progress(Protocol):
    """``with progress("simulate", 1000.0) as tell: tell(done)`` shows how much of ``total`` ``unit`` is done."""

    def __call__(
        self, label: str, total: float, unit: str = "ms"
    ) -> AbstractContextManager[Callable[[float], None]]: ...


@contextmanager
def silent(label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    """Show nothing."""
    yield _ignore


def bars(comm: MPI.Comm) -> Progress:
    """Bars on rank 0 where it has a terminal; nothing in a batch log and on other ranks."""
    return _bar if comm.rank == 0 and sys.stderr.isatty() else silent


@contextmanager
def _bar(label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    bar = _make_bar(label, total, unit)
    with bar:

        def tell(done: float) -> None:
            bar.update(done - bar.n)

        yield tell


def _make_bar(label: str, total: float, unit: str) -> Any:
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc] # tqdm is untyped
        """Knows the real-time factor: wall time over simulated time."""

        @property
        def format_dict(self) -> dict[str, Any]:
            known: dict[str, Any] = super().format_dict
            seconds = known["n"] / 1000.0
            factor = f", {known['elapsed'] / seconds:.2g} x real time" if unit == "ms" and seconds > 0.0 else ""
            return {**known, "factor": factor}

    layout = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit}{factor}, {remaining} left"
    return Bar(total=total, desc=label, unit=unit, leave=False, bar_format=layout, mininterval=0.2)


def _ignore(done: float) -> None:
    """Nobody wants to know."""
