"""Edges that are given one by one."""

from __future__ import annotations

from collections.abc import Iterator
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from distsim.connect.rule import Edges, Ends, Rule, Targets
from distsim.core.errors import InputError
from distsim.core.mapped import blocks, mapped
from distsim.core.units import shown


class EdgeList(Rule):
    """The edges given one by one: ``source`` and ``target`` (n,) integers counting from 0 within their populations.

    A path stands for the int64 array of a file, ``Path("source.npy")`` or ``Path("edges.h5/source")``, of which no rank
    keeps more than its own edges.
    """

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
            for begin, block in blocks(index):
                wrong = np.flatnonzero((block < 0) | (block >= size))
                if len(wrong):
                    side = "source" if index is self.source else "target"
                    raise InputError(
                        f"EdgeList: {side}[{begin + wrong[0]}] = {block[wrong[0]]} is out of range; "
                        f"'{name}' has neurons 0 to {size - 1}"
                    )

    def array_shape(self, ends: Ends) -> tuple[int, ...] | None:
        return (len(self.source),)

    def edges(self, targets: Targets) -> Iterator[Edges]:
        order = np.argsort(targets.index)
        index = np.append(targets.index[order], targets.projection.target.size)
        found, places = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for begin, block in blocks(self.target):
            place = np.searchsorted(index, block)
            mine = np.flatnonzero(index[place] == block)
            found.append(begin + mine)
            places.append(order[place[mine]])
        target = np.concatenate(places)
        entry = np.concatenate(found)[np.argsort(target, kind="stable")]
        degree = np.bincount(target, minlength=len(targets.gids))
        yield Edges(0, degree, self.source[entry].astype(np.int32), entry)

    def expected_edges(self, ends: Ends) -> float:
        return float(len(self.source))


def _integers(given: Any, name: str) -> npt.NDArray[np.int64]:
    """``given`` as a read-only int64 array (n,); InputError where it is none."""
    on_disk = isinstance(given, PathLike)
    if on_disk:
        given = mapped(given, np.int64, f"EdgeList: {name}")
    try:
        array = np.asarray(given)
    except (TypeError, ValueError, RecursionError):  # lists in it that differ in length
        array = np.zeros((), object)
    if array.size == 0 and array.ndim == 1:
        array = array.astype(np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise InputError(f"EdgeList: {name} must be a one-dimensional array of integers, got {shown(given)}")
    array = array.astype(np.int64, copy=not on_disk)
    array.setflags(write=False)
    return array
