"""How many edges a rule draws on average, and what a network will take of the memory of one rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from distsim.core.rules import (
    AllToAll,
    EdgeList,
    Ends,
    FixedIndegree,
    FixedTotalNumber,
    OneToOne,
    PairwiseBernoulli,
    SpatialBernoulli,
)

SAMPLE = 256  # sources and targets whose distances are looked at
WORD = 8  # bytes


@dataclass(frozen=True)
class Memory:
    """Bytes on one rank, about; recordings are not in it.

    tables: of synapses; plasticity: what plastic synapses remember beside; rings: of input; neurons: and the buffers of
    their spikes; building: what is only there while the network is built.
    """

    tables: float = 0.0
    plasticity: float = 0.0
    rings: float = 0.0
    neurons: float = 0.0
    building: float = 0.0

    @property
    def total(self) -> float:
        return self.tables + self.plasticity + self.rings + self.neurons + self.building


def expected_edges(rule: Any, ends: Ends) -> float:
    """The number of edges that ``rule`` draws on average."""
    if isinstance(rule, FixedIndegree):
        return float(rule.indegree) * ends.n_target
    if isinstance(rule, FixedTotalNumber):
        return float(rule.number)
    if isinstance(rule, EdgeList):
        return float(len(rule.source))
    if isinstance(rule, OneToOne):
        return float(ends.n_target)
    pairs = float(ends.n_source) * ends.n_target
    if isinstance(rule, PairwiseBernoulli):
        return rule.p * pairs
    if isinstance(rule, SpatialBernoulli):
        return _mean_probability(rule, ends) * pairs
    if not isinstance(rule, AllToAll):
        raise TypeError(f"the number of edges of {rule!r} is not known")
    return pairs


def _mean_probability(rule: SpatialBernoulli, ends: Ends) -> float:
    """The probability of an edge, on average over some sources and targets."""
    if ends.source_positions is None or ends.target_positions is None:
        return rule.C
    source, target = (_some(positions) for positions in (ends.source_positions, ends.target_positions))
    if not len(source) or not len(target):
        return 0.0
    squared = ((source[:, None, :] - target[None, :, :]) ** 2).sum(axis=-1)
    return float(rule.C * np.exp(-squared / rule.lambda_**2).mean())


def _some(rows: Any) -> Any:
    """At most SAMPLE of the rows, evenly spread."""
    return rows[np.linspace(0, len(rows) - 1, min(len(rows), SAMPLE)).astype(np.int64)]
