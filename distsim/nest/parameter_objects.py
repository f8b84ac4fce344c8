"""Parameters of NEST: numbers that are drawn for each node or synapse (``nest.random``), and arithmetic with them.

A number is drawn from a stream of the node that it is for, so it is the same on any number of ranks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.distributions import Clipped, Distribution, LogNormal, Normal, Redrawn, Uniform
from distsim.core.errors import InputError
from distsim.core.one_signed import Gamma
from distsim.core.rng import streams_of
from distsim.nest.nest_errors import NESTErrors

FloatArray = npt.NDArray[np.float64]
MOST_REDRAWS = 1000


@dataclass
class Drawing:
    """One evaluation of a parameter: for ``owners`` (n,), entry ``entries`` (n,) of each; ``draws``: made so far.

    Of connections to the owners: the nodes ``sources`` (n,) that they come from, or in place of nodes ``places``, the
    positions of sources and targets (n, d), and the extent beyond which these begin anew.
    """

    seed: int
    number: int
    owners: npt.NDArray[np.int64]
    entries: npt.NDArray[np.int64]
    draws: int = 0
    sources: npt.NDArray[np.int64] | None = None
    places: tuple[FloatArray, FloatArray, FloatArray | None] | None = None

    def sample(self, distribution: Distribution) -> FloatArray:
        """Numbers (n,) that no other draw of any evaluation has."""
        streams = streams_of(self.seed, f"nest parameter {self.draws}", self.number, self.owners)
        self.draws += 1
        return distribution.sample(streams, self.entries)

    def part(self, chosen: npt.NDArray[np.bool_]) -> Drawing:
        """That of some of the owners."""
        sources = None if self.sources is None else self.sources[chosen]
        places = None if self.places is None else (self.places[0][chosen], self.places[1][chosen], self.places[2])
        return Drawing(self.seed, self.number, self.owners[chosen], self.entries[chosen], self.draws, sources, places)


class Parameter:
    """What gives a number for each owner; ``distribution``: the same as one of ours, None where there is none.

    spatial: whether it depends on positions.
    """

    def __init__(
        self, values: Callable[[Drawing], Any], distribution: Distribution | float | None, spatial: bool = False
    ) -> None:
        self._values = values
        self.distribution = distribution
        self._spatial = spatial

    def is_spatial(self) -> bool:
        """Whether it depends on where nodes lie."""
        return self._spatial

    def values(self, drawing: Drawing) -> FloatArray:
        """Numbers (n,) for the owners of a drawing."""
        return np.broadcast_to(np.asarray(self._values(drawing), np.float64), drawing.owners.shape).copy()

    def GetValue(self) -> float:  # noqa: N802
        """One number, always the same."""
        return float(self.values(Drawing(1, 0, np.zeros(1, np.int64), np.zeros(1, np.int64)))[0])

    def apply(self, spatial_nc: Any, positions: Any = None) -> Any:
        """Its numbers at nodes, or for connections from the one node to each of the targets' positions (n, d)."""
        return spatial_nc.numbers_of(self, positions)

    def __add__(self, other: Any) -> Parameter:
        return combined(operator.add, self, other)

    def __radd__(self, other: Any) -> Parameter:
        return combined(operator.add, other, self)

    def __sub__(self, other: Any) -> Parameter:
        return combined(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Parameter:
        return combined(operator.sub, other, self)

    def __mul__(self, other: Any) -> Parameter:
        return combined(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Parameter:
        return combined(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Parameter:
        return combined(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Parameter:
        return combined(operator.truediv, other, self)

    def __pow__(self, other: Any) -> Parameter:
        return combined(operator.pow, self, other)

    def __neg__(self) -> Parameter:
        return combined(operator.mul, self, -1.0)

    def __pos__(self) -> Parameter:
        return self

    def __lt__(self, other: Any) -> Parameter:
        return combined(operator.lt, self, other)

    def __le__(self, other: Any) -> Parameter:
        return combined(operator.le, self, other)

    def __gt__(self, other: Any) -> Parameter:
        return combined(operator.gt, self, other)

    def __ge__(self, other: Any) -> Parameter:
        return combined(operator.ge, self, other)

    def __eq__(self, other: object) -> Parameter:  # type: ignore[override]
        return combined(operator.eq, self, other)

    def __ne__(self, other: object) -> Parameter:  # type: ignore[override]
        return combined(operator.ne, self, other)

    __hash__ = object.__hash__


def as_parameter(value: Any) -> Parameter:
    """A number as a parameter that has it for every owner; parameters as they are."""
    if isinstance(value, Parameter):
        return value
    number = float(value)
    return Parameter(lambda drawing: number, number)


def combined(operation: Callable[[Any, Any], Any], first: Any, second: Any) -> Parameter:
    """What an operation makes of two parameters or numbers, owner by owner."""
    a, b = as_parameter(first), as_parameter(second)
    distribution = _linear(operation, a.distribution, b.distribution)
    spatial = a.is_spatial() or b.is_spatial()
    return Parameter(lambda drawing: operation(a.values(drawing), b.values(drawing)), distribution, spatial)


def _linear(operation: Callable[[Any, Any], Any], a: Any, b: Any) -> Distribution | float | None:
    """The distribution of a sum, difference, product or quotient with a number, where it is one of ours."""
    if isinstance(a, float) and isinstance(b, float):
        return float(operation(a, b)) if operation is not operator.truediv or b else None
    if operation in (operator.add, operator.mul) and isinstance(a, float):
        a, b = b, a
    if not isinstance(b, float):
        return None
    factor = {operator.mul: b, operator.truediv: 1.0 / b if b else 0.0}.get(operation, 1.0)
    shift = {operator.add: b, operator.sub: -b}.get(operation, 0.0)
    if operation not in (operator.add, operator.sub, operator.mul, operator.truediv) or factor == 0.0:
        return None
    if isinstance(a, Uniform):
        low, high = sorted((a.low * factor + shift, a.high * factor + shift))
        return Uniform(low, high)
    if isinstance(a, Normal):
        return Normal(a.mean * factor + shift, a.std * abs(factor))
    if isinstance(a, Gamma) and shift == 0.0:
        return Gamma(a.shape, a.scale * factor)
    return None


def drawn(distribution: Distribution) -> Parameter:
    """The parameter whose numbers are those of a distribution."""
    return Parameter(lambda drawing: drawing.sample(distribution), distribution)


def uniform_whole(most: int) -> Parameter:
    """Whole numbers from 0 to ``most`` - 1."""
    return Parameter(lambda drawing: np.floor(drawing.sample(Uniform(0.0, float(most)))), None)


def log_normal(mean: float, std: float) -> Parameter:
    """exp of a normal with this mean and standard deviation."""
    return drawn(LogNormal(mean, std))


def clipped(value: Any, low: float, high: float) -> Parameter:
    """A parameter whose numbers beyond a bound are that bound."""
    inner = as_parameter(value)
    known = inner.distribution
    bounded = Clipped(known, low, high) if isinstance(known, Distribution) else None
    return Parameter(lambda drawing: np.clip(inner.values(drawing), low, high), bounded, inner.is_spatial())


def redrawn(value: Any, low: float, high: float) -> Parameter:
    """A parameter of which numbers beyond the bounds are drawn again."""
    if not low <= high:
        raise NESTErrors.BadParameterValue("redraw: min <= max required.")
    inner = as_parameter(value)
    known = inner.distribution
    if isinstance(known, (Uniform, Normal, LogNormal, Gamma)):
        try:
            return drawn(Redrawn(known, low, high))
        except InputError as error:
            raise NESTErrors.KernelException(f"Number of redraws would have no end: {error}") from error

    def values(drawing: Drawing) -> FloatArray:
        found = inner.values(drawing)
        for _ in range(MOST_REDRAWS):
            wrong = (found < low) | (found > high)
            if not wrong.any():
                return found
            again = drawing.part(wrong)
            found[wrong] = inner.values(again)
            drawing.draws = again.draws
        raise NESTErrors.KernelException(f"redraw: no number between {low} and {high} in {MOST_REDRAWS} draws")

    return Parameter(values, None, inner.is_spatial())


def function_of(function: Callable[[FloatArray], FloatArray], value: Any) -> Parameter:
    """A function of the numbers of a parameter."""
    inner = as_parameter(value)
    return Parameter(lambda drawing: function(inner.values(drawing)), None, inner.is_spatial())


def conditional(condition: Any, if_true: Any, if_false: Any) -> Parameter:
    """The numbers of one parameter where a third is not 0, else of the other."""
    asked, yes, no = (as_parameter(each) for each in (condition, if_true, if_false))
    return Parameter(
        lambda drawing: np.where(asked.values(drawing) != 0.0, yes.values(drawing), no.values(drawing)),
        None,
        any(each.is_spatial() for each in (asked, yes, no)),
    )
