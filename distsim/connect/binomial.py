"""Binomial numbers from counter-based streams, and the multinomial split of a total that is made of them.

A number is drawn by inversion where its mean is small, else by the transformed rejection BTRS (Hoermann 1993, J Stat
Comput Simul 46:101), the ratio of probabilities taken in Loader's form (2000), in which no digits cancel: the
distribution is right to rounding for any n up to 2^53 (the mean n p is rounded to a double). Most numbers are accepted
before any logarithm; of the others, most by bounds that need no probability.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.accurate import exp, log, log1p, stirling_error
from distsim.core.jit import inline, jit
from distsim.core.rng import family, hashed, key_of, uniform_at

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
def reject(key, salt, n, p):  # type: ignore[no-untyped-def]
    """A number of successes among n by BTRS, p <= 1/2 and n p >= 10; two uniform numbers an attempt."""
    sd = np.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * sd
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center = n * p + 0.5
    squeeze = 0.92 - 4.2 / b
    counter = 0
    while True:
        u = uniform_at(key + hashed(salt, counter)) - 0.5
        v = uniform_at(key + hashed(salt, counter + 1))
        counter += 2
        us = 0.5 - abs(u)
        if us == 0.0:
            continue
        k = np.floor((2.0 * a / us + b) * u + center)
        if us >= 0.07 and v <= squeeze:
            return k
        if k < 0.0 or k > n:
            continue
        alpha = (2.83 + 5.1 / b) * sd
        if is_below(log(v * alpha / (a / (us * us) + b)), k, n, p):
            return k


@jit
def is_below(height, k, n, p):  # type: ignore[no-untyped-def]
    """Whether ``height`` is at most the logarithm of the probability of k over that of the mode.

    With y = k - mode that is -y^2 / 2 n p q, but for less than |y| / 2 n p q + (|y| + 2)^3 / 3 (n p q)^2, as long as
    |y| + 2 < n p q / 2: the sum of the logarithms of (1 - (j - 1 + d) / n q) / (1 + (j + d) / n p), j = 1 .. |y|, where
    |d| <= 1 as the mode is an integer. More is allowed for, since n p is rounded. Where that does not decide, the
    probabilities do, so that the answer is always theirs.
    """
    mode, variance = np.floor((n + 1.0) * p), n * p * (1.0 - p)
    y = abs(k - mode)
    if y + 4.0 < 0.5 * variance:
        above = height + 0.5 * y * y / variance
        cube = (y + 4.0) * (y + 4.0) * (y + 4.0)
        most = (4.0 * y + cube / (3.0 * variance)) / variance + 1e-6
        if abs(above) > most:
            return above < 0.0
    return height <= log_probability(k, n, p) - log_probability(mode, n, p)


@inline
def binomial(key, salt, n, p):  # type: ignore[no-untyped-def]
    """A number (int64) of successes among n (int64), each of probability p <= 1/2, from the stream of that key."""
    if n == 0 or p == 0.0:
        return np.int64(0)
    trials = np.float64(n)
    if trials * p < BY_INVERSION:
        return np.int64(invert(uniform_at(key + hashed(salt, 0)), trials, p))
    return np.int64(reject(key, salt, trials, p))


@jit
def split(base, salt, box, counts, nodes):  # type: ignore[no-untyped-def]
    """Split counts[0] down a tree to every ``box`` (n,), ascending; counts (n,) is written. See ``split_total``.

    nodes: of the node that leads to the boxes from place k on its number, its first box, how many boxes it has, and how
    many of those in ``box``, four arrays (n,); those at place 0 are given. The second half of a node, never the larger
    one, gets a binomial number. Returns how many of these were drawn.
    """
    number, first, size, wanted = nodes
    drawn, before = np.int64(0), np.int64(-1)
    while drawn > before:  # a level after the other
        before, node = drawn, np.int64(0)
        while node < box.size:
            end = node + wanted[node]
            if size[node] == 1:
                node = end
                continue
            own, second = 2 * number[node], size[node] // 2
            rest, middle = size[node] - second, first[node] + size[node] - second
            moved = binomial(key_of(base, number[node]), salt, counts[node], second / size[node])
            drawn, left = drawn + 1, counts[node] - moved
            after, last = node, end
            while after < last:  # the place of the first box of the second half
                between = (after + last) >> 1
                if box[between] < middle:
                    after = between + 1
                else:
                    last = between
            if after > node:
                number[node], size[node], wanted[node], counts[node] = own, rest, after - node, left
            if after < end:
                number[after], size[after], wanted[after], counts[after] = own + 1, second, end - after, moved
                first[after] = middle
            node = end
    return drawn


def split_total(total: int, parts: int, seed: int, wanted: Int64Array, owner: int = 0) -> Int64Array:
    """Multinomial counts of ``total`` items, at most 2^53, thrown uniformly into ``parts`` boxes: those of some boxes.

    wanted (n,): which boxes; counts (n,) int64. Binomial splits down a tree of halves, a stream for every node,
    numbered as in a heap, each made by every rank that wants a box below it, and by no other: at a cost of n
    log2(parts / n), neither of the items nor of all boxes.
    """
    boxes, place = np.unique(wanted, return_inverse=True)
    counts, nodes = np.zeros(len(boxes), np.int64), np.zeros((4, len(boxes)), np.int64)
    counts[:1], nodes[:, :1] = total, [[1], [0], [parts], [len(boxes)]]
    split(*family(seed, "total", owner), boxes, counts, tuple(nodes))
    return counts[place]
