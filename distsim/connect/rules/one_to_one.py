"""Pairs of the same index."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.core.errors import InputError


class OneToOne(Rule, eq=True):
    """Source i projects to target i; both populations have the same size."""

    def check(self, ends: Ends) -> None:
        """Raise InputError for populations of different sizes."""
        if ends.n_source != ends.n_target:
            raise InputError(
                f"OneToOne: '{ends.source}' has {ends.n_source} neurons, '{ends.target}' {ends.n_target}; "
                "both must have the same size"
            )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return (ends.n_target,)

    def edges(self, targets: Targets) -> Iterator[Edges]:
        yield Edges(0, np.ones(len(targets.gids), np.int64), targets.index.astype(np.int32), targets.index)

    def expected_edges(self, ends: Ends) -> float:
        return float(ends.n_target)
