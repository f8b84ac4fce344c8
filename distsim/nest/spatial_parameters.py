"""Parameters that depend on where nodes lie: ``nest.spatial.distance``, positions, ``nest.spatial_distributions``."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.kernel import KERNEL
from distsim.nest.nest_errors import NESTErrors
from distsim.nest.parameter_objects import Drawing, Parameter, as_parameter
from distsim.nest.positioned_nodes import displacement

FloatArray = npt.NDArray[np.float64]


def _ends(drawing: Drawing) -> tuple[FloatArray, FloatArray, FloatArray | None]:
    """Positions of sources and of targets (n, d), and the extent beyond which they begin anew."""
    if drawing.places is not None:
        return drawing.places
    if drawing.sources is None:
        raise NESTErrors.BadParameterValue(
            "Node position parameter can only be used when connecting spatially distributed nodes."
        )
    return KERNEL.positions(drawing.sources), KERNEL.positions(drawing.owners), KERNEL.wrap(drawing.owners)


def _along(points: FloatArray, dimension: int) -> FloatArray:
    if not 0 <= dimension < points.shape[1]:
        raise NESTErrors.KernelException(
            "Node position dimension must be within the defined number of dimensions for the node."
        )
    return points[:, dimension]


def _own(drawing: Drawing) -> FloatArray:
    """Positions of the nodes that numbers are for."""
    return KERNEL.positions(drawing.owners)


def _spatial(values: Callable[[Drawing], Any]) -> Parameter:
    return Parameter(values, None, spatial=True)


class _Axes:
    """A number for each dimension: ``x``, ``y``, ``z``, ``n(dimension)``."""

    def __init__(self, points: Callable[[Drawing], FloatArray]) -> None:
        self._points = points
        self.x, self.y, self.z = (self.n(dimension) for dimension in range(3))

    def n(self, dimension: int) -> Parameter:
        """That of one dimension."""
        return _spatial(lambda drawing: _along(self._points(drawing), dimension))


def _apart(drawing: Drawing) -> FloatArray:
    source, target, extent = _ends(drawing)
    return np.abs(displacement(source, target, extent))


class Distance(Parameter):
    """The distance between the ends of a connection; ``x``, ``y``, ``z``: along one dimension."""

    def __init__(self) -> None:
        super().__init__(lambda drawing: np.sqrt((_apart(drawing) ** 2).sum(axis=1)), None, spatial=True)
        axes = _Axes(_apart)
        self.x, self.y, self.z = axes.x, axes.y, axes.z

    def n(self, dimension: int) -> Parameter:
        """The distance for 0, else that along the dimension of this number, counted from 1."""
        return self if dimension == 0 else _Axes(_apart).n(dimension - 1)


distance = Distance()
source_pos = _Axes(lambda drawing: _ends(drawing)[0])
target_pos = _Axes(lambda drawing: _ends(drawing)[1])
pos = _Axes(_own)


def _of(function: Callable[..., Any], *given: Any) -> Parameter:
    """A function of parameters."""
    inner = [as_parameter(each) for each in given]
    spatial = any(each.is_spatial() for each in inner)
    return Parameter(lambda drawing: function(*(each.values(drawing) for each in inner)), None, spatial=spatial)


def exponential(x: Any, beta: float = 1.0) -> Parameter:
    """exp(-x / beta)."""
    return _of(lambda x: np.exp(-x / beta), x)


def gaussian(x: Any, mean: float = 0.0, std: float = 1.0) -> Parameter:
    """exp(-(x - mean)² / (2 std²))."""
    return _of(lambda x: np.exp(-((x - mean) ** 2) / (2.0 * std**2)), x)


def gaussian2D(  # noqa: N802
    x: Any, y: Any, mean_x: float = 0.0, mean_y: float = 0.0, std_x: float = 1.0, std_y: float = 1.0, rho: float = 0.0
) -> Parameter:
    """exp(-(u² + v² - 2 rho u v) / (2 (1 - rho²))) with u = (x - mean_x) / std_x, v = (y - mean_y) / std_y."""

    def values(x: FloatArray, y: FloatArray) -> Any:
        u, v = (x - mean_x) / std_x, (y - mean_y) / std_y
        return np.exp(-(u**2 + v**2 - 2.0 * rho * u * v) / (2.0 * (1.0 - rho**2)))

    return _of(values, x, y)


def gamma(x: Any, kappa: float = 1.0, theta: float = 1.0) -> Parameter:
    """The density of the gamma distribution of shape ``kappa`` and scale ``theta``."""
    scale = theta**-kappa / math.gamma(kappa)
    return _of(lambda x: x ** (kappa - 1.0) * np.exp(-x / theta) * scale, x)


def gabor(
    x: Any, y: Any, theta: float = 0.0, gamma: float = 1.0, std: float = 1.0, lam: float = 1.0, psi: float = 0.0
) -> Parameter:
    """max(0, cos(2 pi v / lam + psi)) exp(-(gamma² u² + v²) / (2 std²)); u, v: x, y turned by ``theta``; in degrees."""
    cos, sin = math.cos(math.radians(theta)), math.sin(math.radians(theta))

    def values(x: FloatArray, y: FloatArray) -> Any:
        u, v = x * cos + y * sin, y * cos - x * sin
        wave = np.maximum(np.cos(2.0 * np.pi * v / lam + math.radians(psi)), 0.0)
        return wave * np.exp(-(gamma**2 * u**2 + v**2) / (2.0 * std**2))

    return _of(values, x, y)
