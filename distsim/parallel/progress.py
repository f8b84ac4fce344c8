"""Progress of long work: a bar on the terminal, with the real-time factor where simulated time is what advances."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TextIO

from distsim.core.units import MS_PER_S
from distsim.parallel import launched

if TYPE_CHECKING:
    from mpi4py import MPI


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
    """Bars on rank 0 where it or its launcher has a terminal; nothing in a batch log and on other ranks.

    None stands for a process that is no rank of a job.
    """
    stream = _terminal() if comm is None or comm.rank == 0 else None
    return partial(_bar, stream) if stream is not None else silent


def _terminal() -> TextIO | None:
    """Standard error where it is a terminal, or that of the launcher, which ranks reach through a pipe only."""
    if sys.stderr.isatty():
        return sys.stderr
    if not launched():
        return None
    behind = f"/proc/{os.getppid()}/fd/2"
    try:
        if not os.readlink(behind).startswith(("/dev/pts/", "/dev/tty")):
            return None
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
        """Knows the real-time factor: wall time over simulated time."""

        @property
        def format_dict(self) -> dict[str, Any]:
            known: dict[str, Any] = super().format_dict
            seconds = known["n"] / MS_PER_S
            factor = f", {known['elapsed'] / seconds:.2g} x real time" if unit == "ms" and seconds > 0.0 else ""
            return {**known, "factor": factor}

    layout = "{desc}: {percentage:3.0f}%|{bar}| {n:.0f}/{total:.0f} {unit}{factor}, {remaining} left"
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
    from numba.core import event

    listener = _compilation_listener(stream)
    with event.install_listener("numba:compile", listener):
        yield
    if listener.bar is not None:
        listener.bar.close()


def _compilation_listener(stream: TextIO) -> Any:
    """Writes a line about the kernel that numba is compiling; those that become part of it are not told apart."""
    from numba.core import event
    from tqdm import tqdm

    class Listener(event.Listener):  # type: ignore[misc] # numba is untyped
        """``depth``: kernels that are being compiled, one for another."""

        depth = 0
        bar: Any = None

        def on_start(self, event: Any) -> None:
            self.depth += 1
            name = event.data["dispatcher"].py_func.__name__
            if self.bar is None:
                layout = "compiling {desc} ({n} kernels compiled before, {elapsed})"
                self.bar = tqdm(desc=name, file=stream, leave=False, bar_format=layout)
            elif self.depth == 1:
                self.bar.set_description_str(name)

        def on_end(self, event: Any) -> None:
            self.depth -= 1
            if self.depth == 0:
                self.bar.update()
                self.bar.clear()

    return Listener()
