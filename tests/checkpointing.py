"""Runs that are interrupted: each part on other ranks, as threads, from the checkpoint of the part before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.programs.fingerprint import digest, fingerprint
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
    run: Callable[[Any, float], None] = lambda simulation, duration: simulation.run(duration),
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
                run(simulation, duration)
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


def look(simulation: Any) -> dict[str, Any]:
    """All that is recorded or can be asked for."""
    network = simulation.network
    spikes = [simulation.spikes(r.population) for r in network.spike_recordings]
    pairs = dict.fromkeys((p.source, p.target) for p in network.projections)
    edges = [simulation.weights(*pair, at=at) for pair in pairs for at in ("last_spike", "now")]
    recorded = digest(*(array for s in spikes for array in (s.step, s.neuron)))
    numbers = simulation.spike_counts(), repr(simulation.spike_rates())
    weights = digest(*(e.weight for e in edges))
    return {**fingerprint(simulation), "recorded": recorded, "weights": weights, "numbers": numbers}
