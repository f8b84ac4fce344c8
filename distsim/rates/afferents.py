"""The incoming connections of the rate neurons on one rank, by target, and their weighted sums of rates.

The sum of a target runs over its connections in the order in which they were drawn from its stream, in a few partial
sums (so that additions overlap) that are added at the end: the order is the same on any number of ranks. Where every
source projects to every target with the same factors, one sum serves all targets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from distsim.connect.attribute import Attribute
from distsim.connect.rule import Targets
from distsim.core.jit import inline, jit
from distsim.rates.rate_network import RateProjection

Int64Array = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


class Afferents(Protocol):
    """The connections of one projection that end on this rank."""

    @property
    def n_connections(self) -> int: ...

    @property
    def nbytes(self) -> int: ...

    @property
    def sources(self) -> list[npt.NDArray[np.int32]]:
        """All numbers of sources, to be changed in place."""

    def add(self, rates: FloatArray, drift: FloatArray, diffusion: FloatArray) -> None:
        """Add the input by the ``rates`` (n,) that came to drift and diffusion (targets,) of local targets."""


@dataclass(frozen=True)
class FromSome:
    """Connections by target: those of target t are offsets[t] .. offsets[t + 1] - 1.

    source (edges,) int32: place of the source among the rates that are exchanged. Factors: one, or (edges,) each.
    """

    offsets: Int64Array
    source: npt.NDArray[np.int32]
    drift_factor: float | FloatArray
    diffusion_factor: float | FloatArray

    @property
    def n_connections(self) -> int:
        return len(self.source)

    @property
    def sources(self) -> list[npt.NDArray[np.int32]]:
        return [self.source]

    @property
    def nbytes(self) -> int:
        return sum(a.nbytes for a in vars(self).values() if isinstance(a, np.ndarray))

    def add(self, rates: FloatArray, drift: FloatArray, diffusion: FloatArray) -> None:
        add = add_equal if isinstance(self.drift_factor, float) else add_weighted
        add(self.offsets, self.source, rates, self.drift_factor, self.diffusion_factor, drift, diffusion)


@dataclass(frozen=True)
class FromAll:
    """Every source (n,) int32 projects to every target with the same factors, but for ``own`` (targets,) int32.

    own: place of the rate of the target itself, where it is one of the sources and left out; else empty.
    """

    source: npt.NDArray[np.int32]
    own: npt.NDArray[np.int32]
    drift_factor: float
    diffusion_factor: float
    n_targets: int

    @property
    def sources(self) -> list[npt.NDArray[np.int32]]:
        return [self.source, self.own]

    @property
    def n_connections(self) -> int:
        return self.n_targets * len(self.source) - len(self.own)

    @property
    def nbytes(self) -> int:
        return self.source.nbytes + self.own.nbytes

    def add(self, rates: FloatArray, drift: FloatArray, diffusion: FloatArray) -> None:
        add_common(self.source, self.own, rates, self.drift_factor, self.diffusion_factor, drift, diffusion)


def build_afferents(
    projection: RateProjection, seed: int, gids: Int64Array, number: Callable[[Int64Array], npt.NDArray[np.int32]]
) -> Afferents:
    """The connections onto the targets ``gids``; number(gids): of neurons among those of all ranks."""
    connection, source = projection.connection, projection.source
    targets = Targets.of(projection, seed, gids, (connection.drift_factor, connection.diffusion_factor))
    drift = Attribute.of(targets, "drift factor", connection.drift_factor)
    diffusion = Attribute.of(targets, "diffusion factor", connection.diffusion_factor)
    left_out = left_out_of_all(projection, targets)
    if left_out is not None and drift.single is not None and diffusion.single is not None:
        places = number(source.gids[: None if len(gids) else 0])  # without targets no source is needed
        own = number(source.gids_at(left_out[left_out >= 0]))
        return FromAll(places, own, drift.single, diffusion.single, len(gids))
    pieces = list(projection.rule.edges(targets))
    degree = np.concatenate([np.zeros(0, np.int64), *(piece.degree for piece in pieces)])
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(degree)])
    sources = np.concatenate([np.zeros(0, np.int32), *(number(source.gids_at(piece.source)) for piece in pieces)])
    if drift.single is not None and diffusion.single is not None:
        return FromSome(offsets, sources, drift.single, diffusion.single)
    each = (np.concatenate([np.zeros(0), *(a.of_edges(piece) for piece in pieces)]) for a in (drift, diffusion))
    return FromSome(offsets, sources, *each)


def left_out_of_all(projection: RateProjection, targets: Targets) -> Int64Array | None:
    """``Rule.left_out``, where one sum may serve all targets: either all of them are among the sources, or none is.

    That follows from the network, so that ranks do not show.
    """
    alike = projection.source is projection.target or not projection.ends.same
    return projection.rule.left_out(targets) if alike else None


@jit
def add_equal(offsets, source, rates, drift_factor, diffusion_factor, drift, diffusion):  # type: ignore[no-untyped-def]
    """Add the sum of the rates of the sources of every target, times each factor."""
    for t in range(drift.size):
        total = sum_rates(source, rates, offsets[t], offsets[t + 1])
        drift[t] += drift_factor * total
        diffusion[t] += diffusion_factor * total


@jit
def add_common(source, own, rates, drift_factor, diffusion_factor, drift, diffusion):  # type: ignore[no-untyped-def]
    """Add the sum of the rates of all sources, but for the target's own (where ``own`` has it), times each factor."""
    everyone = sum_rates(source, rates, 0, source.size)
    for t in range(drift.size):
        others = max(everyone - rates[own[t]], 0.0) if own.size else everyone
        drift[t] += drift_factor * others
        diffusion[t] += diffusion_factor * others


@jit
def add_weighted(offsets, source, rates, drift_factors, diffusion_factors, drift, diffusion):  # type: ignore[no-untyped-def]
    """Add the sum of each factor of a connection times the rate of its source, over the connections of every target."""
    for t in range(drift.size):
        begin, end = offsets[t], offsets[t + 1]
        drift[t] += weighted_sum(source, rates, drift_factors, begin, end)
        diffusion[t] += weighted_sum(source, rates, diffusion_factors, begin, end)


@inline
def sum_rates(source, rates, begin, end):  # type: ignore[no-untyped-def]
    """Sum of the rates of source[begin], ..., source[end - 1], in eight partial sums."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    last = end - (end - begin) % 8
    for e in range(begin, last, 8):
        s0 += rates[source[e]]
        s1 += rates[source[e + 1]]
        s2 += rates[source[e + 2]]
        s3 += rates[source[e + 3]]
        s4 += rates[source[e + 4]]
        s5 += rates[source[e + 5]]
        s6 += rates[source[e + 6]]
        s7 += rates[source[e + 7]]
    total = ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))
    for e in range(last, end):
        total += rates[source[e]]
    return total


@inline
def weighted_sum(source, rates, factors, begin, end):  # type: ignore[no-untyped-def]
    """Sum of factor times rate over the connections begin .. end - 1, in four partial sums."""
    s0 = s1 = s2 = s3 = 0.0
    last = end - (end - begin) % 4
    for e in range(begin, last, 4):
        s0 += factors[e] * rates[source[e]]
        s1 += factors[e + 1] * rates[source[e + 1]]
        s2 += factors[e + 2] * rates[source[e + 2]]
        s3 += factors[e + 3] * rates[source[e + 3]]
    total = (s0 + s1) + (s2 + s3)
    for e in range(last, end):
        total += factors[e] * rates[source[e]]
    return total
