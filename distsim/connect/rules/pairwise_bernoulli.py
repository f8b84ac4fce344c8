"""Every pair is connected with the same probability."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Int64Array, Rule, Several, Targets
from distsim.core.declared import flag, number
from distsim.core.elementary import log
from distsim.core.jit import inline, jit
from distsim.core.rng import Streams, draw_open_uniform


class PairwiseBernoulli(Rule, eq=True):
    """Every pair of source and target is connected with probability ``p``, independently."""

    p: float = number(low=0.0, high=1.0)
    autapses: bool = flag(True)

    def edges(self, targets: Targets) -> Iterator[Edges]:
        excluded, n_source = targets.excluded(self.autapses), targets.n_source
        for piece in targets.pieces(self.p * n_source):
            degree, streams = np.empty(piece.stop - piece.start, np.int64), targets.streams.part(piece)
            n, pairs = -1, len(degree) * n_source
            room = min(pairs, int(self.p * pairs + 10.0 * math.sqrt(self.p * pairs)) + 100)  # hardly ever too little
            while n < 0:
                source = np.empty(room, np.int32)
                n = draw_bernoulli(streams, excluded[piece], n_source, self.p, degree, source)
                room *= 2
            yield Edges(piece.start, degree, source[:n], None)

    def expected_edges(self, ends: Ends) -> float:
        return self.p * ends.n_source * ends.n_target

    @property
    def like(self) -> Hashable:
        return PairwiseBernoulli

    def most_edges(self, n_source: int, n_target: int) -> float:
        return float(n_source) * n_target

    @classmethod
    def draw_several(cls, rules: Sequence[Any], targets: Several) -> tuple[Int64Array, npt.NDArray[np.int32]]:
        degree = np.empty(len(targets.keys), np.int64)
        source = np.empty(int(targets.n_source @ np.diff(targets.begin)), np.int32)
        n = draw_several_bernoulli(targets, np.array([rule.p for rule in rules]), degree, source)
        return degree, source[:n]


@jit
def draw_bernoulli(streams, excluded, n_source, p, degree, source):  # type: ignore[no-untyped-def]
    """Every source with probability p for every target, by geometric gaps between those chosen; degree is written.

    The gap before the next success is floor(ln u / ln(1 - p)). Returns the number of edges, or -1 where ``source`` is
    too short for them.
    """
    edges = 0
    for t in range(streams.keys.size):
        candidates = n_source - 1 if excluded[t] >= 0 else n_source
        begin = edges
        chosen = np.int64(-1)
        counter = 0
        while p > 0.0:
            gap = 0.0
            if p < 1.0:
                gap = np.floor(log(draw_open_uniform(streams, t, counter)) / log1m(p))
            counter += 1
            if gap >= candidates - chosen - 1:
                break
            if edges == source.size:
                return -1
            chosen += 1 + np.int64(gap)
            source[edges] = chosen + 1 if excluded[t] >= 0 and chosen >= excluded[t] else chosen
            edges += 1
        degree[t] = edges - begin
    return edges


@jit
def draw_several_bernoulli(targets, p, degree, source):  # type: ignore[no-untyped-def]
    """``draw_bernoulli`` with probability p[k] for the targets of projection k, one projection after the other."""
    edges = 0
    for k in range(targets.salts.size):
        some = slice(targets.begin[k], targets.begin[k + 1])
        streams, excluded = Streams(targets.keys[some], targets.salts[k]), targets.excluded[some]
        edges += draw_bernoulli(streams, excluded, targets.n_source[k], p[k], degree[some], source[edges:])
    return edges


@inline
def log1m(p: float) -> float:
    """ln(1 - p) for 0 < p < 1, also where p is so small that 1 - p loses its digits: a series below 1e-4."""
    if p < 1e-4:
        return -p * (1.0 + p * (0.5 + p * (1.0 / 3.0 + p * 0.25)))
    return log(1.0 - p)
