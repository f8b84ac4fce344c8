"""Connection rules: which neurons of a source population project to which of a target population. Data only.

The edges themselves are drawn in ``distsim.build``, each rank those of its own targets. An autapse is a synapse of a
neuron onto itself, a multapse one of several synapses between the same two neurons.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError, check_arguments
from distsim.core.units import check_count, check_number, shown


@dataclass(frozen=True)
class Ends:
    """What a rule is checked against: sizes and names of the two populations, and whether they are the same one.

    The positions (n, dimensions) of their neurons are None where they have none.
    """

    source: str
    target: str
    n_source: int
    n_target: int
    source_positions: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)
    target_positions: npt.NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def same(self) -> bool:
        return self.source == self.target


def check_flag(value: Any, name: str) -> None:
    """InputError unless ``value`` is True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise InputError(f"{name} must be True or False, got {shown(value)}")


@check_arguments
@dataclass(frozen=True)
class FixedIndegree:
    """Every target draws ``indegree`` sources, uniformly.

    With ``multapses`` sources are drawn independently of each other; without, all sets of ``indegree`` different
    sources are equally likely. Without ``autapses`` the target itself is left out of the sources.
    """

    indegree: int
    autapses: bool = True
    multapses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "indegree", check_count(self.indegree, "FixedIndegree: indegree"))
        check_flag(self.autapses, "FixedIndegree: autapses")
        check_flag(self.multapses, "FixedIndegree: multapses")

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


@check_arguments
@dataclass(frozen=True)
class AllToAll:
    """Every source projects once to every target; without ``autapses`` not to itself."""

    autapses: bool = True

    def __post_init__(self) -> None:
        check_flag(self.autapses, "AllToAll: autapses")

    def check(self, ends: Ends) -> None:
        """Any two populations will do."""

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return ends.n_target, ends.n_source


@check_arguments
@dataclass(frozen=True)
class OneToOne:
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


@check_arguments
@dataclass(frozen=True)
class PairwiseBernoulli:
    """Every pair of source and target is connected with probability ``p``, independently."""

    p: float
    autapses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "p", check_number(self.p, "PairwiseBernoulli: p", low=0.0))
        if self.p > 1.0:
            raise InputError(f"PairwiseBernoulli: p must be at most 1, got {self.p:g}")
        check_flag(self.autapses, "PairwiseBernoulli: autapses")

    def check(self, ends: Ends) -> None:
        """Any two populations will do."""

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return None


@check_arguments
@dataclass(frozen=True)
class SpatialBernoulli:
    """Every pair at distance d is connected with probability C exp(-(d / lambda_)^2), independently.

    Both populations have positions of the same number of dimensions; lambda_ is in the unit of the positions.
    """

    C: float
    lambda_: float
    autapses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "C", check_number(self.C, "SpatialBernoulli: C", low=0.0))
        if self.C > 1.0:
            raise InputError(f"SpatialBernoulli: C must be at most 1, for it is a probability, got {self.C:g}")
        object.__setattr__(self, "lambda_", check_number(self.lambda_, "SpatialBernoulli: lambda_", above=0.0))
        check_flag(self.autapses, "SpatialBernoulli: autapses")

    def check(self, ends: Ends) -> None:
        """Raise InputError for populations without positions, or in spaces of different dimensions."""
        dimensions = []
        for name, positions in ((ends.source, ends.source_positions), (ends.target, ends.target_positions)):
            if positions is None:
                raise InputError(
                    f"SpatialBernoulli: the neurons of '{name}' have no positions; "
                    f"give the population positions, e.g. lattice((3, 3, 15))"
                )
            dimensions.append(positions.shape[1])
        if dimensions[0] != dimensions[1]:
            raise InputError(
                f"SpatialBernoulli: positions of '{ends.source}' have {dimensions[0]} dimensions, "
                f"those of '{ends.target}' {dimensions[1]}"
            )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return None


@check_arguments
@dataclass(frozen=True)
class FixedTotalNumber:
    """``number`` synapses in all, each between a source and a target drawn uniformly and independently (multapses)."""

    number: int
    autapses: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "number", check_count(self.number, "FixedTotalNumber: number"))
        check_flag(self.autapses, "FixedTotalNumber: autapses")

    def check(self, ends: Ends) -> None:
        """Raise InputError where there is no pair to connect."""
        pairs = ends.n_target * (ends.n_source - int(ends.same and not self.autapses))
        if self.number and not pairs:
            raise InputError(
                f"FixedTotalNumber: number = {self.number}, but there is no pair of '{ends.source}' and "
                f"'{ends.target}' to connect"
            )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return None


@check_arguments
@dataclass(frozen=True, eq=False)
class EdgeList:
    """The edges given one by one: ``source`` and ``target`` (n,) integers counting from 0 within their populations."""

    source: npt.NDArray[np.int64] = field()
    target: npt.NDArray[np.int64] = field()

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            given = getattr(self, name)
            try:
                array = np.asarray(given)
            except (TypeError, ValueError, RecursionError):  # lists in it that differ in length
                array = np.zeros((), object)
            if array.size == 0 and array.ndim == 1:
                array = array.astype(np.int64)
            if array.ndim != 1 or array.dtype.kind not in "iu":
                raise InputError(f"EdgeList: {name} must be a one-dimensional array of integers, got {shown(given)}")
            array = array.astype(np.int64)
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        if len(self.source) != len(self.target):
            raise InputError(f"EdgeList: {len(self.source)} sources, but {len(self.target)} targets")

    def check(self, ends: Ends) -> None:
        """Raise InputError for the first index outside its population."""
        for name, size, index in (
            (ends.source, ends.n_source, self.source),
            (ends.target, ends.n_target, self.target),
        ):
            wrong = np.flatnonzero((index < 0) | (index >= size))
            if len(wrong):
                side = "source" if index is self.source else "target"
                raise InputError(
                    f"EdgeList: {side}[{wrong[0]}] = {index[wrong[0]]} is out of range; "
                    f"'{name}' has neurons 0 to {size - 1}"
                )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return (len(self.source),)


Rule = FixedIndegree | AllToAll | OneToOne | PairwiseBernoulli | SpatialBernoulli | FixedTotalNumber | EdgeList
RULES: tuple[type, ...] = (
    FixedIndegree, AllToAll, OneToOne, PairwiseBernoulli, SpatialBernoulli, FixedTotalNumber, EdgeList,
)  # fmt: skip
