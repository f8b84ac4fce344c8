"""Imports, and compilation, without looking for garbage: most of what is made then stays as long as the process."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within it Python does not look for garbage, which it else does a hundred times, in ever more objects."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


def keep_imported() -> None:
    """For programs, once they have imported what they need: nobody looks through it again, nor when the process ends.

    What is made later is looked through as ever.
    """
    gc.freeze()
