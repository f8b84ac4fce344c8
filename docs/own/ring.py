"""A user's own connection rule: neighbours on a ring."""

from collections.abc import Iterator

import numpy as np

from distsim import Edges, Ends, InputError, Rule, Targets, count


class Ring(Rule):
    """Every neuron of a population receives from the ``neighbours`` nearest ones on either side of a ring.

    Arrays of weights or delays have the shape (targets, 2 neighbours), the sources in the order of their distance
    along the ring.
    """

    neighbours: int = count(low=1)

    def check(self, ends: Ends) -> None:
        if not ends.same or ends.n_source <= 2 * self.neighbours:
            raise InputError(f"Ring: needs one population of more than {2 * self.neighbours} neurons")

    def array_shape(self, ends: Ends) -> tuple[int, int]:
        return ends.n_target, 2 * self.neighbours

    def edges(self, targets: Targets) -> Iterator[Edges]:
        n, k = targets.n_source, self.neighbours
        along = np.concatenate((np.arange(-k, 0), np.arange(1, k + 1)))
        for piece in targets.pieces(2 * k):
            target = targets.index[piece, None]
            entry = target * 2 * k + np.arange(2 * k)
            source = ((target + along) % n).astype(np.int32)
            yield Edges(piece.start, np.full(len(target), 2 * k), source.ravel(), entry.ravel())

    def expected_edges(self, ends: Ends) -> float:
        return 2.0 * self.neighbours * ends.n_target
