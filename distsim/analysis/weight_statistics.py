"""Synaptic weights: statistics, histogram and the connectivity matrix of chosen neurons.

Two neurons may be connected by several synapses, a multapse. Each of them is a row of what is recorded and read, and
counts for itself in statistics and histograms; where there is one number for a pair, ``MULTAPSES`` says which.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_names

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

MULTAPSES = ("sum", "mean", "last", "count")
"""What stands for the synapses of a pair: sum or mean of their weights, the weight of the last row, their number."""
DENSITIES = ("all", "inside")
"""What a probability density is relative to: all weights, or those between the edges."""

PUBLISHED_MULTAPSES = "last"
"""That of the published connectivity matrix, where each synapse overwrites the one before it."""
PUBLISHED_DENSITY = "inside"
"""That of the published weight histogram, made by numpy with ``density=True``."""

PUBLISHED_EDGES = (0.0, 150.0, 0.5)
"""First and last edge and width (pA) of the bins of the published weight histogram."""


def weight_statistics(weights: npt.ArrayLike) -> dict[str, float] | None:
    """count, mean, sd, min, max and median of ``weights`` (n,), in their unit; None for an empty array.

    Sums are exact (rounded once), so that nothing depends on the order of the weights. sd is divided by n.
    Raises InputError where a weight is not finite.
    """
    values = _as_weights(weights, "weight_statistics")
    n = values.size
    if n == 0:
        return None
    mean = math.fsum(values) / n
    return {
        "count": n,
        "mean": mean,
        "sd": math.sqrt(math.fsum((values - mean) ** 2) / n),
        "min": float(values.min()),
        "max": float(values.max()),
        "median": float(np.median(values)),
    }


def histogram_edges(first: float, last: float, width: float) -> FloatArray:
    """Edges ``first``, ``first`` + ``width``, ... ``last`` (n + 1,); InputError unless they are whole bins."""
    bins = round((last - first) / width) if width > 0.0 else 0
    if bins < 1 or not math.isclose(first + bins * width, last):
        raise InputError(f"histogram_edges: {first:g} to {last:g} is no whole number of bins of width {width:g}")
    return np.linspace(first, last, bins + 1)


def weight_histogram(
    weights: npt.ArrayLike, edges: npt.ArrayLike | None = None, density: str = "all"
) -> tuple[FloatArray, FloatArray]:
    """Probability density (n,) (1/pA) of the weights in the bins between ``edges`` (n + 1,) (pA), and these edges.

    Default: the published bins, 0 to 150 pA in steps of 0.5. ``density="all"``: relative to all weights, those outside
    the edges included, so that its integral is the fraction of weights inside; "inside": relative to the weights
    inside, so that its integral is 1 (``PUBLISHED_DENSITY``). Every synapse of a multapse counts, as published; for one
    value of a pair give the weights of ``merge_multapses``. The last bin includes its right edge.
    Raises InputError where a weight is not finite or edges do not increase.
    """
    check_names([density], DENSITIES, "density", "weight_histogram")
    values = _as_weights(weights, "weight_histogram")
    bounds = histogram_edges(*PUBLISHED_EDGES) if edges is None else np.asarray(edges, np.float64)
    if bounds.ndim != 1 or bounds.size < 2 or not (np.diff(bounds) > 0.0).all():
        raise InputError("weight_histogram: edges must be at least two increasing numbers")
    counts, _ = np.histogram(values, bounds)
    whole = values.size if density == "all" else int(counts.sum())
    return counts / (max(whole, 1) * np.diff(bounds)), bounds


def merge_multapses(
    source: npt.ArrayLike, target: npt.ArrayLike, weight: npt.ArrayLike, multapses: str = "sum"
) -> tuple[IntArray, IntArray, FloatArray]:
    """Synapses (n,) with one entry for each connected pair: source, target and weight (pairs,), sorted by them.

    ``multapses``, one of ``MULTAPSES``, says what the weight of a pair is; the last synapse is that of the last row.
    Raises InputError for arrays of different lengths.
    """
    check_names([multapses], MULTAPSES, "treatment of multapses", "merge_multapses")
    sources, targets = np.asarray(source, np.int64), np.asarray(target, np.int64)
    weights = np.asarray(weight, np.float64)
    if not sources.shape == targets.shape == weights.shape or weights.ndim != 1:
        raise InputError("merge_multapses: source, target and weight must be arrays of one length")
    order = np.lexsort((targets, sources))  # stable: synapses of a pair stay in their order
    sources, targets, weights = sources[order], targets[order], weights[order]
    new = np.ones(weights.size, np.bool_)
    new[1:] = (np.diff(sources) != 0) | (np.diff(targets) != 0)
    first = np.flatnonzero(new)
    count = np.diff(np.append(first, weights.size))
    if multapses == "count":
        value = count.astype(np.float64)
    elif multapses == "last":
        value = weights[first + count - 1]
    else:
        value = np.add.reduceat(weights, first) if first.size else weights
        value = value / count if multapses == "mean" else value
    return sources[first], targets[first], value


def connectivity_matrix(
    source: npt.ArrayLike,
    target: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    sources: npt.ArrayLike,
    targets: npt.ArrayLike,
    multapses: str = "sum",
) -> FloatArray:
    """Matrix (len(targets), len(sources)) of weights, or of numbers of synapses where ``weight`` is None.

    ``source``, ``target`` (and ``weight``) (n,): the synapses; those of neurons not in ``sources`` and ``targets`` are
    left out. Row i belongs to targets[i], column j to sources[j]; 0 where there is no synapse. ``multapses``: what
    stands for several synapses of a pair, see ``MULTAPSES``; published: ``PUBLISHED_MULTAPSES``.
    Raises InputError for arrays of different lengths and for neurons given twice.
    """
    column, from_chosen = _places(np.asarray(source), np.asarray(sources), "sources")
    row, to_chosen = _places(np.asarray(target), np.asarray(targets), "targets")
    values = np.ones(column.shape) if weight is None else np.asarray(weight, np.float64)
    if not column.shape == row.shape == values.shape:
        raise InputError("connectivity_matrix: source, target and weight must be arrays of one length")
    chosen = from_chosen & to_chosen
    how = "count" if weight is None else multapses
    columns, rows, merged = merge_multapses(column[chosen], row[chosen], values[chosen], how)
    matrix = np.zeros((np.size(targets), np.size(sources)))
    matrix[rows, columns] = merged
    return matrix


def _places(
    neurons: npt.NDArray[np.generic], chosen: npt.NDArray[np.generic], name: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """For each of ``neurons``: its place in ``chosen``, and whether it is there."""
    order = np.argsort(chosen, kind="stable")
    ordered = chosen[order]
    if ordered.size == 0:
        return np.zeros(neurons.shape, np.int64), np.zeros(neurons.shape, np.bool_)
    if (ordered[1:] == ordered[:-1]).any():
        raise InputError(f"connectivity_matrix: {name} has a neuron twice")
    place = np.minimum(np.searchsorted(ordered, neurons), ordered.size - 1)
    return order[place], ordered[place] == neurons


def _as_weights(weights: npt.ArrayLike, where: str) -> FloatArray:
    values = np.asarray(weights, np.float64).ravel()
    if not np.isfinite(values).all():
        raise InputError(f"{where}: a weight is not finite")
    return values
