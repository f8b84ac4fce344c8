"""Every source projects to every target where a matrix is not 0."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.core.errors import InputError
from distsim.core.mapped import blocks, mapped
from distsim.core.units import LARGEST, check_number, shown


class NonZero(Rule):
    """A connection from source j to target i wherever ``matrix[i, j]``, (targets, sources), is not 0.

    Numbers of any real type. An array is taken as it is, without a copy, and must not change until a simulation is
    made; a path stands for the float64 array of a file, ``Path("matrix.npy")`` or ``Path("file.h5/matrix")``. Each rank
    draws the rows of its own targets. As weights serve one value or another array of this shape, such
    as the matrix itself.
    """

    matrix: npt.NDArray[Any]

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", _checked(self.matrix))

    def check(self, ends: Ends) -> None:
        """Raise InputError where the matrix has not a row for each target and a column for each source."""
        wanted = ends.n_target, ends.n_source
        if self.matrix.shape != wanted:
            raise InputError(
                f"NonZero: matrix has shape {self.matrix.shape}, but must have shape {wanted}: a row for each target, "
                "a column for each source"
            )

    def array_shape(self, ends: Ends) -> tuple[int, ...]:
        return ends.n_target, ends.n_source

    def edges(self, targets: Targets) -> Iterator[Edges]:
        for piece in targets.pieces(targets.n_source):
            rows = targets.index[piece]
            row, source = np.nonzero(self.matrix[rows])
            degree = np.bincount(row, minlength=len(rows))
            yield Edges(piece.start, degree, source.astype(np.int32), rows[row] * targets.n_source + source)

    def expected_edges(self, ends: Ends) -> float:
        return float(sum(np.count_nonzero(block) for _, block in blocks(self.matrix)))

    def values(self) -> list[float]:
        """The numbers in the matrix other than 0: none, the one that all connections share, or two of several."""
        found: list[float] = []
        for _, block in blocks(self.matrix):
            found = np.unique([*found, *np.unique(block[block != 0])[:2]])[:2].tolist()
            if len(found) > 1:
                break
        return found


def _checked(given: Any) -> npt.NDArray[Any]:
    """``given`` as a read-only matrix, a view of it where it is an array; InputError where it is none, or not finite.

    It is looked at a few rows at a time, so that one that is mapped from a file is never in memory as a whole.
    """
    try:
        matrix = mapped(given, np.float64, "NonZero: matrix") if isinstance(given, PathLike) else np.asarray(given)
    except (TypeError, ValueError, RecursionError):  # rows that differ in length
        matrix = np.zeros((), object)
    if matrix.ndim != 2 or matrix.dtype.kind not in "biuf":
        raise InputError(f"NonZero: matrix must hold numbers in rows of equal length, got {shown(given)}")
    most = np.float64(LARGEST)  # which, unlike a float, is not rounded to the type of the matrix
    for begin, block in blocks(matrix):
        wrong = np.argwhere(~((block >= -most) & (block <= most)))
        if len(wrong):
            i, j = (int(k) for k in wrong[0])
            check_number(float(block[i, j]), f"NonZero: matrix[{begin + i}, {j}]")
    view = matrix.view()
    view.setflags(write=False)
    return view
