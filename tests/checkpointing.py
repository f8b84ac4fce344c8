"""Runs that are interrupted: each part on other ranks, as threads, from the checkpoint of the part before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.threads import on_ranks

Part = tuple[int, float]
"""Ranks, and the duration (ms) of the run on them."""


def in_parts(
    kind: Any,
    build: Callable[[], Any],
    parts: Sequence[Part],
    path: Path,
    look: Callable[[Any], Any],
    file: Path | None = None,
    **options: Any,
) -> Any:
    """What ``look(simulation)`` gives at the end, the same on all ranks; ``options`` of a new simulation.

    Every part is one more run of a simulation of ``kind``; checkpoints of several ranks have two files.
    """
    for k, (ranks, duration) in enumerate(parts):

        def part(comm: Any, k: int = k, duration: float = duration) -> Any:
            if k == 0:
                simulation = kind(build(), comm, file=file, **options)
            else:
                simulation = kind.restore(build(), path, comm, file=file)
            with simulation:
                simulation.run(duration)
                if k < len(parts) - 1:
                    simulation.save(path, files=min(2, comm.size))
                return look(simulation)

        found = on_ranks(ranks, part)
        assert all(of_rank == found[0] for of_rank in found)
    return found[0]


def durations(T: float, dt: float, ranks: Sequence[int]) -> list[Part]:
    """T (ms) in a part for each number of ranks, which differ in length and end anywhere."""
    steps, parts = round(T / dt), []
    ends = [steps * (2 * k + 1) // (2 * len(ranks)) + k for k in range(1, len(ranks))]
    for begin, end, n in zip([0, *ends], [*ends, steps], ranks, strict=True):
        parts.append((n, (end - begin) * dt))
    return parts
