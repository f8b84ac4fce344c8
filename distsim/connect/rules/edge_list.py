"""Edges that are given one by one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.core.errors import InputError
from distsim.core.units import shown


class EdgeList(Rule):
    """The edges given one by one: ``source`` and ``target`` (n,) integers counting from 0 within their populations."""

    source: npt.NDArray[np.int64]
    target: npt.NDArray[np.int64]

    def __post_init__(self) -> None:
        for name in ("source", "target"):
            object.__setattr__(self, name, _integers(getattr(self, name), name))
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

    def edges(self, targets: Targets) -> Iterator[Edges]:
        local = np.full(targets.projection.target.size, -1, np.int64)
        local[targets.index] = np.arange(len(targets.gids))
        mine = np.flatnonzero(local[self.target] >= 0)
        target = local[self.target[mine]]
        entry = mine[np.argsort(target, kind="stable")]
        degree = np.bincount(target, minlength=len(targets.gids))
        yield Edges(0, degree, self.source[entry].astype(np.int32), entry)

    def expected_edges(self, ends: Ends) -> float:
        return float(len(self.source))


def _integers(given: Any, name: str) -> npt.NDArray[np.int64]:
    """``given`` as a read-only int64 array (n,); InputError where it is none."""
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
    return array
