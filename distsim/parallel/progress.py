"""Progress of long work: a bar on the terminal, a line each tenth in a log, with the speed of simulated time."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from distsim.core.jit import compilation
from distsim.core.units import MS_PER_S, beside_real_time
from distsim.parallel import launched
from distsim.parallel.signals import launcher_at_terminal

if TYPE_CHECKING:
    from mpi4py import MPI


TENTH = 0.1
SELDOM = 10.0
"""Seconds of work after which a line is due at the next tenth: what takes less needs none."""


class Progress(Protocol):
    """``with progress("simulate", 1000.0) as tell: tell(done)`` shows how much of ``total`` ``unit`` is done.

    Where ``total`` is 0 only the label is shown, as long as the work goes on.
    """

    def __call__(
        self, label: str, total: float, unit: str = "ms"
    ) -> AbstractContextManager[Callable[[float], None]]: ...


@contextmanager
def silent(label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    """Show nothing."""
    yield lambda done: None


def bars(comm: MPI.Comm | None) -> Progress:
    """Bars on rank 0 where it or its launcher has a terminal, else lines in the log; nothing on other ranks.

    None stands for a process that is no rank of a job.
    """
    if comm is not None and comm.rank > 0:
        return silent
    stream = _terminal()
    return lines if stream is None else partial(_bar, stream)


@contextmanager
def lines(label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    """A line on standard error at each tenth of ``total``, but none within ``SELDOM`` seconds after another."""
    begun = last = time.monotonic()
    first: float | None = None  # what was done before, of a run that goes on
    tenths = 0

    def tell(done: float) -> None:
        nonlocal last, first, tenths
        first = done if first is None else first
        now, reached = time.monotonic(), int(done / (TENTH * total) * (1.0 + 1e-9)) if total else 0
        if reached <= tenths or now - last < SELDOM:
            return
        last, tenths = now, reached
        print(_line(label, (done, total, unit), done - first, now - begun), file=sys.stderr, flush=True)

    yield tell


def _line(label: str, state: tuple[float, float, str], advanced: float, seconds: float) -> str:
    """What is done of the total, how fast, and how long the rest will take at this speed."""
    done, total, unit = state
    left = f", {_duration(seconds * (total - done) / advanced)} left" if advanced > 0.0 and done < total else ""
    return (
        f"{label}: {100.0 * done / total:.0f} %, {done:.0f} of {total:.0f} {unit} after {_duration(seconds)}"
        f"{_speed(advanced, seconds, unit)}{left}"
    )


def _duration(seconds: float) -> str:
    from tqdm import tqdm

    return str(tqdm.format_interval(seconds))


def _speed(advanced: float, seconds: float, unit: str) -> str:
    """How fast simulated time advances, in words."""
    return f", {beside_real_time(seconds * MS_PER_S / advanced)}" if unit == "ms" and advanced > 0.0 else ""


def _terminal() -> TextIO | None:
    """Standard error where it is a terminal, or that of the launcher, which ranks reach through a pipe only."""
    if sys.stderr.isatty():
        return sys.stderr
    if not launched() or not launcher_at_terminal():
        return None
    behind = f"/proc/{os.getppid()}/fd/2"
    try:
        stream = os.fdopen(os.open(behind, os.O_WRONLY | os.O_NOCTTY), "w", encoding="utf-8")
    except OSError:
        return None
    return stream if stream.isatty() else None


@contextmanager
def _bar(stream: TextIO, label: str, total: float, unit: str = "ms") -> Iterator[Callable[[float], None]]:
    with _make_bar(stream, label, total, unit) as bar:

        def tell(done: float) -> None:
            bar.update(done - bar.n)

        yield tell


def _make_bar(stream: TextIO, label: str, total: float, unit: str) -> Any:
    from tqdm import tqdm

    class Bar(tqdm):  # type: ignore[misc] # tqdm is untyped
        """Tells how fast simulated time advances, in words: a factor alone could be read either way."""

        @property
        def format_dict(self) -> dict[str, Any]:
            known: dict[str, Any] = super().format_dict
            return {**known, "speed": _speed(known["n"], known["elapsed"], unit)}

    layout = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit}{speed}, {remaining} left"
    bar_format = layout if total else "{desc} ..."
    return Bar(
        total=total, desc=label, unit=unit, leave=False, file=stream, ncols=_columns(stream), bar_format=bar_format
    )


def _columns(stream: TextIO) -> int | None:
    """Columns of a bar on a terminal; None, tqdm's own choice, where the terminal does not tell its width."""
    return max(0, os.get_terminal_size(stream.fileno()).columns - 1) or None


@contextmanager
def compilation_shown(comm: MPI.Comm) -> Iterator[None]:
    """While it lasts, name every kernel that numba compiles, and how many there were, on rank 0 of a terminal.

    Rank 0 is the first of its node and therefore compiles what is not in the cache; kernels that are loaded from the
    cache are not shown.
    """
    stream = _terminal() if comm.rank == 0 else None
    if stream is None:
        yield
        return
    bar: Any = None

    @contextmanager
    def shown(name: str) -> Iterator[None]:
        """A line about the kernel that is being compiled; those that become part of it are not told apart."""
        nonlocal bar
        from tqdm import tqdm

        if bar is None:
            layout = "compiling {desc} ({n} kernels compiled before, {elapsed})"
            bar = tqdm(desc=name, file=stream, leave=False, bar_format=layout)
        else:
            bar.set_description_str(name)
        yield
        bar.update()
        bar.clear()

    before, compilation.shown = compilation.shown, shown
    try:
        yield
    finally:
        compilation.shown = before
        if bar is not None:
            bar.close()
