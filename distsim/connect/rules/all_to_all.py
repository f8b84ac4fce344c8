"""Every source projects to every target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.core.declared import flag


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
