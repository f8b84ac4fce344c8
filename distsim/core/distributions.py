"""Distributions of weights, delays, initial states and neuron parameters.

Each value is a function of one uniform number of the stream of the neuron that owns it (the target, for a synapse),
so it does not depend on ranks. Normal numbers come from the inverse of the normal distribution function.
"""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from distsim.core.declared import Declared, number
from distsim.core.elementary import exp, log
from distsim.core.errors import InputError
from distsim.core.jit import inline, jit
from distsim.core.rng import Streams, draw_open_uniform
from distsim.core.units import LARGEST, shown

FloatArray = npt.NDArray[np.float64]
_LARGEST = 1.0 - 2.0**-53  # the largest uniform number
_BLOCK = 512  # numbers that stay in the L1 cache between two loops
LEAST_PART = 1e-9  # of a distribution that must remain for its quantiles to be exact enough
FARTHEST = 8.3  # standard deviations from the mean that a normal number can lie
_CENTRAL = 0.425  # |p - 1/2| up to which AS 241 has one rational function


@runtime_checkable
class Distribution(Protocol):
    """A distribution of real numbers; ``sample`` draws number counters[i] of stream i, (n,) float64."""

    def sample(self, streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray: ...

    def bounds(self) -> tuple[float, float]:
        """Smallest and largest value that can occur."""


@runtime_checkable
class Invertible(Distribution, Protocol):
    """A distribution whose values are an increasing function of one uniform number."""

    def quantile(self, p: FloatArray) -> FloatArray:
        """The values (n,) below which the parts ``p`` (n,) of all values lie, 0 < p < 1; may overwrite ``p``."""


@runtime_checkable
class Stored(Protocol):
    """Values that lie in a file, one for each neuron or edge."""

    def of_entries(self, entry: npt.NDArray[np.int64]) -> FloatArray:
        """The values (n,) at places ``entry`` (n,) in the file."""


def uniform_numbers(streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray:
    """Number counters[i] of stream i, (n,): see ``fill_uniform``."""
    values = np.empty(len(counters))
    fill_uniform(streams, counters, values)
    return values


@inline
def central_quantile(q: float) -> float:
    """``normal_quantile`` of 1/2 + q for |q| <= 0.425."""
    r = 0.180625 - q * q
    a = r * (r * (r * 2509.0809287301226727 + 33430.575583588128105) + 67265.770927008700853)
    a = r * (r * (r * (a + 45921.953931549871457) + 13731.693765509461125) + 1971.5909503065514427)
    a = r * (a + 133.14166789178437745) + 3.387132872796366608
    b = r * (r * (r * 5226.495278852854561 + 28729.085735721942674) + 39307.89580009271061)
    b = r * (r * (r * (b + 21213.794301586595867) + 5394.1960214247511077) + 687.1870074920579083)
    b = r * (b + 42.313330701600911252) + 1.0
    return q * a / b


@inline
def normal_quantile(p: float) -> float:
    """Inverse of the standard normal distribution function for 0 < p < 1: algorithm AS 241, PPND16 (Wichura 1988)."""
    q = p - 0.5
    if abs(q) <= _CENTRAL:
        return central_quantile(q)
    return tail_quantile(p)


@inline
def tail_quantile(p: float) -> float:
    """``normal_quantile`` of p for |p - 1/2| > 0.425."""
    r = np.sqrt(-log(min(p, 1.0 - p)))
    if r <= 5.0:
        r = r - 1.6
        a = r * (r * (r * 7.7454501427834140764e-4 + 0.0227238449892691845833) + 0.24178072517745061177)
        a = r * (r * (r * (a + 1.27045825245236838258) + 3.64784832476320460504) + 5.7694972214606914055)
        a = r * (a + 4.6303378461565452959) + 1.42343711074968357734
        b = r * (r * (r * 1.05075007164441684324e-9 + 5.475938084995344946e-4) + 0.0151986665636164571966)
        b = r * (r * (r * (b + 0.14810397642748007459) + 0.68976733498510000455) + 1.6763848301838038494)
        b = r * (b + 2.05319162663775882187) + 1.0
    else:
        r = r - 5.0
        a = r * (r * (r * 2.01033439929228813265e-7 + 2.71155556874348757815e-5) + 0.0012426609473880784386)
        a = r * (r * (r * (a + 0.026532189526576123093) + 0.29656057182850489123) + 1.7848265399172913358)
        a = r * (a + 5.4637849111641143699) + 6.6579046435011037772
        b = r * (r * (r * 2.04426310338993978564e-15 + 1.4215117583164458887e-7) + 1.8463183175100546818e-5)
        b = r * (r * (r * (b + 7.868691311456132591e-4) + 0.0148753612908506148525) + 0.13692988092273580531)
        b = r * (b + 0.59983220655588793769) + 1.0
    return -a / b if p < 0.5 else a / b


@jit
def fill_uniform(streams, counters, values):  # type: ignore[no-untyped-def]
    """values[i] = number counters[i] of stream i, uniform in the open interval (0, 1), a multiple of 2^-53."""
    for i in range(values.size):
        values[i] = draw_open_uniform(streams, i, counters[i])


@jit
def to_normal(values):  # type: ignore[no-untyped-def]
    """values[i] = normal_quantile(values[i]), in place.

    First the rational function of the centre for all, in a loop that vectorises, then the tails one by one.
    """
    p, tails = np.empty(_BLOCK), np.empty(_BLOCK, np.int64)
    for begin in range(0, values.size, _BLOCK):
        block = values[begin : begin + _BLOCK]
        for i in range(block.size):
            p[i] = block[i]
            block[i] = central_quantile(p[i] - 0.5)
        n = 0
        for i in range(block.size):
            tails[n] = i
            n += 1 if abs(p[i] - 0.5) > _CENTRAL else 0
        for k in range(n):
            block[tails[k]] = tail_quantile(p[tails[k]])


@jit
def exponentiate(values):  # type: ignore[no-untyped-def]
    """values[i] = e**values[i], in place."""
    for i in range(values.size):
        values[i] = exp(values[i])


class OfQuantile(Declared, abstract=True):
    """A distribution that is given by its quantile."""

    noun: ClassVar[str] = "distribution"

    @abstractmethod
    def quantile(self, p: FloatArray) -> FloatArray:
        """As ``Invertible.quantile``."""

    def sample(self, streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray:
        return self.quantile(uniform_numbers(streams, counters))


class Uniform(OfQuantile, eq=True):
    """Uniform between ``low`` and ``high``."""

    low: float = number()
    high: float = number()

    def __post_init__(self) -> None:
        super().__post_init__()
        low, high = self.low, self.high
        if high < low:
            raise InputError(f"Uniform: high = {high:g} is below low = {low:g}")

    def quantile(self, p: FloatArray) -> FloatArray:
        return self.low + (self.high - self.low) * p

    def bounds(self) -> tuple[float, float]:
        return self.low, self.high


class Normal(OfQuantile, eq=True):
    """Normal with mean ``mean`` and standard deviation ``std``."""

    mean: float = number()
    std: float = number(low=0.0)

    def quantile(self, p: FloatArray) -> FloatArray:
        to_normal(p)
        p *= self.std
        p += self.mean
        return p

    def bounds(self) -> tuple[float, float]:
        return (-np.inf, np.inf) if self.std > 0.0 else (self.mean, self.mean)


class LogNormal(OfQuantile, eq=True):
    """exp of a normal with mean ``mu`` and standard deviation ``sigma``."""

    mu: float = number()
    sigma: float = number(low=0.0)

    def __post_init__(self) -> None:
        super().__post_init__()
        largest = self.mu + FARTHEST * self.sigma
        if largest > np.log(LARGEST):
            raise InputError(
                f"LogNormal: values with mu = {self.mu:g} and sigma = {self.sigma:g} can be exp({largest:g}); "
                f"mu + {FARTHEST:g} sigma must be at most {np.log(LARGEST):.3g}"
            )

    def quantile(self, p: FloatArray) -> FloatArray:
        values = Normal(self.mu, self.sigma).quantile(p)
        exponentiate(values)
        return values

    def bounds(self) -> tuple[float, float]:
        return 0.0, np.inf


class Clipped(Declared, eq=True):
    """Another distribution, its values beyond ``low`` or ``high`` set to that bound."""

    distribution: Distribution
    low: float = number(-np.inf)
    high: float = number(np.inf)

    def __post_init__(self) -> None:
        if isinstance(self.distribution, type) or not isinstance(self.distribution, Distribution):
            raise InputError(f"Clipped: needs a distribution, got {shown(self.distribution)}")
        super().__post_init__()
        if not self.low <= self.high:
            raise InputError(f"Clipped: high = {self.high} is not above low = {self.low}")

    def sample(self, streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray:
        return np.clip(self.distribution.sample(streams, counters), self.low, self.high)

    def bounds(self) -> tuple[float, float]:
        low, high = self.distribution.bounds()
        return min(max(low, self.low), self.high), max(min(high, self.high), self.low)


class Redrawn(OfQuantile, eq=True):
    """Another distribution, of which values below ``low`` or above ``high`` are drawn again until they are within.

    That is the distribution cut off at ``low`` and ``high``. Each value still takes one uniform number: its quantile is
    taken between the parts of all values that lie below ``low`` and below ``high``. Raises InputError where no value
    lies between, or (when it is first sampled) less than 1e-9 of them.
    """

    distribution: Invertible
    low: float = number(-np.inf)
    high: float = number(np.inf)

    def __post_init__(self) -> None:
        if isinstance(self.distribution, type) or not isinstance(self.distribution, Invertible):
            raise InputError(f"Redrawn: needs a distribution that has a quantile, got {shown(self.distribution)}")
        super().__post_init__()
        if not self.low <= self.high:
            raise InputError(f"Redrawn: high = {self.high} is not above low = {self.low}")
        low, high = self.distribution.bounds()
        if high < self.low or low > self.high:
            raise InputError(f"Redrawn: {self.distribution} has no values between {self.low:g} and {self.high:g}")

    def quantile(self, p: FloatArray) -> FloatArray:
        below, above = self._parts
        p *= above - below
        p += below
        values = self.distribution.quantile(np.minimum(p, _LARGEST, out=p))
        return np.clip(values, self.low, self.high, out=values)

    @cached_property
    def _parts(self) -> tuple[float, float]:
        """The parts of all values that lie below ``low`` and below ``high``."""
        below, above = part_below(self.distribution, self.low), part_below(self.distribution, self.high)
        if above - below < LEAST_PART:
            raise InputError(
                f"Redrawn: hardly any value of {self.distribution} lies between {self.low:g} and {self.high:g}"
            )
        return below, above

    def bounds(self) -> tuple[float, float]:
        low, high = self.distribution.bounds()
        return max(low, self.low), min(high, self.high)


def part_below(distribution: Invertible, x: float) -> float:
    """The part of all values that lie below ``x``, by bisection of the quantile to 2^-53."""
    if not np.isfinite(x):
        return 1.0 if x > 0.0 else 0.0
    below, above = 0, 1 << 53
    while above - below > 1:
        middle = (below + above) // 2
        if distribution.quantile(np.array([middle * 2.0**-53]))[0] < x:
            below = middle
        else:
            above = middle
    return above * 2.0**-53 if above > 1 else 0.0
