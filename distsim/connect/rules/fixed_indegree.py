"""Every target draws the same number of sources."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Int64Array, Rule, Several, Targets
from distsim.core.declared import count, flag
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.rng import INCREMENT, Streams, draw_uniform, hashed_counters, uniform_at


class FixedIndegree(Rule, eq=True):
    """Every target draws ``indegree`` sources, uniformly.

    With ``multapses`` sources are drawn independently of each other; without, all sets of ``indegree`` different
    sources are equally likely. Without ``autapses`` the target itself is left out of the sources.
    """

    indegree: int = count()
    autapses: bool = flag(True)
    multapses: bool = flag(True)

    def check(self, ends: Ends) -> None:
        """Raise InputError where the in-degree cannot be met."""
        candidates = ends.n_source - int(ends.same and not self.autapses)
        possible = self.indegree <= candidates if not self.multapses else self.indegree == 0 or candidates > 0
        if ends.n_target and not possible:
            flags = {"autapses": self.autapses, "multapses": self.multapses}
            without = [word for word, allowed in flags.items() if not allowed]
            raise InputError(
                f"FixedIndegree: indegree = {self.indegree} cannot be met from {ends.n_source} neurons of "
                f"'{ends.source}' without {' and '.join(without)}; at most {candidates} different sources are there"
            )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return ends.n_target, self.indegree

    def edges(self, targets: Targets) -> Iterator[Edges]:
        excluded = targets.excluded(self.autapses)
        index = targets.index
        for piece in targets.pieces(self.indegree):
            degree = np.full(piece.stop - piece.start, self.indegree, np.int64)
            source = np.empty(len(degree) * self.indegree, np.int32)
            draw_sources = draw_with_multapses if self.multapses else draw_without_multapses
            draw_sources(targets.streams.part(piece), degree, excluded[piece], targets.n_source, source)
            entry = (index[piece, None] * self.indegree + np.arange(self.indegree)).ravel() if targets.arrays else None
            yield Edges(piece.start, degree, source, entry)

    def expected_edges(self, ends: Ends) -> float:
        return float(self.indegree) * ends.n_target

    @property
    def like(self) -> Hashable:
        return FixedIndegree, self.multapses

    def most_edges(self, n_source: int, n_target: int) -> float:
        return float(self.indegree) * n_target

    @classmethod
    def draw_several(cls, rules: Sequence[Any], targets: Several) -> tuple[Int64Array, npt.NDArray[np.int32]]:
        degree = np.repeat([rule.indegree for rule in rules], np.diff(targets.begin))
        source = np.empty(int(degree.sum()), np.int32)
        draw_several = draw_several_with_multapses if rules[0].multapses else draw_several_without_multapses
        draw_several(targets, degree, source)
        return degree, source


@inline
def allowed_source(uniform, n_source, excluded):  # type: ignore[no-untyped-def]
    """A source chosen by ``uniform`` in [0, 1), all but ``excluded`` (-1: none) equally likely."""
    candidates = n_source - 1 if excluded >= 0 else n_source
    source = np.int64(uniform * candidates)
    return source + 1 if excluded >= 0 and source >= excluded else source


@jit
def draw_with_multapses(streams, degree, excluded, n_source, source):  # type: ignore[no-untyped-def]
    """degree[t] independent uniform sources for every target t, written to ``source`` one target after the other."""
    numbers = hashed_counters(streams.salt, degree)
    begin = 0
    for t in range(streams.keys.size):
        key, without = streams.keys[t], excluded[t]
        row = source[begin : begin + degree[t]]
        for k in range(row.size):
            row[k] = allowed_source(uniform_at(key + numbers[k]), n_source, without)
        begin += degree[t]


@inline
def hashed_place(source, bits):  # type: ignore[no-untyped-def]
    """Where the hash table of 2^bits places looks for a source first: by multiplication with the golden ratio."""
    return np.int64((np.uint64(source) * INCREMENT) >> np.uint64(64 - bits))


@jit
def draw_without_multapses(streams, degree, excluded, n_source, source):  # type: ignore[no-untyped-def]
    """degree[t] different uniform sources for every target t.

    Repeated draws are dropped until enough different ones are found; where more than half of the candidates are
    wanted, those left out are drawn instead. Either way all sets are equally likely. What was drawn is noted in a hash
    table with room for four times as much; in one for all sources, each in its own place, where that is no longer.
    """
    most = np.int64(0)
    for t in range(degree.size):
        most = max(most, degree[t])
    bits = np.int64(2)
    while (np.int64(1) << bits) < 4 * most:
        bits += 1
    hashes = n_source > (np.int64(1) << bits)
    last = (np.int64(1) << bits) - 1
    mark = np.full(last + 1 if hashes else n_source, -1, np.int64)
    begin = 0
    for t in range(streams.keys.size):
        candidates = n_source - 1 if excluded[t] >= 0 else n_source
        inverted = 2 * degree[t] > candidates
        wanted = candidates - degree[t] if inverted else degree[t]
        found = 0
        counter = 0
        while found < wanted:
            chosen = allowed_source(draw_uniform(streams, t, counter), n_source, excluded[t])
            counter += 1
            place = hashed_place(chosen, bits) if hashes else chosen
            note = t << 32 | chosen
            while hashes and mark[place] != note and mark[place] >= t << 32:
                place = place + 1 & last
            if mark[place] != note:
                mark[place] = note
                if not inverted:
                    source[begin + found] = chosen
                found += 1
        if inverted:
            place = begin
            for candidate in range(n_source):
                if mark[candidate] >> 32 != t and candidate != excluded[t]:
                    source[place] = candidate
                    place += 1
        begin += degree[t]


@jit
def draw_several_with_multapses(targets, degree, source):  # type: ignore[no-untyped-def]
    """``draw_with_multapses`` for the targets of one projection after the other."""
    end = 0
    for p in range(targets.salts.size):
        some = slice(targets.begin[p], targets.begin[p + 1])
        begin, end = end, end + degree[some].sum()
        streams = Streams(targets.keys[some], targets.salts[p])
        draw_with_multapses(streams, degree[some], targets.excluded[some], targets.n_source[p], source[begin:end])


@jit
def draw_several_without_multapses(targets, degree, source):  # type: ignore[no-untyped-def]
    """``draw_without_multapses`` for the targets of one projection after the other."""
    end = 0
    for p in range(targets.salts.size):
        some = slice(targets.begin[p], targets.begin[p + 1])
        begin, end = end, end + degree[some].sum()
        streams = Streams(targets.keys[some], targets.salts[p])
        draw_without_multapses(streams, degree[some], targets.excluded[some], targets.n_source[p], source[begin:end])
