"""Stimuli of the liquid: Poisson trains, and pairs of them at given distances.

Pairs are drawn until enough lie near each of the distances asked for, see ``analysis.liquid_distances``; all ranks
draw alike.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.analysis.liquid_distances import distance_of_trains
from distsim.core.errors import InputError
from distsim.core.jit import jit
from distsim.core.poisson_counts import count_table
from distsim.core.rng import Streams, draw, draw_uniform, streams_of
from distsim.core.units import MS_PER_S, to_steps
from distsim.models.liquid_state.parameters import MODEL, Parameters

FloatArray = npt.NDArray[np.float64]
UInt64Array = npt.NDArray[np.uint64]
Pair = tuple[FloatArray, FloatArray]

CHUNK = 4096  # pairs drawn together
MOST_TRIES = 50_000  # pairs drawn for each that is found, on average, before a distance is given up
ATTEMPT = 1 << 16  # random numbers of one attempt at a train
BIN_SHIFT = 1e-3  # of a step: a spike so little before a bin's end counts as in the next


def collect_pairs(p: Parameters) -> list[list[Pair]]:
    """For each of ``p.all_distances`` the pairs of stimuli, as spike times (ms) within 0 .. T.

    Raises InputError where pairs at one of them are so rare that they are not found.
    """
    found: list[list[int]] = [[] for _ in p.all_distances[:-1]]
    begin = 0
    while min(map(len, found), default=p.pairs) < p.pairs:
        if begin > MOST_TRIES * (1 + min(map(len, found))):
            raise InputError(f"{MODEL}: {_too_rare(p, found, begin)}")
        tries = np.arange(begin, begin + CHUNK)
        distance = np.empty(CHUNK)
        distances_of_pairs(_streams(p, "u", tries), _streams(p, "v", tries), *_drawing(p), p.tau_d, distance)
        for pairs, wanted in zip(found, p.all_distances, strict=False):
            near = tries[np.abs(distance - wanted) < p.d_tolerance]
            pairs.extend(near[: p.pairs - len(pairs)].tolist())
        begin += CHUNK
    same = poisson_trains(p, p.pairs)
    pairs_of = [
        list(zip(*(_trains(p, _streams(p, name, np.array(pairs))) for name in "uv"), strict=True)) for pairs in found
    ]
    return [*pairs_of, list(zip(same, same, strict=True))]


def poisson_trains(p: Parameters, n: int) -> list[FloatArray]:
    """Spike times (ms) of n stimuli, drawn without a condition; those of the pairs at distance 0 are the first."""
    return _trains(p, _streams(p, "same", np.arange(n)))


def single_stimulus(p: Parameters) -> FloatArray:
    """Times (ms) on the grid of one stimulus."""
    return on_grid(poisson_trains(p, 1)[0], p)


def on_grid(times: FloatArray, p: Parameters) -> FloatArray:
    """Times (ms) of the ends of the steps in which ``times`` lie.

    Raises InputError for times outside 0 .. T, and for two in one step.
    """
    step = np.floor(np.asarray(times, np.float64) / p.dt + BIN_SHIFT).astype(np.int64) + 1
    outside = np.flatnonzero((np.asarray(times) < 0.0) | (step > to_steps(p.T, p.dt, f"{MODEL}: T") + 1))
    if len(outside):
        raise InputError(f"{MODEL}: stimulus spike at {times[outside[0]]:g} ms lies outside 0 to T = {p.T:g} ms")
    twice = np.flatnonzero(np.diff(np.sort(step)) == 0)
    if len(twice):
        raise InputError(
            f"{MODEL}: two stimulus spikes lie in the step of dt = {p.dt:g} ms that ends at "
            f"{np.sort(step)[twice[0]] * p.dt:g} ms; at most one can"
        )
    return np.multiply(step, p.dt, dtype=np.float64)


def _too_rare(p: Parameters, found: list[list[int]], tries: int) -> str:
    rarest = min(range(len(found)), key=lambda k: len(found[k]))
    return (
        f"only {len(found[rarest])} of {tries} pairs of stimuli are at distance {p.all_distances[rarest]:g}, but "
        f"{p.pairs} are wanted; choose another distance, a larger d_tolerance, or another rate"
    )


def _streams(p: Parameters, name: str, numbers: npt.NDArray[np.int64]) -> Streams:
    return streams_of(p.seed, f"stimulus {name}", 0, numbers)


def _drawing(p: Parameters) -> tuple[UInt64Array, int, float, float]:
    """What ``draw_train`` needs: table of the Poisson distribution of the number of spikes, duration, step (ms)."""
    table = count_table(p.rate * p.T / MS_PER_S)
    return table.thresholds, table.first, p.T, p.dt


def _trains(p: Parameters, streams: Streams) -> list[FloatArray]:
    thresholds, first, duration, dt = _drawing(p)
    times = np.empty(first + len(thresholds))
    trains = []
    for i in range(len(streams.keys)):
        n = draw_train(streams, i, thresholds, first, duration, dt, times)
        trains.append(times[:n].copy())
    return trains


@jit
def draw_train(streams, i, thresholds, first, duration, dt, times):  # type: ignore[no-untyped-def]
    """The Poisson train (ms) of stream i, sorted, into ``times``; returns its number of spikes.

    A train with two spikes in a step is drawn anew, as a whole.
    """
    attempt = np.int64(0)
    while True:
        n = first + np.searchsorted(thresholds, draw(streams, i, attempt))
        for k in range(n):
            times[k] = duration * draw_uniform(streams, i, attempt + 1 + k)
        times[:n].sort()
        single = True
        for k in range(1, n):
            single = single and np.floor(times[k] / dt + BIN_SHIFT) > np.floor(times[k - 1] / dt + BIN_SHIFT)
        if single:
            return n
        attempt += ATTEMPT


@jit
def distances_of_pairs(streams_u, streams_v, thresholds, first, duration, dt, tau, result):  # type: ignore[no-untyped-def]
    """result[i] = distance of the trains that number i of streams_u and of streams_v give."""
    longest = first + thresholds.size
    u, v = np.empty(longest), np.empty(longest)
    for i in range(streams_u.keys.size):
        n = draw_train(streams_u, i, thresholds, first, duration, dt, u)
        m = draw_train(streams_v, i, thresholds, first, duration, dt, v)
        result[i] = distance_of_trains(u[:n], v[:m], duration, tau)
