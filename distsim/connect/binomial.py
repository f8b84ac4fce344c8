"""Binomial numbers from counter-based streams, and the multinomial split of a total that is made of them.

A number is drawn by inversion where its mean is small, else by the transformed rejection BTRS (Hoermann 1993, J Stat
Comput Simul 46:101), the ratio of probabilities taken in Loader's form (2000), in which no digits cancel: the
distribution is right to rounding for any n up to 2^53 (the mean n p is rounded to a double).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.accurate import exp, log, log1p, stirling_error
from distsim.core.jit import inline, jit
from distsim.core.rng import draw_uniform, streams_of

Int64Array = npt.NDArray[np.int64]

BY_INVERSION = 10.0  # largest mean for which it is; the hat of BTRS holds above it


@jit
def deviance(x, mean):  # type: ignore[no-untyped-def]
    """x ln(x / mean) + mean - x, to full relative precision also where x is near the mean."""
    difference = x - mean
    if abs(difference) >= 0.1 * (x + mean):
        return x * log(x / mean) + mean - x
    v = difference / (x + mean)
    total, term = difference * v, 2.0 * x * v
    for k in range(3, 100, 2):
        term *= v * v
        before = total
        total += term / k
        if total == before:
            break
    return total


@jit
def log_probability(k, n, p):  # type: ignore[no-untyped-def]
    """ln of the probability of k successes among n, each of probability p, all float64; 0 < p < 1."""
    if k == 0.0:
        return n * log1p(-p)
    if k == n:
        return n * log(p)
    rest = n - k
    stirling = stirling_error(n) - stirling_error(k) - stirling_error(rest)
    return stirling - deviance(k, n * p) - deviance(rest, n * (1.0 - p)) + 0.5 * log(n / (6.283185307179586 * k * rest))


@inline
def invert(uniform, n, p):  # type: ignore[no-untyped-def]
    """The number of successes at which the summed probabilities exceed ``uniform``; n p is small."""
    weight = exp(n * log1p(-p))
    odds = p / (1.0 - p)
    k = 0.0
    while uniform >= weight and k < n:
        uniform -= weight
        k += 1.0
        weight *= (n - k + 1.0) / k * odds
        if weight == 0.0:
            break
    return k


@jit
def reject(streams, i, n, p):  # type: ignore[no-untyped-def]
    """A number of successes among n by BTRS, p <= 1/2 and n p >= 10; two uniform numbers an attempt."""
    sd = np.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * sd
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center = n * p + 0.5
    squeeze = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * sd
    largest = log_probability(np.floor((n + 1.0) * p), n, p)
    counter = 0
    while True:
        u = draw_uniform(streams, i, counter) - 0.5
        v = draw_uniform(streams, i, counter + 1)
        counter += 2
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = np.floor((2.0 * a / us + b) * u + center)
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0.0 or k > n:
            continue
        if log(v * alpha / (a / (us * us) + b)) <= log_probability(k, n, p) - largest:
            return k


@jit
def binomial(streams, i, n, p):  # type: ignore[no-untyped-def]
    """A number (int64) of successes among n (int64), each of probability p <= 1/2, from stream i."""
    if n == 0 or p == 0.0:
        return np.int64(0)
    trials = np.float64(n)
    if trials * p < BY_INVERSION:
        return np.int64(invert(draw_uniform(streams, i, 0), trials, p))
    return np.int64(reject(streams, i, trials, p))


@jit
def split_level(streams, counts, sizes, halves, half_sizes):  # type: ignore[no-untyped-def]
    """Split every count (n,) over the two halves of its boxes; halves, half_sizes (2 n,) are written.

    The second half, never the larger one, gets a binomial number.
    """
    for i in range(counts.size):
        second = sizes[i] // 2
        moved = binomial(streams, i, counts[i], second / sizes[i]) if second else np.int64(0)
        halves[2 * i], halves[2 * i + 1] = counts[i] - moved, moved
        half_sizes[2 * i], half_sizes[2 * i + 1] = sizes[i] - second, second


def split_total(total: int, parts: int, seed: int, wanted: Int64Array, owner: int = 0) -> Int64Array:
    """Multinomial counts of ``total`` items, at most 2^53, thrown uniformly into ``parts`` boxes: those of some boxes.

    wanted (n,): which boxes; counts (n,) int64. Binomial splits down a tree of halves, a stream for every node,
    numbered as in a heap, each made by every rank that wants a box below it, and by no other: at a cost of n
    log2(parts / n), neither of the items nor of all boxes.
    """
    boxes, place = np.unique(wanted, return_inverse=True)
    counts, sizes = np.array([total], np.int64), np.array([parts], np.int64)
    node, first = np.ones(1, np.int64), np.zeros(1, np.int64)
    while sizes.max(initial=1) > 1:  # once also for no boxes, so that the kernel is compiled
        streams = streams_of(seed, "total", owner, node)
        halves, half_sizes = np.empty(2 * len(node), np.int64), np.empty(2 * len(node), np.int64)
        split_level(streams, counts, sizes, halves, half_sizes)
        node, first = np.repeat(2 * node, 2), np.repeat(first, 2)
        node[1::2] += 1
        first[1::2] += half_sizes[::2]
        asked = np.searchsorted(boxes, first) < np.searchsorted(boxes, first + half_sizes)
        counts, sizes, node, first = halves[asked], half_sizes[asked], node[asked], first[asked]
    return counts[place]
