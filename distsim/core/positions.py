"""Positions of neurons in space of any dimension: what rules of distance look at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.core.errors import InputError
from distsim.core.rng import streams_of
from distsim.core.units import check_count, check_number, check_seed, shown
from distsim.core.values import check_array

MOST_AXES = 32
MOST_POINTS = 10**8  # all ranks hold all positions

FloatArray = npt.NDArray[np.float64]


def lattice(shape: Sequence[int], spacing: float = 1.0, shuffle: int | None = None) -> FloatArray:
    """The points (n, dimensions) of a lattice with ``shape`` points along each axis, ``spacing`` apart, from 0 on.

    The last axis varies fastest. With ``shuffle`` the points come in a random order that this seed fixes, the same on
    every rank. Raises InputError for a shape that is not at least one whole number of points per axis.
    """
    if not isinstance(shape, (Sequence, np.ndarray)) or isinstance(shape, str) or not 0 < len(shape) <= MOST_AXES:
        axes = f"at least one axis and at most {MOST_AXES}, as in lattice((3, 3, 15))"
        raise InputError(f"lattice: shape needs {axes}, got {shown(shape)}")
    sizes = [check_count(size, "lattice: shape", low=1) for size in shape]
    if math.prod(sizes) > MOST_POINTS:
        raise InputError(f"lattice: shape = {shown(tuple(sizes))} has more than {MOST_POINTS} points")
    spacing = check_number(spacing, "lattice: spacing", above=0.0)
    if shuffle is not None:
        shuffle = check_seed(shuffle, "lattice: shuffle")
    points: FloatArray = np.indices(tuple(sizes)).reshape(len(sizes), -1).T.astype(np.float64) * spacing
    if shuffle is None:
        return points
    return points[np.argsort(streams_of(shuffle, "lattice", 0, np.arange(len(points))).keys, kind="stable")]


def check_positions(positions: Any, size: int, name: str) -> FloatArray:
    """``positions`` as a read-only array (size, dimensions), or InputError; one axis stands for one dimension."""
    array = check_array(positions, name)
    shape = array.shape
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.shape[0] != size or array.shape[1] < 1:
        raise InputError(f"{name} has shape {shape}, but must have shape ({size}, dimensions): a row per neuron")
    return array
