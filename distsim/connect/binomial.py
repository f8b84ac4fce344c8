"""Binomial numbers from counter-based streams, and the multinomial split of a total that is made of them.

A number is drawn by inversion where its mean is small, else by the transformed rejection BTRS (Hoermann 1993, J Stat
Comput Simul 46:101), the ratio of probabilities taken in Loader's form (2000), in which no digits cancel: the
distribution is right to rounding for any n up to 2^53 (the mean n p is rounded to a double). Most numbers are accepted
before any logarithm; of the others, most by bounds that need no probability. Those of a level of the tree are drawn
side by side, one attempt after the other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core import elementary
from distsim.core.accurate import exp, log, log1p, stirling_error
from distsim.core.jit import inline, jit
from distsim.core.rng import family, hashed, key_of, uniform_at

Int64Array = npt.NDArray[np.int64]

REJECTED, UNDECIDED = -1.0, -2.0  # in place of a number
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


@inline
def hat_of(n, p):  # type: ignore[no-untyped-def]
    """What BTRS needs of a distribution with n p >= 10, p <= 1/2: a, b, the centre, the squeeze and alpha."""
    sd = np.sqrt(n * p * (1.0 - p))
    b = 1.15 + 2.53 * sd
    return -0.0873 + 0.0248 * b + 0.01 * p, b, n * p + 0.5, 0.92 - 4.2 / b, (2.83 + 5.1 / b) * sd


@inline
def attempt(key, first, second, hat):  # type: ignore[no-untyped-def]
    """A number, perhaps outside of 0 .. n, from two hashed counters; whether it is taken at once; and its height.

    It is taken, too, where its height is at most its probability by that of the mode.
    """
    a, b, center, squeeze, alpha = hat
    u = uniform_at(key + first) - 0.5
    v = uniform_at(key + second)
    us = 0.5 - abs(u)
    k = np.floor((2.0 * a / us + b) * u + center)
    return k, (us >= 0.07) & (v <= squeeze), v * alpha / (a / (us * us) + b)


@jit
def reject(key, salt, n, p):  # type: ignore[no-untyped-def]
    """A number of successes among n by BTRS, p <= 1/2 and n p >= 10; two uniform numbers an attempt."""
    hat = hat_of(n, p)
    counter = 0
    while True:
        k, taken, height = attempt(key, hashed(salt, counter), hashed(salt, counter + 1), hat)
        counter += 2
        if taken or (0.0 <= k <= n and is_below(log(height), k, n, p)):
            return k


@inline
def log_ratio(k, n, p):  # type: ignore[no-untyped-def]
    """ln of the probability of k over that of the mode, and how far that may be off; n p >= 10, p <= 1/2.

    With e = x - n p, t = e / n p, s = e / n q and h(t) = (1 + t) ln(1 + t) - t, ln of the probability of x is, but for
    a constant, -n p h(t) - n q h(-s) - ln((1 + t) (1 - s)) / 2 and Stirling's errors of x and n - x. The series of h is
    taken to the fourth order, that of the logarithm to the second; what is left out is at most twice the next term
    where |t| < 1/2, Stirling's errors differ by at most |y| / 3 (n p)^2 each, |y| being the distance to the mode.
    """
    mean, other = n * p, n * (1.0 - p)
    ratio = log_shape(np.floor((n + 1.0) * p) - mean, mean, other) - log_shape(k - mean, mean, other)
    t = (abs(k - mean) + 1.0) / mean
    error = t * (t * t * (0.2 * mean * t * t + 0.67) + 0.67 / mean) + 1e-6  # as n p is rounded, too
    return ratio, error if t < 0.5 else np.inf


@inline
def log_shape(e, mean, other):  # type: ignore[no-untyped-def]
    """What ``log_ratio`` is the difference of."""
    t, s = e / mean, e / other
    square = e * (t * (0.5 - t * (1.0 / 6.0 - t * (1.0 / 12.0))) + s * (0.5 + s * (1.0 / 6.0 + s * (1.0 / 12.0))))
    return square + 0.5 * (t - s) - 0.25 * (t * t + s * s)


@jit
def is_below(height, k, n, p):  # type: ignore[no-untyped-def]
    """Whether ``height`` is at most the logarithm of the probability of k over that of the mode.

    Probabilities decide where ``log_ratio`` does not, so that the answer is always theirs.
    """
    ratio, error = log_ratio(k, n, p)
    if abs(height - ratio) > error:
        return height < ratio
    return height <= log_probability(k, n, p) - log_probability(np.floor((n + 1.0) * p), n, p)


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
def attempt_each(first, second, keys, trials, chances, found):  # type: ignore[no-untyped-def]
    """found[i] = the number that an attempt with these hashed counters gives, REJECTED, or UNDECIDED.

    keys, trials, chances (n,): of each distribution, see ``reject``. No branch: several are drawn side by side.
    """
    for i in range(keys.size):
        n, p = trials[i], chances[i]
        k, taken, height = attempt(keys[i], first, second, hat_of(n, p))
        ratio, error = log_ratio(k, n, p)
        height = elementary.log(height)
        inside = (k >= 0.0) & (k <= n)
        taken |= inside & (height < ratio - error)
        rejected = (height > ratio + error) | ~inside
        found[i] = k if taken else (REJECTED if rejected else UNDECIDED)


@jit
def draw_level(base, salt, n, nodes, room, moved):  # type: ignore[no-untyped-def]
    """moved[i] = ``binomial`` for the second half of each of n nodes; room: for what ``attempt_each`` takes, places."""
    number, _, size, _, items = nodes
    keys, trials, chances, found, places = room
    left, counter = np.int64(0), 0
    for i in range(n):
        key, p = key_of(base, number[i]), (size[i] >> 1) / size[i]
        if items[i] * p < BY_INVERSION:
            moved[i] = binomial(key, salt, items[i], p)
        else:
            keys[left], trials[left], chances[left], places[left] = key, items[i], p, i
            left += 1
    while left > 0:
        first, second = hashed(salt, counter), hashed(salt, counter + 1)
        attempt_each(first, second, keys[:left], trials[:left], chances[:left], found)
        counter, again = counter + 2, np.int64(0)
        for k in range(left):
            result, i = found[k], places[k]
            moved[i] = reject(keys[k], salt, trials[k], chances[k]) if result == UNDECIDED else result
            keys[again], trials[again], chances[again], places[again] = keys[k], trials[k], chances[k], i
            again += result == REJECTED
        left = again


@jit
def split(base, salt, box, nodes, halves, room, moved):  # type: ignore[no-untyped-def]
    """Split a total down a tree to every ``box`` (n,), ascending, one level after the other. See ``split_total``.

    nodes: of each node of a level its number, its first box, how many boxes it has, the place in ``box`` of the first
    of those, and its items, five arrays (n + 1,) int64; those of the root are given. halves, room, moved: room for the
    nodes of the next level, and for their numbers, see ``draw_level``. The second half of a node, never the larger one,
    gets a binomial number. Returns the items of each box, and how many numbers were drawn.
    """
    drawn, n, largest = np.int64(0), min(np.int64(1), box.size), nodes[2][0]
    while largest > 1:
        draw_level(base, salt, n, nodes, room, moved)
        number, first, size, place, items = nodes
        number_of, first_of, size_of, place_of, items_of = halves
        place[n], m = box.size, np.int64(0)
        for i in range(n):
            second, begin, end = size[i] >> 1, place[i], place[i + 1]
            rest, middle = size[i] - second, first[i] + size[i] - second
            drawn += second > 0
            after, last = begin, end
            while after < last:  # the place of the first box of the second half
                between = (after + last) >> 1
                if box[between] < middle:
                    after = between + 1
                else:
                    last = between
            number_of[m], first_of[m], size_of[m], place_of[m] = 2 * number[i], first[i], rest, begin
            items_of[m] = items[i] - moved[i]
            m += after > begin  # what was written counts
            number_of[m], first_of[m], size_of[m], place_of[m] = 2 * number[i] + 1, middle, second, after
            items_of[m] = moved[i]
            m += after < end
        nodes, halves, n = halves, nodes, m
        largest -= largest >> 1
    return nodes[4][:-1], drawn


def split_total(total: int, parts: int, seed: int, wanted: Int64Array, owner: int = 0) -> Int64Array:
    """Multinomial counts of ``total`` items, at most 2^53, thrown uniformly into ``parts`` boxes: those of some boxes.

    wanted (n,): which boxes; counts (n,) int64. Binomial splits down a tree of halves, a stream for every node,
    numbered as in a heap, each made by every rank that wants a box below it, and by no other: at a cost of n
    log2(parts / n), neither of the items nor of all boxes.
    """
    boxes, where = np.unique(wanted, return_inverse=True)
    nodes, halves = np.zeros((2, 5, len(boxes) + 1), np.int64)
    nodes[:, 0] = 1, 0, parts, 0, total
    counts, _ = split(*family(seed, "total", owner), boxes, tuple(nodes), tuple(halves), *room_for(len(boxes)))
    return counts[where]


def room_for(n: int) -> tuple[tuple[npt.NDArray[Any], ...], Int64Array]:
    """What ``draw_level`` writes to: room for n distributions, and their numbers (n,)."""
    keys, trials, chances, found, places, moved = np.empty((6, n), np.int64)
    floats = (each.view(np.float64) for each in (trials, chances, found))
    return (keys.view(np.uint64), *floats, places), moved
