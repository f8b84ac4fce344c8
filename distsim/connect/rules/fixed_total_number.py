"""A fixed number of synapses in all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distsim.connect.binomial import split_total
from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.connect.rules.fixed_indegree import draw_with_multapses
from distsim.core.declared import count, flag
from distsim.core.errors import InputError


class FixedTotalNumber(Rule, eq=True):
    """``number`` synapses in all, each between a source and a target drawn uniformly and independently (multapses)."""

    number: int = count()
    autapses: bool = flag(True)

    def check(self, ends: Ends) -> None:
        """Raise InputError where there is no pair to connect."""
        pairs = ends.n_target * (ends.n_source - int(ends.same and not self.autapses))
        if self.number and not pairs:
            raise InputError(
                f"FixedTotalNumber: number = {self.number}, but there is no pair of '{ends.source}' and "
                f"'{ends.target}' to connect"
            )

    def edges(self, targets: Targets) -> Iterator[Edges]:
        projection = targets.projection
        size, seed, index = projection.target.size, targets.seed, projection.index
        degrees = targets.once("degrees", lambda: split_total(self.number, size, seed, targets.index, index))
        excluded = targets.excluded(self.autapses)
        for piece in targets.pieces(self.number / max(projection.target.size, 1)):
            degree = degrees[piece]
            source = np.empty(int(degree.sum()), np.int32)
            draw_with_multapses(targets.streams.part(piece), degree, excluded[piece], targets.n_source, source)
            yield Edges(piece.start, degree, source, None)

    def expected_edges(self, ends: Ends) -> float:
        return float(self.number)
