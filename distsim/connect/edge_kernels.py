"""Kernels over edges: counted by source, put into the rows of their sources, summed by target."""

from __future__ import annotations

from distsim.core.jit import jit


@jit
def count(source, counts):  # type: ignore[no-untyped-def]
    """counts[s] += the number of edges of source s."""
    for edge in range(source.size):
        counts[source[edge]] += 1


@jit
def fill(source, degree, places, cursor, targets, own_weights, weights):  # type: ignore[no-untyped-def]
    """Put every edge at the cursor of its source, which moves on.

    source (edges,): those of the first target, degree[0] of them, then those of the next, ...; places (targets,): the
    local index of each target. Weights of their own, (edges,), go there too; (0,) where there are none.
    """
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            at = cursor[source[edge]]
            cursor[source[edge]] = at + 1
            targets[at] = places[t]
            if own_weights.size:
                weights[at] = own_weights[edge]
            edge += 1


@jit
def count_runs(source, degree, kinds, counts, runs, last):  # type: ignore[no-untyped-def]
    """counts[s] += the number of edges of source s, runs[s] += the number of runs of one kind that they make.

    kinds (targets,): that of the edges of each target; last (sources,): that of the last edge of each source so far.
    """
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            row = source[edge]
            counts[row] += 1
            runs[row] += last[row] != kinds[t]
            last[row] = kinds[t]
            edge += 1


@jit
def fill_kinds(source, degree, places, kinds, rows, found, targets, own_weights, weights):  # type: ignore[no-untyped-def]
    """As ``fill``, of edges of many kinds, one kind after the other.

    kinds (targets,): that of the edges of each target. rows: of each source the place of its first edge, that of the
    next, which moves on, its first run, the next one, which moves on; the latter two (0,) where there are no runs.
    found: (kinds, ends), written: of each edge, or of each run, its kind; where each run ends, counted from the first
    edge of the row.
    """
    offsets, cursor, first, run = rows
    kind_of, ends = found
    edge = 0
    for t in range(degree.size):
        for _ in range(degree[t]):
            row = source[edge]
            at = cursor[row]
            cursor[row] = at + 1
            targets[at] = places[t]
            if own_weights.size:
                weights[at] = own_weights[edge]
            if not first.size:
                kind_of[at] = kinds[t]
            else:
                if run[row] == first[row] or kind_of[run[row] - 1] != kinds[t]:
                    kind_of[run[row]] = kinds[t]
                    run[row] += 1
                ends[run[row] - 1] = at + 1 - offsets[row]
            edge += 1


@jit
def add_by_target(targets, weights, factor, total):  # type: ignore[no-untyped-def]
    """total[target] += |weight| * factor for every edge; weights (edges,) or (1,)."""
    for edge in range(targets.size):
        total[targets[edge]] += abs(weights[0 if weights.size == 1 else edge]) * factor
