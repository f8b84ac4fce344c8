"""Every source projects to every target."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Int64Array, Rule, Several, Targets
from distsim.core.declared import flag
from distsim.core.jit import jit


class AllToAll(Rule, eq=True):
    """Every source projects once to every target; without ``autapses`` not to itself."""

    autapses: bool = flag(True)

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return ends.n_target, ends.n_source

    def left_out(self, targets: Targets) -> npt.NDArray[np.int64]:
        return targets.excluded(self.autapses)

    def edges(self, targets: Targets) -> Iterator[Edges]:
        excluded = self.left_out(targets)
        for piece in targets.pieces(targets.n_source):
            pair = np.broadcast_to(np.arange(targets.n_source), (piece.stop - piece.start, targets.n_source))
            wanted = pair != excluded[piece, None]
            entry = (targets.index[piece, None] * targets.n_source + pair)[wanted]
            yield Edges(piece.start, wanted.sum(axis=1), pair[wanted].astype(np.int32), entry)

    def expected_edges(self, ends: Ends) -> float:
        return float(ends.n_source) * ends.n_target

    @property
    def like(self) -> Hashable:
        return AllToAll

    def most_edges(self, n_source: int, n_target: int) -> float:
        return float(n_source) * n_target

    @classmethod
    def draw_several(cls, rules: Sequence[Any], targets: Several) -> tuple[Int64Array, npt.NDArray[np.int32]]:
        degree = np.repeat(targets.n_source, np.diff(targets.begin)) - (targets.excluded >= 0)
        source = np.empty(int(degree.sum()), np.int32)
        take_all(targets, source)
        return degree, source


@jit
def take_all(targets, source):  # type: ignore[no-untyped-def]
    """All sources that are allowed for every target, written to ``source`` one target after the other."""
    edge = 0
    for p in range(targets.salts.size):
        for t in range(targets.begin[p], targets.begin[p + 1]):
            for k in range(targets.n_source[p]):
                if k != targets.excluded[t]:
                    source[edge] = k
                    edge += 1
