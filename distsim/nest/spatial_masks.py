"""Masks: regions around a node, in which the nodes lie that it can be connected to."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.nest.nest_errors import NESTErrors, unknown

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Mask:
    """A region: ``holds``, of points (n, d) relative to the node that it is around, and the box that it lies in.

    low, high: corners of the box (d,); None for a mask of cells of a grid, ``cells`` and the ``anchor`` among them.
    """

    holds: Callable[[FloatArray], BoolArray]
    low: FloatArray
    high: FloatArray
    cells: npt.NDArray[np.int64] | None = None

    def Inside(self, point: Sequence[float]) -> bool:  # noqa: N802
        """Whether a point lies in it."""
        return bool(self.holds(np.array([point], np.float64))[0])

    def __and__(self, other: Mask) -> Mask:
        low, high = np.maximum(self.low, other.low), np.minimum(self.high, other.high)
        return Mask(lambda points: self.holds(points) & other.holds(points), low, high)

    def __or__(self, other: Mask) -> Mask:
        low, high = np.minimum(self.low, other.low), np.maximum(self.high, other.high)
        return Mask(lambda points: self.holds(points) | other.holds(points), low, high)

    def __sub__(self, other: Mask) -> Mask:
        return Mask(lambda points: self.holds(points) & ~other.holds(points), self.low, self.high)


def CreateMask(masktype: str, specs: dict[str, Any], anchor: Any = None) -> Mask:  # noqa: N802
    """A mask by the name of its shape; ``anchor``: by how much it is moved, or the cell that lies at the node."""
    if masktype not in SHAPES:
        raise NESTErrors.UndefinedName(unknown("kind of mask", masktype, SHAPES))
    shape, needed, options = SHAPES[masktype]
    for name in needed:
        if name not in specs:
            raise IndexError(f"a {masktype} mask needs '{name}'")
    for name in specs:
        if name not in (*needed, *options):
            raise NESTErrors.UnaccessedDictionaryEntry(
                f"Unaccessed elements in specs, in function CreateMask: {unknown('option', name, (*needed, *options))}"
            )
    if masktype in ("grid", "grid3d"):
        return _cells(np.array(specs["shape"], np.int64), anchor)
    made: Mask = shape(**specs)
    if anchor is None:
        return made
    by = np.asarray(anchor, np.float64)
    if by.shape != made.low.shape:
        raise NESTErrors.BadProperty(f"the anchor of a mask must be {len(made.low)} numbers, got {anchor!r:.80}")
    return Mask(lambda points: made.holds(points - by), made.low + by, made.high + by)


def mask_of(given: Any) -> Mask:
    """The mask that a specification of connections names: a mask, or a dictionary with its shape."""
    if isinstance(given, Mask):
        return given
    spec = dict(given)
    anchor = spec.pop("anchor", None)
    if len(spec) != 1:
        raise NESTErrors.BadProperty(
            f"a mask has one shape, such as {{'circular': {{'radius': 1.0}}}}; got {given!r:.80}"
        )
    ((name, values),) = spec.items()
    return CreateMask(name, dict(values), anchor)


def _check(right: bool, what: str) -> None:
    if not right:
        raise NESTErrors.BadProperty(what)


def _turned(points: FloatArray, azimuth: float, polar: float) -> FloatArray:
    """Points in the axes of a shape that is turned by angles (degrees)."""
    a, p = math.radians(azimuth), math.radians(polar)
    x, y = (
        points[:, 0] * math.cos(a) + points[:, 1] * math.sin(a),
        points[:, 1] * math.cos(a) - points[:, 0] * math.sin(a),
    )
    if points.shape[1] == 2:
        return np.column_stack([x, y])
    z = points[:, 2]
    return np.column_stack([x * math.cos(p) - z * math.sin(p), y, z * math.cos(p) + x * math.sin(p)])


def _box(lower_left: Any, upper_right: Any, azimuth_angle: float = 0.0, polar_angle: float = 0.0) -> Mask:
    low, high = np.array(lower_left, np.float64), np.array(upper_right, np.float64)
    _check(bool((low < high).all()), "Upper right must be strictly to the right and above lower left.")
    middle = 0.5 * (low + high)
    round_it = math.sqrt(((high - low) ** 2).sum()) / 2.0
    turned = azimuth_angle != 0.0 or polar_angle != 0.0
    near = 1e-12 * np.abs(np.concatenate([low, high])).max()  # that corners belong to it in spite of rounding

    def holds(points: FloatArray) -> BoolArray:
        own = _turned(points - middle, azimuth_angle, polar_angle) + middle if turned else points
        return np.asarray(((own >= low - near) & (own <= high + near)).all(axis=1))

    return Mask(holds, middle - round_it if turned else low, middle + round_it if turned else high)


def _ball(radius: float, dimensions: int = 2, inner: float = 0.0) -> Mask:
    _check(radius > 0.0, "radius > 0 required.")

    def holds(points: FloatArray) -> BoolArray:
        squares = (points**2).sum(axis=1)
        return np.asarray((squares <= radius**2) & ((squares > inner**2) | (inner == 0.0)))

    return Mask(holds, np.full(dimensions, -radius), np.full(dimensions, radius))


def _doughnut(inner_radius: float, outer_radius: float) -> Mask:
    _check(0.0 < inner_radius < outer_radius, "0 < inner_radius < outer_radius required.")
    return _ball(outer_radius, inner=inner_radius)


def _ellipse(
    major_axis: float, minor_axis: float, polar_axis: float | None = None, azimuth_angle: float = 0.0,
    polar_angle: float = 0.0,
) -> Mask:  # fmt: skip
    _check(major_axis >= minor_axis > 0.0, "major_axis must be at least minor_axis, which must be positive.")
    axes = np.array([major_axis, minor_axis] + ([] if polar_axis is None else [polar_axis]))
    _check(bool((axes > 0.0).all()), "all axes must be positive.")

    def holds(points: FloatArray) -> BoolArray:
        own = _turned(points, azimuth_angle, polar_angle)
        return np.asarray(((2.0 * own / axes) ** 2).sum(axis=1) <= 1.0)

    most = np.full(len(axes), axes.max() / 2.0)
    return Mask(holds, -most, most)


def _cells(shape: npt.NDArray[np.int64], anchor: Any) -> Mask:
    """Cells of a grid; the points that it is asked for are counted in cells, to the right and downwards."""
    at = np.zeros(len(shape), np.int64) if anchor is None else np.asarray(anchor, np.int64)

    def holds(points: FloatArray) -> BoolArray:
        cell = np.rint(points).astype(np.int64) + at
        return np.asarray(((cell >= 0) & (cell < shape)).all(axis=1))

    low: FloatArray = np.array(-at, np.float64)
    return Mask(holds, low, low + shape, cells=shape)


def _spherical(radius: float) -> Mask:
    return _ball(radius, dimensions=3)


TURNED = ("azimuth_angle", "polar_angle")
SHAPES: dict[str, tuple[Any, tuple[str, ...], tuple[str, ...]]] = {
    "rectangular": (_box, ("lower_left", "upper_right"), TURNED[:1]),
    "circular": (_ball, ("radius",), ()),
    "doughnut": (_doughnut, ("inner_radius", "outer_radius"), ()),
    "elliptical": (_ellipse, ("major_axis", "minor_axis"), TURNED[:1]),
    "box": (_box, ("lower_left", "upper_right"), TURNED),
    "spherical": (_spherical, ("radius",), ()),
    "ellipsoidal": (_ellipse, ("major_axis", "minor_axis", "polar_axis"), TURNED),
    "grid": (None, ("shape",), ()),
    "grid3d": (None, ("shape",), ()),
}
"""Shapes by name: what makes them, the specifications that each needs, and those that it can have."""
