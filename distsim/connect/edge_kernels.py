"""Kernels over edges: counted by source, put into the rows of their sources, summed by target."""

from __future__ import annotations

from distsim.core.jit import jit


@jit
def count(source, counts):  # type: ignore[no-untyped-def]
    """counts[s] += the number of edges of source s."""
    for edge in range(source.size):
        counts[source[edge]] += 1


@jit
def fill(source, degree, first, cursor, targets, own_weights, weights):  # type: ignore[no-untyped-def]
    """Put every edge at the cursor of its source, which moves on.

    source (edges,): those of target ``first``, degree[0] of them, then those of the next target, ... Weights of their
    own, (edges,), go there too; (0,) where there are none.
    """
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            at = cursor[source[edge]]
            cursor[source[edge]] = at + 1
            targets[at] = first + t
            if own_weights.size:
                weights[at] = own_weights[edge]
            edge += 1


@jit
def add_by_target(targets, weights, factor, total):  # type: ignore[no-untyped-def]
    """total[target] += |weight| * factor for every edge; weights (edges,) or (1,)."""
    for edge in range(targets.size):
        total[targets[edge]] += abs(weights[0 if weights.size == 1 else edge]) * factor
