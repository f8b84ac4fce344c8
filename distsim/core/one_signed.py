"""Distributions of quantities that have one sign: gamma numbers, and others with their low values replaced."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from distsim.core.declared import Declared, number
from distsim.core.distributions import Distribution, FloatArray, uniform_numbers
from distsim.core.elementary import log
from distsim.core.errors import InputError
from distsim.core.gamma_quantile import to_gamma
from distsim.core.jit import jit
from distsim.core.rng import Streams
from distsim.core.units import SMALLEST, check_number, shown

NOT_ZERO = 1e-290  # the smallest gamma number: signs survive where a tiny shape would underflow


@jit
def to_exponential(values):  # type: ignore[no-untyped-def]
    """values[i] = -ln(1 - values[i]), in place: the quantile of the exponential distribution of mean 1."""
    for i in range(values.size):
        values[i] = -log(1.0 - values[i])


class Gamma(Declared, eq=True):
    """Gamma with ``shape`` and ``scale``: mean shape * scale; a negative ``scale`` gives the negative of such numbers.

    The inverse of the distribution function is taken at one uniform number: a logarithm for shape 1, the exponential
    distribution, the inverse of the incomplete gamma function (``gamma_quantile``) for any other shape.
    """

    shape: float = number(above=0.0)
    scale: float = number()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.scale == 0.0:
            raise InputError("Gamma: scale must not be 0")
        if abs(self.scale) < SMALLEST:
            raise InputError(f"Gamma: scale must be at least {SMALLEST:g} in size, got {self.scale:g}")

    def sample(self, streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray:
        return self.scale * self._standard(uniform_numbers(streams, counters))

    def quantile(self, p: FloatArray) -> FloatArray:
        return self.scale * self._standard(p if self.scale > 0.0 else 1.0 - p)

    def _standard(self, p: FloatArray) -> FloatArray:
        """The quantile for scale 1."""
        if self.shape == 1.0:
            to_exponential(p)
        else:
            to_gamma(self.shape, p)
        return np.maximum(p, NOT_ZERO)

    def bounds(self) -> tuple[float, float]:
        nearest = self.scale * NOT_ZERO
        return (nearest, np.inf) if self.scale > 0.0 else (-np.inf, nearest)


class Replaced(Declared, eq=True):
    """Another distribution, its values at or below ``low`` set to ``by``, which is above ``low``."""

    distribution: Distribution
    by: float = number()
    low: float = number(0.0)

    def __post_init__(self) -> None:
        if isinstance(self.distribution, type) or not isinstance(self.distribution, Distribution):
            raise InputError(f"Replaced: needs a distribution, got {shown(self.distribution)}")
        super().__post_init__()
        check_number(self.by, "Replaced: by", above=self.low)

    def sample(self, streams: Streams, counters: npt.NDArray[np.int64]) -> FloatArray:
        values = self.distribution.sample(streams, counters)
        return np.where(values > self.low, values, self.by)

    def bounds(self) -> tuple[float, float]:
        low, high = self.distribution.bounds()
        if low <= self.low:
            low = float(np.nextafter(self.low, np.inf))
        return min(low, self.by), max(high, self.by)
